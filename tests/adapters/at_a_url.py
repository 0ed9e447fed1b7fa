"""Stores at a URL as tests fill them, race for them and read them back, whichever database it is."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_store
from forbear.domain.errors import ForbearError
from forbear.engine.outputs import Outputs
from forbear.testing.outputs import assert_same, days

MOST = 10_000
"""Decisions and outcomes that are read at the most."""
RACERS = 4


def filled(url: str, count: int = 1) -> tuple[Outputs, ...]:
    """A store with some days, closed again."""
    store, made = open_store(url), days(count)
    for outputs in made:
        store.commit(outputs)
    store.close()
    return made


def recorded(url: str) -> Outputs:
    """Everything in the store at a URL."""
    with closing(open_queries(url)) as queries:
        return queries.recorded(MOST).value


def run(url: str, statement: str) -> None:
    """Have a PostgreSQL server do something behind the store's back."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def assert_one_records(url: str, processes: Any) -> None:
    """Processes that make the store and commit the same at once: one records, the others are told."""
    results, start = processes.Queue(), processes.Event()
    racers = [processes.Process(target=_race, args=(url, results, start)) for _ in range(RACERS)]
    for racer in racers:
        racer.start()
    start.set()
    told = sorted(results.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join(30)

    assert told == ["ConflictError"] * (RACERS - 1) + ["recorded"]
    assert_same(days(1)[0], recorded(url))


def _race(url: str, results: Any, start: Any) -> None:
    store = open_store(url)
    start.wait(30)
    try:
        store.commit(days(1)[0])
        results.put("recorded")
    except ForbearError as error:
        results.put(type(error).__name__)
