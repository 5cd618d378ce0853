"""The description of a job and its state, as host and engine exchange them. Part of the protocol, see `protocol`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple


@dataclass(frozen=True)
class JobSpec:
    """Everything that decides the pixels of one job, and nothing else.

    `plate` and `matte` are file patterns (see `sequence`). `first` .. `last` and `frames` (as in `1001-1010x2,1020`)
    limit what is filled, never what may be looked at; None means no limit. What they ask for is filled whole, or the
    job is refused. `matte_channel` names channels, layers or parts, comma-separated, whose union is the matte; None
    means that it is found, see `aan_engine.plates.matte_channels`. `aov` names diagnostic layers (`confidence`,
    `source`, `unseen`), `device` is `auto`, `cpu` or `cuda`. All that follows is the artist's: see `controls`, which
    says for each what it does.
    """

    plate: str
    matte: str
    first: Optional[int] = None
    last: Optional[int] = None
    matte_channel: Optional[str] = None
    aov: Tuple[str, ...] = ()
    device: str = "auto"
    grow: float = 0.0
    feather: float = 0.0
    light: str = "local"
    grain: bool = True
    unseen: str = "texture"
    smoothing: float = 0.0
    holdout: Optional[str] = None
    clean: Optional[str] = None
    clean_use: str = "also"
    painted: Optional[str] = None
    exclude: Optional[str] = None
    reference_first: Optional[int] = None
    reference_last: Optional[int] = None
    reference_step: int = 1
    missing: str = "stop"
    colorspace: Optional[str] = None
    view: Optional[str] = None
    write: str = "auto"
    seed: int = 0
    grow_auto: bool = False
    frames: Optional[str] = None
    plate_layer: Optional[str] = None
    plate_first: Optional[int] = None
    matte_invert: bool = False
    matte_low: float = 0.0
    matte_high: float = 1.0
    matte_floor: float = 1 / 255
    matte_missing: str = "stop"
    matte_offset: int = 0
    fill_layers: Optional[str] = None


@dataclass(frozen=True)
class JobState:
    """One job as the engine sees it.

    `state` is one of `queued running cancelling finished cancelled failed`. `done` of `total` frames lie on disk, at
    `output` (a pattern). `stage` with `step` of `steps` is the last `Progress`. `code`, `reason` and `hint` speak of
    a failed job, `unseen`, `worst`, `report`, `keys`, `residue` and `grow` of a finished one: see `Finished`.
    `inputs` and `warnings` are as in `Progress`, `share` is that of the last one. `submitted` and `ended` are times in
    seconds since 1970 (Unix time); `ended` is 0 while the job is not over.
    """

    job: str
    state: str
    plate: str
    output: str
    done: int
    total: int
    stage: str = ""
    step: int = 0
    steps: int = 0
    code: str = ""
    reason: str = ""
    hint: str = ""
    unseen: float = 0.0
    worst: Tuple[int, ...] = ()
    report: str = ""
    keys: Tuple[int, ...] = ()
    residue: int = 0
    grow: float = 0.0
    inputs: str = ""
    warnings: Tuple[str, ...] = ()
    share: float = 0.0
    submitted: float = 0.0
    ended: float = 0.0
