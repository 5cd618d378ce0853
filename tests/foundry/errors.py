"""What the fake raises. An adapter must never catch these: they are no exceptions of Nuke's, they are findings.

AssertionError
+-- NotInNuke          asked for what nobody declared: a function, a class, a knob, a value
|   +-- NoSuchKnob     node["x"] of a knob that is not there (Nuke: NameError)
|   +-- NotModelled    Nuke has it, the fake does not do it
+-- WrongThread        a call from a thread that Nuke would crash or hang on
RuntimeError
+-- RenderError        what Nuke reports when a frame cannot be made: an adapter may catch RuntimeError
|   +-- Cancelled      the artist stopped a render
"""

from __future__ import annotations


class NotInNuke(AssertionError):
    """Nothing of that name, kind or value was declared."""


class NoSuchKnob(NotInNuke, NameError):
    """`node[name]` where there is no such knob."""


class NotModelled(NotInNuke):
    """Nuke can do it, this fake cannot: declare it here first, with its source."""


class WrongThread(AssertionError):
    """Called from a thread where Nuke crashes or hangs."""


class RenderError(RuntimeError):
    """A frame could not be rendered."""


class Cancelled(RenderError):
    """The artist cancelled the render."""


def undeclared(what: object, name: str) -> BaseException:
    """For `__getattr__`: a method that nobody declared is a finding, what Python itself looks for is not."""
    kind = type(what).__name__
    if name.startswith("_"):
        return AttributeError(f"{kind} has no {name}")
    return NotInNuke(f"{kind}.{name} was not declared")
