"""The audit chain of a home as one file, and whether such a file is what was exported."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from forbear.adapters.disk import storage_errors, whole_file
from forbear.adapters.signing import checked_by, read_public
from forbear.apps.console import EXIT_CODES, Console
from forbear.apps.home import Home
from forbear.apps.jobs.auditing import audited
from forbear.apps.jobs.checkpointing import checkpoint, lines_in
from forbear.apps.options import MADE
from forbear.domain.errors import CorruptState
from forbear.engine.audit import Link
from forbear.engine.audit_export import exported
from forbear.engine.audit_locate import Broken, located
from forbear.engine.audit_verify import Whole, verify_export
from forbear.engine.queries import whole_chain

_STEP = 1_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written where."""

    file: str
    records: int
    checkpoints: int
    root: str
    key: str


def show_export(home: Home, console: Console, out: Path | None, now: datetime) -> Exported:
    """Write the whole chain into one file, under a checkpoint over all of it, and say where it is."""
    path = out or home.reports / "audit.jsonl"
    with audited(home) as store:
        made = checkpoint(store, now, console)
        records, lines = made.signed.checkpoint.size, lines_in(home)
        with console.progress("Exporting", records) as progress, whole_file(path) as file:
            links = _counted(whole_chain(store.queries), progress)
            deque(map(file.write, exported(links, records, lines, made.public)), maxlen=0)
    done = Exported(str(path), records, len(lines), made.signed.checkpoint.root, made.signed.key)
    console.result(asdict(done))
    console.say(f"{records:,} records under {len(lines)} checkpoints, signed by key {done.key}: {path}")
    console.say(f"Anybody can check it with `forbear audit verify {path}` and the public key")
    return done


def show_verification(path: Path, console: Console, key: Path | None, anchors: Sequence[str]) -> None:
    """Say whether an export is whole, and if not which line is the first that is not what was exported.

    Ends with the status of CorruptState where it is not. Raises StorageError for a file that cannot be read.
    """
    public = None if key is None else read_public(key)
    with storage_errors(f"cannot read {path}"):
        size = path.stat().st_size
        with console.progress("Verifying", size) as progress, _lines(path, progress) as lines:
            found = verify_export(lines, checked_by, public, anchors)
        if isinstance(found, Whole):
            _say_whole(console, found)
            return
        broken = located(lambda: _every_line(path), checked_by, public) or Broken(0, None, found)
    where = f"record {broken.record}" if broken.record is not None else "no record"
    console.result({"whole": False, "line": broken.line, "record": broken.record, "why": broken.why})
    console.say(f"{path} is not what was exported.")
    console.say(f"First broken: line {broken.line} ({where}): {broken.why}" if broken.line else f"Broken: {broken.why}")
    raise SystemExit(EXIT_CODES[CorruptState])


def _say_whole(console: Console, found: Whole) -> None:
    signed = datetime.fromtimestamp(found.signed_us / 1e6, UTC).strftime(MADE)
    console.result({"whole": True, **asdict(found)})
    console.say(
        f"Whole: {found.records:,} records under {found.checkpoints} checkpoints, the last signed {signed} by key "
        f"{found.key}; anchor {found.anchor}"
    )
    if not found.trusted:
        console.say("The key was read from the export itself: give --key with a public key that came another way")


def _counted(links: Iterator[Link], progress: Callable[[int], None]) -> Iterator[Link]:
    for number, link in enumerate(links):
        if number % _STEP == 0:
            progress(number)
        yield link


@contextmanager
def _lines(path: Path, progress: Callable[[int], None]) -> Iterator[Iterator[bytes]]:
    """The lines of a file, with a bar that moves by its bytes."""
    with path.open("rb") as file:

        def shown() -> Iterator[bytes]:
            done = 0
            for number, line in enumerate(file):
                done += len(line)
                if number % _STEP == 0:
                    progress(done)
                yield line

        yield shown()


def _every_line(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
