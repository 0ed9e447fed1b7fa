"""The past of a customer over Kafka: archive of the home, archives of the partitions and topic, told as one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from tests.apps.api.over_kafka import Over, eventually, listening, over
from tests.apps.api.real.conftest import lived, served
from tests.apps.api.real.test_past import ALLOWED, held_against, of_customer

from forbear.adapters import by_customer
from forbear.adapters.by_customer import MOST_DAYS
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import event_of, message_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import TRANSACTIONS
from forbear.adapters.snapshots import FileSnapshots
from forbear.apps.api import pasts
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.past_copies import FOLDER
from forbear.apps.home import Home
from forbear.apps.stream import scorer
from forbear.apps.stream.places import archive_of, snapshots_of_scorer, stream_of
from forbear.apps.stream.pulse import Pulse
from forbear.apps.stream.services import stream_services
from forbear.apps.stream.sink import Sink, SinkParts
from forbear.client import Client, NotAllowed
from forbear.domain.errors import InvalidEvent
from forbear.domain.events import DayClosed, Event, Transaction
from forbear.engine.office import Role
from forbear.features.columns import events_of
from forbear.features.local_time import local_time

__all__ = ["lived", "over"]

DAYS = MOST_DAYS - 35
_SMALL_PIECE = 600


@pytest.fixture(scope="module")
def small() -> Iterator[None]:
    """Scorers that take a snapshot at every close, copies of small pieces, and time to make them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorer, "ScorerParts", partial(scorer.ScorerParts, every=1))
        patch.setattr(by_customer, "PIECE_ROWS", _SMALL_PIECE)
        patch.setattr(pasts, "PATIENCE_SECONDS", 30.0)
        yield


@pytest.fixture(scope="module")
def whole(small: None, over: Over) -> Over:
    """The deployment once every live day was fed."""
    rest = list(over.feed.events)
    over.feed.events = iter(rest)
    for _ in range(sum(isinstance(one, DayClosed) for one in rest)):
        over.feed.day()
    eventually(over.has_settled)
    return over


@dataclass
class Another:
    """Another server of the same deployment."""

    port: int
    key: str
    home: Path

    def client(self) -> Client:
        """A client that may do everything."""
        return Client(f"http://127.0.0.1:{self.port}", self.key)

    def raw(self) -> httpx.Client:
        """The same without a wrapping."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"X-API-Key": self.key}, timeout=60)


@contextmanager
def another(over: Over, home: Path | None = None) -> Iterator[Another]:
    """Another server, over the same home or a copy of it."""
    folder = home or over.home.folder
    with (
        open_parts(Opening(home=folder, environment=over.environment, writer="another")) as opened,
        listening(replace(opened, now_us=lambda: over.feed.now_us)) as port,
    ):
        key, record = fresh_key(KeyWish(name="another", role=Role.ADMIN), over.feed.now_us)
        opened.office.keyring.add(record)
        yield Another(port, key, folder)


def admin(over: Over) -> Client:
    """A client of the deployment's own server that may do everything."""
    return Client(f"http://127.0.0.1:{over.port}", over.keys[Role.ADMIN])


def topic_of(over: Over) -> dict[int, dict[int, Event]]:
    """The events that the topic holds, by partition and offset; what is none is left out."""
    found: dict[int, dict[int, Event]] = {}
    for partition in over.ends:
        found[partition] = {}
        with closing(Reader(over.feed.cluster, TRANSACTIONS, partition)) as reader:
            for message in forwards(reader):
                try:
                    found[partition][int(message.offset() or 0)] = event_of(message.key(), message.value())
                except InvalidEvent:
                    continue
    return found


def archive_before(over: Over) -> dict[int, Event]:
    """What happened before the stream began, by offset: below 0, in order."""
    archived = [event for columns in over.home.archive.read() for event in events_of(columns)]
    return {at - len(archived): one for at, one in enumerate(archived)}


def partition_of(streamed: Mapping[int, Mapping[int, Event]], customer: str) -> int:
    """The only partition that has events of a customer."""
    (partition,) = [
        number
        for number, events in streamed.items()
        if any(getattr(one, "customer_id", "") == customer for one in events.values())
    ]
    return partition


