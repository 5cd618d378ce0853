"""Real engine processes with a fake engine that breaks: a fault costs the job that met it, never the engine."""

from __future__ import annotations

import psutil

from plugin_host.protocol import Cancelled, Finished
from tests.host.fake_engine import understood

SAID = understood([1001])


def test_a_crash_in_the_worker_fails_its_job_and_the_next_one_runs(house, client, submit, follow):
    crashed = submit(house.plates("fill", "die", name="crash"))
    following = submit(house.plates("fill", name="next"))
    frames, end = follow(crashed.job)
    assert (frames, end.code) == ([1001], "worker-lost")
    assert "SIGKILL" in end.reason
    assert follow(following.job) == ([1001], Finished(following.job, 1, inputs=SAID))


def test_a_file_that_crashes_its_reader_is_named_and_the_next_job_runs(house, client, submit, follow):
    crashed = submit(house.plates("fill", "crash", name="crash"))
    following = submit(house.plates("fill", name="next"))
    frames, end = follow(crashed.job)
    assert (frames, end.code) == ([1001], "reader-lost")
    assert f"{house.root}/crash/plate.1002.exr, frame 1002" in end.reason
    assert "SIGSEGV" in end.reason
    assert end.hint == "Render or copy this frame again."
    assert follow(following.job) == ([1001], Finished(following.job, 1, inputs=SAID))


def test_a_file_that_is_read_for_ever_is_named_and_the_next_job_runs(house, client, submit, follow):
    hung = submit(house.plates("hang", name="hang"))
    frames, end = follow(hung.job)
    assert (frames, end.code) == ([], "reader-lost")
    assert f"{house.root}/hang/plate.1001.exr, frame 1001" in end.reason
    assert "for ever" in end.reason
    assert follow(submit(house.plates("fill", name="next")).job)[0] == [1001]


def test_a_job_that_is_cancelled_at_once_while_it_reads_counts_as_cancelled(house, client, submit, follow, until):
    reading = submit(house.plates("hold 1000"))
    until(lambda: house.opened())
    for _ in range(2):
        client.answer(client.cancel(reading.job))
    assert follow(reading.job)[1] == Cancelled(reading.job)


def test_a_worker_killed_from_outside_fails_its_job_and_the_next_one_runs(house, engine, client, submit, follow, until):
    accepted = submit(house.plates("wait /never/there"))
    until(lambda: house.opened())
    worker_of(engine).kill()
    assert follow(accepted.job)[1].code == "worker-lost"
    assert follow(submit(house.plates("fill", name="next")).job)[0] == [1001]


def test_a_worker_killed_while_idle_is_replaced_before_anybody_asks(house, engine, client, submit, follow, until):
    follow(submit(house.plates("fill")).job)
    before = worker_of(engine)
    before.kill()
    until(lambda: house.log().count("is ready") == 2)
    assert worker_of(engine).pid != before.pid
    assert follow(submit(house.plates("fill", name="next")).job)[0] == [1001]


def test_memory_that_runs_out_fails_the_job_and_brings_a_fresh_worker(house, engine, client, submit, follow):
    before = worker_of(engine).pid
    frames, end = follow(submit(house.plates("memory")).job)
    assert (frames, end.code) == ([], "out-of-memory")
    assert follow(submit(house.plates("fill", name="next")).job)[0] == [1001]
    assert worker_of(engine).pid != before


def test_new_weights_under_a_running_engine_bring_a_fresh_worker(house, engine, client, submit, follow, until):
    spec = house.plates("fill")
    follow(submit(spec).job)
    before = worker_of(engine).pid
    (house.root / "weights").write_text("fake 2")
    other = house.plates("fill", name="other")
    first, second = submit(other), submit(house.plates("fill", name="behind it"))
    assert follow(first.job)[1].code == "engine-changed"
    assert follow(second.job)[1].code == "inputs-changed"
    until(lambda: house.log().count("is ready") == 2)
    assert worker_of(engine).pid != before
    for again in (other, spec):
        accepted = submit(again)
        assert (accepted.cached, follow(accepted.job)) == (
            0,
            ([1001], Finished(accepted.job, 1, inputs=SAID)),
        )


def test_a_damaged_plate_is_named_and_the_worker_lives_on(house, engine, client, submit, follow):
    before = worker_of(engine).pid
    _, end = follow(submit(house.plates("fill", "damaged")).job)
    assert end.code == "plate-unreadable"
    assert "plate.1002.exr" in end.reason
    assert end.hint == "Render it again."
    assert follow(submit(house.plates("fill", name="next")).job)[0] == [1001]
    assert worker_of(engine).pid == before


def test_a_fault_of_the_engine_is_said_to_be_one(house, client, submit, follow):
    _, end = follow(submit(house.plates("fault")).job)
    assert (end.code, end.reason) == ("internal", "RuntimeError: a bug")
    assert "Traceback" in house.log()


def test_a_job_whose_frames_are_not_all_made_does_not_count_as_finished(house, client, submit, follow):
    frames, end = follow(submit(house.plates("fill", "nothing")).job)
    assert (frames, end.code) == ([1001], "incomplete")


def worker_of(engine) -> psutil.Process:
    """The process that computes: of the engine's children, the one that is not multiprocessing's own."""
    children = psutil.Process(engine.pid).children()
    return next(child for child in children if "resource_tracker" not in " ".join(child.cmdline()))
