"""Arrays of records, as kernels take them, and how whole records are copied fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Records: TypeAlias = NDArray[Any]
Record: TypeAlias = Any


def joined(parts: Sequence[Records]) -> Records:
    """Contiguous arrays of one kind of record as one. Told of fields, numpy copies them one by one."""
    plain = f"V{parts[0].dtype.itemsize}"
    whole: Records = np.concatenate([part.view(plain) for part in parts]).view(parts[0].dtype)
    return whole
