"""Arrays of records, as kernels take them."""

from __future__ import annotations

from typing import Any, TypeAlias

from numpy.typing import NDArray

Records: TypeAlias = NDArray[Any]
Record: TypeAlias = Any
