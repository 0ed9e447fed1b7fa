"""The client against a real server over a small synthetic bank that a worker has worked in."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from itertools import islice, pairwise
from typing import Any

import pytest

from forbear.client import AsyncClient, Client, Conflict, FeedRefused, NotAllowed, NotThere, NotValid, Retries
from forbear.client.feed_models import Kind, Wanted
from forbear.client.scores import Happening
from forbear.domain.errors import ConfigError
from forbear.engine.office import Role

KNOWN = "C0000017"


def test_three_lines(served: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """URL and key come from the environment; the highest PD of a list is the customer's own."""
    monkeypatch.setenv("FORBEAR_URL", served.url)
    monkeypatch.setenv("FORBEAR_KEY", served.key())
    with Client() as forbear:
        riskiest = next(iter(forbear.high_risk()))
        assert riskiest.score is not None
        assert forbear.risk(riskiest.customer_id).pd == riskiest.score.pd


def test_lists_page_by_themselves(forbear: Client) -> None:
    """Whatever the size of its pages, a list has the same rows: everybody, each once, by falling PD."""
    whole = [row.customer_id for row in forbear.list_customers()]
    small = [row.customer_id for row in forbear.list_customers(page_size=7)]
    risky = [row.score.pd for row in forbear.high_risk(page_size=4) if row.score]

    assert len(whole) == len(set(whole)) == forbear.statistics().customers
    assert small == whole
    assert all(one >= other for one, other in pairwise(risky))
    assert [len(page.items) for page in islice(forbear.high_risk(page_size=4).pages(), 2)] == [4, 4]


def test_history_is_of_the_customer_and_falls(forbear: Client) -> None:
    """A history pages from the newest to the oldest entry, and every kind of entry has its own shape."""
    offered = next(iter(forbear.list_interventions(outcome="offer")))
    assert offered.customer_id is not None
    history = list(forbear.customer_history(offered.customer_id, page_size=5))

    assert {"score", "decision"} <= {entry.kind for entry in history}
    assert all(one.offset >= other.offset for one, other in pairwise(history))
    assert forbear.intervention(offered.decision_id).intervention == offered


def test_a_score_of_features_is_the_score_of_the_customer(forbear: Client) -> None:
    """What the ledger gives of a customer's features is what those features give by themselves, in a batch too."""
    scored = next(row.customer_id for row in forbear.high_risk())
    whole = forbear.predict(scored)
    features = {one.feature: one.value for one in whole.impacts}
    alone = forbear.predict(features=features)
    batch = forbear.predict_batch([scored, "NOBODY"])
    rows = forbear.predict_batch(rows=[features], impacts=True)

    assert whole.pd == alone.pd == forbear.score_customer(scored).pd == batch.rows[0].pd == rows.rows[0].pd
    assert [row.hurdle for row in batch.rows] == ["", "unknown_customer"]
    assert set(features) == {one.name for one in forbear.model_features().items}


def test_what_if_nothing_happens_nothing_changes(forbear: Client) -> None:
    """Nothing happening today leaves a customer as they are; a payment that fails is seen."""
    scored = next(row.customer_id for row in forbear.high_risk())
    still = forbear.what_if(scored)
    failed = forbear.what_if(scored, Happening(what="failed_payment", amount_minor=30_000))

    assert (still.before, still.changed) == (still.after, {})
    assert failed.changed


def test_the_book_is_scored_row_by_row(forbear: Client) -> None:
    """A job is submitted, looked at and fetched by itself: everybody once, with the score that a look gives."""
    rows = list(forbear.score_book(every_seconds=0.02))
    by_id = {row.customer_id: row for row in rows}
    scored = next(row for row in rows if row.pd is not None)

    assert len(by_id) == len(rows) == forbear.statistics().customers
    assert forbear.predict(scored.customer_id).pd == scored.pd
    done = next(one for one in forbear.list_jobs().items if one.state == "done")
    assert list(forbear.get_job_result(done.job_id)) == rows
    assert forbear.cancel_job(done.job_id) == forbear.get_job(done.job_id) == done


def test_writing_twice_is_writing_once(forbear: Client) -> None:
    """The same write with the same key is done once; another with that key is a conflict."""
    key = {"idempotency_key": "help-1"}
    first, again = (forbear.request_help(KNOWN, why="asked for it", **key) for _ in range(2))

    assert first == again
    with pytest.raises(Conflict) as refused:
        forbear.request_help(KNOWN, why="something else", **key)
    assert refused.value.code == "key_reused"
    assert forbear.request_help(KNOWN).id != first.id


