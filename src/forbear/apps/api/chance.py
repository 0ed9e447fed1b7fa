"""Chance for ids of requests and scores: the system is asked for much at once, which halts an answer as seldom."""

from __future__ import annotations

import os
from threading import Lock

_AT_ONCE = 4_096


class Chance:
    """Bytes that nobody can foresee, each given once. Safe to use from many threads."""

    def __init__(self) -> None:
        self._kept, self._at = b"", 0
        self._lock = Lock()

    def hex(self, count: int) -> str:
        """So many bytes, at most 4,096, as twice as many hexadecimal digits."""
        with self._lock:
            if self._at + count > len(self._kept):
                self._kept, self._at = os.urandom(_AT_ONCE), 0
            self._at += count
            return self._kept[self._at - count : self._at].hex()


CHANCE = Chance()
"""The one of this process."""
