"""What is at stake: how the book of this home moved, what stress does to it, and credit loss on a published panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from forbear.apps.dashboard import layout, states, written
from forbear.apps.dashboard.charts import book, credit
from forbear.apps.dashboard.charts.book import change_of
from forbear.apps.dashboard.formats import count, money, number, pd, per_cent, points, sentence
from forbear.apps.dashboard.registry import BY_NAME
from forbear.apps.dashboard.session import Desk
from forbear.apps.dashboard.telling import capital, change, estimate, interval, ratio, settled
from forbear.apps.dashboard.written import Document
from forbear.client.reports import ReportShown

_WORDS = {
    "book": "This home: how the book moved",
    "arrears": "This home: days past due",
    "stress": "This home: stress scenarios",
    "panel": "Mortgage panel: expected loss and stages",
}
_CHANGED = {book.ROSE: "rose", book.FELL: "fell", book.UNTOLD: "cannot tell"}
_LEAST_IN_ROW = 30
_PARTS = ("panel", "source", "currency", "quarters", "transitions", "pd_by_quarter", "pd")


def show(desk: Desk) -> None:
    """Draw the page. `?view=` chooses among the book, days past due, stress and the panel of mortgages."""
    top = st.container()
    view = layout.tabs("view", "Look at", _WORDS, "book")
    draw: Mapping[str, Callable[[Desk], ReportShown | None]] = {
        "book": _book,
        "arrears": _arrears,
        "stress": _stress,
        "panel": _panel,
    }
    shown = draw[view](desk)
    with top:
        layout.head(BY_NAME["credit_risk"].title, BY_NAME["credit_risk"].says, written.stamp(shown))


def _labelled(shown: ReportShown, *, of_home: bool = True) -> None:
    """Whose figures these are: made up, of a bank, or of a published panel."""
    if not of_home:
        st.info(
            "**Published data, not this bank's:** the Deep Credit Risk panel of US mortgages, for teaching. It shows "
            "what the method does on loans that defaulted; nothing here is of this book.",
            icon=":material/menu_book:",
        )
    elif shown.synthetic:
        st.caption(":material/science: Synthetic: these customers and their payments are made up.")
    else:
        st.caption(":material/database: Of this bank's own records.")
    if of_home:
        st.caption(
            "A probability here is that of a payment missed within 30 days. It is no probability of default, and no "
            "money is made of it."
        )


# ---- the book of this home


def _opened(desk: Desk, name: str) -> tuple[ReportShown | None, Document]:
    shown = written.read(desk, name)
    if shown is None:
        written.absent(desk, name)
        return None, {}
    _labelled(shown)
    document: Document = shown.document  # type: ignore[assignment]  # every report is an object
    return shown, document


def _book(desk: Desk) -> ReportShown | None:
    shown, found = _opened(desk, "portfolio")
    if shown is None:
        return None
    high, index = found["high_risk"], found["stress_index"]
    held = found["concentration"]["top"][-1]
    told = (
        ("At high risk", per_cent(high["after"]["value"]), f"was {per_cent(high['before']['value'])}"),
        ("Change", *settled(high["change"], points)),
        (
            "Stress index",
            number(index["last"]["value"], 0),
            f"95 %: {interval(index['last'], _whole)}; was {_whole(index['first']['value'])}",
        ),
        (
            f"Held by the riskiest {per_cent(held['share_of_book'], 0)}",
            per_cent(held["of_expected_misses"]),
            "of the expected misses",
        ),
    )
    for place, (label, value, says) in zip(st.columns(len(told)), told, strict=True):
        with place:
            layout.metric(label, value, delta=says)
    st.caption(
        f"From {found['first']} to {found['last']}; at high risk is a PD from {pd(found['high_risk_from'])} on. Model "
        f"{states.plain(found['model'])}, policy {states.plain(found['policy']['version'])}."
    )
    _bands(found)
    _segments(found["segments"])
    _index(index)
    _gathered(found["concentration"])
    written.again(desk, "portfolio")
    return shown


def _whole(value: float | None) -> str:
    return number(value, 0)


def _bands(found: Document) -> None:
    st.subheader("Moves between bands")
    _matrix(found["moves"]["bands"], found["moves"]["counts"], "moves-between-bands")
    st.caption(
        f"Rows: the band on {found['first']}; columns: on {found['last']}. "
        f"Of a row of fewer than {_LEAST_IN_ROW} no share."
    )


def _matrix(
    states_of: Sequence[str], counts: Sequence[Sequence[int]], name: str, *, least: int = _LEAST_IN_ROW
) -> None:
    """A matrix of moves with its figures; how many stayed, in words."""
    total, stayed = sum(map(sum, counts)), sum(row[place] for place, row in enumerate(counts))
    says = f"{count(stayed)} of {count(total)} are where they were."
    rows = [
        {"from": state, **dict(zip(states_of, row, strict=True))} for state, row in zip(states_of, counts, strict=True)
    ]
    layout.chart(book.moves(states_of, counts, least=least), rows, name=name, says=says)
    st.caption(says)


def _segments(segments: Sequence[Document]) -> None:
    st.subheader("Change of the share at high risk, by segment")
    known = [one for one in segments if one["high_risk"]["paired"]]
    if not known:
        states.empty("Nobody was there on both dates.", "Choose dates that lie closer together.")
        return
    left_out = sum(change_of(one["high_risk"]["change"]) != book.UNTOLD for one in known)
    says = (
        f"Of {len(known)} intervals {left_out} leave 0 out; if nothing had moved, some {0.05 * len(known):.1f} "
        "would by chance."
    )
    plain = [
        {
            "dimension": one["dimension"],
            "segment": one["name"],
            "mean_pd": one["mean_pd"],
            "expected_misses": one["expected_misses"],
            "customers": one["high_risk"]["customers"],
            **{f"change_{name}": one["high_risk"]["change"][name] for name in ("value", "low", "high")},
        }
        for one in known
    ]
    layout.chart(book.segment_changes(known), plain, name="segment-changes", says=says)
    st.caption(says)
    with st.expander("Segments in figures"):
        rows = [
            {
                "Segment": f"{one['dimension']}: {one['name']}",
                "Customers": count(one["high_risk"]["customers"]),
                "Mean PD": pd(one["mean_pd"]),
                "Expected misses": number(one["expected_misses"]),
                "At high risk, before": estimate(one["high_risk"]["before"]),
                "At high risk, after": estimate(one["high_risk"]["after"]),
                "Change": change(one["high_risk"]["change"]),
                "Verdict": _CHANGED[change_of(one["high_risk"]["change"])],
            }
            for one in known
        ]
        layout.table(rows, layout.Table(name="segments", texts=frozenset({"Segment", "Verdict"}), files=plain))


def _index(index: Document) -> None:
    st.subheader("Stress index")
    says = (
        f"100 x the mean PD over its mean at {len(index['reference'])} reference closes: "
        f"{estimate(index['last'], _whole)} at the last."
    )
    plain = [{"day": one["day"], **one["index"]} for one in index["path"]]
    layout.chart(book.index_path(index["path"]), plain, name="stress-index", says=says)
    st.caption(says)


def _gathered(concentration: Document) -> None:
    st.subheader("Where expected misses gather")
    says = "; ".join(
        f"the riskiest {per_cent(one['share_of_book'], 0)} hold {per_cent(one['of_expected_misses'])}"
        for one in concentration["top"]
    )
    curve = concentration["curve"]
    plain = [{"riskiest_share": place / (len(curve) - 1), "of_misses": held} for place, held in enumerate(curve)]
    layout.chart(book.gathered(curve), plain, name="concentration", says=says)
    st.caption(f"{capital(says)}. The dotted line: everybody with the same PD.")


def _arrears(desk: Desk) -> ReportShown | None:
    shown, found = _opened(desk, "portfolio")
    if shown is None:
        return None
    arrears: Document = found["arrears"]
    if not arrears or arrears["counts"] is None:
        states.empty("Nothing is told of payments.", "Days past due need events of what became of due payments.")
        return shown
    st.subheader("From month to month, all months together")
    _matrix(arrears["states"], arrears["counts"], "days-past-due", least=arrears["least"])
    st.caption(
        "Rows: days past due at the close of a month; columns: at that of the next. Of a row of fewer than "
        f"{arrears['least']} only numbers are told."
    )
    _roll_rates(arrears)
    _vintages(arrears)
    written.again(desk, "portfolio")
    return shown


def _roll_rates(arrears: Document) -> None:
    st.subheader("Roll rates")
    says = "The share of customers in each state that was one state on a month later, by month."
    plain = [
        {"from": month["first"], "to": month["last"], "state": state, **(book.rolled(month, place) or {})}
        for month in arrears["months"]
        for place, state in enumerate(arrears["states"][:-1])
    ]
    layout.chart(book.roll_rates(arrears["months"], arrears["states"]), plain, name="roll-rates", says=says)
    st.caption(f"{says} A month is left out where fewer than {arrears['least']} were in the state.")
    rows = [
        {
            "From": state,
            "To": arrears["states"][place + 1],
            "Customers": count(sum(arrears["counts"][place])),
            "Rolled on, all months together": estimate(book.rolled(arrears, place)),
        }
        for place, state in enumerate(arrears["states"][:-1])
    ]
    layout.table(rows, layout.Table(name="roll-rates-in-all", texts=frozenset({"From", "To"})))


def _vintages(arrears: Document) -> None:
    for key, title, says in (
        ("vintages_missed", "Vintages: who missed a payment", "by days since the month of the first event"),
        ("vintages_paid", "Vintages: missed payments that were paid", "by days since they were due"),
    ):
        curves = arrears[key]
        st.subheader(title)
        if not curves:
            states.empty("No cohort is large enough.", f"A cohort needs {arrears['least']}.")
            continue
        plain = [
            {"cohort": one["month"], "number": one["number"], "days": point["days"], **point["share"]}
            for one in curves
            for point in one["by_days"]
        ]
        words = f"{title}, {says}. Cohorts: {len(curves)}, the newest are drawn."
        layout.chart(book.vintages(curves, "Share [%]"), plain, name=key.replace("_", "-"), says=words)
        st.caption(words)


def _stress(desk: Desk) -> ReportShown | None:
    shown, found = _opened(desk, "stress")
    if shown is None:
        return None
    base, scenarios = found["base"], found["scenarios"]
    st.caption(
        f"The last {count(found['window_days'])} days up to {found['on']} as though they had been harder, scored by "
        f"the same model. Without a shock: {count(base['customers'])} customers, mean PD {pd(base['mean_pd'])}. "
        f"Assumptions {states.plain(found['assumptions']['version'])}."
    )
    says = "; ".join(f"{one['name']}: mean PD {change(one['mean_pd']['change'])}" for one in scenarios)
    plain = [
        {
            "scenario": one["name"],
            **one["shock"],
            **{f"mean_pd_{name}": x for name, x in one["mean_pd"]["after"].items()},
        }
        for one in scenarios
    ]
    layout.chart(book.stress_changes(scenarios), plain, name="stress", says=says)
    rows = [
        {
            "Scenario": sentence(one["name"]),
            "Stress index": estimate(one["stress_index"], _whole),
            "Mean PD": estimate(one["mean_pd"]["after"]),
            "Expected misses": f"{number(one['expected_misses']['before']['value'])} \u2192 "
            f"{estimate(one['expected_misses']['after'], number)}",
            "At high risk, change": change(one["high_risk"]["change"]),
        }
        for one in scenarios
    ]
    layout.table(rows, layout.Table(name="scenarios", texts=frozenset({"Scenario"}), files=plain))
    names = [one["name"] for one in scenarios]
    chosen = layout.choose(
        "scenario", "Who moves band in", names, names[0], words={one: sentence(one) for one in names}
    )
    moves = next(one for one in scenarios if one["name"] == chosen)["moves"]
    _matrix(moves["bands"], moves["counts"], "stress-moves")
    st.caption(
        "Rows: the band without the shock; columns: with it. Second rounds and what the bank would do are left out."
    )
    written.again(desk, "stress")
    return shown


# ---- the published panel


def _panel(desk: Desk) -> ReportShown | None:
    came = desk.together(**{part: lambda part=part: written.read(desk, "credit", part) for part in _PARTS})
    first: ReportShown | None = came["quarters"]
    if first is None:
        written.absent(desk, "credit")
        return None
    _labelled(first, of_home=False)
    told = {part: came[part].document for part in _PARTS}
    quarters, currency = told["quarters"], told["currency"]
    _set_aside(told["panel"], quarters, currency)
    st.subheader("What came of it")
    year = [one for one in quarters if one["realised_year"] is not None]
    lost, expected = sum(one["realised_year"] for one in year), sum(one["loss_year"] for one in year)
    says = (
        f"Over all quarters {ratio(lost / expected)} was lost within 12 months for each 1 that was expected."
        if expected
        else "No 12 months are over yet."
    )
    plain = [{name: one[name] for name in ("quarter", "loss_year", "realised_year")} for one in quarters]
    layout.chart(credit.losses(quarters, currency), plain, name="losses", says=says)
    st.caption(says)
    _defaults(told["pd_by_quarter"]["next_year"], told["pd"])
    st.subheader("Moves between stages, from quarter to quarter")
    _matrix(told["transitions"]["states"], told["transitions"]["counts"], "stage-moves")
    written.again(desk, "credit")
    return first


def _set_aside(panel: Document, quarters: Sequence[Document], currency: str) -> None:
    last = quarters[-1]
    st.caption(
        f"{count(panel['loans'])} loans over {count(panel['quarters'])} quarters, {count(panel['defaults'])} defaults, "
        f"{count(panel['unresolved_defaults'])} of which are not resolved. Below: quarter {last['quarter']}, the last."
    )
    rows = [
        {
            "Stage": sentence(stage),
            "Loans": count(last["loans"][place]),
            "Exposure": money(last["exposure"][place], currency),
            "Allowance": money(last["allowance"][place], currency),
            "Of the exposure": per_cent(
                last["allowance"][place] / last["exposure"][place] if last["exposure"][place] else None, 2
            ),
        }
        for place, stage in enumerate(credit.STAGES)
    ]
    st.subheader("Expected credit loss by stage")
    plain = [
        {"stage": stage, **{name: last[name][place] for name in ("loans", "exposure", "allowance")}}
        for place, stage in enumerate(credit.STAGES)
    ]
    layout.table(rows, layout.Table(name="stages", texts=frozenset({"Stage"}), files=plain))
    says = f"Set aside in quarter {last['quarter']}: {money(sum(last['allowance']), currency)} in all."
    told = [{"quarter": one["quarter"], **dict(zip(credit.STAGES, one["allowance"], strict=True))} for one in quarters]
    layout.chart(credit.allowance(quarters, currency), told, name="allowance", says=says)
    st.caption(
        f"{says} Stage 1 takes the loss of 12 months, stage 2 that of the life, stage 3 is default (IFRS 9 5.5)."
    )


def _defaults(by_quarter: Sequence[Document], judged: Sequence[Document]) -> None:
    st.subheader("Defaults within 12 months")
    year = next((one for one in judged if one["quarters"] == 4), None)
    says = "No 12 months are over yet."
    if year is not None:
        figures = year["figures"]
        says = (
            f"AUC {estimate(figures['auc'], ratio)}; observed over expected "
            f"{estimate(figures['observed_to_expected'], ratio)}, without the economy "
            f"{estimate(figures['observed_to_expected_blind'], ratio)}."
        )
    plain = [
        {"quarter": one["quarter"], "expected": one["expected"], "blind": one["blind"], **one["observed"]}
        for one in by_quarter
    ]
    layout.chart(credit.default_rates(by_quarter), plain, name="default-rates", says=says)
    st.caption(f"{says} No model saw the crisis before it began.")
