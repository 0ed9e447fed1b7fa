"""Help: nothing where it is switched off or let pass, and otherwise just what its mechanism says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.terms import Direction, OutcomeStatus, Status
from forbear.features.columns import NO_AMOUNT, EventColumns, EventKind, codes_of
from forbear.simulation.bank import simulate
from forbear.simulation.day import live_days
from forbear.simulation.lives import Lives, live_unseen, scratch
from forbear.simulation.movements import CARD, LOAN, MORTGAGE
from forbear.simulation.records import Records
from forbear.simulation.spec import BankSpec
from forbear.simulation.treatment import ASTRAY, INDIFFERENT, SUITED, Help, Plan, Strengths, offer
from forbear.simulation.world import HELP_KINDS, MONTHLY, NEVER

BANK = BankSpec(customers=150, days=120, late_share=0.0, duplicate_share=0.0, reversal_share=0.0)
OFFERED_ON = 40
OWN = [MORTGAGE, LOAN, CARD]

each_kind = pytest.mark.parametrize("kind", list(Help), ids=lambda kind: kind.name.lower())


def plan(customers: range, days: list[int], strengths: Strengths | None = None) -> Plan:
    """Every kind of help to each of these customers on each of these days."""
    grid = np.array([(c, t, kind) for c in customers for t in days for kind in Help])
    return Plan(*grid.T, strengths or Strengths())


def in_turn(customers: range, days: list[int]) -> Plan:
    """One kind of help to each of these customers on each of these days, all kinds in turn."""
    return Plan(*np.array([(c, t, (c + place) % HELP_KINDS) for c in customers for place, t in enumerate(days)]).T)


def log_of(spec: BankSpec, offers: Plan | None) -> EventColumns:
    """The whole log."""
    chunks = list(simulate(spec, plan=offers))
    return EventColumns(**{f.name: np.concatenate([getattr(c, f.name) for c in chunks]) for f in fields(EventColumns)})


def assert_same(expected: EventColumns, actual: EventColumns) -> None:
    """Every column is equal."""
    for field in fields(EventColumns):
        np.testing.assert_array_equal(getattr(expected, field.name), getattr(actual, field.name), field.name)


@pytest.fixture(scope="module")
def unhelped() -> EventColumns:
    """The log without a plan."""
    return log_of(BANK, None)


def lived(houses: Records, lives: Lives, days: int) -> Records:
    """These households after so many days more."""
    then = houses.copy()
    live_unseen(then, lives.ahead(days), scratch())
    return then


@dataclass(frozen=True)
class Offered:
    """Households at the day of an offer, without and with it, and the lives that they come from."""

    lives: Lives
    without: Records
    treated: Records

    def after(self, days: int, of: np.typing.NDArray[np.bool_]) -> tuple[Records, Records]:
        """Some of them after so many days, without and with the help."""
        return lived(self.without[of], self.lives, days), lived(self.treated[of], self.lives, days)


@pytest.fixture(scope="module")
def offered() -> Callable[[Help], Offered]:
    """The same households, offered one kind of help."""
    lives = Lives.of(BankSpec(customers=800, days=200), 200)
    lives.live_until(OFFERED_ON)

    def make(kind: Help) -> Offered:
        treated = lives.houses.copy()
        offer(treated, kind, OFFERED_ON, 1.0)
        return Offered(lives, lives.houses.copy(), treated)

    return make


def answering(houses: Records, kind: Help, response: int) -> np.typing.NDArray[np.bool_]:
    """Whose class of response to this kind is this one."""
    return np.asarray(houses["help"]["response"][:, kind] == response)


def same_lives(one: Records, other: Records) -> bool:
    """Whether money, traits, obligations and arrears are the same bit for bit."""
    return all(one[name].tobytes() == other[name].tobytes() for name in ("life", "traits", "duties", "arrears"))


def test_help_of_no_strength_is_no_help(unhelped: EventColumns) -> None:
    """With every strength at 0 the log is bit for bit that of a bank without a plan, whoever is offered what."""
    off = Strengths(**{kind.name.lower(): 0.0 for kind in Help})
    assert_same(unhelped, log_of(BANK, plan(range(BANK.customers), [20, 50, 80], off)))


def test_help_touches_only_whom_it_is_offered_and_nothing_before(unhelped: EventColumns) -> None:
    """Others live as before, and so does everybody up to the day of the offer; from then on lives change."""
    helped = log_of(BANK, plan(range(100), [60]))
    begins_us = Lives.of(BANK, BANK.days).calendar.days["midnight_us"][60]

    def untouched(log: EventColumns) -> EventColumns:
        return log.take((log.customer_id >= b"C0000100") | (log.booked_us < begins_us) & (log.customer_id != b""))

    assert_same(untouched(unhelped), untouched(helped))
    assert len(helped) != len(unhelped)


def test_chunking_changes_nothing_with_a_plan() -> None:
    """A plan that is handed out in pieces leads to the same log."""
    offers = in_turn(range(0, 150, 3), [10, 45, 46, 90])
    assert_same(log_of(BANK, offers), log_of(replace(BANK, chunk_rows=3_000), offers))


def test_balances_run_with_help() -> None:
    """Under every kind of help each balance still changes by just the amount that was booked."""
    log = log_of(BANK, in_turn(range(150), [20, 40, 60, 80, 100]))
    booked = codes_of(Status)[Status.BOOKED]
    rows = log.take((log.kind == EventKind.TRANSACTION) & (log.status == booked))
    rows = rows.take(np.lexsort((rows.sequence, rows.booked_us, rows.account_id)))
    rows = rows.take(rows.booked_us < log.received_us[-1] - 86_400_000_000)
    credit = codes_of(Direction)[Direction.CREDIT]
    signed = np.where(rows.direction == credit, rows.amount_minor, -rows.amount_minor)
    same = rows.account_id[1:] == rows.account_id[:-1]
    assert (rows.balance_after_minor != NO_AMOUNT).all()
    assert np.array_equal(np.diff(rows.balance_after_minor)[same], signed[1:][same])


@each_kind
def test_who_lets_it_pass_lives_on_as_before(offered: Callable[[Help], Offered], kind: Help) -> None:
    """An indifferent household that was offered help is the same two months later; one that answered need not be."""
    both = offered(kind)
    indifferent = answering(both.without, kind, INDIFFERENT)
    assert indifferent.any()
    assert same_lives(*both.after(60, indifferent))
    assert not same_lives(*both.after(60, ~indifferent))


def test_a_reminder_is_nothing_to_the_attentive(offered: Callable[[Help], Offered]) -> None:
    """Who minds every due and allows for all of it already lives on as before."""
    both = offered(Help.REMINDER)
    suited = answering(both.without, Help.REMINDER, SUITED)
    for houses in (both.without, both.treated):
        houses["traits"]["attention"] = houses["traits"]["prudence"] = 1.0
    assert same_lives(*both.after(60, suited))


@pytest.mark.parametrize(
    ("kind", "names", "days"),
    [
        (Help.REMINDER, ("attention", "prudence"), 14),
        (Help.SPENDING_REVIEW, ("buffer",), 30),
        (Help.CREDIT_LINE, ("limit",), 90),
    ],
)
def test_what_help_raises_falls_back(
    offered: Callable[[Help], Offered], kind: Help, names: tuple[str, ...], days: int
) -> None:
    """Attention, buffer or limit is higher while the help lasts, and then exactly what it was."""
    both = offered(kind)
    suited = answering(both.without, kind, SUITED)
    before, during = both.after(days, suited)
    after = lived(both.treated[suited], both.lives, days + 1)
    for name in names:
        assert (during["traits"][name] > before["traits"][name]).all()
        np.testing.assert_array_equal(after["traits"][name], before["traits"][name])
    assert (after["help"]["turns_on"] == NEVER).all()


def outcomes(houses: Records, lives: Lives, days: int) -> Records:
    """The outcomes of these households over so many days."""
    book = scratch()
    live_days(houses, lives.ahead(days), book, 0)
    rows = book["rows"][0, : book["filled"][0]]
    return rows[rows["kind"] == EventKind.OUTCOME].copy()


def some(both: Offered, mask: np.typing.NDArray[np.bool_]) -> tuple[Records, Records]:
    """A few of them, so that a book holds their rows, without and with the offer."""
    few = np.flatnonzero(mask)[:6]
    assert len(few) == 6
    return both.without[few].copy(), both.treated[few].copy()


def test_a_moved_due_date_follows_the_pay_day_and_keeps_its_distance(offered: Callable[[Help], Offered]) -> None:
    """Own instalments come within ten days after pay, one a month, 14 to 48 days apart; others stay where they are."""
    both = offered(Help.DUE_DATE_CHANGE)
    traits, duties = both.without["traits"], both.without["duties"]
    suited = answering(both.without, Help.DUE_DATE_CHANGE, SUITED) & (traits["rhythm"] == MONTHLY)
    without, treated = some(both, suited & (duties["day"][:, LOAN] > 0) & (duties["day"][:, CARD] > 0))
    moved = lived(treated, both.lives, 60)
    others = [j for j in range(duties.shape[1]) if j not in OWN]
    np.testing.assert_array_equal(moved["duties"]["day"][:, others], without["duties"]["day"][:, others])
    pay_on = moved["traits"]["pay_on"].astype(np.int64)
    for j in (LOAN, CARD):
        assert ((moved["duties"]["day"][:, j] - pay_on) % 31 <= 10).all()
    rows = outcomes(treated, both.lives, 150)
    for customer in np.unique(rows["customer"]):
        for j in (LOAN, CARD):
            due = np.unique(rows["due"][(rows["customer"] == customer) & (rows["duty"] == j)])
            gaps = np.diff(due)
            assert ((gaps >= 14) & (gaps <= 50)).all(), due
            assert len(due) >= 4


def test_a_pause_puts_off_one_instalment(offered: Callable[[Help], Offered]) -> None:
    """Of the lender's own obligations one instalment fewer falls due within a month, and none other is touched."""
    both = offered(Help.PAYMENT_PAUSE)
    suited = answering(both.without, Help.PAYMENT_PAUSE, SUITED)
    without, treated = some(both, suited & (both.without["duties"]["day"][:, LOAN] > 0))
    last = treated["duties"]["last"].copy()
    ends = (treated["duties"]["last"] != NEVER).any(axis=1)
    before = {(row["customer"], row["duty"], row["due"]) for row in outcomes(without, both.lives, 31)}
    after = {(row["customer"], row["duty"], row["due"]) for row in outcomes(treated, both.lives, 31)}
    skipped = sorted((customer, duty) for customer, duty, due in before - after if due >= OFFERED_ON)
    assert len(skipped) == len({customer for customer, _ in skipped}) == len(treated)
    assert {duty for _, duty in skipped} <= set(OWN)
    put_off = treated["duties"]["last"] - last
    assert set(put_off.ravel().tolist()) <= {0, 30}
    assert put_off[ends].any()


