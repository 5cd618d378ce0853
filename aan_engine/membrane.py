"""The membrane: values continued smoothly into what is not known, as a soap film hangs on its frame."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.network.blocks import smooth_fill

Array = NDArray[np.float32]


def continued(values: Array, known: Array) -> Array:
    """(h, w, c) with what is not known, (h, w) 0 or 1, continued from its surroundings: see `blocks.smooth_fill`."""
    planes = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
    filled = smooth_fill(planes, torch.from_numpy(known)[None, None])[0].numpy()
    return np.asarray(filled.transpose(1, 2, 0))
