"""A command of the command line that runs for a server: below everything else, and not longer than the server does.

python -m forbear.apps.errand monitor --home HOME. Its stdin is a pipe that the server holds: where the server ends,
however it ends, the pipe does, and so does the command. What it wrote until then is whole, or not there.
"""

from __future__ import annotations

import os
import sys
from threading import Thread

ENDED = 75
"""Exit status of a command whose server has ended."""
_LOWEST, _STDIN = 10, 0


def _end_with_the_server() -> None:
    while os.read(_STDIN, 1_024):  # no buffered reader: its lock would be held when the interpreter ends
        pass
    os._exit(ENDED)  # wherever the command stands: no other thread can end a thread


def main() -> None:
    """Run the command that the arguments are."""
    if hasattr(os, "nice"):  # not on every system
        os.nice(_LOWEST)
    Thread(target=_end_with_the_server, name="server", daemon=True).start()
    from forbear.apps.cli import main as run

    sys.argv[0] = "forbear"
    run()


if __name__ == "__main__":
    main()
