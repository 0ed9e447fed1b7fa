"""The usual way of answering `/predict`: FastAPI, and features by SQL on each call. The baseline of `api`.

Not a benchmark itself. A plain route on the framework's threads, a connection for each thread, the one statement of
`usual_way` for the features, the same boosting for score and attributions, and a row for each prediction, committed.
On SQLite the statement is put into its words, the file has a journal written ahead, and commits are not waited for.

In its favour: it holds the history of those customers only who will be asked about; 19 of the features are computed and
the others are unknown; nobody is asked for a key, nothing is recorded of who looked at whom; no reasons are told.
"""

from __future__ import annotations

import argparse
import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from usual_way import ASK, FEATURES, PREDICT, TABLES, Rows, asking, history, loaded

from forbear.apps.home import Home
from forbear.apps.jobs.modelling import load_model_of

_SQLITE_SETTINGS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")
_SQLITE_BUSY_SECONDS = 30.0


def _newest(condition: str) -> str:
    mine = "customer = %(customer)s AND day > %(day)s - 120 AND day <= %(day)s AND balance_minor IS NOT NULL"
    return f"(SELECT balance_minor FROM transactions WHERE {mine} AND {condition} ORDER BY booked_at DESC LIMIT 1)"


def _in_sqlite(words: str) -> str:
    changed = {"%(customer)s": ":customer", "%(day)s": ":day", "::float8": " * 1.0", "%s": "?"}
    changed |= {"bigserial PRIMARY KEY": "integer PRIMARY KEY"}
    for ours, theirs in changed.items():
        words = words.replace(ours, theirs)
    return words


class Database:
    """A database of one of the two kinds. at: its URL, or a file's path. Each thread has a connection of its own."""

    def __init__(self, at: str) -> None:
        self._at, self._mine, self._server = at, threading.local(), at.startswith("postgresql:")
        self._ask = ASK if self._server else _in_sqlite(asking(_newest))
        self._predict = PREDICT if self._server else _in_sqlite(PREDICT)

    def load(self, home: Home, customers: Iterable[str]) -> None:
        """Make the tables, with the history of some customers."""
        rows = Rows(home.deployment.time_zone)
        if self._server:
            with psycopg.connect(self._at) as connection:
                loaded(connection, home, customers, rows)
            return
        with closing(self._connected()) as connection:
            connection.executescript(_in_sqlite(TABLES))
            connection.executemany(
                f"INSERT INTO transactions VALUES ({', '.join('?' * 8)})", history(home, customers, rows)
            )
            connection.execute(
                "CREATE INDEX whose ON transactions (customer, day, booked_at, amount_minor, balance_minor, measures)"
            )
            connection.execute("ANALYZE")
            connection.commit()

    def features(self, customer: str, day: int) -> tuple[float | None, ...]:
        """Those of FEATURES, in their order."""
        found = self._connection.execute(self._ask, {"customer": customer, "day": day}).fetchone()
        return tuple(found or ())

    def keep(self, customer: str, day: int, pd: float, attributions: bytes) -> None:
        """Keep a prediction, and commit."""
        self._connection.execute(self._predict, (customer, day, pd, attributions.decode())).fetchone()
        self._connection.commit()

    @property
    def _connection(self) -> Any:
        if not hasattr(self._mine, "connection"):
            self._mine.connection = self._connected()
        return self._mine.connection

    def _connected(self) -> Any:
        if self._server:
            return psycopg.connect(self._at)
        connection = sqlite3.connect(self._at, timeout=_SQLITE_BUSY_SECONDS)
        for one in _SQLITE_SETTINGS:
            connection.execute(one)
        return connection


class Wish(BaseModel):
    """Whom to score, and on which day [days since 1970]."""

    customer_id: str
    day: int


class Told(BaseModel):
    """The score of a customer."""

    customer_id: str
    pd: float
    attributions: dict[str, float]


def app_of(home: Home, database: Database) -> FastAPI:
    """The application."""
    artefact, app = load_model_of(home, "boosting"), FastAPI()
    names = artefact.model.features
    places = [list(FEATURES).index(name) if name in FEATURES else None for name in names]

    @app.get("/readyz")
    def readyz() -> None:
        """It answers."""

    @app.post("/predict")
    def predict(asked: Wish) -> Told:
        """Score a customer."""
        found = database.features(asked.customer_id, asked.day)
        row = np.array([[np.nan if place is None or found[place] is None else found[place] for place in places]])
        explained = artefact.explain(row.astype(np.float64))
        pd = float(artefact.calibrated(explained.log_odds)[0])
        attributions = dict(zip(names, explained.attributions[0].tolist(), strict=True))
        database.keep(asked.customer_id, asked.day, pd, msgspec.json.encode(attributions))
        return Told(customer_id=asked.customer_id, pd=pd, attributions=attributions)

    return app


def main() -> None:
    """Serve a home's model over a database until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("database")
    parser.add_argument("port", type=int)
    asked = parser.parse_args()
    app = app_of(Home(asked.home), Database(asked.database))
    uvicorn.run(app, port=asked.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
