"""The dashboards of Grafana: `python -m forbear.apps.metrics.boards FOLDER` writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from forbear.apps.metrics.board import Board
from forbear.apps.metrics.board_business import BUSINESS
from forbear.apps.metrics.board_operations import OPERATIONS
from forbear.apps.metrics.board_stream import STREAM

BOARDS = (OPERATIONS, BUSINESS, STREAM)


def file_of(board: Board) -> str:
    """What the file of a dashboard is called."""
    return f"{board.uid.removeprefix('forbear-')}.json"


def text_of(board: Board) -> str:
    """What its file holds."""
    return json.dumps(board.document(), indent=2) + "\n"


def write_boards(folder: Path) -> None:
    """Write every dashboard into a folder, one file each."""
    for board in BOARDS:
        (folder / file_of(board)).write_text(text_of(board), encoding="utf-8")


if __name__ == "__main__":
    write_boards(Path(sys.argv[1]))
