"""The same job the usual way: one message at a time, features by SQL, scores over HTTP. The baseline of `stream`.

    .venv/bin/python bench/usual_way.py --customers 2000    for trying it out

Of every message: the transaction is inserted, at every 5th one of a customer the features are asked of PostgreSQL, a
server process scores them with the same boosting and says what each feature adds, the prediction is inserted, and
where it is high and nothing was decided of late, a decision. Then PostgreSQL commits, and then Kafka.

Done as well as that way allows: prepared statements in one round trip where that can be, an index that holds all that
the features read, a connection to the scorer that is kept open and sends at once, one statement for all features.

In its favour: it reads the history of those customers only who are met; it computes the features that are sums over
windows and leaves the others unknown (pay days, schedules, weekly deviations, balances day by day); it knows no
triggers but that one, no late arrivals, no contact law, no capacity, no audit chain, no archive.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import psycopg
from confluent_kafka import Consumer, Message, TopicPartition
from live_bank import EVERY_NTH
from psycopg import sql
from stream_bank import StreamBank, stream_bank

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.topics import Topic, apply
from forbear.apps.home import Home
from forbear.apps.jobs.modelling import load_model_of
from forbear.domain.events import Transaction, decode
from forbear.domain.terms import AccountKind, Direction, Status
from forbear.features.columns import EventKind, day_number, events_of
from forbear.features.measures import NIGHT_FROM_HOUR, NIGHT_UNTIL_HOUR, OUT_OF_MONEY, Measure, mask_of, measures_of
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.postgres import PostgresServer

OFFERED_FROM = 0.2
"""PD from which something is decided."""
COOL_DOWN_DAYS = 14
_NAME = "usual-way"
_DATABASE = "usual_way"

TABLES = """
CREATE TABLE transactions (
    transaction_id text PRIMARY KEY, customer text NOT NULL, account text NOT NULL, day integer NOT NULL,
    booked_at timestamptz NOT NULL, amount_minor bigint NOT NULL, balance_minor bigint, measures integer NOT NULL
);
CREATE TABLE customers (customer text PRIMARY KEY, seen bigint NOT NULL);
CREATE TABLE predictions (
    prediction_id bigserial PRIMARY KEY, customer text NOT NULL, day integer NOT NULL, pd double precision NOT NULL,
    attributions jsonb NOT NULL
);
CREATE TABLE decisions (
    decision_id bigserial PRIMARY KEY, customer text NOT NULL, day integer NOT NULL,
    prediction_id bigint NOT NULL REFERENCES predictions
);
"""
# Made behind the load, as whoever loads much does.
_INDEXES = """
CREATE INDEX ON transactions (customer, day) INCLUDE (booked_at, amount_minor, balance_minor, measures);
CREATE INDEX ON decisions (customer, day);
"""
_COPY = """
COPY transactions (transaction_id, customer, account, day, booked_at, amount_minor, balance_minor, measures) FROM STDIN
"""
_INSERT = """
WITH added AS (INSERT INTO transactions VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
               RETURNING customer)
