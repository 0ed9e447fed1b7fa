"""One way to compile a kernel, and a disk cache that can never serve a stale one.

Numba's own cache notices a change of the file that a kernel stands in, but not of the kernels that it calls
from other files: after an upgrade it could go on running old arithmetic. So the cache lies in a folder named
by the content of every source file of the package: change one byte anywhere, and everything compiles anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import cgutils, config, types
from numba.extending import intrinsic

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent
_PREFIX = "forbear-kernels-"


def compiled(kernel: Kernel) -> Kernel:
    """The kernel as machine code: strict IEEE arithmetic, the interpreter lock released, kept on disk."""
    return _compile(kernel)


def inlined(kernel: Kernel) -> Kernel:
    """The same for a few lines that belong inside their caller."""
    return _compile(kernel, inline="always")


@intrinsic
def _move_words(_typing: Any, array: Any, _target: Any, _source: Any, _count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, arguments[0]).data
        to, origin = (builder.gep(data, [index]) for index in arguments[1:3])
        cgutils.raw_memmove(
            builder, to, origin, arguments[3], context.get_abi_sizeof(context.get_value_type(kind.dtype))
        )
        return context.get_dummy_value()

    return types.none(array, types.intp, types.intp, types.intp), generate


def _compile(kernel: Kernel, **options: Any) -> Kernel:
    before = vars(config)["CACHE_DIR"]
    vars(config)["CACHE_DIR"] = str(_cache_folder())
    try:
        return cast(Kernel, numba.njit(cache=True, nogil=True, **options)(kernel))
    finally:
        vars(config)["CACHE_DIR"] = before


@cache
def _cache_folder() -> Path:
    """A folder for this very source, in the first place that can be written; older ones of the place are removed."""
    digest = hashlib.sha256()
    for source in sorted(_PACKAGE.rglob("*.py")):
        digest.update(source.read_bytes())
    name = _PREFIX + digest.hexdigest()[:16]
    for base in _bases():
        folder = base / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            for old in base.glob(_PREFIX + "*"):
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
            return folder
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


def _bases() -> tuple[Path, ...]:
    asked = os.environ.get("NUMBA_CACHE_DIR")
    beside = _PACKAGE / "__pycache__"
    own = Path.home() / ".cache" / "forbear"
    return (Path(asked), beside, own) if asked else (beside, own)


@inlined
def move_words(array: Any, target: Any, source: Any, count: Any) -> None:
    """In a kernel: move `count` elements of a contiguous array from one index to another; the two may overlap."""
    _move_words(array, target, source, count)  # type: ignore[call-arg]
