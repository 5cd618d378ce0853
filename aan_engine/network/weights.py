"""Weights: the trained networks on disk, verified and strictly loaded; saved for the package to ship.

Each network is a half-precision safetensors file beside this module. `weights.json` names each with its SHA-256, and a
model card of the same name (`.md`) says what it was trained on and how it was measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensor_bytes
from torch import nn

from aan_engine.errors import WeightsError
from aan_engine.network.chooser import Chooser
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter

FOLDER = Path(__file__).parent
REGISTRY = "weights.json"
PARTS: dict[str, Callable[[], nn.Module]] = {
    "chooser": Chooser,
    "homography": HomographyEstimator,
    "inpainter": Inpainter,
}
_REINSTALL = "Install the engine again; its weights come with it."


def load(name: str, *, device: str | torch.device = "cpu", folder: Path = FOLDER) -> nn.Module:
    """The network `name` with its trained weights, as float32, ready for inference.

    Args:
        name: one of `PARTS`.

    Raises:
        WeightsError: the file is missing, not the one that is registered, or of another network.
    """
    entry = _registry(folder).get(name)
    if entry is None:
        raise WeightsError(f"no weights are registered for the {name}", hint=_REINSTALL, file=folder / REGISTRY)
    file = folder / str(entry["file"])
    try:
        content = file.read_bytes()
    except OSError as e:
        raise WeightsError(f"the weights of the {name} cannot be read", hint=_REINSTALL, file=file) from e
    if hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise WeightsError(f"the weights of the {name} are not the ones that were shipped", hint=_REINSTALL, file=file)
    module = PARTS[name]()
    try:
        tensors = {key: value.float() for key, value in read_tensors(content).items()}
        module.load_state_dict(tensors, strict=True)
    except (SafetensorError, RuntimeError) as e:
        raise WeightsError(f"the weights are not of this {name}", hint=_REINSTALL, file=file) from e
    return module.requires_grad_(False).eval().to(device)


def digest(*, folder: Path = FOLDER) -> str:
    """One SHA-256 over all registered weights.

    Raises:
        WeightsError: the registry is missing or broken.
    """
    entries = _registry(folder)
    lines = [f"{name} {entries[name]['sha256']}\n" for name in sorted(entries)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def save(name: str, module: nn.Module, *, folder: Path = FOLDER) -> Path:
    """Writes a network in half precision and registers it; each file is written whole or not at all.

    Returns:
        The weights file.

    Raises:
        WeightsError: a name that is not one of `PARTS`, or weights that are not finite in half precision.
    """
    if name not in PARTS:
        raise WeightsError(f"{name!r} is no part of the network", hint=f"Choose one of {', '.join(PARTS)}.")
    tensors = {key: value.detach().half().cpu().contiguous() for key, value in module.state_dict().items()}
    if broken := [key for key, value in tensors.items() if not value.isfinite().all()]:
        raise WeightsError(f"not finite in half precision: {', '.join(broken)}", hint="Train at a lower rate.")
    content = tensor_bytes(tensors)
    file = folder / f"{name}.safetensors"
    _write(file, content)
    entries = _registry(folder) if (folder / REGISTRY).exists() else {}
    count = sum(p.numel() for p in module.parameters())
    entries[name] = {"file": file.name, "sha256": hashlib.sha256(content).hexdigest(), "parameters": count}
    _write(folder / REGISTRY, (json.dumps(entries, indent=2, sort_keys=True) + "\n").encode())
    return file


def _registry(folder: Path) -> dict[str, dict[str, Any]]:
    file = folder / REGISTRY
    try:
        entries: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise WeightsError("the list of weights cannot be read", hint=_REINSTALL, file=file) from e
    return entries


def _write(file: Path, content: bytes) -> None:
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(file)
