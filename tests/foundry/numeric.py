"""Knobs that hold numbers, choices and channels; numbers may be keyed or follow an expression."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

from . import words
from .curves import between, curve, formula, written
from .errors import NotInNuke
from .expression import Expression
from .knobs import Knob
from .threads import main_thread_only


@main_thread_only
class Array_Knob(Knob):
    """One or more numbers. Stored is, for each: a number, {frame: number}, or the text of an expression."""

    _size = 1

    def __init__(self, name: str, label: Optional[str] = None) -> None:
        super().__init__(name, label)

    def _empty(self) -> Any:
        return (0.0,) * self._size

    def arraySize(self) -> int:
        return self._size

    def value(self, index: Optional[int] = None) -> Any:
        return self._now(self._frame(), index)

    def getValue(self, index: Optional[int] = None) -> Any:
        return self._now(self._frame(), index)

    def valueAt(self, frame: float, index: Optional[int] = None) -> Any:
        return self._now(frame, index)

    def getValueAt(self, frame: float, index: Optional[int] = None) -> Any:
        return self._now(frame, index)

    def setValue(self, value: Any, index: Optional[int] = None) -> bool:
        given = value if isinstance(value, (list, tuple)) else [value] * (1 if index is not None else self._size)
        numbers = [self._one(each) for each in given]
        if index is None and len(numbers) != self._size:
            raise NotInNuke(f"{self._where()} takes {self._size} numbers, got {value!r}")
        raw = list(self._raw)
        for offset, number in enumerate(numbers):
            place = (index or 0) + offset
            old = self._raw[place]
            raw[place] = {**old, self._frame(): number} if isinstance(old, dict) else number
        self._store(tuple(raw))
        return True

    def setExpression(self, text: str, channel: int = -1) -> bool:
        Expression(text)
        raw = list(self._raw)
        for place in range(self._size) if channel < 0 else [channel]:
            raw[place] = text
        self._store(tuple(raw))
        return True

    def hasExpression(self, index: int = -1) -> bool:
        return any(isinstance(each, str) for each in self._raw)

    def setAnimated(self, index: int = -1) -> bool:
        self._store(tuple(each if isinstance(each, dict) else {self._frame(): each} for each in self._raw))
        return True

    def isAnimated(self, index: int = -1) -> bool:
        return any(isinstance(each, dict) for each in self._raw)

    def clearAnimated(self, index: int = -1) -> bool:
        now = self._components(self._frame())
        self._store(tuple(now))
        return True

    def setValueAt(self, value: float, frame: float, index: int = 0) -> bool:
        raw = list(self._raw)
        old = raw[index]
        raw[index] = {**(old if isinstance(old, dict) else {}), float(frame): self._one(value)}
        self._store(tuple(raw))
        return True

    def isKey(self, index: int = -1) -> bool:
        return any(isinstance(each, dict) and self._frame() in each for each in self._raw)

    def setRange(self, low: float, high: float) -> None:
        self._range = (float(low), float(high))

    def defaultValue(self) -> float:
        return float(self._default[0])

    def toScript(self) -> str:
        found = [written(each) for each in self._raw]
        if self._size > 1 and len(set(found)) == 1 and not self.hasExpression() and not self.isAnimated():
            return found[0]
        return " ".join(found)

    def _parsed(self, text: str) -> Tuple[Any, ...]:
        parts = [self._component(word) for word in words.split(text)]
        if len(parts) == 1:
            parts *= self._size
        if len(parts) != self._size:
            raise NotInNuke(f"{self._where()} takes {self._size} numbers, got {text!r}")
        return tuple(parts)

    def _component(self, word: words.Word) -> Any:
        if word.braced:
            return curve(word.text) if word.text.startswith("curve") else formula(word.text)
        try:
            return float(int(word.text, 16)) if word.text.startswith("0x") else float(word.text)
        except ValueError:
            raise NotInNuke(f"{self._where()} takes numbers, got {word.text!r}") from None

    def _one(self, value: Any) -> float:
        if isinstance(value, (bool, int, float)):
            return float(value)
        raise NotInNuke(f"{self._where()} is a {self.Class()}: it takes numbers, got {value!r}")

    def _now(self, frame: float, index: Optional[int]) -> Any:
        numbers = [self._typed(each) for each in self._components(frame)]
        if index is not None:
            return numbers[index]
        return numbers[0] if self._size == 1 else numbers

    def _typed(self, number: float) -> Any:
        return number

    def _components(self, frame: float) -> List[float]:
        return [self._at(each, frame) for each in self._raw]

    def _at(self, raw: Any, frame: float) -> float:
        if isinstance(raw, dict):
            return between(raw, frame)
        if isinstance(raw, str):
            if self._node is None:
                raise NotInNuke(f"the expression {raw!r} on a knob of no node")
            return float(self._node._expression(raw, frame, knob=self))
        return float(raw)

    def _number(self, frame: float, index: int = 0) -> float:
        return self._components(frame)[index]

    def _frame(self) -> float:
        return float(self._node._script.frame) if self._node is not None else 1.0


class Double_Knob(Array_Knob):
    pass


class Int_Knob(Array_Knob):
    def __init__(self, name: str, label: Optional[str] = None, value: int = 0) -> None:
        super().__init__(name, label)
        self._raw = (float(value),)

    def _typed(self, number: float) -> Any:
        return int(number)


class IArray_Knob(Array_Knob):
    def _typed(self, number: float) -> Any:
        return int(number)


class ColorChip_Knob(Int_Knob):
    pass


class Boolean_Knob(Array_Knob):
    def __init__(self, name: str, label: Optional[str] = None, value: bool = False) -> None:
        super().__init__(name, label)
        self._raw = (float(bool(value)),)

    def _typed(self, number: float) -> Any:
        return bool(number)

    def _one(self, value: Any) -> float:
        if value in (True, False):
            return float(value)
        raise NotInNuke(f"{self._where()} is a switch: True or False, got {value!r}")

    def _component(self, word: words.Word) -> Any:
        switch = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
        if word.braced:
            return super()._component(word)
        if word.text not in switch:
            raise NotInNuke(f"{self._where()} is a switch: true or false, got {word.text!r}")
        return switch[word.text]

    def toScript(self) -> str:
        raw = self._raw[0]
        return written(raw) if isinstance(raw, (str, dict)) else ("true" if raw else "false")


class Disable_Knob(Boolean_Knob):
    pass


class XY_Knob(Array_Knob):
    _size = 2


class WH_Knob(XY_Knob):
    pass


class UV_Knob(XY_Knob):
    pass


class XYZ_Knob(Array_Knob):
    _size = 3


class Color_Knob(XYZ_Knob):
    pass


class AColor_Knob(Array_Knob):
    _size = 4


class BBox_Knob(AColor_Knob):
    def x(self) -> float:
        return self._components(self._frame())[0]


@main_thread_only
class Enumeration_Knob(Array_Knob):
    """One of a list, by its word or by its place."""

    def __init__(self, name: str, label: Optional[str], values: Sequence[str], open_ended: bool = False) -> None:
        self._values = [str(value) for value in values]
        self._open = open_ended
        super().__init__(name, label)

    def values(self) -> List[str]:
        return list(self._values)

    def setValues(self, values: Sequence[str]) -> None:
        word = self._word(self._raw[0])
        self._values = [str(value) for value in values]
        place = float(self._words().index(word)) if word in self._words() else 0.0
        self._raw = (place,)

    def numValues(self) -> int:
        return len(self._values)

    def enumName(self, index: int) -> str:
        return self._words()[index]

    def value(self, index: Optional[int] = None) -> Any:
        return self._word(self._components(self._frame())[0])

    def getValue(self, index: Optional[int] = None) -> Any:
        return float(self._components(self._frame())[0])

    def setValue(self, value: Any, index: Optional[int] = None) -> bool:
        self._store((self._place(value),))
        return True

    def toScript(self) -> str:
        raw = self._raw[0]
        return written(raw) if isinstance(raw, (str, dict)) else words.quote(self._word(raw))

    def _words(self) -> List[str]:
        return [value.split("\t")[0] for value in self._values]

    def _word(self, place: Any) -> str:
        return self._words()[int(place)] if self._values and not isinstance(place, (str, dict)) else ""

    def _place(self, value: Any) -> float:
        if isinstance(value, str) and value in self._words():
            return float(self._words().index(value))
        if isinstance(value, str) and self._open:
            self._values.append(value)
            return float(len(self._values) - 1)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < len(self._values):
            return float(int(value))
        raise NotInNuke(f"{self._where()} has no choice {value!r}: {self._words()}")

    def _parsed(self, text: str) -> Tuple[Any, ...]:
        found = words.split(text)
        if len(found) == 1 and found[0].braced:
            return (self._component(found[0]),)
        known = self._words()
        return (self._place(found[0].text if len(found) == 1 and found[0].text in known else text),)


@main_thread_only
class Channel_Knob(Knob):
    """A layer or channel, which must exist: Nuke turns an unknown one into `none` without a word, the fake raises."""

    def __init__(self, name: str, label: Optional[str] = None) -> None:
        super().__init__(name, label)

    def _empty(self) -> Any:
        return "none"

    def _checked(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise NotInNuke(f"{self._where()} takes the name of a channel or layer, got {value!r}")
        if self._node is not None:
            self._node._script.layers.check(value, self._where())
        return value


class ChannelMask_Knob(Channel_Knob):
    pass


KINDS = (
    *(Array_Knob, Double_Knob, Int_Knob, IArray_Knob, ColorChip_Knob, Boolean_Knob, Disable_Knob, XY_Knob, WH_Knob),
    *(UV_Knob, XYZ_Knob, Color_Knob, AColor_Knob, BBox_Knob, Enumeration_Knob, Channel_Knob, ChannelMask_Knob),
)
