"""Snapshots that are written beside a loop, one behind the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from forbear.adapters.snapshots import FileSnapshots
from forbear.apps.stream.pulse import Pulse
from forbear.domain.errors import StorageError
from forbear.engine.ports import Kept


class SavingBeside:
    """Writes snapshots in a thread, while the block runs. One that cannot be written is noted: the next is tried."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="snapshots")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def save(self, snapshots: FileSnapshots, kept: Kept) -> None:
        """Have a snapshot written."""
        self._thread.submit(self._save, snapshots, kept)

    def wait(self) -> None:
        """Return when everything given is written, or noted as not."""
        self._thread.submit(int).result()

    def _save(self, snapshots: FileSnapshots, kept: Kept) -> None:
        try:
            snapshots.save(kept)
        except StorageError as error:
            self._pulse.count("snapshots_failed", 1)
            self._pulse.note("snapshot_failed", why=str(error))
