"""Strategies for any event that the door takes. Needs hypothesis, a development dependency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from forbear.domain.events import (
    EARLIEST,
    FURTHEST_AHEAD,
    LATEST,
    CustomerUpdated,
    DayClosed,
    Event,
    HelpRequested,
    Instructed,
    Obligation,
    OfferAnswered,
    PaymentOutcome,
    Transaction,
)
from forbear.domain.terms import (
    NAME_A_DIGEST,
    AccountKind,
    Answer,
    Category,
    Channel,
    Circumstance,
    Direction,
    FailureReason,
    Frequency,
    Instruction,
    ObligationKind,
    OutcomeStatus,
    Status,
)

_IDENTIFIERS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64)
_NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=64)
_AMOUNTS = st.integers(0, 10**15)
_BALANCES = st.none() | st.integers(-(10**15), 10**15)
_CURRENCIES = st.text("ABCXYZ", min_size=3, max_size=3)
_DAYS = st.dates(EARLIEST, LATEST - timedelta(days=1))
_FIRST = datetime(1970, 1, 2, tzinfo=UTC)
_INSTANTS = st.integers(0, 128 * 366 * 86_400 * 10**6).map(lambda micros: _FIRST + timedelta(microseconds=micros))


@st.composite
def _clocks(draw: st.DrawFn) -> dict[str, datetime]:
    """When it happened, and when it was known: before, after, or so far ahead as may be."""
    received = draw(_INSTANTS)
    ahead = draw(st.sampled_from([FURTHEST_AHEAD, timedelta(0), timedelta(microseconds=-1), timedelta(days=-9)]))
    return {"received_at": received, "booked_at": max(received + ahead, _FIRST)}


@st.composite
def transactions(draw: st.DrawFn) -> Transaction:
    """Any transaction that the door takes."""
    failed = draw(st.booleans())
    converted = draw(st.booleans())
    own, reversed_ = draw(_IDENTIFIERS), draw(st.none() | _IDENTIFIERS)
    return Transaction(
        transaction_id=own,
        customer_id=draw(_IDENTIFIERS),
        account_id=draw(_IDENTIFIERS),
        account_kind=draw(st.sampled_from(AccountKind)),
        direction=draw(st.sampled_from(Direction)),
        amount_minor=draw(_AMOUNTS),
        currency=draw(_CURRENCIES),
        channel=draw(st.sampled_from(Channel)),
        category=draw(st.sampled_from(Category)),
        status=Status.FAILED if failed else Status.BOOKED,
        failure_reason=draw(st.none() | st.sampled_from(FailureReason)) if failed else None,
        balance_after_minor=draw(_BALANCES),
        counterparty=draw(st.none() | _NAMES.filter(bool)),
        reverses=reversed_ if reversed_ != own else None,
        sequence=draw(st.integers(0, 2**36 - 1)),
        original_amount_minor=draw(_AMOUNTS) if converted else None,
        original_currency=draw(_CURRENCIES) if converted else None,
        **draw(_clocks()),
    )


_OBLIGATIONS = st.builds(
    Obligation,
    obligation_id=_IDENTIFIERS,
    kind=st.sampled_from(ObligationKind),
    amount_minor=_AMOUNTS,
    due_on=_DAYS,
    frequency=st.sampled_from(Frequency),
    ends_on=st.none() | _DAYS,
    exposure_minor=_AMOUNTS,
)


@st.composite
def updates(draw: st.DrawFn) -> CustomerUpdated:
    """Any customer update that the door takes."""
    owed = draw(st.lists(_OBLIGATIONS, max_size=3, unique_by=lambda one: one.obligation_id))
    return CustomerUpdated(
        update_id=draw(_IDENTIFIERS),
        customer_id=draw(_IDENTIFIERS),
        segment=draw(_NAMES),
        region=draw(_NAMES),
        time_zone=draw(st.none() | _NAMES),
        consents=tuple(draw(st.lists(_NAMES, max_size=3))),
        circumstances=tuple(draw(st.lists(st.sampled_from(Circumstance), max_size=3, unique=True))),
        obligations=tuple(owed),
        **draw(_clocks()),
    )


@st.composite
def outcomes(draw: st.DrawFn) -> PaymentOutcome:
    """Any outcome that the door takes."""
    status = draw(st.sampled_from(OutcomeStatus))
    settled = status in (OutcomeStatus.PAID, OutcomeStatus.CURED)
    return PaymentOutcome(
        outcome_id=draw(_IDENTIFIERS),
        customer_id=draw(_IDENTIFIERS),
        obligation_id=draw(_IDENTIFIERS),
        due_on=draw(_DAYS),
        amount_due_minor=draw(_AMOUNTS),
        status=status,
        paid_on=draw(_DAYS if settled else st.none() | _DAYS),
        days_past_due=draw(st.none() | st.integers(0, 36_500)),
        **draw(_clocks()),
    )


@st.composite
def instructions(draw: st.DrawFn) -> Instructed:
    """Any instruction that the door takes."""
    instruction = draw(st.sampled_from(Instruction))
    return Instructed(
        instruction_id=draw(_IDENTIFIERS),
        instruction=instruction,
        by=draw(_NAMES.filter(bool)),
        value=draw(st.text("0123456789abcdef", min_size=64, max_size=64)) if instruction in NAME_A_DIGEST else None,
        **draw(_clocks()),
    )


@st.composite
def requests(draw: st.DrawFn) -> HelpRequested:
    """Any request for help that the door takes."""
    why = draw(st.text(max_size=500))
    return HelpRequested(
        request_id=draw(_IDENTIFIERS),
        customer_id=draw(_IDENTIFIERS),
        by=draw(_NAMES.filter(bool)),
        why=why,
        override=bool(why.strip()) and draw(st.booleans()),
        **draw(_clocks()),
    )


@st.composite
def answers(draw: st.DrawFn) -> OfferAnswered:
    """Any answer to an offer that the door takes."""
    return OfferAnswered(
        answer_id=draw(_IDENTIFIERS),
        customer_id=draw(_IDENTIFIERS),
        decision_id=draw(st.text("0123456789abcdef", min_size=32, max_size=32)),
        answer=draw(st.sampled_from(Answer)),
        by=draw(_NAMES.filter(bool)),
        **draw(_clocks()),
    )


_CLOSES = st.builds(DayClosed, partition=st.integers(0, 65_535), day=_DAYS, received_at=_INSTANTS)
any_event: st.SearchStrategy[Event] = (
    transactions() | updates() | outcomes() | instructions() | requests() | answers() | _CLOSES
)
"""One event of any kind, with everything in it as large, small, absent or odd as it may be."""