def test_early_collection_pays_before_the_due_day(offered: Callable[[Help], Offered]) -> None:
    """Who takes the link pays own instalments on a day before they are due, and never twice."""
    both = offered(Help.EARLY_COLLECTION)
    astray = answering(both.without, Help.EARLY_COLLECTION, ASTRAY)
    without, treated = some(both, astray & (both.without["duties"]["day"][:, LOAN] > 0))
    paid = codes_of(OutcomeStatus)[OutcomeStatus.PAID]
    before, rows = outcomes(without, both.lives, 60), outcomes(treated, both.lives, 60)
    early = rows[(rows["status"] == paid) & (rows["paid"] < rows["due"])]
    assert len(early)
    assert set(early["duty"].tolist()) <= set(OWN)
    assert not (before["paid"] < before["due"])[before["status"] == paid].any()
    settled = rows[rows["status"] == paid][["customer", "duty", "due"]]
    assert len(np.unique(settled)) == len(settled)


def test_a_review_lowers_spending(offered: Callable[[Help], Offered]) -> None:
    """In the month of the review those whom it suits part with less money than without it."""
    both = offered(Help.SPENDING_REVIEW)
    before, after = both.after(30, answering(both.without, Help.SPENDING_REVIEW, SUITED))
    wealth = [(houses["life"]["balance"] + houses["life"]["savings"]).mean() for houses in (before, after)]
    assert wealth[1] > wealth[0]


