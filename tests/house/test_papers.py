"""The papers for people name what exists: paths, packages, symbols, commands, options and environment variables."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import typer

import aan_engine
from aan_engine.evaluation import cli as bench_cli
from aan_engine.training import cli as train_cli
from plugin_host.server import cli

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "nuke/README.md", "blender_addon/README.md")
SHIPPED = ("aan_engine", "plugin_host", "nuke", "blender_addon")

# What a path in a paper is relative to.
BASES = ("", "aan_engine", "plugin_host", "nuke", "nuke/packaging", "tests", "tests/host", "aan_engine/network")
# Made by a command, or a place outside of the repository.
MADE = re.compile(r"(clean|demo-out|dist|align_attend|CLIP|JPEGImages)/|engine\.json|\.venv|\.\.|--|[~$/<]")
PATH = re.compile(r"[\w.-]+(/[\w.#-]*)+|[\w-]+\.(py|md|json|toml|txt|gizmo)")
SYMBOL = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
OPTION = re.compile(r"--[a-z][a-z-]*[a-z]")


def text_of(paper: str) -> str:
    return (ROOT / paper).read_text("utf-8")


@cache
def sources() -> str:
    files = [*(ROOT / "tests").rglob("*.py")]
    for package in SHIPPED:
        files += [path for path in (ROOT / package).rglob("*") if path.suffix in (".py", ".gizmo")]
    return "\n".join(path.read_text("utf-8") for path in files)


def blocks(paper: str) -> list[str]:
    """The fenced blocks."""
    return re.findall(r"^```\w*\n(.*?)^```", text_of(paper), re.DOTALL | re.MULTILINE)


def quoted(paper: str) -> list[str]:
    """What stands between single backticks outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text_of(paper), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"`([^`\n]+)`", prose)


def shell_words(paper: str) -> list[list[str]]:
    """Each command of the paper, as words: lines of fenced blocks, and what is quoted."""
    lines = [line.split("  #")[0] for block in blocks(paper) for line in block.splitlines()]
    return [words for text in (*lines, *quoted(paper)) if (words := text.split())]


def exists(path: str) -> bool:
    return any((ROOT / base / path).exists() for base in BASES)


@pytest.mark.parametrize("paper", PAPERS)
def test_every_path_is_there(paper: str) -> None:
    here = (ROOT / paper).parent
    links = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text_of(paper)) if "://" not in target]
    assert [target for target in links if target and not (here / target).exists()] == []
    named = [word for word in quoted(paper) if PATH.fullmatch(word) and not MADE.match(word)]
    drawn = [word.rstrip(",") for block in blocks(paper) for word in block.split() if word.endswith((".py", "/"))]
    drawn = [word for word in drawn if PATH.fullmatch(word) and not MADE.match(word)]
    gone = {path for path in (*named, *drawn) if "NAME" not in path and not exists(path) and not (here / path).exists()}
    assert gone == set()


@pytest.mark.parametrize("paper", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_every_class_and_function_is_there(paper: str) -> None:
    known = set(re.findall(r"\w+", sources()))
    named = [word.removesuffix("()") for word in quoted(paper)]
    symbols = [word for word in named if SYMBOL.fullmatch(word) and re.search(r"_|\.|[A-Z]", word)]
    parts = {part for word in symbols if not exists(word) for part in word.split(".")}
    assert {part for part in parts - known if not re.fullmatch("[A-Z]{3,4}", part)} == set()


def test_the_drawing_shows_every_package_of_the_engine() -> None:
    drawing = next(block for block in blocks("ARCHITECTURE.md") if "aan_engine/\n" in block)
    rows = drawing.split("aan_engine/\n")[1].splitlines()
    drawn = {name for row in rows for name in row[:66].split()}
    folders = {path.name for path in (ROOT / "aan_engine").iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in (ROOT / "aan_engine").glob("*.py")}
    assert drawn == folders | modules


@pytest.mark.parametrize("paper", PAPERS)
def test_every_target_of_make_is_there(paper: str) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", text_of("Makefile"), re.MULTILINE))
    asked = {word for words in shell_words(paper) if words[0] == "make" for word in words[1:2] if "=" not in word}
    assert asked - targets == set()


@pytest.mark.parametrize("paper", PAPERS)
def test_every_command_and_option_is_there(paper: str) -> None:
    command = typer.main.get_command(cli.app)
    training = typer.main.get_command(train_cli.app)
    measuring = typer.main.get_command(bench_cli.app)
    commands: dict[str, typer.core.TyperCommand] = {**command.commands, **training.commands}  # type: ignore[attr-defined]
    options = {
        name
        for c in (command, measuring, *commands.values())
        for p in c.params
        for name in (*p.opts, *p.secondary_opts)
    }
    for words in shell_words(paper):
        line = " ".join(words)
        if words[0] == "aan" and len(words) > 1:
            assert words[1] in command.commands or words[1] == "--version", line  # type: ignore[attr-defined]
            if words[1] == "train" and len(words) > 2:
                assert words[2] in training.commands, line  # type: ignore[attr-defined]
        if words[0] == "aan" or words[0].startswith("--"):
            assert set(OPTION.findall(line)) - options - {"--help", "--no-pyzmq"} == set(), line


@pytest.mark.parametrize("paper", PAPERS)
def test_every_variable_is_read_somewhere(paper: str) -> None:
    assert {name for name in re.findall(r"AAN_[A-Z_]+", text_of(paper)) if f'"{name}"' not in sources()} == set()


def test_the_readme_names_every_variable_that_is_read() -> None:
    read = set()
    for package in SHIPPED:
        for path in (ROOT / package).rglob("*.py"):
            read |= set(re.findall(r'"(AAN_(?!OT_|PT_)[A-Z_]+)"', path.read_text("utf-8")))
    assert read - set(re.findall(r"AAN_[A-Z_]+", text_of("README.md"))) == set()


def test_the_readmes_program_imports_public_names() -> None:
    (program,) = (block for block in blocks("README.md") if block.startswith("from pathlib"))
    imported = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in imported if node.module == "aan_engine" for alias in node.names}
    assert names
    assert names <= set(aan_engine.__all__)


def test_the_hosts_papers_name_their_modules() -> None:
    modules = {path.stem for path in (ROOT / "nuke/aan_nuke").glob("*.py")} - {"__init__"}
    assert modules - set(re.findall(r"\w+", text_of("nuke/README.md"))) == set()
    made = text_of("blender_addon/README.md").split("## How it is made")[1]
    named = set(re.findall(r"`([a-z_]+)`", made))
    assert named - {path.stem for path in (ROOT / "blender_addon").glob("*.py")} == {"bpy", "plugin_host"}