def expected(history: Mapping[int, Event], customer: str, page: Any, zone: ZoneInfo) -> dict[int, Any]:
    """The events of a customer of the days of a page, by offset; of what came twice the first."""
    offsets = list(history)
    found = of_customer(list(history.values()), customer, (page.first, page.last), zone)
    return {offsets[at]: event for at, event in found.items()}


def items_of(client: Client, customer: str, **asked: Any) -> list[Any]:
    """Every line of a customer."""
    return list(client.customer_transactions(customer, **{"days": DAYS, "page_size": 1_000, **asked}))


def first_page(client: Client, customer: str) -> Any:
    """The first page of a customer."""
    return next(iter(client.customer_transactions(customer, days=DAYS, page_size=1_000).pages()))


def test_lines_are_the_events_of_archive_and_topic(whole: Over) -> None:
    """Of every customer exactly the events that the home's archive and the customer's partition hold, newest first."""
    zone, streamed, before = ZoneInfo(whole.home.deployment.time_zone), topic_of(whole), archive_before(whole)
    assert all(streamed.values())
    with admin(whole) as client:
        for customer in whole.customers:
            history = {**before, **streamed[partition_of(streamed, customer)]}
            page = first_page(client, customer)
            told = items_of(client, customer)
            wanted = expected(history, customer, page, zone)
            assert [one.offset for one in told] == sorted(
                wanted, key=lambda at, of=wanted: (of[at].booked_at, at), reverse=True
            )
            for line in told:
                held_against(line, wanted[line.offset])
            assert page.as_of[0].offset == max(streamed[page.as_of[0].partition]) + 1
            assert page.complete
            assert {one.offset < 0 for one in told} == {True, False}


def test_a_home_and_a_stream_of_the_same_events_tell_the_same(whole: Over, lived: Path, tmp_path: Path) -> None:
    """Of every customer the same lines in the same order, the same sums and days, the same beginning."""
    with (
        served(lived, tmp_path / "home") as home,
        Client(home.url, home.keys[Role.ADMIN]) as alone,
        admin(whole) as streamed,
    ):
        for customer in whole.customers:
            one, other = first_page(alone, customer), first_page(streamed, customer)
            for name in ("customer_id", "first", "last", "by_day", "complete", "kept_from"):
                assert getattr(one, name) == getattr(other, name), name
            ours, theirs = items_of(alone, customer), items_of(streamed, customer)
            assert len(ours) > 20
            assert [line.model_dump(exclude={"offset"}) for line in ours] == [
                line.model_dump(exclude={"offset"}) for line in theirs
            ]


def test_pages_are_the_whole_cut_in_pieces(whole: Over) -> None:
    """Whatever the size of a page, the lines are the same; a cursor of somebody else, or of other days, is refused."""
    first, second = whole.customers[:2]
    with admin(whole) as client, whole.client() as raw:
        items = items_of(client, first)
        assert items_of(client, first, page_size=7) == items
        cursor = next(iter(client.customer_transactions(first, page_size=1).pages())).further
        for path in (f"{second}/transactions?cursor={cursor}", f"{first}/transactions?days=5&cursor={cursor}"):
            assert raw.get(f"/v1/customers/{path}").status_code == 404


@pytest.mark.parametrize("path", ["transactions", "windows"])
def test_roles_and_the_record(whole: Over, path: str) -> None:
    """Whoever may see customers one at a time may, a viewer may not; each look is on record with its purpose."""
    customer = whole.customers[3]
    for role in Role:
        with whole.client(role) as client:
            answer = client.get(f"/v1/customers/{customer}/{path}", headers={"X-Purpose": "a call"})
            assert answer.status_code == (200 if role in ALLOWED else 403), answer.text
            assert client.get(f"/v1/customers/NOBODY/{path}").status_code == (404 if role in ALLOWED else 403)
    with Client(f"http://127.0.0.1:{whole.port}", whole.keys[Role.VIEWER]) as viewer, pytest.raises(NotAllowed):
        viewer.customer_windows(customer) if path == "windows" else first_page(viewer, customer)
    with admin(whole) as client:
        seen = [one for one in client.customer_audit(customer).accesses if one.operation == f"customer_{path}"]
    assert len([one for one in seen if one.status == 200 and one.why == "a call"]) == len(ALLOWED)