def test_purposes_are_recorded(served: Any) -> None:
    """Why somebody asked stands in the chain of accesses, in any language; one request may have its own reason."""
    with Client(served.url, served.key(), purpose="Rückfrage") as forbear:
        forbear.customer(KNOWN)
        forbear.customer_contacts(KNOWN, purpose="call 17")
        seen = forbear.customer_audit(KNOWN).accesses

    assert {("customer", "Rückfrage"), ("customer_contacts", "call 17")} <= {(one.operation, one.why) for one in seen}


def test_problems_are_named_for_who_must_act(served: Any, forbear: Client) -> None:
    """Each refusal is an error of its own, with code, mend and request id; they say what is wrong and no secret."""
    with served.client(Role.AGENT) as agent, Client(served.url, "fb_no") as nobody:
        with pytest.raises(NotAllowed) as overridden:
            agent.request_help(KNOWN, why="please", override=True)
        with pytest.raises(NotAllowed) as unknown:
            nobody.whoami()
    with pytest.raises(NotThere) as nowhere:
        forbear.customer("NOBODY")
    with pytest.raises(NotThere):
        forbear.customer("../whoami")
    with pytest.raises(NotValid) as invalid:
        forbear.predict(features={"no_feature": 1.0})

    codes = [one.value.code for one in (overridden, unknown, nowhere, invalid)]
    assert codes == ["forbidden", "unauthenticated", "unknown", "invalid"]
    assert all(one.value.mend and one.value.request_id for one in (overridden, unknown, nowhere, invalid))
    assert "no_feature" in str(invalid.value)


def test_what_cannot_be_is_refused_before_it_is_sent() -> None:
    """A body that the shapes do not allow names its faults, as the server would; no server is needed for that."""
    with Client("http://127.0.0.1:1", retries=Retries(attempts=1)) as forbear, pytest.raises(NotValid) as refused:
        forbear.create_key("crm", "agent", days=0)

    assert [one.pointer for one in refused.value.faults] == ["/body/days"]


def test_keys_are_made_listed_and_revoked(served: Any, forbear: Client) -> None:
    """A key that was made lets its holder in, stands in the list without its secret; it holds until it is revoked."""
    made = forbear.create_key("crm", "viewer", days=1)
    with Client(served.url, made.key) as crm:
        assert crm.whoami().role == "viewer"
        forbear.revoke_key(made.key_id)
        with pytest.raises(NotAllowed):
            crm.whoami()
    assert made.key_id in {one.key_id for one in forbear.list_keys(page_size=1)}


def test_both_clients_give_the_same(served: Any, forbear: Client) -> None:
    """What code that awaits is told is what code that waits is told: answers, lists, jobs and errors."""

    async def ask() -> tuple[Any, ...]:
        async with AsyncClient(served.url, served.key()) as other:
            with pytest.raises(NotThere):
                await other.customer("NOBODY")
            listed = [row async for row in other.high_risk(page_size=9)]
            rows = [row async for row in other.score_book(every_seconds=0.02)]
            return (await other.statistics(), await other.policy(), listed, rows)

    told, *others = asyncio.run(ask())
    own = forbear.statistics()
    assert told.model_copy(update={"now": own.now}) == own, "each is told what time it is at the bank"
    assert others == [forbear.policy(), list(forbear.high_risk()), list(forbear.score_book())]


def test_live_gives_the_feed(served: Any, forbear: Client) -> None:
    """A client's live feed speaks with its server under its key; one without a key is refused."""

    async def first(client: Client) -> Any:
        async with aclosing(aiter(client.live(Wanted(kinds={Kind.DECISION})))) as messages:
            return await asyncio.wait_for(anext(messages), 0.5)

    with Client(served.url, key="") as nobody, pytest.raises(FeedRefused):
        asyncio.run(first(nobody))
    with pytest.raises(TimeoutError):  # it listens: nothing is decided while nobody works
        asyncio.run(first(forbear))


@pytest.mark.parametrize("url", ["127.0.0.1:8470", "ftp://bank", "https://", "http://bank?key=1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    """A client is not made for what is no URL of a server."""
    with pytest.raises(ConfigError, match="no URL"):
        Client(url)


def test_a_key_is_nowhere_shown() -> None:
    """A key with something around it is refused without being repeated, and manners do not show theirs."""
    with pytest.raises(ConfigError) as refused:
        Client("http://bank", "fb_secret \nX: y")
    with Client("http://bank", "fb_secret") as forbear:
        assert "fb_secret" not in repr(forbear.manners) + str(refused.value)
