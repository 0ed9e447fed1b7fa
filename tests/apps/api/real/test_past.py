"""The past of a customer over HTTP is what archive and log hold of them, and what the ledger makes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.api.past import MOST_DAYS
from forbear.apps.home import Home
from forbear.client import Client, NotAllowed, NotThere
from forbear.domain.events import CustomerUpdated, Event, PaymentOutcome, Transaction
from forbear.domain.terms import AccountKind, Category, Direction, OutcomeStatus, Status
from forbear.engine.erase import Request, erase
from forbear.engine.office import Role
from forbear.features.columns import events_of, joined
from forbear.features.hashing import key_of

ALLOWED = {Role.AGENT, Role.ANALYST, Role.APPROVER, Role.ADMIN, Role.SERVICE}


@pytest.fixture
def forbear(real: Any) -> Iterator[Client]:
    """A client that may do everything."""
    with Client(real.url, real.keys[Role.ADMIN]) as client:
        yield client


@pytest.fixture(scope="module")
def history(real: Any) -> list[Event]:
    """Every event of the home, from archive and log, read one after the other."""
    home = Home(real.home)
    archived = list(home.archive.read())
    with closing(home.source()) as log:
        behind = log.read(home.archive.next_offset, log.end)
    return list(events_of(joined([*archived, behind])))


def day_of_booking(event: Any, zone: Any) -> date:
    """The bank-local day on which an event was booked."""
    day: date = event.booked_at.astimezone(zone).date()
    return day


def id_of(event: Any) -> tuple[type, str]:
    """What an event is known by, however often it comes."""
    names = {Transaction: "transaction_id", PaymentOutcome: "outcome_id", CustomerUpdated: "update_id"}
    return type(event), getattr(event, names[type(event)])


def of_customer(history: Sequence[Event], customer: str, days: tuple[date, date], zone: Any) -> dict[int, Any]:
    """A customer's transactions, outcomes and updates of some days, by offset; of what came twice the first."""
    first: dict[tuple[type, str], int] = {}
    for offset, event in enumerate(history):
        if (
            isinstance(event, Transaction | PaymentOutcome | CustomerUpdated)
            and event.customer_id == customer
            and days[0] <= day_of_booking(event, zone) <= days[1]
        ):
            first.setdefault(id_of(event), offset)
    return {offset: history[offset] for offset in first.values()}