def test_windows_are_those_of_the_customers_partition(whole: Over) -> None:
    """Of everybody, in every partition, the ledger by day is the one that scores are made of."""
    met = set()
    with admin(whole) as client:
        for customer in whole.customers:
            windows, ledger = client.customer_windows(customer), client.customer(customer).ledger
            assert ledger is not None
            met.add(windows.as_of[0].partition)
            if windows.hurdle == "none":
                assert {one.name: one.value for one in windows.features} == ledger.features
            told = {one.name: one.value for one in ledger.figures}
            assert {one.name: one.value for one in windows.figures} == {
                name: value for name, value in told.items() if not name.startswith("usual_")
            }
            assert windows.days[-1].day == windows.open_day
            assert sum(one.spending_minor or 0 for one in windows.days[-30:]) == told["spending_30d"]
    assert met == set(whole.ends)


def test_windows_are_those_of_a_home_with_the_same_events(whole: Over, lived: Path, tmp_path: Path) -> None:
    """Day by day, feature by feature the ledgers of a home by itself and of the stream say the same."""
    with (
        served(lived, tmp_path / "home") as home,
        Client(home.url, home.keys[Role.ADMIN]) as alone,
        admin(whole) as streamed,
    ):
        for customer in whole.customers:
            one, other = alone.customer_windows(customer), streamed.customer_windows(customer)
            for name in ("open_day", "hurdle", "currency", "days", "features", "figures"):
                assert getattr(one, name) == getattr(other, name), (customer, name)


def test_what_is_late_refused_or_comes_twice(whole: Over) -> None:
    """A late event stands at the day of its booking, one that comes twice stands once, what is no event nowhere."""
    customer = whole.customers[5]
    with admin(whole) as client:
        before = items_of(client, customer)
        streamed = topic_of(whole)
        partition = partition_of(streamed, customer)
        again = next(
            one
            for one in reversed(streamed[partition].values())
            if isinstance(one, Transaction) and one.customer_id == customer
        )
        now = again.received_at + timedelta(minutes=1)
        late = Transaction(
            transaction_id="late-1",
            customer_id=customer,
            account_id=again.account_id,
            account_kind=again.account_kind,
            direction=again.direction,
            amount_minor=4_242,
            currency=again.currency,
            booked_at=now - timedelta(days=20),
            received_at=now,
        )
        with closing(Publisher(whole.feed.cluster)) as publisher:
            publisher.send(TRANSACTIONS, *message_of(again), partition=partition)
            publisher.send(TRANSACTIONS, customer.encode(), b"{no event", partition=partition)
            publisher.send(TRANSACTIONS, *message_of(late), partition=partition)
            publisher.send(TRANSACTIONS, customer.encode(), None, partition=partition)
            publisher.flush()
        eventually(lambda: len(items_of(client, customer)) > len(before))
        after = items_of(client, customer)
        (fresh,) = [line for line in after if line not in before]
        held_against(fresh, late)
        assert [line for line in after if line != fresh] == before
        assert after[0] != fresh


