"""Two pictures into one: Merge2, Keymix, Dissolve, Copy, ChannelMerge. B is input 0, A is input 1."""

from __future__ import annotations

from typing import Callable, Dict

import numpy as np

from .operators import Task, mixed, operator
from .picture import Array, Bounds, Picture

# a and b are the alphas. As in the reference guide's Merge Operations.
Formula = Callable[[Array, Array, Array, Array], Array]
MERGES: Dict[str, Formula] = {
    "atop": lambda A, B, a, b: A * b + B * (1 - a),
    "average": lambda A, B, a, b: (A + B) / 2,
    "copy": lambda A, B, a, b: A,
    "difference": lambda A, B, a, b: np.abs(A - B),
    "divide": lambda A, B, a, b: np.where(B == 0, 0, A / np.where(B == 0, 1, B)),
    "from": lambda A, B, a, b: B - A,
    "in": lambda A, B, a, b: A * b,
    "mask": lambda A, B, a, b: B * a,
    "matte": lambda A, B, a, b: A * a + B * (1 - a),
    "max": lambda A, B, a, b: np.maximum(A, B),
    "min": lambda A, B, a, b: np.minimum(A, B),
    "minus": lambda A, B, a, b: A - B,
    "multiply": lambda A, B, a, b: np.where((A < 0) & (B < 0), A, A * B),
    "out": lambda A, B, a, b: A * (1 - b),
    "over": lambda A, B, a, b: A + B * (1 - a),
    "plus": lambda A, B, a, b: A + B,
    "screen": lambda A, B, a, b: np.where((A >= 0) & (A <= 1) & (B >= 0) & (B <= 1), A + B - A * B, np.maximum(A, B)),
    "stencil": lambda A, B, a, b: B * (1 - a),
    "under": lambda A, B, a, b: A * (1 - b) + B,
    "xor": lambda A, B, a, b: A * (1 - b) + B * (1 - a),
}
CHANNEL_MERGES: Dict[str, Callable[[Array, Array], Array]] = {
    "absminus": lambda A, B: np.abs(A - B),
    "from": lambda A, B: B - A,
    "in": lambda A, B: A * B,
    "max": np.maximum,
    "min": np.minimum,
    "minus": lambda A, B: A - B,
    "multiply": lambda A, B: A * B,
    "out": lambda A, B: A * (1 - B),
    "plus": lambda A, B: A + B,
    "stencil": lambda A, B: B * (1 - A),
    "union": lambda A, B: A + B - A * B,
}


def bounding(task: Task, a: Picture, b: Picture) -> Bounds:
    return {
        "union": b.box.union(a.box),
        "intersection": b.box.intersect(a.box),
        "A": a.box,
        "B": b.box,
    }[task.word("bbox")]


@operator("Merge2")
def merge(task: Task) -> Picture:
    task.plain(sRGB=False, screen_alpha=False, Achannels="rgba", Bchannels="rgba", metainput="B")
    if task.node.inputs() > 3:
        raise task.refuse("more than one A")
    b, a = task.input(0), task.input(1)
    if not task.connected(1):
        return b
    work = MERGES.get(task.word("operation"))
    if work is None:
        raise task.refuse(f"operation {task.word('operation')}")
    everything = Picture(b.format, b.box, {**a.channels, **b.channels})
    names = [*task.channels("output", everything), *task.channels("also_merge", everything)]
    names = list(dict.fromkeys(name for name in names if name in everything.channels))
    box = bounding(task, a, b)
    before = b.over(box)
    alpha_a, alpha_b = a.plane("rgba.alpha", box), b.plane("rgba.alpha", box)
    with np.errstate(all="ignore"):
        changed = {name: work(a.plane(name, box), b.plane(name, box), alpha_a, alpha_b) for name in names}
    return mixed(before, before.having(changed), task.mask(2, box))


@operator("Keymix")
def keymix(task: Task) -> Picture:
    b, a = task.input(0), task.input(1)
    box = bounding(task, a, b)
    before = b.over(box)
    share = (
        task.input(2).plane(task.channel("maskChannel"), box) if task.connected(2) else np.ones(box.shape, np.float32)
    )
    if task.node._knobs["invertMask"].value():
        share = 1 - share
    everything = Picture(b.format, b.box, {**a.channels, **b.channels})
    names = task.channels("channels", everything)
    after = before.having({name: a.plane(name, box) for name in names})
    return mixed(before, after, share * np.float32(task.number("mix")))


@operator("Dissolve")
def dissolve(task: Task) -> Picture:
    if task.node.inputs() > 3:
        raise task.refuse("more than two inputs")
    first, second = task.input(0), task.input(1)
    which = min(max(task.number("which"), 0.0), 1.0)
    box = first.box.union(second.box)
    before = first.over(box)
    names = task.channels("channels", Picture(first.format, box, {**second.channels, **first.channels}))
    after = before.having({name: second.plane(name, box) for name in names})
    return mixed(before, after, task.mask(2, box) * np.float32(which))


@operator("Copy")
def copy(task: Task) -> Picture:
    task.plain(unpremult="none", metainput="B")
    b, a = task.input(0), task.input(1)
    if not task.connected(1):
        return b
    box = bounding(task, a, b)
    before = b.over(box)
    changed = {name: a.plane(name, box) for name in task.channels("channels", a)}
    for place in range(4):
        source, target = task.channel(f"from{place}"), task.channel(f"to{place}")
        if source and target:
            changed[target] = a.plane(source, box)
    return mixed(before, before.having(changed), task.mask(2, box))


@operator("ChannelMerge")
def channel_merge(task: Task) -> Picture:
    b, a = task.input(0), task.input(1)
    work = CHANNEL_MERGES.get(task.word("operation"))
    if work is None:
        raise task.refuse(f"operation {task.word('operation')}")
    box = bounding(task, a, b)
    before = b.over(box)
    result = work(a.plane(task.channel("A"), box), b.plane(task.channel("B"), box))
    return mixed(before, before.having({task.channel("output"): result}), task.mask(2, box))
