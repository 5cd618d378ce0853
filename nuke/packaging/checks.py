"""Checks in a real Nuke what this plug-in assumes of it: `nuke -t checks.py`, about ten minutes. Send us the report.

None of your files is touched: everything happens in a new script and a temporary folder. The report is a text file
whose name is printed at the end; it has versions, words and numbers, and no path but that folder's. Its last part is a
list of checks to be made by eye, with the interface.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
import types
from typing import Any, Callable, Dict, List, Tuple

import nuke

HERE = os.path.dirname(os.path.abspath(__file__))

CHECKS: List[Tuple[str, Callable[[str], str]]] = []


def check(question: str) -> Callable[[Callable[[str], str]], Callable[[str], str]]:
    """Registers a check. It is given a folder and returns what it found; if as assumed, that begins with `yes`."""

    def register(work: Callable[[str], str]) -> Callable[[str], str]:
        CHECKS.append((question, work))
        return work

    return register


def verdict(is_so: bool, *found: Any) -> str:
    """`yes` or `NO`, and what was found."""
    return " ".join(["yes" if is_so else "NO", *map(str, found)])


def write(path: str, value: float, *, first: int, last: int, **knobs: Any) -> None:
    """Write frames of one colour."""
    picture = nuke.nodes.Constant(color=value, channels="rgb")
    out = nuke.nodes.Write(inputs=[picture], file=path, file_type="exr", channels="rgb", **knobs)
    out["raw"].setValue(True)
    nuke.execute(out, first, last)
    nuke.delete(out)
    nuke.delete(picture)


@check("the versions; the package and its pyzmq are found")
def package(folder: str) -> str:
    import aan_nuke
    import aan_nuke.host

    here = f"Nuke {nuke.NUKE_VERSION_STRING} Python {sys.version.split()[0]} {sys.platform}"
    try:
        import aan_nuke.host.engine_monitor
        import zmq
    except ImportError as error:
        return verdict(False, here, aan_nuke.VERSION, aan_nuke.host.vendor_tag(), error)
    return verdict(True, here, aan_nuke.VERSION, aan_nuke.host.vendor_tag(), "pyzmq", zmq.__version__)


@check("the gizmo loads, and every node inside is the class it was written as")
def gizmo_loads(folder: str) -> str:
    node = nuke.createNode("AlignAttend", inpanel=False)
    inside = sorted({each.Class() for each in node.nodes()})
    lost = [name for name in ("solve", "version", "solved", "matte_channel") if node.knob(name) is None]
    return verdict(node.Class() == "Group" and not lost and "Keymix" in inside, node.Class(), lost, inside)


@check("a fresh node is in no error, and gives its plate")
def new_node(folder: str) -> str:
    picture = nuke.nodes.Constant(color=0.25, channels="rgb")
    node = nuke.createNode("AlignAttend", inpanel=False)
    node.setInput(0, picture)
    return verdict(not node.hasError() and node.sample("rgba.red", 5, 5) == 0.25, node.sample("rgba.red", 5, 5))


@check("the range follows the project until it is typed")
def frame_range(folder: str) -> str:
    node = nuke.createNode("AlignAttend", inpanel=False)
    nuke.root()["first_frame"].setValue(1001)
    before = int(node["first"].value())
    node["first"].clearAnimated()
    node["first"].setValue(1005)
    return verdict((before, int(node["first"].value())) == (1001, 1005), before, node["first"].value())


@check("a curve of ones and zeros is read, with K as steps, and comes back from a script")
def step_curve(folder: str) -> str:
    node = nuke.createNode("AlignAttend", inpanel=False)
    node["solved"].fromScript("{curve K x1000 0 x1001 1 x1005 1 x1006 0}")
    found = [node["solved"].valueAt(frame) for frame in (990, 1001, 1003, 1005, 1006, 1100)]
    return verdict(found == [0, 1, 1, 1, 0, 0], found, node["solved"].toScript())


@check("choices that were set from Python, and hidden strings, survive saving and opening")
def survives_saving(folder: str) -> str:
    node = nuke.createNode("AlignAttend", inpanel=False)
    name = node.name()
    node["version"].setValues(["preview", "v001"])
    node["version"].setValue("v001")
    node["job"].setValue("WyJ7fSJd-_=")
    path = folder + "/saved.nk"
    nuke.scriptSaveAs(path, 1)
    nuke.scriptClear()
    nuke.scriptOpen(path)
    node = nuke.toNode(name)
    found = (node["version"].value(), node["version"].values(), node["job"].value())
    return verdict(found[0] == "v001" and found[2] == "WyJ7fSJd-_=", found)


@check("opening a script leaves it unchanged, and so does a change under without_undo")
def unmodified_after_loading(folder: str) -> str:
    from aan_nuke.no_undo import without_undo

    name = nuke.createNode("AlignAttend", inpanel=False).name()
    nuke.scriptSaveAs(folder + "/unchanged.nk", 1)
    nuke.scriptClear()
    nuke.scriptOpen(folder + "/unchanged.nk")
    opened = nuke.root().modified()
    with without_undo():
        nuke.toNode(name)["state"].setValue("words")
    return verdict(
        not opened and not nuke.root().modified(), "opened:", opened, "without_undo:", nuke.root().modified()
    )


@check("onCreate of a Group comes after that of the nodes inside")
def on_create_order(folder: str) -> str:
    path = folder + "/order.nk"
    code = "import aan_log\\naan_log.calls.append('%s')"
    with open(path, "w", encoding="utf-8") as file:
        file.write('Group {\n inputs 0\n name G\n onCreate "%s"\n}\n' % (code % "group"))
        file.write(' Constant {\n  inputs 0\n  name C\n  onCreate "%s"\n }\n' % (code % "inside"))
        file.write(" Output {\n  name O\n }\nend_group\n")
    calls = _callback_log()
    nuke.nodePaste(path)
    return verdict(calls == ["inside", "group"], calls)


@check("knobChanged: who hears what Python changes, and is it called again inside itself")
def knob_changed(folder: str) -> str:
    path = folder + "/changed.nk"
    code = (
        "import aan_log\\naan_log.calls.append(nuke.thisKnob().name())\\n"
        "if nuke.thisKnob().name() == 'a':\\n    nuke.thisNode()\\['b'].setValue(1)"
    )
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'NoOp {{\n inputs 0\n name N\n knobChanged "{code}"\n addUserKnob {{7 a l a}}\n')
        file.write(" addUserKnob {7 b l b}\n}\n")
    calls = _callback_log()
    node = nuke.nodePaste(path)
    node["a"].setValue(2)
    names = [word for word in calls if word in ("a", "b")]
    return verdict(True, names, "(both are supported)")


@check("a Read keeps a frame that was missing until it is told to read again")
def missing_frame(folder: str) -> str:
    pattern = folder + "/late.####.exr"
    write(pattern, 1.0, first=1, last=1)
    read = nuke.nodes.Read(file=pattern, first=1, last=2, on_error="black", raw=True)
    read["last"].setValue(2)
    nuke.frame(2)
    before = read.sample("rgba.red", 5, 5)
    write(pattern, 1.0, first=2, last=2)
    kept = read.sample("rgba.red", 5, 5)
    read["reload"].execute()
    after = read.sample("rgba.red", 5, 5)
    return verdict((before, after) == (0, 1), f"missing {before}, there {kept}, read again {after}")


@check("outside a bounding box it is black")
def black_outside_bounding_box(folder: str) -> str:
    picture = nuke.nodes.Constant(color=1.0, channels="rgb")
    crop = nuke.nodes.Crop(inputs=[picture], box=[10, 10, 20, 20])
    out = nuke.nodes.Write(inputs=[crop], file=folder + "/box.exr", file_type="exr", channels="rgb")
    nuke.execute(out, 1, 1)
    read = nuke.nodes.Read(file=folder + "/box.exr", raw=True)
    found = [read.sample("rgba.red", x, 15) for x in (5, 12, 30)]
    return verdict(found == [0, 1, 0], found)


@check("Dilate grows light pixels by whole ones where its size is positive")
def dilate(folder: str) -> str:
    picture = nuke.nodes.Constant(color=1.0, channels="rgba")
    crop = nuke.nodes.Crop(inputs=[picture], box=[10, 10, 20, 20])
    grown = nuke.nodes.Dilate(inputs=[crop], size=3, channels="alpha")
    found = [round(grown.sample("rgba.alpha", x, 15), 3) for x in (6, 7, 22, 23)]
    return verdict(found == [0, 1, 1, 0], found)


@check("FrameHold's knob")
def frame_hold(folder: str) -> str:
    found = [name for name in ("firstFrame", "first_frame") if nuke.nodes.FrameHold().knob(name) is not None]
    return verdict(bool(found), found)


@check("what a file knob's evaluate() gives, and filename() with REPLACE")
def evaluated_paths(folder: str) -> str:
    nuke.frame(7)
    read = nuke.nodes.Read(file="[value root.first_frame]/a.####.exr")
    plain = nuke.nodes.Read(file="/x/a.%04d.exr")
    found = [
        read["file"].evaluate(),
        plain["file"].evaluate(),
        nuke.filename(plain),
        nuke.filename(plain, nuke.REPLACE),
    ]
    return verdict(found[3] == "/x/a.0007.exr", found)


@check("brackets, dollars and spaces in paths, escaped as we do")
def escaped_paths(folder: str) -> str:
    from aan_nuke.paths import for_knob

    strange = folder + "/a [1] $x"
    os.makedirs(strange)
    path = strange + "/b.####.exr"
    write(for_knob(path), 0.5, first=1, last=1)
    read = nuke.nodes.Read(file=for_knob(path), raw=True)
    nuke.frame(1)
    return verdict(
        os.path.exists(strange + "/b.0001.exr") and read.sample("rgba.red", 5, 5) == 0.5, os.listdir(strange)
    )


@check("a picture's hash follows what lies above, frame by frame")
def op_hashes(folder: str) -> str:
    picture = nuke.nodes.Constant(channels="rgb")
    graded = nuke.nodes.Multiply(inputs=[picture])
    graded["value"].setExpression("frame > 2 ? 2 : 1")
    seen = []
    for frame in (1, 2, 3):
        nuke.frame(frame)
        seen.append(tuple(graded.opHashes()))
    graded.setXYpos(5, 5)
    return verdict(seen[2] != seen[1] and seen[2] == tuple(graded.opHashes()), seen)


@check("metadata names the pixel type of an EXR")
def pixel_type(folder: str) -> str:
    write(folder + "/half.exr", 1.0, first=1, last=1)
    found = nuke.nodes.Read(file=folder + "/half.exr").metadata("input/bitsperchannel")
    return verdict(found == "16-bit half float", repr(found))


@check("the Write inside the node renders, with frame ranges and views, at full size under proxy mode")
def inner_write(folder: str) -> str:
    from aan_nuke import render_inputs
    from aan_nuke.no_undo import full_resolution

    picture = nuke.nodes.Constant(color=0.25, channels="rgb")
    node = nuke.createNode("AlignAttend", inpanel=False)
    node.setInput(0, picture)
    nuke.root()["proxy"].setValue(True)
    with full_resolution():
        pattern = render_inputs.render(node, render_inputs.PLATE, [1, 2, 4], view=nuke.views()[0], folder=folder)
    again = nuke.root()["proxy"].value()
    nuke.root()["proxy"].setValue(False)
    read = nuke.nodes.Read(file=pattern, first=1, last=4, raw=True)
    nuke.frame(4)
    files = sorted(os.listdir(os.path.dirname(pattern)))
    good = again and read.sample("rgba.red", 5, 5) == 0.25 and read.width() == nuke.root().width() and len(files) == 4
    return verdict(good, files, read.width(), nuke.root().width())


@check("the node takes the result where the matte is above 0, and only on solved frames")
def merged_result(folder: str) -> str:
    cache = folder + "/cache/v001"
    os.makedirs(cache)
    write(cache + "/fill.####.exr", 0.75, first=1, last=1)
    plate = nuke.nodes.Constant(color=0.25, channels="rgb")
    matte = nuke.nodes.Crop(inputs=[nuke.nodes.Constant(color=0.5, channels="rgba")], box=[10, 10, 20, 20])
    node = nuke.createNode("AlignAttend", inpanel=False)
    node.setInput(0, plate)
    node.setInput(1, matte)
    node["cache_folder"].setValue(folder + "/cache")
    node["refresh"].execute()
    found = []
    for frame in (1, 2):
        nuke.frame(frame)
        found += [node.sample("rgba.red", 15, 15), node.sample("rgba.red", 5, 5)]
    return verdict(found == [0.75, 0.25, 0.25, 0.25], found, node["version"].value())


@check("colour management, as Reads name it")
def colour_management(folder: str) -> str:
    root, read = nuke.root(), nuke.nodes.Read(file=folder + "/half.exr")
    found = [root["colorManagement"].value(), read["colorspace"].value()]
    found += [root[name].value() for name in ("workingSpaceLUT", "floatLut") if root.knob(name) is not None]
    return verdict(True, found)


def _callback_log() -> List[str]:
    """A module in which callbacks write down that they were called."""
    calls: List[str] = []
    sys.modules["aan_log"] = module = types.ModuleType("aan_log")
    vars(module)["calls"] = calls
    return calls


def _checklist() -> str:
    """The checks to be made by eye."""
    with open(os.path.join(HERE, "checklist.txt"), encoding="utf-8") as file:
        return file.read()


def run(folder: str) -> List[str]:
    """Run every check in a new script; returns the report's lines."""
    lines: List[str] = []
    for number, (question, work) in enumerate(CHECKS, 1):
        nuke.scriptClear()
        nuke.addFormat("64 48 1 aan_checks")
        nuke.root()["format"].setValue("aan_checks")
        own = f"{folder}/{number:02d}"
        os.makedirs(own)
        try:
            found = work(own)
        except Exception:
            found = "FAILED\n" + traceback.format_exc()
        lines.append(f"{number:2d} {question}: {found}")
        print(lines[-1])
    return lines


def summary(lines: List[str]) -> Dict[str, int]:
    """The number of each answer."""
    answers = [match[1] for match in (re.search(r": (yes|NO|FAILED)\b", line) for line in lines) if match]
    return {word: answers.count(word) for word in ("yes", "NO", "FAILED")}


def main() -> None:
    """Run everything and write the report."""
    for place in (os.path.join(HERE, "nuke"), os.path.dirname(HERE)):
        if os.path.exists(os.path.join(place, "AlignAttend.gizmo")):
            nuke.pluginAddPath(place.replace("\\", "/"))
    folder = tempfile.mkdtemp(prefix="align_attend_checks_").replace("\\", "/")
    lines = run(folder)
    lines.append(str(summary(lines)))
    report = folder + "/report.txt"
    with open(report, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, "", _checklist()]))
    print(f"{lines[-1]}\nThe report: {report}")


if __name__ == "__main__":
    main()