INSERT INTO customers SELECT customer, 1 FROM added
ON CONFLICT (customer) DO UPDATE SET seen = customers.seen + 1 RETURNING seen
"""
PREDICT = "INSERT INTO predictions (customer, day, pd, attributions) VALUES (%s, %s, %s, %s) RETURNING prediction_id"
_DECIDE = """
INSERT INTO decisions (customer, day, prediction_id) SELECT %(customer)s, %(day)s, %(prediction)s
WHERE NOT EXISTS (SELECT 1 FROM decisions WHERE customer = %(customer)s AND day > %(day)s - %(cool_down)s)
"""

_SUMS = {"income": Measure.INCOME, "spending": Measure.SPENDING, "essential": Measure.ESSENTIAL}
_SUMS |= {"discretionary": Measure.DISCRETIONARY, "gambling": Measure.GAMBLING, "lending": Measure.LENDING}
_SUMS |= {"cash": Measure.CASH, "savings": Measure.SAVINGS_OUT}
_COUNTS = {"transactions": Measure.TRANSACTIONS, "nights": Measure.NIGHT, "failed": Measure.FAILED_DEBITS}
_COUNTS |= {"withdrawals": Measure.CASH_WITHDRAWALS}
_WINDOWS = {"14": (0, 14), "30": (0, 30), "90": (0, 90), "120": (0, 120), "before": (30, 120)}
"""First and last day of a window, counted back; "before" is the baseline."""
FEATURES = {
    "balance_change_ratio_30d": "(last_balance - old_balance) / nullif(spending_120 / 4.0, 0)",
    "lowest_balance_ratio_14d": "lowest_14 / nullif(spending_120 / 120.0, 0)",
    "lowest_balance_ratio_90d": "lowest_90 / nullif(spending_120 / 120.0, 0)",
    "savings_withdrawal_change_ratio": "(savings_30 - savings_before / 3.0) / nullif(spending_120 / 4.0, 0)",
    "spending_change_ratio_14d": "spending_14 / 14.0 / nullif(spending_before / 90.0, 0)",
    "discretionary_share_change": "discretionary_30 / nullif(spending_30, 0)"
    " - discretionary_before / nullif(spending_before, 0)",
    "essential_share_30d": "essential_30 / nullif(spending_30, 0)",
    "spending_to_income_30d": "spending_30 / nullif(income_90 / 3.0, 0)",
    "gambling_share_30d": "gambling_30 / nullif(spending_30, 0)",
    "lending_app_inflow_ratio_30d": "lending_30 / nullif(income_90 / 3.0, 0)",
    "failed_debits_30d": "failed_30",
    "failed_debit_change": "failed_30 - failed_before / 3.0",
    "cash_share_change": "cash_30 / nullif(spending_30, 0) - cash_before / nullif(spending_before, 0)",
    "cash_withdrawals_change_ratio_14d": "withdrawals_14 / 14.0 / nullif(withdrawals_before / 90.0, 0)",
    "transactions_change_ratio_14d": "transactions_14 / 14.0 / nullif(transactions_before / 90.0, 0)",
    "night_share_change": "nights_30 / nullif(transactions_30, 0) - nights_before / nullif(transactions_before, 0)",
    "inactive_days_14d": "14 - active_14",
    "net_flow_30d_to_income": "(income_30 - spending_30) / nullif(income_90 / 3.0, 0)",
    "days_of_cover": "last_balance / nullif(spending_120 / 120.0, 0)",
}
"""What of a customer's features is one row of sums, by name."""


def _window(name: str) -> str:
    first, last = _WINDOWS[name]
    after = f"day > %(day)s - {last}"
    return after if not first else f"{after} AND day <= %(day)s - {first}"


def asking(newest: Callable[[str], str]) -> str:
    """The one statement that gives the features of a customer on a day.

    newest: from a condition to what gives the balance of the last transaction that has one and meets it.
    """
    summed = [
        f"coalesce({what} FILTER (WHERE measures & {mask_of(frozenset({measure}))} <> 0 AND {_window(window)}), 0)"
        f"::float8 AS {name}_{window}"
        for what, measures in (("sum(amount_minor)", _SUMS), ("count(*)", _COUNTS))
        for name, measure in measures.items()
        for window in _WINDOWS
        if any(f"{name}_{window}" in formula for formula in FEATURES.values())
    ]
    balances = [
        f"{newest('true')}::float8 AS last_balance",
        f"{newest(_window('before'))}::float8 AS old_balance",
        f"(min(balance_minor) FILTER (WHERE {_window('14')}))::float8 AS lowest_14",
        f"(min(balance_minor) FILTER (WHERE {_window('90')}))::float8 AS lowest_90",
        f"count(DISTINCT day) FILTER (WHERE {_window('14')}) AS active_14",
    ]
    formulas = ", ".join(f"({formula})::float8 AS {name}" for name, formula in FEATURES.items())
    return f"""
    WITH sums AS (
        SELECT {", ".join([*summed, *balances])} FROM transactions
        WHERE customer = %(customer)s AND day > %(day)s - 120 AND day <= %(day)s
    )
    SELECT {formulas} FROM sums
    """


