"""Commands run in this process, and what they say."""

from __future__ import annotations

import contextlib
import json
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest

from forbear.apps import cli

TRAINED_UNTIL = "1997-01-01"
"""What Berka's models may know: all that was known by the end of 1996."""


def forbear(*arguments: object) -> Any:
    """What a command that ends well says under --json."""
    out = StringIO()
    words = ["forbear", *map(str, arguments), "--json"]
    with patch("sys.argv", words), contextlib.redirect_stdout(out), pytest.raises(SystemExit, match=r"^0$"):
        cli.main()
    [line] = out.getvalue().splitlines()
    return json.loads(line)
