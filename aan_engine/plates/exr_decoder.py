"""Decoding of EXR files: every failure of the EXR library becomes an error that names file and frame.

With `exr` the only module that calls the EXR library. A malformed file may also crash the process or never return,
which raises nothing; `decode_watchdog` records the file that is being decoded for that case.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import OpenEXR

from aan_engine.errors import PlateUnreadable, PlateUnsupported
from aan_engine.plates import decode_watchdog
from aan_engine.plates.exr_attributes import mask_types
from aan_engine.plates.exr_header import Description
from aan_engine.plates.plate import Part

_decode_lock = threading.Lock()


def decode(description: Description, *, frame: int) -> tuple[Part, ...]:
    """All parts and channels of the described file, in their own types; the arrays are read-only.

    Raises:
        PlateUnreadable: the file is damaged or cut short.
        PlateUnsupported: it holds deep data or subsampled channels.
    """
    check_writable(description, frame=frame)
    printed = io.StringIO()
    try:
        with _captured_stdout(printed), decode_watchdog.watch(description.path, frame=frame):
            file = _open(description)
        parts = tuple(
            Part(
                description=part,
                header=dict(decoded.header),
                channels={name: channel.pixels for name, channel in decoded.channels.items()},
                perceptually_linear={name: bool(channel.pLinear) for name, channel in decoded.channels.items()},
            )
            for part, decoded in zip(description.parts, file.parts, strict=True)
        )
    # The library raises RuntimeError, ValueError, MemoryError, UnicodeDecodeError and others. It drops a part that it
    # cannot decode and only prints a warning; then the strict zip raises.
    except Exception as error:
        detail = f" ({reason})" if (reason := first_line(printed.getvalue() or str(error))) else ""
        raise PlateUnreadable(
            f"the pixels cannot be decoded{detail}",
            hint="The file is damaged or was cut short: render or copy this frame again.",
            file=description.path,
            frame=frame,
        ) from error
    for part in parts:
        _check_complete(part, path=description.path, frame=frame)
        for array in part.channels.values():
            array.flags.writeable = False
    return parts


def _open(description: Description) -> Any:
    try:
        return OpenEXR.File(str(description.path), separate_channels=True)
    except Exception:
        # Mostly because of an attribute that the library cannot convert, such as text that is not UTF-8.
        data = mask_types(description.path.read_bytes(), description.parts)
        return OpenEXR.File(io.BytesIO(data), separate_channels=True)


def check_writable(description: Description, *, frame: int | None) -> None:
    """Refuse files that the library reads but cannot write back unchanged.

    Raises:
        PlateUnsupported: deep data, or subsampled channels.
    """
    for part in description.parts:
        deep = part.type.startswith("deep")
        if deep or part.subsampled:
            what = "deep data" if deep else f"subsampled channels ({', '.join(part.subsampled)})"
            raise PlateUnsupported(
                f"this file holds {what}",
                hint="Flatten it to full-resolution channels first.",
                file=description.path,
                frame=frame,
            )


def _check_complete(part: Part, *, path: Path, frame: int) -> None:
    shape = part.description.data_window.shape
    names = {name for name, _ in part.description.channels}
    if part.channels.keys() != names or any(array.shape != shape for array in part.channels.values()):
        raise PlateUnreadable(
            "some channels are missing or of another size than the header says",
            hint="Render or copy this frame again.",
            file=path,
            frame=frame,
        )


class _StdoutTee:
    """Replaces `sys.stdout`: captures what one thread prints, and passes everything else on to the stream itself.

    There is only one instance, and it is never freed: `print` in another thread uses the stream without owning a
    reference to it, and CPython crashes when it is freed meanwhile.
    """

    def __init__(self) -> None:
        self._stream: Any = sys.stdout
        self._thread, self._captured = 0, io.StringIO()

    def capture(self, printed: io.StringIO) -> _StdoutTee:
        """Write what the calling thread prints from now on to `printed`."""
        self._stream, self._thread, self._captured = sys.stdout, threading.get_ident(), printed
        return self

    def write(self, text: str) -> int:
        stream = self._captured if threading.get_ident() == self._thread else self._stream
        return int(stream.write(text)) if stream is not None else len(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()


_stdout_tee = _StdoutTee()


@contextlib.contextmanager
def _captured_stdout(printed: io.StringIO) -> Iterator[None]:
    """Capture what the library prints through `sys.stdout` in this thread; other threads print as before."""
    with _decode_lock, contextlib.redirect_stdout(_stdout_tee.capture(printed)):
        yield


def first_line(text: str) -> str:
    """The first line of a library's message, which fits into a sentence."""
    return text.strip().splitlines()[0] if text.strip() else ""