def _newest(condition: str) -> str:
    told = "array_agg(balance_minor ORDER BY booked_at DESC) FILTER"
    return f"({told} (WHERE balance_minor IS NOT NULL AND {condition}))[1]"


ASK = asking(_newest)
"""In PostgreSQL's words, with parameters `customer` and `day`."""


class Rows:
    """From a transaction to its row: the bank's day, and what it counts towards. zone: the bank's."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)

    def of(self, one: Transaction) -> tuple[Any, ...]:
        """The values of a row of `transactions`."""
        local = one.booked_at.astimezone(self._zone)
        night = local.hour >= NIGHT_FROM_HOUR or local.hour < NIGHT_UNTIL_HOUR
        mask = _mask(one.direction, one.account_kind, one.channel, one.category) if one.status is Status.BOOKED else 0
        if not night:
            mask &= ~mask_of(frozenset({Measure.NIGHT}))
        failed = one.status is Status.FAILED and one.direction is Direction.DEBIT
        if failed and one.failure_reason in OUT_OF_MONEY:
            mask = mask_of(frozenset({Measure.FAILED_DEBITS}))
        liquid = one.account_kind in (AccountKind.CURRENT, AccountKind.SAVINGS)
        balance = one.balance_after_minor if liquid else None
        day = day_number(local.date())
        booked = one.booked_at, one.amount_minor, balance, mask
        return one.transaction_id, one.customer_id, one.account_id, day, *booked


@cache
def _mask(*terms: Any) -> int:
    return mask_of(measures_of(*terms))


class Scorer:
    """A client of the server process, over one connection that stays open. order: names of the model's features."""

    def __init__(self, port: int, order: Sequence[str]) -> None:
        self._connection = HTTPConnection("127.0.0.1", port)
        self._places = [list(FEATURES).index(name) if name in FEATURES else None for name in order]

    def score(self, features: Sequence[float | None]) -> tuple[float, list[float]]:
        """PD, and what each feature adds to it."""
        asked = [None if place is None else features[place] for place in self._places]
        self._connection.request("POST", "/score", msgspec.json.encode(asked), {"Content-Type": "application/json"})
        answer = msgspec.json.decode(self._connection.getresponse().read())
        return answer["pd"], answer["attributions"]


