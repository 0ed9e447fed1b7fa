"""Routes about the past of one customer: events as the bank told them, and the ledger by day."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from forbear.adapters.by_customer import MOST_DAYS
from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.pasts import Pasts
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reading import CustomerId, as_of, whom
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer, at, onlooker_of
from forbear.client.past import CustomerPast, CustomerWindows, FeatureNow, FigureNow, WindowDay
from forbear.engine.looking import Looks, Rulings, named
from forbear.engine.outputs import Position
from forbear.engine.windows import CLOSING, LOWEST, ByDay
from forbear.features.columns import day_of
from forbear.features.definition import REGISTRY
from forbear.features.eligibility import Hurdle
from forbear.features.figures import FIGURES
from forbear.features.ledger import Floats
from forbear.features.measures import Measure

_USUALS = {"last_pay": "usual_pay", "largest_cash_day_30d": "usual_cash_day"}
"""Figures whose own usual one bears another name."""
_USUAL = "usual_"

past = APIRouter(prefix="/v1", route_class=Gate, tags=["customers"])

Span = Annotated[
    int, Query(ge=1, le=MOST_DAYS - 35, description="How many days back from the newest day that was told of.")
]


@past.get("/customers/{customer_id}/transactions", operation_id="customer_transactions", summary="Transactions")
def customer_transactions(  # noqa: PLR0913  # two of them are who asks and of what
    customer_id: CustomerId,
    parts: PartsHere,
    visit: VisitHere,
    days: Span = 90,
    limit: Limit = 200,
    cursor: Cursor = None,
) -> CustomerPast:
    """A customer's transactions, payments that fell due, and updates, newest first, and their sums by day."""
    found = whom(customer_id, parts, visit)
    pages = Pages(f"past {days} {found.key}")
    asked = None if cursor is None else tuple(int(part) for part in pages.place(cursor, int, int, int))
    seen = _pasts(parts).of(found.key, found.known.partition, days, None if asked is None else asked[0])
    begin = seen.lines.from_place(None if asked is None else (asked[1], asked[2]))
    past_end = min(begin + limit, len(seen.lines))
    more = past_end < len(seen.lines)
    return answer(
        CustomerPast(
            as_of=as_of({found.known.partition: Position(seen.position)}),
            customer_id=found.known.customer_id,
            first=day_of(seen.last - days + 1),
            last=day_of(seen.last),
            items=seen.lines.lines(begin, past_end),
            by_day=seen.lines.by_day(),
            complete=seen.lines.complete,
            kept_from=at(seen.kept_from_us) if seen.kept_from_us else None,
            further=pages.cursor((seen.last, *seen.lines.place(past_end - 1))) if more else None,
        )
    )


@past.get("/customers/{customer_id}/windows", operation_id="customer_windows", summary="The ledger by day")
def customer_windows(customer_id: CustomerId, parts: PartsHere, visit: VisitHere) -> CustomerWindows:
    """What the ledger of a customer holds by day, and every feature and figure that is made of it now."""
    found = whom(customer_id, parts, visit)
    onlooker = onlooker_of(parts)
    seen = onlooker.look_by_day(found.key)
    if seen is None:
        raise Refusal("not_enough", "no event of this customer has reached the ledgers yet")
    looks, days = seen
    stand, rulings = looks.stand, onlooker.rulings.of(found.key)
    return answer(
        CustomerWindows(
            as_of=as_of({stand.partition: Position(stand.offset)}),
            customer_id=found.known.customer_id,
            open_day=day_of(stand.open_day),
            clock=at(stand.clock_us),
            currency=rulings.policy.currency,
            hurdle=Hurdle(looks.hurdle[0]).name.lower(),
            days=window_days(days),
            features=features_now(rulings, looks.values[0]),
            figures=_figures_now(looks),
        )
    )


# ---- windows as they are told


def window_days(days: ByDay) -> tuple[WindowDay, ...]:
    """The days of a ledger, oldest first."""
    names = {
        "income_minor": Measure.INCOME.word,
        "spending_minor": Measure.SPENDING.word,
        "essential_minor": Measure.ESSENTIAL.word,
        "cash_minor": Measure.CASH.word,
        "gambling_minor": Measure.GAMBLING.word,
        "borrowed_minor": Measure.LENDING.word,
        "savings_out_minor": Measure.SAVINGS_OUT.word,
        "transactions": Measure.TRANSACTIONS.word,
        "failed_debits": Measure.FAILED_DEBITS.word,
        "late_payments": Measure.LATE_PAYMENTS.word,
        "unpaid": Measure.UNPAID.word,
        "lowest_minor": LOWEST,
        "closing_minor": CLOSING,
    }
    count = len(days.values[CLOSING])
    columns = {name: days.values[word].tolist() for name, word in names.items()}
    return tuple(
        WindowDay(
            day=day_of(days.open_day - count + 1 + row),
            **{name: _whole(column[row]) for name, column in columns.items()},
        )
        for row in range(count)
    )


def features_now(rulings: Rulings, values: Floats) -> tuple[FeatureNow, ...]:
    """Every feature of the set in force. values: (k,), NaN for what is not known."""
    known = named(rulings.names, values)
    return tuple(
        FeatureNow(
            name=one.name,
            group=one.group,
            unit=one.unit,
            meaning=one.meaning,
            direction=one.direction,
            low=one.low,
            high=one.high,
            value=value,
            unknown=one.unknown,
        )
        for name, value in known.items()
        for one in (REGISTRY[name],)
    )


def _figures_now(looks: Looks) -> tuple[FigureNow, ...]:
    """Every figure that is not itself what is usual, beside what is."""
    if looks.figures is None:
        return ()
    known, open_day = named(tuple(FIGURES), looks.figures[0]), day_of(looks.stand.open_day)
    told = []
    for name, value in known.items():
        if name.startswith(_USUAL):
            continue
        kind, usual = FIGURES[name].kind, known.get(_USUALS.get(name, f"{_USUAL}{name}"))
        on = open_day + timedelta(value) if kind == "date" and value is not None else None
        told.append(FigureNow(name=name, kind=kind, value=value, on=on, usual=usual))
    return tuple(told)


def _whole(value: float) -> int | None:
    return None if value != value else round(value)  # noqa: PLR0124  # NaN alone differs


def _pasts(parts: ApiParts) -> Pasts:
    if parts.pasts is None:
        raise Refusal("unavailable", "this server follows no log")
    return parts.pasts