@contextmanager
def sinking(over: Over) -> Iterator[None]:
    """A sink that archives the stream as it comes."""
    pulse, stop = Pulse("sink-1"), Flag()
    services, zone = stream_services(over.home, pulse), local_time(over.home.deployment.time_zone)

    def work() -> None:
        with services.outbox(stop.is_set) as outbox:
            parts = SinkParts(services.cluster, lambda one: archive_of(over.home, one), zone, outbox, pulse, rows=1)
            Sink(parts).run(stop.is_set)

    thread = Thread(target=work, name="sink", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


def let_go(over: Over) -> dict[int, int]:
    """Have the topic forget half of what is archived and behind the scorers' newest snapshots: from where it holds."""
    upto = {}
    for partition in over.ends:
        kept = FileSnapshots(snapshots_of_scorer(over.home, partition)).latest()
        assert kept is not None
        upto[partition] = min(kept.offset, archive_of(over.home, partition).next_offset) // 2
        assert upto[partition] > 0
    client = AdminClient(over.feed.cluster.options())
    asked = [TopicPartition(TRANSACTIONS, partition, offset) for partition, offset in upto.items()]
    for future in client.delete_records(asked).values():
        future.result(30)
    return upto


def test_after_retention_and_a_restart_nothing_is_missing(whole: Over) -> None:
    """Once the topic has let go of what the sink has archived, everybody is told the same, by the server that runs, by
    one that begins anew and by the same begun again; each has copies of its own.
    """
    streamed = topic_of(whole)
    with admin(whole) as client:
        before = {customer: first_page(client, customer) for customer in whole.customers}
    last = {partition: max(events) + 1 for partition, events in streamed.items()}
    with sinking(whole):
        eventually(lambda: {one: archive_of(whole.home, one).next_offset for one in last} == last)
    oldest = let_go(whole)
    assert all(min(events) >= oldest[one] for one, events in topic_of(whole).items())

    own, other = whole.home.folder / FOLDER, whole.home.folder / f"{FOLDER}-2"
    for _ in range(2):
        with another(whole) as begun, begun.client() as client:
            for customer, page in before.items():
                assert first_page(client, customer) == page
        pieces = sorted(path.relative_to(other) for path in other.rglob("*.parquet"))
        assert {path.parts[0] for path in pieces} == {"before", *map(str, oldest)}
    assert sorted(other.iterdir()) != sorted(own.iterdir())
    with admin(whole) as client:
        for customer, page in before.items():
            assert first_page(client, customer) == page


def test_where_nobody_archived_it_says_from_when_on_it_knows(whole: Over, tmp_path: Path) -> None:
    """Without the archives of the partitions what the topic has let go of is missing: what is left is told, and from
    when on nothing is missing.
    """
    assert any(min(events) > 0 for events in topic_of(whole).values())
    bare = Path(shutil.copytree(whole.home.folder, tmp_path / "bare", ignore=shutil.ignore_patterns("by-customer*")))
    shutil.rmtree(stream_of(Home(bare)) / "archive")
    zone, streamed, before = ZoneInfo(whole.home.deployment.time_zone), topic_of(whole), archive_before(whole)
    with another(whole, bare) as begun, begun.client() as client:
        for customer in whole.customers:
            page = first_page(client, customer)
            held = streamed[page.as_of[0].partition]
            assert page.kept_from == held[min(held)].received_at
            wanted = expected({**before, **held}, customer, page, zone)
            assert {line.offset for line in items_of(client, customer)} == set(wanted)


def test_without_kafka(whole: Over) -> None:
    """A server that has told of pasts goes on; one that has not says who must act, and everything else of a customer is
    told; once the broker is back it tells them too.
    """
    customer = whole.customers[1]
    with admin(whole) as client:
        before = first_page(client, customer)
        whole.kafka.kill()
        try:
            assert first_page(client, customer) == before
            with ExitStack() as stack:
                begun = stack.enter_context(another(whole))
                raw = stack.enter_context(begun.raw())
                refused = raw.get(f"/v1/customers/{customer}/transactions")
                assert refused.status_code == 503
                assert "whoever runs it must act" in refused.json()["detail"]
                assert int(refused.headers["Retry-After"]) > 0
                for path in ("", "/windows", "/risk", "/history", "/contacts", "/audit", "/trajectory"):
                    answer = raw.get(f"/v1/customers/{customer}{path}")
                    assert answer.status_code == 200, (path, answer.text)
                whole.kafka.start()
                eventually(lambda: raw.get(f"/v1/customers/{customer}/transactions").status_code == 200)
                with begun.client() as other:
                    assert items_of(other, customer) == items_of(client, customer)
        finally:
            whole.kafka.start()
