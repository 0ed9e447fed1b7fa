"""What the tests of the production path share with its benches: a small bank, and its workers as processes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
