"""The interface over Kafka and PostgreSQL: as over a home, on several partitions, and while one of the two is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from tests.apps.api.over_kafka import Over, eventually, over

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import OUTCOMES, TRANSACTIONS, partitions_of
from forbear.adapters.sql.store import open_store
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.home import Home
from forbear.apps.stream.places import stream_of
from forbear.engine.desk import Picked
from forbear.engine.office import Role
from forbear.features.hashing import key_of

__all__ = ["over"]


def looks_of(over: Over) -> dict[str, tuple[Any, ...]]:
    """PD, log-odds and impacts of everybody as scores on demand have them, over HTTP."""
    with over.client() as client:
        asked = {"customer_ids": over.customers, "impacts": True}
        rows = client.post("/v1/predict/batch", json=asked).json()["rows"]
        names = [one["name"] for one in client.get("/v1/model-features").json()["items"]]
    return {
        one["customer_id"]: (one["pd"], one["log_odds"], tuple(one["impacts"][name] for name in names))
        for one in rows
        if not one["hurdle"]
    }


def recorded_of(over: Over) -> dict[str, tuple[Any, ...]]:
    """The same as the store has them, of those who were scored by the last event of their partition."""
    assert over.parts.board
    marks, found = over.parts.desk.marks(), {}
    for customer in over.customers:
        standing = over.parts.board.now.find(key_of(customer))
        if standing is not None and standing.place.offset + 1 == marks[standing.partition].offset:
            (row,) = over.parts.desk.scores_at([(standing.partition, standing.place)]).value
            assert row is not None
            found[customer] = (row.pd, row.log_odds, tuple(row.attributions))
    return found


def closes_as_looked_at(over: Over) -> None:
    """Send a day: what scores on demand say before its close, that close records, bit by bit, of the same people."""
    close = over.feed.open_day()
    eventually(over.has_followed)
    looks = looks_of(over)
    over.feed.close(close)
    eventually(over.has_settled)
    assert looks == recorded_of(over)
    assert len(looks) > len(over.customers) // 2


def test_a_look_is_what_the_scorer_tells(over: Over) -> None:
    """As a day stands, every score on demand is the one that its close has the scorer tell, in every partition."""
    closes_as_looked_at(over)

    assert over.parts.board
    numbers = set(over.parts.board.now.standings.partition.tolist())
    assert numbers == set(range(partitions_of(over.feed.cluster, TRANSACTIONS)))


def test_snapshots_and_the_history_lead_to_the_same_ledgers(over: Over, tmp_path: Path) -> None:
    """Begun behind the archive, with no snapshot of any scorer, the looks at everybody are the same bits."""
    bare = Path(shutil.copytree(over.home.folder, tmp_path / "bare", ignore=shutil.ignore_patterns("stream")))
    assert stream_of(over.home).is_dir()
    keys = np.array([key_of(one) for one in over.customers], dtype=np.uint64)
    with open_parts(Opening(home=bare, environment=over.environment, writer="bare")) as other:
        assert other.warm
        assert other.onlooker
        assert over.parts.onlooker
        other.warm()
        ours, theirs = over.parts.onlooker.look(keys), other.onlooker.look(keys)
    assert sum(map(len, ours)) == len(keys)
    for one, another in zip(ours, theirs, strict=True):
        assert one.stand == another.stand
        for name in ("customer", "hurdle", "values", "log_odds", "pd", "attributions", "band"):
            assert getattr(one, name).tobytes() == getattr(another, name).tobytes(), name


def test_figures_are_of_all_partitions(over: Over) -> None:
    """Statistics and the list by PD speak of everybody, whichever partition they are in."""
    with over.client() as client:
        stats, listed = client.get("/v1/statistics").json(), client.get("/v1/high-risk", params={"limit": 200}).json()
    assert over.parts.onlooker
    assert stats["customers"] == len(over.customers) == over.parts.onlooker.customers
    assert over.parts.board
    assert len(over.parts.board.now) > 0
    ranked = [one.customer for one in over.parts.board.now.page(limit=200).rows]
    assert [key_of(one["customer_id"]) for one in listed["items"]] == ranked
    assert len({one["partition"] for one in stats["as_of"]}) == partitions_of(over.feed.cluster, TRANSACTIONS)


def test_help_that_is_asked_for_is_decided_and_shown(over: Over) -> None:
    """A request goes by queue, topic and router to scorer and intervenor; the history has its score and decision."""
    assert over.parts.board
    ranked = [one.customer for one in over.parts.board.now.page(limit=1_000).rows]
    by_key = {key_of(one): one for one in over.customers}
    plain, overridden = by_key[ranked[0]], by_key[ranked[-1]]
    asked = {plain: {"why": "they called"}, overridden: {"why": "they called", "override": True}}
    with over.client(Role.APPROVER) as client:
        for customer, wish in asked.items():
            assert client.post(f"/v1/customers/{customer}/interventions", json=wish).status_code == 202
    eventually(lambda: over.parts.office.outgoing.count() == 0)

    for customer, trigger in ((plain, "request"), (overridden, "override")):
        eventually(lambda c=customer, t=trigger: any(t in one["trigger"] for one in over.history(c, "score")))
    looks = looks_of(over)
    for customer in asked:
        newest = over.history(customer, "score")[0]
        assert (newest["pd"], newest["log_odds"]) == looks[customer][:2]
    closes_as_looked_at(over)
    assert over.history(overridden, "decision")


def test_an_answer_over_http_stands_beside_its_offer(over: Over) -> None:
    """Whoever opted out over HTTP has that on record, by way of Kafka."""
    with over.client(Role.AGENT) as client:
        (offer,) = over.parts.desk.picked(Picked(outcome="offer"), 1).value.made
        path = f"/v1/interventions/{offer.decision.decision_id}"
        assert client.post(f"{path}/answers", json={"answer": "opted_out"}).status_code == 202

        def answers() -> list[str]:
            return [one["answer"] for one in client.get(path).json()["intervention"]["answers"]]

        eventually(lambda: answers() == ["opted_out"])


def told_on(cluster: Cluster, customer: str) -> list[str]:
    """Reasons of the requests for a customer on the topic of outcomes, in their order, repetitions left out."""
    found: dict[str, None] = {}
    for partition in range(partitions_of(cluster, OUTCOMES)):
        with closing(Reader(cluster, OUTCOMES, partition)) as reader:
            for message in forwards(reader):
                document = msgspec.json.decode(message.value() or b"")
                if message.key() == customer.encode() and "why" in document:
                    found[document["why"]] = None
    return list(found)


def test_without_kafka_answers_go_on_and_what_is_written_waits(over: Over) -> None:
    """Reads, recorded scores and accepted writes while the broker is dead; then all goes out in order, and follows."""
    customer, reasons = over.customers[0], ["first", "second", "third"]
    over.kafka.kill()
    try:
        with over.client() as client:
            assert client.get(f"/v1/customers/{customer}").status_code == 200
            score = client.post(f"/v1/customers/{customer}/score")
            assert score.status_code == 200
            assert over.parts.office.asked.get(score.json()["score_id"]) is not None
            path = f"/v1/customers/{customer}/interventions"
            told = [client.post(path, json={"why": why}) for why in reasons]
            assert [one.status_code for one in told] == [202] * 3
            assert told[-1].json()["waiting"] >= len(reasons)
            assert over.parts.watch
            eventually(lambda: len(over.parts.watch.troubles) > 0)
            assert client.get("/readyz").status_code == 200
        begun_without_kafka(over)
        assert over.parts.office.outgoing.count() >= len(reasons)
    finally:
        over.kafka.start()
    eventually(lambda: over.parts.office.outgoing.count() == 0)
    assert told_on(over.feed.cluster, customer)[-3:] == reasons
    over.feed.await_outcomes()
    eventually(lambda: not over.parts.watch.troubles)
    closes_as_looked_at(over)


def begun_without_kafka(over: Over) -> None:
    """An interface that is started while the broker is dead answers as of the snapshots of the scorers."""
    with open_parts(Opening(home=over.home.folder, environment=over.environment, writer="alone")) as alone:
        assert alone.warm
        assert alone.onlooker
        assert alone.watch
        alone.warm()
        assert alone.onlooker.customers == len(over.customers)
        assert alone.watch.troubles.keys() == alone.watch.partitions.keys()


def test_without_postgres_nothing_is_told(over: Over) -> None:
    """No answer without a record: 503 with when to try again, not ready; all is well once the database is back."""
    customer = over.customers[0]
    asks: list[tuple[str, str, Any]] = [
        ("GET", f"/v1/customers/{customer}/risk", None),
        ("GET", "/v1/statistics", None),
        ("POST", f"/v1/customers/{customer}/score", None),
        ("POST", f"/v1/customers/{customer}/interventions", {"why": "down"}),
    ]
    over.postgres.stop()
    try:
        with over.client() as client:
            for method, path, json in asks:
                answer = client.request(method, path, json=json)
                assert answer.status_code == 503, (path, answer.text)
                assert answer.headers["Content-Type"].startswith("application/problem+json")
                assert int(answer.headers["Retry-After"]) > 0
            eventually(lambda: client.get("/readyz").status_code == 503)
    finally:
        over.postgres.start()
    with over.client() as client:
        for method, path, _ in asks[:3]:
            eventually(lambda m=method, p=path: client.request(m, p).status_code == 200)
        eventually(lambda: client.get("/readyz").status_code == 200)
    assert "down" not in told_on(over.feed.cluster, customer)
    closes_as_looked_at(over)


BARE = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys(("confluent_kafka", "psycopg")))
from forbear.apps.api.opening import Opening, open_parts
from forbear.domain.errors import ConfigError
home = Path(sys.argv[1])
with open_parts(Opening(home=home, environment={}, writer="bare")) as parts:
    parts.warm()
    assert parts.onlooker.customers == 60
for name, value in (("FORBEAR_KAFKA", "127.0.0.1:1"), ("FORBEAR_STORE", "postgresql://a@127.0.0.1:1/b")):
    try:
        with open_parts(Opening(home=home, environment={name: value}, writer="bare")):
            raise AssertionError(name)
    except ConfigError as error:
        assert "not installed" in str(error), error
        assert "pip install" in error.mend
"""


def test_a_home_by_itself_needs_no_driver(promoted: Path, tmp_path: Path) -> None:
    """Without the drivers of Kafka and PostgreSQL a home is opened; settings that need one say what to install."""
    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    open_store(f"sqlite:///{Home(home).database}").close()
    ended = subprocess.run(
        [sys.executable, "-c", BARE, str(home)], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert ended.returncode == 0, ended.stderr[-2_000:]
