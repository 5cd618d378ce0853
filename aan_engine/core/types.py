"""Array types that the whole engine uses. Shapes stand in docstrings: mypy does not check them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
"""float32 of any shape."""

Mask = NDArray[np.bool_]
"""bool of any shape."""
