"""Event columns as an Arrow table and back: the schema that the archive's Parquet files carry.

Words instead of codes and nulls instead of sentinels, so that any SQL engine can read it; keys beside the
names, so that a replay need not read the names at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from forbear.features.batch import EventKeys
from forbear.features.columns import DTYPES, EMPTY, VOCABULARIES, EventColumns, EventKind, blank

_INSTANTS = {"received_us": "received_at", "booked_us": "booked_at"}
_DAYS = ("day", "paid_on")
_KEYS = {"customer": "customer_key", "identity": "event_key", "account": "account_key"}
_KIND_WORDS = [kind.name.lower() for kind in EventKind]
_WORDS = {"kind": _KIND_WORDS, **{name: [str(m) for m in terms] for name, terms in VOCABULARIES.items()}}

NUMBERS = (*(name for name, dtype in DTYPES.items() if dtype != "S"), "currency", "reverses", "payload")
"""The columns that a replay reads; the names behind the keys are left out."""


def table_of(columns: EventColumns, first_offset: int) -> pa.Table:
    """The table of some columns; offsets count on from the first."""
    keys = EventKeys.of(columns)
    arrays: dict[str, Any] = {"offset": pa.array(np.arange(first_offset, first_offset + len(columns)))}
    for name, dtype in DTYPES.items():
        values = getattr(columns, name)
        arrays[_INSTANTS.get(name, name)] = _array(name, dtype, values)
    for name, column in _KEYS.items():
        arrays[column] = pa.array(getattr(keys, name))
    return pa.table(arrays)


def _array(name: str, dtype: str, values: NDArray[Any]) -> Any:
    if name in _WORDS:
        codes = pa.array(values, mask=values < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(_WORDS[name]))
    if name in _INSTANTS:
        return pa.array(values).view(pa.timestamp("us", tz="UTC"))
    if dtype == "S":
        texts = pa.array(values, type=pa.binary(), mask=values == b"").cast(pa.string())
        return texts.dictionary_encode() if name == "currency" else texts
    absent = EMPTY.get(name)
    array = pa.array(values, mask=values == absent if absent not in (0, None) else None)
    return array.view(pa.date32()) if name in _DAYS else array


def stored_names(names: tuple[str, ...]) -> list[str]:
    """The columns of a table that hold some columns of EventColumns, and the keys."""
    return [_INSTANTS.get(name, name) for name in names] + list(_KEYS.values())


def columns_of_table(table: pa.Table, names: tuple[str, ...] = tuple(DTYPES)) -> EventColumns:
    """The columns of a table; those not in `names` are blank."""
    given = {name: _values(name, table.column(_INSTANTS.get(name, name)).combine_chunks()) for name in names}
    return blank(table.num_rows, **given)


def keys_of_table(table: pa.Table) -> EventKeys:
    """The keys that stand beside the names."""
    return EventKeys(**{name: table.column(column).to_numpy() for name, column in _KEYS.items()})


def _values(name: str, array: Any) -> NDArray[Any]:
    if name in _WORDS:
        return _codes(array, _WORDS[name])
    if name in _INSTANTS:
        return array.view(pa.int64()).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    if DTYPES[name] == "S":
        return _bytes(array)
    if name in _DAYS:
        array = array.view(pa.int32())
    if array.null_count:
        array = pc.fill_null(array, EMPTY[name])
    return array.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _codes(array: Any, words: list[str]) -> NDArray[np.int8]:
    """Codes into our own order of words, whatever order the file's dictionary has."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    ours = np.array([words.index(word) for word in array.dictionary.to_pylist()] or [-1], dtype=np.int8)
    indices = array.indices
    codes: NDArray[np.int8]
    if not indices.null_count:
        codes = ours[indices.to_numpy(zero_copy_only=False)]
        return codes
    codes = ours[pc.fill_null(indices, 0).to_numpy(zero_copy_only=False)]
    codes[array.is_null().to_numpy(zero_copy_only=False)] = -1
    return codes


def _bytes(array: Any) -> NDArray[np.bytes_]:
    """Text as byte strings. Columns that are mostly empty, or of few words, are the usual case and quick."""
    if array.null_count == len(array):
        return np.zeros(len(array), dtype="S1")
    if 2 * array.null_count > len(array):
        present = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
        texts = [text.encode() for text in array.take(pa.array(present)).to_pylist()]
        values = np.zeros(len(array), dtype=f"S{max(map(len, texts))}")
        values[present] = texts
        return values
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    words = np.array([*(word.encode() for word in encoded.dictionary.to_pylist()), b""])
    texts_of_rows: NDArray[np.bytes_] = words[
        pc.fill_null(encoded.indices, len(words) - 1).to_numpy(zero_copy_only=False)
    ]
    return texts_of_rows
