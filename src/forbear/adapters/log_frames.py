"""Frames: the records of a log's files. A header of 56 bytes with a checksum, and a payload behind it.

The payload of events is one Arrow record batch against one fixed schema: numbers plain, texts as bytes, and the
keys of the names, so that nothing is hashed twice. What is published at once is a group of frames that counts
as a whole: a group whose last frame is not there was never published.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, TypeAlias
from zlib import crc32

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from forbear.adapters.event_table import NUMBERS
from forbear.engine.ports import Origin
from forbear.features.batch import EventKeys
from forbear.features.columns import DTYPES, VOCABULARIES, EventColumns, EventKind

Raw: TypeAlias = bytes | memoryview

MAGIC = b"fbLG"
MOST_ROWS = 8_192
"""Events of one frame: what a reader that needs one of them has to decode."""
NO_TOPIC = -1

_LAYOUT = struct.Struct("<4sIIIQQqqii")
_CHECKED_FROM = 8
HEADER_BYTES = _LAYOUT.size

_ARROW = {"S": pa.binary(), "int64": pa.int64(), "int32": pa.int32(), "int8": pa.int8()}
_KEYS = {"customer": "customer_key", "identity": "event_key", "account": "account_key"}
_SCHEMA = pa.schema(
    [*((name, _ARROW[dtype]) for name, dtype in DTYPES.items()), *((name, pa.uint64()) for name in _KEYS.values())]
)
SCHEMA_SHA = hashlib.sha256(msgspec.json.encode([[f.name, str(f.type)] for f in _SCHEMA])).hexdigest()
"""What columns a payload has, in which order and of which types."""
WORDS = {
    "kind": [kind.name.lower() for kind in EventKind],
    **{name: [str(member) for member in terms] for name, terms in VOCABULARIES.items()},
}
"""What the codes of a payload mean: the place of each word."""
TEXTS = tuple(name for name, dtype in DTYPES.items() if dtype == "S")
POLLED = (*(name for name in TEXTS if name in NUMBERS), "customer_id")
"""The texts that a poll gives, beside all numbers."""

_FEW_ROWS, _WIDEST = 256, 64
"""Texts of few rows are quicker one by one; so are wide ones, whose rows would be nothing but padding."""


class Header(NamedTuple):
    """What a frame says of itself.

    length: of the payload [bytes].  rows: events in it.  first: offset of the first.  group: offset of the first
    event that was published with it.  received_us: when its last event was received.  past, topic: as in `Origin`,
    NO_TOPIC if it came from none.  left: frames of its group that follow.
    """

    length: int
    rows: int
    first: int
    group: int
    received_us: int
    past: int
    topic: int
    left: int


def framed(header: Header, payload: Raw) -> bytes:
    """A header with its checksum, and its payload."""
    bare = _LAYOUT.pack(MAGIC, 0, *header)
    checksum = crc32(payload, crc32(bare[_CHECKED_FROM:]))
    return b"".join((_LAYOUT.pack(MAGIC, checksum, *header), payload))


def header_at(raw: Raw, at: int) -> Header | None:
    """The header that stands at a place; None where there is none. What it says is not checked."""
    if at + HEADER_BYTES > len(raw) or raw[at : at + len(MAGIC)] != MAGIC:
        return None
    return Header(*_LAYOUT.unpack_from(raw, at)[2:])


def whole_at(raw: Raw, at: int) -> Header | None:
    """The header of a frame that stands at a place, whole and as it was written; None where there is none."""
    header = header_at(raw, at)
    if header is None or at + HEADER_BYTES + header.length > len(raw):
        return None
    checked = raw[at + _CHECKED_FROM : at + HEADER_BYTES + header.length]
    return header if crc32(checked) == _LAYOUT.unpack_from(raw, at)[1] else None


def frames_of(columns: EventColumns, first: int, origin: Origin | None) -> bytes:
    """Events as one group of frames. first: the offset of the first event."""
    keys = EventKeys.of(columns)
    arrays = [pa.array(getattr(columns, name), type=_ARROW[dtype]) for name, dtype in DTYPES.items()]
    arrays += [pa.array(getattr(keys, name)) for name in _KEYS]
    whole = pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)
    starts = range(0, len(columns), MOST_ROWS)
    frames: list[bytes] = []
    for start in starts:
        part = whole.slice(start, MOST_ROWS)
        payload = part.serialize()
        header = Header(
            length=payload.size,
            rows=part.num_rows,
            first=first + start,
            group=first,
            received_us=int(columns.received_us[start + part.num_rows - 1]),
            past=0 if origin is None else origin.past,
            topic=NO_TOPIC if origin is None else origin.topic,
            left=len(starts) - 1 - len(frames),
        )
        frames.append(framed(header, memoryview(payload)))
    return b"".join(frames)


def records_of(payload: Raw) -> Any:
    """The record batch of a payload, over the same bytes. Raises ArrowException where it is none."""
    return pa.ipc.read_record_batch(pa.py_buffer(payload), _SCHEMA)


def columns_of_records(records: Sequence[Any], texts: Collection[str] = TEXTS) -> tuple[EventColumns, EventKeys]:
    """The columns of some record batches, one behind the other, and their keys; texts not named are blank."""
    batch = records[0] if len(records) == 1 else pa.concat_batches(records)
    arrays = batch.columns
    left_out = np.zeros(batch.num_rows, dtype="S1")
    given = {
        name: _numbers(array, dtype) if dtype != "S" else _texts(array) if name in texts else left_out
        for (name, dtype), array in zip(DTYPES.items(), arrays, strict=False)
    }
    keys = {name: array.to_numpy() for name, array in zip(_KEYS, arrays[len(DTYPES) :], strict=True)}
    return EventColumns(**given), EventKeys(**keys)


def _numbers(array: Any, dtype: str) -> NDArray[Any]:
    values: NDArray[Any] = array.to_numpy()
    # The archive's codes are arrays of their own, too: a kernel is compiled once for each kind of array that it meets.
    return values.copy() if dtype == "int8" else values


def _texts(array: Any) -> NDArray[np.bytes_]:
    """Texts as byte strings, as wide as the widest of them."""
    rows = len(array)
    _, offsets, content = array.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32, count=rows + 1, offset=4 * array.offset)
    if ends[0] == ends[-1]:
        return np.zeros(rows, dtype="S1")
    if rows <= _FEW_ROWS:
        return np.array(array.to_pylist(), dtype="S")
    lengths = ends[1:] - ends[:-1]
    width = int(lengths.max())
    texts = np.zeros(rows, dtype=f"S{width}")
    present = np.flatnonzero(lengths)
    if width > _WIDEST or 2 * len(present) < rows:
        for row in present.tolist():
            texts[row] = content[int(ends[row]) : int(ends[row + 1])].to_pybytes()
    else:
        letters = texts.view(np.uint8).reshape(rows, width)
        letters[np.arange(width) < lengths[:, None]] = np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]]
    return texts
