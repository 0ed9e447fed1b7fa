"""Commands that a server runs beside itself: one child process each, with bounds on its time and on what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import IO

from forbear.apps.console import PROGRESS

MOST_SECONDS = 1_800.0
"""That a command may take."""
_LOOKS_SECONDS = 0.2
_LAST_LINES, _LONGEST_LINE = 3, 500
_MOVES = re.compile(r"progress (\d{1,15}) (\d{1,15}) ")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. done: by itself, and well.  said: the last lines of its errors, "" if it was done."""

    done: bool
    said: str = ""


def run_errand(
    arguments: Sequence[str],
    *,
    stop: Callable[[], bool],
    moved: Callable[[int, int], None],
    most_seconds: float = MOST_SECONDS,
) -> Ended:
    """Run `forbear` with some arguments in a process of its own, until it ends or is to end.

    stop: asked several times a second whether it is to end at once.  moved: told of steps done and in all, of the part
    that it is at.
    """
    heard = _Heard()
    with subprocess.Popen(  # noqa: S603  # our own interpreter and module; the arguments come from a table
        [sys.executable, "-m", "forbear.apps.errand", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, PROGRESS: "lines"},
    ) as child:
        assert child.stderr is not None
        listening = Thread(target=heard.listen, args=(child.stderr,), name="errand", daemon=True)
        listening.start()
        ends_at, why, at = time.monotonic() + most_seconds, "", (0, 0)
        while child.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                child.wait(_LOOKS_SECONDS)
            if heard.at != at:
                at = heard.at
                moved(*at)
            if stop():
                why = "it was stopped"
            elif time.monotonic() > ends_at:
                why = f"it took longer than {most_seconds:g} seconds"
            if why:
                child.kill()
                child.wait()
        listening.join()
    if child.returncode == 0:
        return Ended(done=True)
    return Ended(done=False, said=why or heard.said or f"it ended with status {child.returncode}")


class _Heard:
    """What a command said on stderr: how far it is, and its last lines."""

    def __init__(self) -> None:
        self.at = (0, 0)
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)

    @property
    def said(self) -> str:
        """The last lines."""
        return " ".join(self._lines)

    def listen(self, stream: IO[bytes]) -> None:
        """Take in everything up to the end."""
        while raw := stream.readline(_LONGEST_LINE):
            line = raw.decode(errors="replace").strip()
            if found := _MOVES.match(line):
                self.at = int(found[1]), int(found[2])
            elif line:
                self._lines.append(line)
