"""Shapes are built before there are threads.

msgspec builds what it has to know of a Struct when something is first decoded into it. Where two threads do that at
once, one may meet what the other has half built, and the process dies of a segmentation fault (seen with 0.22.0). What
is built already is only read.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct
from msgspec.json import Decoder


def build_shapes(package: str = "forbear") -> int:
    """Have every Struct built that a package has defined by now; a process does so once it has imported what it works
    with, before its first thread. Takes some hundredths of a second. How many there are.
    """
    kinds = [kind for kind in set(_below(Struct)) if kind.__module__.partition(".")[0] == package]
    for kind in kinds:
        Decoder(kind)
    return len(kinds)


def _below(kind: type[Struct]) -> Iterator[type[Struct]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)
