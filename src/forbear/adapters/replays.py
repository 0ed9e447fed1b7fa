"""Replays that are kept: one Parquet file of decisions, what decided and the closed days in its metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forbear.adapters.disk import storage_errors, whole_file
from forbear.domain.errors import ConfigError
from forbear.engine.outputs import DayRow
from forbear.engine.replayed import CODED, COLUMNS, Decided, Replayed

_FORMAT = 1
_KEY = b"forbear.replay"
_CHANCE = "chance of "


class _Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a replay is no column. arms: names of the columns of chances, in their order."""

    format: int
    first: int
    past: int
    said: dict[str, str]
    arms: tuple[str, ...]
    days: tuple[DayRow, ...]


def write_replay(path: Path, replayed: Replayed) -> None:
    """Keep a replay in a file, whole or not at all. Raises StorageError."""
    decided = replayed.decided
    columns: dict[str, Any] = {name: getattr(decided, name) for name in COLUMNS if name not in (*CODED, "chances")}
    columns |= {
        name: pa.DictionaryArray.from_arrays(pa.array(getattr(decided, name)), pa.array(decided.words, pa.string()))
        for name in CODED
    }
    for place, arm in enumerate(("", *decided.arms)):
        columns[_CHANCE + (arm or "nothing")] = decided.chances[:, place]
    facts = _Facts(
        format=_FORMAT,
        first=replayed.first,
        past=replayed.past,
        said=dict(replayed.said),
        arms=decided.arms,
        days=replayed.days,
    )
    table = pa.table(columns).replace_schema_metadata({_KEY: msgspec.json.encode(facts)})
    with whole_file(path) as file:
        pq.write_table(table, file, compression="zstd")


def read_replay(path: Path) -> Replayed:
    """A replay that was kept. Raises ConfigError for another file, StorageError for one that cannot be read."""
    with storage_errors(f"cannot read {path}"):
        if not path.is_file():
            raise ConfigError(f"{path} is no file", mend="`forbear replay --keep` writes one")
        content = path.read_bytes()
    try:
        table = pq.read_table(pa.BufferReader(content))
        facts = msgspec.json.decode((table.schema.metadata or {})[_KEY], type=_Facts)
        if facts.format != _FORMAT:
            raise ConfigError(f"{path} is of format {facts.format}", mend=f"this version reads format {_FORMAT}")
        decided = _decided(table, facts.arms)
    except (pa.ArrowException, msgspec.MsgspecError, KeyError, ValueError) as error:
        raise ConfigError(f"{path} is no replay: {error}", mend="`forbear replay --keep` writes one") from error
    return Replayed(first=facts.first, past=facts.past, decided=decided, days=facts.days, said=facts.said)


def _decided(table: pa.Table, arms: tuple[str, ...]) -> Decided:
    columns: dict[str, Any] = {name: table[name].to_numpy() for name in COLUMNS if name not in (*CODED, "chances")}
    words: dict[str, int] = {}
    for name in CODED:
        chosen = table[name].combine_chunks().dictionary_decode().to_pylist()
        columns[name] = np.array([words.setdefault(word, len(words)) for word in chosen], dtype=np.int32)
    chances = [table[_CHANCE + (arm or "nothing")].to_numpy() for arm in ("", *arms)]
    return Decided(**columns, chances=np.column_stack(chances), words=tuple(words), arms=arms)
