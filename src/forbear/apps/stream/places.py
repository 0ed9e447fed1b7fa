"""Where the processes of a home keep things, and the services that they use."""

from __future__ import annotations

from pathlib import Path

from forbear.adapters.archive import FileArchive
from forbear.apps.home import Home


def snapshots_of_scorer(home: Home, partition: int) -> Path:
    """The folder of the snapshots of a partition's follower."""
    return stream_of(home) / "scorer" / str(partition)


def snapshots_of_intervenor(home: Home) -> Path:
    """The folder of the decider's snapshots."""
    return stream_of(home) / "intervenor"


def archive_of(home: Home, partition: int) -> FileArchive:
    """The archive of a partition of the stream."""
    return FileArchive(stream_of(home) / "archive" / str(partition), gaps=True)


def stream_of(home: Home) -> Path:
    """The folder of all that the production path keeps in a home."""
    return home.folder / "stream"