def held_against(line: Any, event: Any) -> None:
    """A line says what its event says."""
    assert (line.booked_at, line.received_at) == (event.booked_at, event.received_at)
    match event:
        case Transaction():
            assert line.kind == "transaction"
            for name in ("direction", "amount_minor", "currency", "category", "channel", "status", "failure_reason"):
                assert getattr(line, name) == getattr(event, name)
            assert (line.account_kind, line.balance_after_minor) == (event.account_kind, event.balance_after_minor)
            assert event.account_id.endswith(line.account)
            assert len(line.account) <= min(4, len(event.account_id) // 2)
            assert line.reverses == (event.reverses is not None)
        case PaymentOutcome():
            assert line.kind == "outcome"
            for name in ("status", "due_on", "amount_due_minor", "paid_on", "days_past_due"):
                assert getattr(line, name) == getattr(event, name)
        case CustomerUpdated():
            assert line.kind == "update"
            assert (line.segment, line.region, line.consents) == (event.segment, event.region, event.consents)
            assert [one.amount_minor for one in line.obligations] == [one.amount_minor for one in event.obligations]


@pytest.mark.parametrize("days", [1, 30, MOST_DAYS - 35])
def test_lines_are_the_events_of_archive_and_log(real: Any, history: list[Event], forbear: Client, days: int) -> None:
    """Of each customer exactly the events of the days asked for, newest first, whatever the size of a page."""
    zone = _zone(real)
    for customer in real.known.customers[:5]:
        pages = list(forbear.customer_transactions(customer, days=days, page_size=1_000).pages())
        items = [line for page in pages for line in page.items]
        expected = of_customer(history, customer, (pages[0].first, pages[0].last), zone)

        assert {line.offset for line in items} == set(expected)
        assert len(items) == len(expected)
        assert (pages[0].last - pages[0].first).days == days - 1
        assert pages[0].complete
        places = [(line.booked_at, line.offset) for line in items]
        assert places == sorted(places, reverse=True)
        for line in items:
            held_against(line, expected[line.offset])
            assert line.day == day_of_booking(expected[line.offset], zone)
        taken_back = {one.reverses for one in expected.values() if isinstance(one, Transaction) and one.reverses}
        for line in items:
            if line.kind == "transaction":
                assert line.reversed == (expected[line.offset].transaction_id in taken_back)
        assert list(forbear.customer_transactions(customer, days=days, page_size=7)) == items


def test_sums_by_day_are_those_of_the_lines(real: Any, history: list[Event], forbear: Client) -> None:
    """Money in and out, lowest balances, failed debits and missed payments of each day are those of its events."""
    zone, met = _zone(real), False
    for customer in real.known.customers:
        page = next(iter(forbear.customer_transactions(customer, days=120, page_size=3).pages()))
        by_day: dict[date, list[Any]] = defaultdict(list)
        for event in of_customer(history, customer, (page.first, page.last), zone).values():
            by_day[day_of_booking(event, zone)].append(event)
        assert [one.day for one in page.by_day] == sorted(by_day)
        for told in page.by_day:
            events = by_day[told.day]
            booked = [one for one in events if isinstance(one, Transaction) and one.status is Status.BOOKED]
            own = [
                one
                for one in booked
                if one.category is not Category.OWN_TRANSFER and one.account_kind is not AccountKind.LOAN
            ]
            paid_in = [one for one in own if one.direction is Direction.CREDIT and one.account_kind != AccountKind.CARD]
            debits = [one for one in own if one.direction is Direction.DEBIT]
            current = [one for one in booked if one.account_kind is AccountKind.CURRENT]
            known = [one.balance_after_minor for one in current if one.balance_after_minor is not None]
            assert told.in_minor == sum(one.amount_minor for one in paid_in)
            assert told.out_minor == sum(one.amount_minor for one in debits)
            assert told.lowest_minor == min(known, default=None)
            assert told.failed == sum(isinstance(one, Transaction) and one.status is Status.FAILED for one in events)
            assert told.missed == sum(
                isinstance(one, PaymentOutcome) and one.status is OutcomeStatus.MISSED for one in events
            )
            assert told.entries == len(events)
            met = met or told.missed > 0
    assert met


def test_what_came_twice_is_told_once(real: Any, history: list[Event], forbear: Client) -> None:
    """A feed delivers at least once: of what came twice there is one line, the first."""
    places = defaultdict(list)
    for offset, event in enumerate(history):
        if isinstance(event, Transaction):
            places[event.customer_id, event.transaction_id].append(offset)
    twice = {who: offsets for (who, _), offsets in places.items() if len(offsets) > 1}
    assert twice
    for customer, (first, *others) in list(twice.items())[:3]:
        told = [one.offset for one in forbear.customer_transactions(customer, days=MOST_DAYS - 35)]
        assert first in told
        assert not set(others) & set(told)


def test_it_says_from_when_on_everything_is_there(real: Any, history: list[Event], forbear: Client) -> None:
    """A home that has lost nothing tells it from its first event on."""
    page = next(iter(forbear.customer_transactions(real.known.customers[0]).pages()))
    assert page.kept_from == history[0].received_at


def test_a_page_has_the_sums_of_all_days(real: Any, forbear: Client) -> None:
    """Sums and days are the same on every page: what comes meanwhile moves neither."""
    pages = list(forbear.customer_transactions(real.known.customers[0], days=60, page_size=10).pages())
    assert len(pages) > 1
    assert len({(page.first, page.last, page.by_day) for page in pages}) == 1


def test_windows_are_what_the_features_see(real: Any, forbear: Client) -> None:
    """Features and figures are those of the ledger told elsewhere, and sums over the days are figures of the same."""
    for customer in real.known.customers[:5]:
        windows, whole = forbear.customer_windows(customer), forbear.customer(customer)
        assert whole.ledger is not None
        assert {one.name: one.value for one in windows.features if windows.hurdle == "none"} == whole.ledger.features
        told = {one.name: one.value for one in whole.ledger.figures}
        assert {one.name: one.value for one in windows.figures} == {
            name: value for name, value in told.items() if not name.startswith("usual_")
        }
        usual = {one.name: one.usual for one in windows.figures}
        assert usual["spending_30d"] == told["usual_spending_30d"]
        assert usual["last_pay"] == told["usual_pay"]
        assert windows.days[-1].day == windows.open_day
        assert all(
            (one.day - before.day).days == 1 for before, one in zip(windows.days, windows.days[1:], strict=False)
        )
        last = windows.days[-30:]
        assert sum(one.income_minor or 0 for one in last) == told["income_30d"]
        assert sum(one.spending_minor or 0 for one in last) == told["spending_30d"]
        assert sum(one.transactions or 0 for one in last) == told["transactions_30d"]
        assert windows.days[-1].closing_minor == told["balance_now"]
        lowest = [one.lowest_minor for one in windows.days[-14:] if one.lowest_minor is not None]
        assert min(lowest) == told["lowest_balance_14d"]


@pytest.mark.parametrize("path", ["transactions", "windows"])
def test_roles_and_the_record(real: Any, path: str) -> None:
    """Whoever may see customers one at a time may, a viewer may not; each look is on record with its purpose."""
    customer = real.known.customers[3]
    for role in Role:
        with real.client(role) as client:
            answer = client.get(f"/v1/customers/{customer}/{path}", headers={"X-Purpose": "a call"})
            assert answer.status_code == (200 if role in ALLOWED else 403), answer.text
            assert answer.headers["cache-control"].endswith("no-store")
    with Client(real.url, real.keys[Role.ADMIN]) as client:
        seen = [one for one in client.customer_audit(customer).accesses if one.operation == f"customer_{path}"]
    assert len([one for one in seen if one.status == 200 and one.why == "a call"]) == len(ALLOWED)


@pytest.mark.parametrize("path", ["transactions", "windows"])
def test_whoever_is_not_known_is_not_there(real: Any, path: str) -> None:
    """Somebody whom nobody knows is a 404; a cursor of another customer or of other days is refused."""
    with real.client() as client:
        assert client.get(f"/v1/customers/NOBODY/{path}").status_code == 404
    first, second = real.known.customers[:2]
    with Client(real.url, real.keys[Role.ADMIN]) as own, real.client() as client:
        cursor = next(iter(own.customer_transactions(first, page_size=1).pages())).further
        for asked in (f"{second}/transactions?cursor={cursor}", f"{first}/transactions?days=5&cursor={cursor}"):
            assert client.get(f"/v1/customers/{asked}").status_code == 404
        assert client.get(f"/v1/customers/{first}/transactions?days={MOST_DAYS}").status_code == 422


def test_the_client_tells_refusals_apart(real: Any) -> None:
    """The methods of the client raise what the answer means."""
    with Client(real.url, real.keys[Role.VIEWER]) as viewer:
        with pytest.raises(NotAllowed):
            viewer.customer_windows(real.known.customers[0])
        with pytest.raises(NotAllowed):
            next(iter(viewer.customer_transactions(real.known.customers[0])))
    with Client(real.url, real.keys[Role.AGENT]) as agent, pytest.raises(NotThere):
        next(iter(agent.customer_transactions("NOBODY")))


def test_whoever_was_erased_is_not_there(real: Any, forbear: Client) -> None:
    """After an erasure nobody is told of the customer's past, though the copy of archive and log still holds it."""
    customer = real.known.customers[-1]
    assert next(iter(forbear.customer_transactions(customer)), None)
    home = Home(real.home)
    with closing(FileVault(home.keys)) as vault, closing(open_store(f"sqlite:///{home.database}")) as store:
        assert erase(key_of(customer), Request(by="a tester", at_us=1), vault, store, alone=nullcontext(True)).anything
    with pytest.raises(NotThere):
        next(iter(forbear.customer_transactions(customer)))
    with pytest.raises(NotThere):
        forbear.customer_windows(customer)


def _zone(real: Any) -> Any:
    return ZoneInfo(Home(real.home).deployment.time_zone)
