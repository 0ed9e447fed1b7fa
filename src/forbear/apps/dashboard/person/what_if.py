"""What a customer's score would be if a salary came, a payment was made, or one was missed. It decides nothing."""

from __future__ import annotations

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.colours import band_label
from forbear.apps.dashboard.session import Desk
from forbear.client.records import Customer
from forbear.client.scores import MOST_DAYS_AHEAD, Happening, Supposition
from forbear.domain.money import decimals_of

_KINDS = {
    "income": "Income comes",
    "payment": "A payment is made",
    "failed_payment": "A payment fails",
    "missed_payment": "A payment is missed",
    "cash": "Cash is drawn",
}
_FALLBACK_MINOR = 200_000


def show(desk: Desk, customer: Customer) -> None:
    """Draw the view."""
    st.header("What if")
    st.caption("The score as the ledger stands, and as it would be. Nothing is recorded but that you asked.")
    unit = 10 ** decimals_of(desk.currency)
    happenings = [
        one
        for kind, says in _KINDS.items()
        if (one := _happening(kind, says, _usual(customer, kind) / unit, unit)) is not None
    ]
    days = st.slider("Days that pass in all", 0, MOST_DAYS_AHEAD, value=_last(happenings), help="From the open day on.")
    if not happenings and not days:
        states.empty("Nothing is supposed yet.", "Switch something on, or let days pass.")
        return
    with states.told("What if"):
        _shown(desk, desk.client.what_if(customer.customer_id, *happenings, days=max(days, _last(happenings))))


def _happening(kind: str, says: str, usual: float, unit: int) -> Happening | None:
    left, middle, right = st.columns([2, 2, 3], vertical_alignment="bottom")
    if not left.toggle(says, key=f"what-if-{kind}"):
        return None
    amount = middle.number_input(
        "Amount", min_value=1.0, max_value=1e7, value=max(1.0, usual), step=50.0, key=f"amount-{kind}"
    )
    day = right.slider("In how many days", 0, MOST_DAYS_AHEAD, 1, key=f"day-{kind}")
    category = "salary" if kind == "income" else None
    return Happening(what=kind, amount_minor=round(amount * unit), in_days=day, category=category)  # type: ignore[arg-type]  # the kinds are those of the shape


def _usual(customer: Customer, kind: str) -> float:
    figures = {one.name: one.value for one in customer.ledger.figures} if customer.ledger else {}
    names = ("usual_pay", "last_pay") if kind == "income" else ("owed_a_month", "due_14d")
    return next(
        (value for name in names if (value := figures.get(name))), _FALLBACK_MINOR * (1 if kind == "income" else 0.1)
    )


def _last(happenings: list[Happening]) -> int:
    return max((one.in_days for one in happenings), default=0)


def _shown(desk: Desk, told: Supposition) -> None:
    before, after = told.before, told.after
    columns = st.columns(3)
    with columns[0]:
        layout.metric("PD as it stands", formats.pd(before.pd), delta=band_label(before.band, desk.bands))
    with columns[1]:
        layout.metric("PD as it would be", formats.pd(after.pd), delta=band_label(after.band, desk.bands))
    with columns[2]:
        by = None if before.pd is None or after.pd is None else after.pd - before.pd
        layout.metric("Difference", formats.points(by))
    for when, hurdle in (("as it stands", before.hurdle), ("then", after.hurdle)):
        if hurdle:
            st.info(f"No score {when}: {formats.words(hurdle)}.", icon=":material/pause_circle:")
    if refused := {fate: count for fate, count in told.fates.items() if fate != "folded"}:
        st.caption(
            "Of what was supposed: " + ", ".join(f"{count} {formats.words(fate)}" for fate, count in refused.items())
        )
    rows = [
        {
            "Feature": formats.sentence(name),
            "As it stands": formats.number(was, 3),
            "As it would be": formats.number(would, 3),
        }
        for name, (was, would) in told.changed.items()
    ]
    if rows:
        st.subheader("Features that would change")
        layout.table(rows, layout.Table(name="what-if", texts=frozenset({"Feature"})))
