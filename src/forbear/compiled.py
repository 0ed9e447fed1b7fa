"""One way to compile a kernel, and a disk cache that can never serve a stale one.

Numba's own cache notices a change of the file that a kernel stands in, but not of the kernels that it calls
from other files: after an upgrade it could go on running old arithmetic. So the cache of a layer lies in a folder
named by the content of every source file that its kernels may call on: change one byte of those, and the layer's
kernels compile anew.
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
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, config, event, types
from numba.extending import intrinsic

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parent
_PREFIX = "forbear-kernels-"
READ_BY_KERNELS = {
    "features": ("domain", "features"),
    "models": ("domain", "models"),
    "simulation": ("domain", "features", "simulation"),
}
"""Layers with kernels, and the layers that they may take anything from; a test holds their imports to it."""


class _Herald(event.Listener):
    """Tells, once, that something is about to be compiled; what the cache holds is not."""

    tell: Callable[[], None] | None = None

    def on_start(self, _event: Any) -> None:
        tell, self.tell = self.tell, None
        if tell is not None:
            tell()

    def on_end(self, _event: Any) -> None:
        """Nothing is said when it is done."""


_herald = _Herald()
event.register("numba:compile", _herald)  # type: ignore[no-untyped-call]


def before_compiling(tell: Callable[[], None]) -> None:
    """Have this called once, before the first kernel that is not on disk yet is compiled. Who asks last is told."""
    _herald.tell = tell


def on_disk(layer: str) -> bool:
    """Whether anything of a layer's kernels, as their source is now, has been compiled before."""
    return any(_cache_folder(layer).iterdir())


def compiled(kernel: Kernel) -> Kernel:
    """The kernel as machine code: strict IEEE arithmetic, the interpreter lock released, kept on disk."""
    return _compile(kernel)


def inlined(kernel: Kernel) -> Kernel:
    """The same for what runs once an event or oftener: its machine code goes into that of its caller."""
    return _compile(kernel, forceinline=True)


@intrinsic
def _move_words(_typing: Any, to: Any, _target: Any, source: Any, _start: Any, _count: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        into, out_of = (context.make_array(kind)(context, builder, arguments[place]).data for place in (0, 2))
        cgutils.raw_memmove(  # type: ignore[no-untyped-call]
            builder,
            builder.gep(into, [arguments[1]]),
            builder.gep(out_of, [arguments[3]]),
            arguments[4],
            context.get_abi_sizeof(context.get_value_type(kind.dtype)),
        )
        return context.get_dummy_value()

    return types.none(to, types.intp, source, types.intp, types.intp), generate


@intrinsic
def _add_eight(_typing: Any, sums: Any, _to: Any, _from: Any, addends: Any, _start: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:

        def eight(array: int, index: int) -> tuple[Any, int]:
            kind = signature.args[array]
            data = context.make_array(kind)(context, builder, arguments[array]).data
            lanes = ir.VectorType(context.get_value_type(kind.dtype), 8)
            return builder.bitcast(builder.gep(data, [arguments[index]]), lanes.as_pointer()), kind.dtype.bitwidth // 8

        (to, wide), (base, _), (narrow, align) = eight(0, 1), eight(0, 2), eight(3, 4)
        addend = builder.sext(builder.load(narrow, align=align), ir.VectorType(ir.IntType(64), 8))
        builder.store(builder.add(builder.load(base, align=wide), addend), to, align=wide)
        return context.get_dummy_value()

    return types.none(sums, types.intp, types.intp, addends, types.intp), generate


@intrinsic
def _prefetch(_typing: Any, array: Any, _index: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        octet, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        hint = builder.module.declare_intrinsic(
            "llvm.prefetch", [octet], ir.FunctionType(ir.VoidType(), [octet, number, number, number])
        )
        place = builder.bitcast(builder.gep(data, [arguments[1]]), octet)
        builder.call(hint, [place, number(0), number(3), number(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


@intrinsic
def _borrowed(_typing: Any, array: Any) -> Any:

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        view.meminfo, view.parent = view.meminfo.type(None), view.parent.type(None)
        return view._getvalue()  # noqa: SLF001  # how numba spells it

    return array(array), generate


def _compile(kernel: Kernel, **options: Any) -> Kernel:
    before = vars(config)["CACHE_DIR"]
    vars(config)["CACHE_DIR"] = str(_cache_folder(_layer_of(kernel.__module__)))
    try:
        return cast(Kernel, numba.njit(cache=True, nogil=True, **options)(kernel))
    finally:
        vars(config)["CACHE_DIR"] = before


def _layer_of(module: str) -> str:
    """The layer of a module of this package that has kernels; "" for any other."""
    parts = module.split(".")
    return parts[1] if parts[0] == _PACKAGE.name and len(parts) > 1 and parts[1] in READ_BY_KERNELS else ""


@cache
def _cache_folder(layer: str) -> Path:
    """A folder for this very source, in the first place that can be written; older ones of the place are removed."""
    folders = [_PACKAGE / name for name in READ_BY_KERNELS[layer]] if layer else [_PACKAGE]
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for source in sorted(source for folder in folders for source in folder.rglob("*.py")):
        digest.update(source.read_bytes())
    prefix = f"{_PREFIX}{layer or 'other'}-"
    name = prefix + digest.hexdigest()[:16]
    for base in _bases():
        folder = base / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            for old in base.glob(prefix + "*"):
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
def move_words(to: Any, target: Any, source: Any, start: Any, count: Any) -> None:
    """In a kernel: copy `count` elements between places, maybe overlapping, of contiguous arrays of one kind."""
    _move_words(to, target, source, start, count)  # type: ignore[call-arg]


@inlined
def add_eight(sums: Any, to: Any, base: Any, addends: Any, start: Any) -> None:
    """In a kernel, for eight at once: sums[to + i] = sums[base + i] + addends[start + i], these being narrow."""
    _add_eight(sums, to, base, addends, start)  # type: ignore[call-arg]


@inlined
def prefetch(array: Any, index: Any) -> None:
    """In a kernel: have the cache line of a word of a contiguous array fetched, to be there a little later."""
    _prefetch(array, index)  # type: ignore[call-arg]


@inlined
def natural(number: Any) -> Any:
    """In a kernel: the same number, told to the compiler to be natural: as an index it need not be tested."""
    return number & ((1 << 62) - 1)


@inlined
def borrowed(array: Any) -> Any:
    """In a kernel: the array without its owner, so that taking a view of it counts no references.

    Its owner must outlive the view, as the argument of a kernel outlives the call. An array that the kernel has made
    does not: it is gone after its last use, whatever was borrowed of it.
    """
    return _borrowed(array)  # type: ignore[call-arg]
