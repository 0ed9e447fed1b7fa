"""The archiver: moves what is recorded from the log into the archive, where it is kept."""

from __future__ import annotations

from forbear.engine.ports import Archive, Source


def archive_recorded(
    source: Source, archive: Archive, until_offset: int, rows_per_segment: int, *, everything: bool = False
) -> int:
    """Append the log's events from the archive's end to `until_offset`, in segments of so many; answer how many.

    everything: the rest that fills no segment as well; else it waits for more. Log and archive share their offsets,
    so the archive's end says where to go on: effectively once, however often it is cut short.
    Raises CorruptState where the log has let go of events that the archive does not hold.
    """
    start = archive.next_offset
    while (rows := min(until_offset - archive.next_offset, rows_per_segment)) > 0:
        if rows < rows_per_segment and not everything:
            break
        archive.append(source.read(archive.next_offset, archive.next_offset + rows))
    return archive.next_offset - start
