"""Compiling takes a while, so it is told of: once, and only when something is compiled."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from forbear.apps.console import Console
from forbear.compiled import before_compiling

KERNEL = """
from forbear.compiled import before_compiling, compiled

before_compiling(lambda: print("compiling"))

@compiled
def doubled(number):
    return 2 * number

print(doubled(21))
"""


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def compile_something() -> None:
    """Compile what no cache holds."""
    assert numba.njit(lambda number: number + 1)(1) == 2


def test_it_is_told_once() -> None:
    """The first compilation is told of before it is done, later ones are not."""
    told: list[str] = []
    before_compiling(lambda: told.append("compiling"))

    compile_something()
    compile_something()

    assert told == ["compiling"]


def test_what_is_on_disk_is_not_told(tmp_path: Path) -> None:
    """A kernel is compiled, and told of, by the first process alone: the next finds it in the cache."""
    (tmp_path / "kernel.py").write_text(KERNEL)

    said = [
        subprocess.run(
            [sys.executable, tmp_path / "kernel.py"],
            capture_output=True,
            check=True,
            env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")},
            text=True,
            timeout=60,
        ).stdout.split()
        for _ in range(2)
    ]

    assert said == [["compiling", "42"], ["42"]]


@pytest.mark.parametrize(("stream", "lines"), [(Terminal(), 1), (io.StringIO(), 0)], ids=["terminal", "pipe"])
def test_only_a_person_is_told(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, lines: int) -> None:
    """A command says it on a terminal, however many consoles it has; logs and scripts see nothing of it."""
    monkeypatch.setattr(sys, "stderr", stream)
    Console(json=True)
    Console()

    compile_something()

    assert stream.getvalue() == "compiling kernels, once per version: a minute or two\n" * lines
