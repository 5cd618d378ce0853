"""Encodes a message as two ZeroMQ frames, and decodes it. `protocol` is the specification; no socket is used here.

The errors are told apart so that the refusal can say what is wrong: an unknown type, a malformed message, or a version
that only one side speaks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import List, Optional, Sequence

from .codec import from_json, to_json
from .errors import ProtocolError, UnknownType, VersionMismatch
from .protocol import HIGHEST, LOWEST, MESSAGES, Message

FRAMING = b"AAN1"

_BY_NAME = {kind.__name__: kind for kind in MESSAGES}


@dataclass(frozen=True)
class Envelope:
    """A message, and the number that ties a reply to its request (None in events)."""

    message: Message
    request: Optional[int] = None


def encode(message: Message, request: Optional[int] = None) -> List[bytes]:
    """The two frames of a message."""
    head = {"type": type(message).__name__}
    numbered = {} if request is None else {"request": request}
    text = json.dumps({**head, **numbered, **to_json(message)}, separators=(",", ":"), allow_nan=False)
    return [FRAMING, text.encode("ascii")]


def decode(frames: Sequence[bytes]) -> Envelope:
    """Decode a message from its two frames.

    Raises:
        UnknownType: when it is valid, but of a type that this side does not know.
        ProtocolError: when it is not a valid message; the error's `path` says where it breaks.
    """
    value = _parse_json(frames)
    kind = _BY_NAME.get(str(value.get("type")))
    if kind is None:
        raise UnknownType(
            f"unknown message type {value.get('type')!r}", hint=f"We speak {LOWEST} - {HIGHEST}.", path="$.type"
        )
    return Envelope(from_json(kind, value), _number(value))  # type: ignore[arg-type]


def request_number(frames: Sequence[bytes]) -> Optional[int]:
    """The number of a request that did not decode, if it can be read, so that the refusal can carry it."""
    try:
        return _number(_parse_json(frames))
    except ProtocolError:
        return None


def negotiate_version(lowest: int, highest: int) -> int:
    """The protocol version to use with a host of this range: the highest that both sides know.

    Raises:
        VersionMismatch: when there is none; the hint says which side to update.
    """
    if lowest <= HIGHEST and highest >= LOWEST:
        return min(highest, HIGHEST)
    side = "engine" if lowest > HIGHEST else "host's plug-in"
    reason = f"the host speaks protocol {_range_text(lowest, highest)}, the engine {_range_text(LOWEST, HIGHEST)}"
    raise VersionMismatch(reason, hint=f"Update the {side}.", path="$.lowest")


def _parse_json(frames: Sequence[bytes]) -> dict:  # type: ignore[type-arg]
    if len(frames) != 2 or frames[0] != FRAMING:
        raise ProtocolError("not an AAN1 message", hint="Something else is talking on this socket.")
    try:
        value = json.loads(frames[1].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ProtocolError("expected an object")
    return value


def _number(value: dict) -> Optional[int]:  # type: ignore[type-arg]
    number = value.get("request")
    if number is not None and type(number) is not int:
        raise ProtocolError(f"expected a whole number, not {number!r}", path="$.request")
    return number


def _range_text(lowest: int, highest: int) -> str:
    return str(lowest) if lowest == highest else f"{lowest} - {highest}"
