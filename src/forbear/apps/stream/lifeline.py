"""A worker ends with the supervisor that started it, however that one ends.

The worker sees to it itself: what a parent runs between fork and exec may hang where the parent has threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from threading import Thread

SUPERVISOR = "FORBEAR_SUPERVISOR"
"""The variable of the environment by which a supervisor tells its workers its process id."""
_ORPHANED = 1
_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 1.0


def end_with_supervisor() -> None:
    """Have this process killed as soon as its supervisor is no more; without one nothing happens.

    On Linux the kernel does it, at once. Elsewhere a thread looks every second for who its parent is.
    """
    told = os.environ.pop(SUPERVISOR, "")  # it is meant for this process, and for none that it starts
    if not told.isdecimal():
        return
    parent = int(told)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked
        os._exit(_ORPHANED)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(_ORPHANED)