def test_a_credit_line_is_a_reserve_to_some_and_money_to_others(offered: Callable[[Help], Offered]) -> None:
    """Whom it suits is as rich as before a month later, or nearly; whom it leads astray is poorer."""
    both = offered(Help.CREDIT_LINE)
    changes = {}
    for response in (SUITED, ASTRAY):
        before, after = both.after(30, answering(both.without, Help.CREDIT_LINE, response))
        wealth = [houses["life"]["balance"] + houses["life"]["savings"] for houses in (before, after)]
        changes[response] = float((wealth[1] - wealth[0]).mean() / before["traits"]["income"].mean())
    assert changes[SUITED] > -0.02
    assert changes[ASTRAY] < -0.10


def test_classes_of_response_are_traits() -> None:
    """They are drawn with the household, in about the shares that are stated; a credit line leads gamblers astray."""
    houses = Lives.of(BankSpec(customers=20_000, days=1), 1).houses
    response = houses["help"]["response"]
    assert response.shape[1] == HELP_KINDS == len(Help)
    assert abs((response[:, Help.REMINDER] == SUITED).mean() - 0.60) < 0.02
    assert abs((response[:, Help.EARLY_COLLECTION] == ASTRAY).mean() - 0.35) < 0.02
    assert not (response[:, Help.DUE_DATE_CHANGE] == ASTRAY).any()
    assert (response[houses["traits"]["gambler"], Help.CREDIT_LINE] == ASTRAY).all()
    few = Lives.of(BankSpec(customers=20, days=1), 1).houses
    np.testing.assert_array_equal(few["help"]["response"], response[:20])


