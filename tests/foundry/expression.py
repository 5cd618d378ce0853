"""Nuke's expressions, the declared part of them: over numbers in knobs, over pictures in an Expression node.

    ?:   ||   &&   == != < <= > >=   + -   * / %   - !   ( )   name   name(...)   123.5   $gui   [value knob]

A name is given to `resolve`, dots and all; what is in brackets to `command`. Whatever else Nuke or Tcl would take
raises NotModelled, what neither takes raises NotInNuke.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Set, Tuple

import numpy as np

from .errors import NotInNuke, NotModelled

TOKENS = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|(?P<bracket>\[)|(?P<variable>\$\w+)"
    r"|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%<>!?:(),]))"
)
FUNCTIONS: Dict[str, Tuple[int, Callable[..., Any]]] = {
    "abs": (1, np.abs),
    "ceil": (1, np.ceil),
    "clamp": (3, lambda x, low, high: np.minimum(np.maximum(x, low), high)),
    "floor": (1, np.floor),
    "int": (1, np.trunc),
    "isnan": (1, lambda x: np.isnan(x) * 1.0),
    "max": (2, np.maximum),
    "min": (2, np.minimum),
    "rint": (1, np.rint),
    "step": (2, lambda edge, x: np.where(np.asarray(x) < edge, 0.0, 1.0)),
}
BINARY: List[Dict[str, Callable[[Any, Any], Any]]] = [
    {"||": lambda a, b: np.where((a != 0) | (b != 0), 1.0, 0.0)},
    {"&&": lambda a, b: np.where((a != 0) & (b != 0), 1.0, 0.0)},
    {
        "==": lambda a, b: np.where(a == b, 1.0, 0.0),
        "!=": lambda a, b: np.where(a != b, 1.0, 0.0),
        "<=": lambda a, b: np.where(a <= b, 1.0, 0.0),
        ">=": lambda a, b: np.where(a >= b, 1.0, 0.0),
        "<": lambda a, b: np.where(a < b, 1.0, 0.0),
        ">": lambda a, b: np.where(a > b, 1.0, 0.0),
    },
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": np.true_divide, "%": np.fmod},
]


class Token(NamedTuple):
    kind: str
    text: str


def tokens(text: str) -> List[Token]:
    """The expression taken apart; brackets stay one token."""
    found, at = [], 0
    while text[at:].strip():
        match = TOKENS.match(text, at)
        if not match:
            raise NotInNuke(f"no expression: {text!r}, from {text[at:].strip()!r} on")
        kind, at = str(match.lastgroup), match.end()
        if kind == "bracket":
            end = _bracket(text, at)
            found.append(Token(kind, text[at:end]))
            at = end + 1
        else:
            found.append(Token(kind, match[kind]))
    return found


def _bracket(text: str, at: int) -> int:
    depth = 1
    for index in range(at, len(text)):
        depth += {"[": 1, "]": -1}.get(text[index], 0)
        if not depth:
            return index
    raise NotInNuke(f"a bracket is not closed: {text!r}")


class Expression:
    """One expression, read once; `value` works it out."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._at = 0
        self.names: Set[str] = set()
        self.commands: Set[str] = set()
        self._tree = self._choice()
        if self._at < len(self._tokens):
            raise NotInNuke(f"no expression: {text!r}, what is {self._tokens[self._at].text!r} for?")

    def value(self, resolve: Callable[[str], Any], command: Callable[[str], Any], variables: Dict[str, Any]) -> Any:
        with np.errstate(all="ignore"):
            return self._tree(_Scene(resolve, command, variables))

    def _peek(self) -> str:
        token = self._tokens[self._at] if self._at < len(self._tokens) else Token("end", "")
        return token.text if token.kind == "sign" else ""

    def _take(self) -> Token:
        if self._at >= len(self._tokens):
            raise NotInNuke(f"the expression ends too soon: {self.text!r}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _want(self, sign: str) -> None:
        if self._take().text != sign:
            raise NotInNuke(f"no expression: {self.text!r}, {sign!r} is missing")

    def _choice(self) -> Callable[[Any], Any]:
        test = self._binary(0)
        if self._peek() != "?":
            return test
        self._take()
        yes = self._choice()
        self._want(":")
        no = self._choice()
        return lambda scene: _choose(test(scene), yes(scene), no(scene))

    def _binary(self, level: int) -> Callable[[Any], Any]:
        if level == len(BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in BINARY[level]:
            work = BINARY[level][self._take().text]
            left = _applied(work, left, self._binary(level + 1))
        return left

    def _unary(self) -> Callable[[Any], Any]:
        if self._peek() in ("-", "!", "+"):
            sign, inner = self._take().text, self._unary()
            if sign == "!":
                return lambda scene: np.where(inner(scene) != 0, 0.0, 1.0)
            return inner if sign == "+" else lambda scene: -inner(scene)
        return self._atom()

    def _atom(self) -> Callable[[Any], Any]:
        kind, text = self._take()
        if kind == "number":
            return lambda scene: float(text)
        if kind == "bracket":
            self.commands.add(text)
            return lambda scene: float(scene.command(text))
        if kind == "variable":
            if text != "$gui":
                raise NotModelled(f"{text} in {self.text!r}")
            return lambda scene: scene.variables["gui"]
        if text == "(":
            inner = self._choice()
            self._want(")")
            return inner
        if kind != "name":
            raise NotInNuke(f"no expression: {self.text!r}, what is {text!r} for?")
        if self._peek() == "(":
            return self._call(text)
        if text == "pi":
            return lambda scene: float(np.pi)
        self.names.add(text)
        return lambda scene: scene.resolve(text)

    def _call(self, name: str) -> Callable[[Any], Any]:
        if name not in FUNCTIONS:
            raise NotModelled(f"the function {name} in {self.text!r}")
        self._take()
        given = [self._choice()]
        while self._peek() == ",":
            self._take()
            given.append(self._choice())
        self._want(")")
        count, work = FUNCTIONS[name]
        if len(given) != count:
            raise NotInNuke(f"{name} takes {count}, got {len(given)} in {self.text!r}")
        return lambda scene: work(*(each(scene) for each in given))


class _Scene(NamedTuple):
    resolve: Callable[[str], Any]
    command: Callable[[str], Any]
    variables: Dict[str, Any]


def _applied(work: Callable[[Any, Any], Any], left: Any, right: Any) -> Callable[[Any], Any]:
    return lambda scene: work(left(scene), right(scene))


def _choose(test: Any, yes: Any, no: Any) -> Any:
    return np.where(test != 0, yes, no)
