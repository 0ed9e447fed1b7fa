"""Laws of every ContactLedger. Subclass ContactLedgerContract in a test file and define its two methods.

Needs pytest and hypothesis, development dependencies.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forbear.domain.contacts import Consented, Contacted, Fact, Means, Placed, PlaceSource, Purpose, Restricted, Stop
from forbear.domain.errors import InvalidEvent
from forbear.engine.contact_ledger import ContactLedger, all_entries, line_of

_LAW = settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors, HealthCheck.too_slow],
)
_CUSTOMERS = st.sampled_from([1, 2**63, 2**64 - 1])
_IDS = st.text("abc", min_size=1, max_size=2)
_US = st.integers(0, 2**53 - 1)
_ABOUT = {"fact_id": _IDS, "customer": _CUSTOMERS, "at_us": _US, "known_us": _US}
ANY_FACTS: st.SearchStrategy[list[Fact]] = st.lists(
    st.one_of(
        st.builds(
            Contacted,
            **_ABOUT,
            channel=st.just("phone"),
            means=st.sampled_from(Means),
            matter=st.just("loan"),
            purpose=st.sampled_from(Purpose),
            conversation=st.booleans(),
        ),
        st.builds(Placed, **_ABOUT, source=st.sampled_from(PlaceSource), zones=st.just(("America/New_York",))),
        st.builds(Restricted, **_ABOUT, stop=st.sampled_from(Stop), until_us=st.none() | _US),
        st.builds(Consented, **_ABOUT, channel=st.just("sms"), given=st.booleans()),
    ),
    max_size=6,
)
_MOST = 1_000


def a_contact(fact_id: str, customer: int = 7, at_us: int = 1) -> Contacted:
    """A call about a loan."""
    return Contacted(
        fact_id=fact_id,
        customer=customer,
        at_us=at_us,
        known_us=at_us,
        channel="phone",
        means=Means.CALL,
        matter="loan",
        purpose=Purpose.COLLECTION,
    )


class ContactLedgerContract:
    """What holds of a contact ledger wherever it is kept."""

    def make(self) -> ContactLedger:
        """A ledger in which nothing was ever entered."""
        raise NotImplementedError

    def again(self, ledger: ContactLedger) -> ContactLedger:
        """The same ledger as another process sees it."""
        raise NotImplementedError

    @_LAW
    @given(st.lists(ANY_FACTS, max_size=4))
    def test_each_fact_is_kept_once_and_in_order(self, commits: list[list[Fact]]) -> None:
        """The first of each id stands, as it was told, alone and in the order of entry; it is counted once."""
        ledger, first = self.make(), dict[str, Fact]()
        for some in commits:
            new = {fact.fact_id: fact for fact in reversed(some) if fact.fact_id not in first}
            assert ledger.add(some) == len(new)
            first |= {fact.fact_id: fact for fact in some if fact.fact_id in new and fact is new[fact.fact_id]}

        other, kept = self.again(ledger), list(first.values())
        assert [one.fact for one in other.entries(0, _MOST)] == kept
        for customer in (1, 2**63, 2**64 - 1):
            assert list(other.of_customer(customer)) == [fact for fact in kept if fact.customer == customer]
        assert [ledger.add(some) for some in commits] == [0] * len(commits)

    @pytest.mark.parametrize("page", [1, 3, 100])
    def test_pages_meet(self, page: int) -> None:
        """Read page by page every entry comes once, and entries rise."""
        ledger = self.make()
        for nth in range(7):
            ledger.add([a_contact(f"fact-{nth}", customer=nth % 2)])
        seen = list(all_entries(self.again(ledger), page))

        assert [one.fact.fact_id for one in seen] == [f"fact-{nth}" for nth in range(7)]
        assert [one.entry for one in seen] == sorted({one.entry for one in seen})

    def test_many_facts_at_once(self) -> None:
        """More than a database takes values in one statement: all are there, and none twice."""
        ledger = self.make()
        many = [a_contact(f"fact-{nth}", customer=nth) for nth in range(1_300)]

        assert ledger.add(many[:700]) == 700
        assert ledger.add(many) == 600
        assert [one.fact for one in all_entries(ledger)] == many

    def test_a_fact_that_many_tell_at_once_is_entered_once(self) -> None:
        """Of threads that enter the same fact at the same time one has entered it, and all are answered."""
        ledger = self.make()
        with ThreadPoolExecutor(4) as threads:
            added = list(threads.map(lambda _: ledger.add([a_contact("same")]), range(12)))

        assert sorted(added) == [0] * 11 + [1]
        assert len(ledger.entries(0, 10)) == 1

    def test_what_could_not_be_read_again_is_not_entered(self) -> None:
        """A fact out of bounds is refused, and those that came with it: nothing was entered."""
        ledger = self.make()
        with pytest.raises(InvalidEvent, match="fact_id"):
            ledger.add([a_contact("one"), a_contact("an id with blanks")])

        assert list(ledger.of_customer(7)) == []

    def test_a_line_says_all_of_a_fact(self) -> None:
        """The line of an export is the fact's own JSON with its entry."""
        ledger, fact = self.make(), a_contact("one", customer=2**64 - 1)
        ledger.add([fact])
        (entered,) = ledger.entries(0, 2)

        said = json.loads(line_of(entered))
        assert said.pop("entry") == entered.entry
        assert said == msgspec.to_builtins(fact)