def test_strengths_are_nested() -> None:
    """Half the strength reaches about half of those who answer, all of them among those whom full strength reaches."""
    houses = Lives.of(BankSpec(customers=4_000, days=200), 200).houses
    day = Lives.of(BankSpec(customers=1, days=200), 200).calendar.days[:1]
    reached = []
    for strength in (0.5, 1.0):
        treated = houses.copy()
        offer(treated, Help.REMINDER, 0, strength)
        live_unseen(treated, day, scratch())
        reached.append(treated["help"]["reminded_until"] != NEVER)
    assert not (reached[0] & ~reached[1]).any()
    assert 0.45 < reached[0].sum() / reached[1].sum() < 0.55


@pytest.mark.parametrize(
    ("customer", "day", "kind"),
    [
        ([1, 0], [5, 5], [0, 0]),
        ([0, 0], [6, 5], [0, 0]),
        ([0, 0], [5, 5], [1, 1]),
        ([0], [5], [HELP_KINDS]),
        ([0], [-1], [0]),
        ([0] * 9, list(range(9)), [0] * 9),
    ],
    ids=["customers fall", "days fall", "twice", "no such kind", "before the first day", "nine in a month"],
)
def test_a_wrong_plan_is_refused(customer: list[int], day: list[int], kind: list[int]) -> None:
    """A plan that is out of order, or offers more than can wait, is a ConfigError at once."""
    with pytest.raises(ConfigError):
        Plan(np.array(customer), np.array(day), np.array(kind))


def test_an_offer_to_nobody_is_refused() -> None:
    """A plan that names a customer whom the bank does not have is not passed over in silence."""
    with pytest.raises(ConfigError):
        log_of(replace(BANK, days=5), Plan(np.array([BANK.customers]), np.array([3]), np.array([0])))


def test_a_wrong_strength_is_refused() -> None:
    """A strength is a probability."""
    with pytest.raises(ConfigError):
        Strengths(reminder=1.5)


def test_too_many_waiting_offers_are_refused() -> None:
    """A household has room for so many offers, and a further one is not dropped in silence."""
    houses = Lives.of(BankSpec(customers=2, days=10), 10).houses
    for day in range(8):
        offer(houses, Help.REMINDER, day, 1.0)
    with pytest.raises(ConfigError):
        offer(houses, Help.REMINDER, 9, 1.0)
