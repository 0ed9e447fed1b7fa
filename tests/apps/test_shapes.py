"""Shapes that are built before threads begin can be used by several at once."""

from __future__ import annotations

import subprocess
import sys

from forbear.apps.shapes import build_shapes
from forbear.domain.deployment import Deployment

MANY_AT_ONCE = '''
import sys, threading, types
import msgspec
from forbear.apps.shapes import build_shapes

SHAPES = """
from __future__ import annotations
from typing import Annotated
from msgspec import Meta, Struct

class Part(Struct, frozen=True):
    count: Annotated[int, Meta(ge=1)] = 1

class Box(Struct, frozen=True):
    part: Part = Part()
    names: dict[str, int] = {}

class Whole(Struct, frozen=True):
    part: Part = Part()
    boxes: list[Box] = []
"""
sys.setswitchinterval(1e-6)
for round in range(200):
    module = types.ModuleType(f"shapes_{round}.own")
    sys.modules[module.__name__] = module
    exec(SHAPES, module.__dict__)
    assert build_shapes(f"shapes_{round}") == 3
    begin, found = threading.Barrier(4), []

    def convert():
        begin.wait()
        found.append(msgspec.convert({"part": {"count": 3}, "boxes": [{"names": {"a": 1}}]}, module.Whole))

    threads = [threading.Thread(target=convert) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 4
'''
"""Without `build_shapes` it dies in its first rounds."""


def test_threads_may_begin_with_the_same_shape() -> None:
    """Four threads that convert into a shape for the first time, 200 times over, are all answered."""
    ran = subprocess.run([sys.executable, "-c", MANY_AT_ONCE], capture_output=True, text=True, timeout=300, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_shape_of_ours_can_be_built() -> None:
    """Nothing that the package has defined by now is left out, and nothing of it refuses."""
    assert Deployment.__module__.startswith("forbear")
    assert build_shapes() > 50
    assert build_shapes("nobody") == 0