def serve(home: Home) -> None:
    """Score over HTTP until killed; print the port."""
    artefact = load_model_of(home, "boosting")

    class Handler(BaseHTTPRequestHandler):
        """One row of features in, PD and attributions out."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body leave together

        def do_POST(self) -> None:
            """Score."""
            asked = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])), type=list[float | None])
            row = np.array([[np.nan if value is None else value for value in asked]])
            found = artefact.explain(row)
            pd = float(artefact.calibrated(found.log_odds)[0])
            body = msgspec.json.encode({"pd": pd, "attributions": found.attributions[0].tolist()})
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


@contextmanager
def scorer_of(home: Home) -> Iterator[Scorer]:
    """A server of its own, and a client of it."""
    command = [sys.executable, __file__, "--serve", str(home.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Scorer(int(process.stdout.readline()), load_model_of(home, "boosting").model.features)
        finally:
            process.kill()


def history(home: Home, customers: Iterable[str], rows: Rows) -> Iterator[tuple[Any, ...]]:
    """Rows of `transactions`: what the archive has of some customers."""
    wanted = np.array(sorted({one.encode() for one in customers}))
    known = set[str]()
    for columns in home.archive.read():
        own = (columns.kind == EventKind.TRANSACTION) & np.isin(columns.customer_id, wanted)
        for event in events_of(columns.take(np.flatnonzero(own))):
            assert isinstance(event, Transaction)
            if event.transaction_id not in known:  # a feed may tell of one twice
                yield rows.of(event)
                known.add(event.transaction_id)


def loaded(connection: psycopg.Connection[Any], home: Home, customers: Iterable[str], rows: Rows) -> None:
    """Make the tables, with the history of those who will be met."""
    connection.execute(TABLES)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in history(home, customers, rows):
            copy.write_row(row)
    connection.execute(_INDEXES)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")
    connection.autocommit = False


def work_off(connection: psycopg.Connection[Any], message: Message, scorer: Scorer, rows: Rows, every_nth: int) -> None:
    """Do all that one message asks for, and commit it."""
    event = decode(message.value() or b"")
    assert isinstance(event, Transaction)
    row = rows.of(event)
    customer, day = row[1], row[3]
    seen = connection.execute(_INSERT, row, prepare=True).fetchone()
    if seen is not None and seen[0] % every_nth == 0:
        features = connection.execute(ASK, {"customer": customer, "day": day}, prepare=True).fetchone()
        pd, attributions = scorer.score(features or ())
        told = customer, day, pd, msgspec.json.encode(attributions).decode()
        (prediction,) = connection.execute(PREDICT, told, prepare=True).fetchone() or (0,)
        if pd >= OFFERED_FROM:
            named = {"customer": customer, "day": day, "prediction": prediction, "cool_down": COOL_DOWN_DAYS}
            connection.execute(_DECIDE, named, prepare=True)
    connection.commit()


def run(
    bank: StreamBank, kafka: KafkaServer, postgres: PostgresServer, transactions: int, *, every_nth: int = EVERY_NTH
) -> float:
    """Transactions a second over so many live transactions of a bank with a boosting; the first is not timed."""
    live = (event for event in bank.events() if isinstance(event, Transaction))
    met, rows = list(itertools.islice(live, transactions)), Rows(bank.home.deployment.time_zone)
    name = f"{_NAME}-{every_nth}"
    apply(Cluster(kafka.bootstrap), [Topic(name=name, partitions=1, kept=None, purpose="", key="", read=False)])
    with closing(Publisher(Cluster(kafka.bootstrap))) as publisher:
        for event in met:
            publisher.send(name, *message_of(event))
        publisher.flush()
    database = sql.Identifier(f"{_DATABASE}_{every_nth}")
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
    with ExitStack() as stack:
        here = stack.enter_context(psycopg.connect(postgres.url, dbname=f"{_DATABASE}_{every_nth}"))
        loaded(here, bank.home, {one.customer_id for one in met}, rows)
        scorer = stack.enter_context(scorer_of(bank.home))
        options = {"bootstrap.servers": kafka.bootstrap, "group.id": name, "enable.auto.commit": False}
        consumer = stack.enter_context(closing(Consumer(options)))
        consumer.assign([TopicPartition(name, 0, 0)])
        began = 0.0
        for number in range(len(met)):
            message = consumer.poll(60.0)
            assert message is not None
            assert message.error() is None
            work_off(here, message, scorer, rows, every_nth)
            consumer.commit(message=message, asynchronous=False)
            if not number:
                began = time.perf_counter()
        return (len(met) - 1) / (time.perf_counter() - began)


def main() -> None:
    """Prepare, time, and print: once with the triggers of `stream`, once with a score for every message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--customers", type=int, default=2_000)
    parser.add_argument("--transactions", type=int, default=2_000)
    parser.add_argument("--serve", type=Path, help="be the server process of a home")
    asked = parser.parse_args()
    if asked.serve is not None:
        serve(Home(asked.serve))
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bank = stream_bank(folder, asked.customers, 3, "boosting", EVERY_NTH)
        kafka, postgres = stack.enter_context(KafkaServer()), stack.enter_context(PostgresServer())
        found = {
            f"tx_per_s_every_{every_nth}": round(run(bank, kafka, postgres, asked.transactions, every_nth=every_nth), 1)
            for every_nth in (EVERY_NTH, 1)
        }
    print(json.dumps({"transactions": asked.transactions, "customers": asked.customers, **found}))


if __name__ == "__main__":
    main()
