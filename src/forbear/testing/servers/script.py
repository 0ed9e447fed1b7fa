"""What a server for tests does when: drawn by chance, and the same at every run.

What befalls a call depends on the seed, on what the call is about, and on how often that was tried before; never on
which other calls came first, so that threads do not change it.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Script:
    """Shares of calls by what befalls them; the rest goes well. late_seconds: how late "late" is.

    always: befalls the nth try of a subject, 0 the first, before chance is asked; () for nothing.
    """

    shares: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    late_seconds: float = 0.2
    always: tuple[str, ...] = ()

    def befalls(self, subject: str, tried: int) -> str:
        """A name of the shares, or "well"."""
        if tried < len(self.always):
            return self.always[tried]
        drawn = random.Random(f"{self.seed}:{subject}:{tried}").random()  # noqa: S311  # repeatable on purpose
        for name, share in self.shares.items():
            if drawn < share:
                return name
            drawn -= share
        return "well"


class Tries:
    """How often each subject was tried. Any thread may ask."""

    def __init__(self) -> None:
        self._counted: Counter[str] = Counter()
        self._lock = threading.Lock()

    def again(self, subject: str) -> int:
        """Its number, from 0 on; the next call has the next."""
        with self._lock:
            self._counted[subject] += 1
            return self._counted[subject] - 1
