"""What every host owes its artist, told once: the command line, Nuke and Blender each pass these same stories.

A host's own class inherits from `Compliance` and from `unittest.TestCase`, and says how each thing is done there. The
engine is a real process behind real sockets; only what fills the frames may be a stand-in that can be held up. Python
3.9 and the standard library, since it is played inside of the hosts.
"""

from __future__ import annotations

import enum
import time
from collections.abc import Callable, Iterable

FRAMES = (1001, 1002, 1003, 1004)
PATIENCE = 60.0


class State(enum.Enum):
    """How the host says that the job stands."""

    BUSY = "busy"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "the engine is gone, or does not know the job"


class Compliance:
    """The stories, and what a host has to be able to do to play them."""

    # What is done. The shot has `FRAMES`; every plate is there, and something is hidden on each.

    def hold_at(self, frame: int) -> None:
        """Have the engine stop before it fills this frame."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Let it fill whatever it is asked for."""
        raise NotImplementedError

    def start_engine(self, *, speaks: int = 0) -> None:
        """Have an engine running; one that speaks this version of the protocol alone, if it is given."""
        raise NotImplementedError

    def kill_engine(self) -> None:
        """End the engine's process, with no chance to say goodbye."""
        raise NotImplementedError

    def lose_plate(self, frame: int) -> None:
        """Take the plate of this frame away."""
        raise NotImplementedError

    def submit(self) -> None:
        """Press the button that has the shot cleaned; again, if need be."""
        raise NotImplementedError

    def cancel(self) -> None:
        """Press the button that stops it."""
        raise NotImplementedError

    def reopen(self) -> None:
        """Close the host, or its file, and open it again, as an artist does."""
        raise NotImplementedError

    def turn(self) -> None:
        """Let the host do what it does of its own accord, for a moment."""
        raise NotImplementedError

    # What is seen.

    def state(self) -> State:
        """How the host says that the job stands."""
        raise NotImplementedError

    def words(self) -> str:
        """All that it tells the artist at this moment."""
        raise NotImplementedError

    def shown(self) -> tuple[int, ...]:
        """The frames whose result the artist can look at."""
        raise NotImplementedError

    def filled(self) -> list[int]:
        """The frames that the engine has filled so far, each time that it did."""
        raise NotImplementedError

    # The stories.

    def test_frames_are_shown_as_they_come_and_the_job_ends(self) -> None:
        self.hold_at(1003)
        self.start_engine()
        self.submit()
        self._until(lambda: self.shown() == (1001, 1002), "the first two frames")
        self._expect(State.BUSY)
        self.go_on()
        self._until(lambda: self.state() is State.FINISHED, "the end")
        self._is(self.shown(), FRAMES)

    def test_what_is_cancelled_stops_and_keeps_its_frames(self) -> None:
        self.hold_at(1003)
        self.start_engine()
        self.submit()
        self._until(lambda: self.shown() == (1001, 1002), "the first two frames")
        self.cancel()
        for _ in range(20):
            self.turn()
        if self.state() is State.BUSY:  # with the frame in work, which does not end here: the second time, at once
            self.cancel()
        self._until(lambda: self.state() is State.CANCELLED, "the cancellation")
        self._is(self.shown(), (1001, 1002))
        self.go_on()
        self.submit()
        self._until(lambda: self.state() is State.FINISHED, "the end of the second try")
        self._is(self.filled(), list(FRAMES))

    def test_a_job_goes_on_while_the_host_is_closed_and_is_found_again(self) -> None:
        self.hold_at(1003)
        self.start_engine()
        self.submit()
        self._until(lambda: self.shown() == (1001, 1002), "the first two frames")
        self.reopen()
        self.go_on()
        self._until(lambda: self.state() is State.FINISHED, "the end")
        self._is(self.shown(), FRAMES)
        self._is(self.filled(), list(FRAMES))

    def test_a_lost_engine_is_told_of_and_its_frames_are_kept(self) -> None:
        self.hold_at(1003)
        self.start_engine()
        self.submit()
        self._until(lambda: self.shown() == (1001, 1002), "the first two frames")
        self.kill_engine()
        self._until(lambda: self.state() is State.LOST, "word that the engine is gone")
        self._says("engine", "frames are kept")
        self.go_on()
        self.start_engine()
        self.submit()
        self._until(lambda: self.state() is State.FINISHED, "the end")
        self._is(self.shown(), FRAMES)
        self._is(self.filled(), list(FRAMES))

    def test_an_engine_of_another_version_is_told_of_with_the_side_to_update(self) -> None:
        self.start_engine(speaks=99)
        self.submit()
        self._until(lambda: self.state() is State.FAILED, "word of the version")
        self._says("protocol", "99", "update")
        self._is(self.shown(), ())

    def test_a_plate_that_is_missing_is_named(self) -> None:
        self.go_on()
        self.lose_plate(1003)
        self.start_engine()
        self.submit()
        self._until(lambda: self.state() is State.FAILED, "word of the plate")
        self._says("1003")
        self._is(self.shown(), ())

    # How they are told.

    def _until(self, seen: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not seen():
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {what}: {self.state()}, {self.shown()}, {self.words()!r}")
            self.turn()

    def _expect(self, state: State) -> None:
        self._is(self.state(), state)

    def _is(self, found: object, wanted: object) -> None:
        if found != wanted:
            raise AssertionError(f"{found} is not {wanted}; the host says {self.words()!r}")

    def _says(self, *parts: str) -> None:
        said = self.words().lower()
        missing: Iterable[str] = [part for part in parts if part.lower() not in said]
        if missing:
            raise AssertionError(f"no word of {missing} in {self.words()!r}")
