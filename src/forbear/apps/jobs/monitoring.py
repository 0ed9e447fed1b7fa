"""Monitor a home: is today like the days that it should be like, is the feed whole, does the model still do well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.monitoring_course import course_document
from forbear.apps.jobs.monitoring_days import Asked, Days, Gathered, gather
from forbear.apps.jobs.monitoring_scores import ScoredClose
from forbear.apps.package_data import shipped, toml_of
from forbear.domain.calendar import BankCalendar
from forbear.engine.closing import Arrivals, ClosingRule, Waiting, assess
from forbear.features.columns import day_number, day_of
from forbear.models.dataset import Ints
from forbear.models.evaluate import wilson
from forbear.models.intervals import Bootstrap
from forbear.models.monitoring import Distributions, Finding, Judged, Levels, Verdict, judge
from forbear.models.monitoring_performance import (
    DEGRADED,
    FORESEEN,
    MISCALIBRATED,
    Closes,
    Performance,
    degradation,
    estimated,
    observed,
)
from forbear.models.monitoring_terms import MonitorTerms, parse_monitoring
from forbear.models.results import Figure, Floats
from forbear.policy.document import Policy

MONITOR = "monitor.toml"
STEADY, WARN, PAGE = "steady", "warn", "page"
RUN_BOOK = "docs/operations/alarms.md"
_QUALITY = {"missing_values", "unmoved_scores", "constant_scores", "volume", "delayed_feed"}
_SHIFT_DAYS = 7
_SCORE = "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorRequest:
    """What is asked. as_of: at 00:00 of that day; None: right after the newest close.

    kind: of the model, None: what the worker has recorded, else the leading one.  policy: as `policy_of` takes it.
    terms: a file of one's own, None: the shipped ones.  accepted: the day of a change that was wanted, from which on
    all days are a reference; None for none.
    """

    as_of: date | None = None
    kind: str | None = None
    policy: str = ""
    terms: Path | None = None
    accepted: date | None = None


@dataclass(frozen=True, slots=True)
class CloseJudged:
    """One weekly close whose outcome is known. expected: mean PD.  observed: share that missed."""

    day: int
    expected: float
    observed: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """What was found. day: the last closed one.  judged: every day's verdicts by family.  findings: of the last day.

    matured, promised: performance by labels, and by PDs of closes without labels; None without such closes.
    """

    day: int
    terms: MonitorTerms
    policy: Policy
    gathered: Gathered
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    matured: Performance | None
    promised: Performance | None
    closes: tuple[CloseJudged, ...]
    synthetic: bool

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What drifts, pages first."""
        found = [one for one in self.findings if one.verdict == "drifting"]
        return tuple(sorted(found, key=lambda one: (one.severity != PAGE, one.kind, one.name)))

    @property
    def status(self) -> str:
        """PAGE, WARN, STEADY, or "cannot tell" where no family of scores could be judged."""
        severities = {one.severity for one in self.alarms}
        if severities:
            return PAGE if PAGE in severities else WARN
        told = {one.verdict for one in self.findings if one.kind in ("score_drift", "decision_drift")}
        return STEADY if "steady" in told else "cannot tell"

    def document(self) -> dict[str, Any]:
        """Plain values for a script."""
        advised, why = retrain_advice(self.alarms)
        watching = self.gathered.watching
        return {
            "as_of": day_of(self.day + 1).isoformat(),
            "status": self.status,
            "scores": watching.scores.source,
            "model": watching.scores.model,
            "policy": {"version": self.policy.version, "digest": self.policy.digest},
            "terms": {"version": self.terms.version, "digest": self.terms.digest},
            "days": len(self.gathered.days.days),
            "alarms": [alarm_document(one) for one in self.alarms],
            "retrain_advised": advised,
            "retrain_reason": why,
            "findings": [finding_document(one) for one in self.findings],
            "performance": {
                "matured": _performance(self.matured),
                "estimated": _performance(self.promised),
                "by_close": [
                    {"day": day_of(one.day).isoformat(), "expected": one.expected, "observed": one.observed.as_dict()}
                    for one in self.closes
                ],
            },
            **course_document({one.kind: one for one in self.judged}),
        }


def monitor(home: Home, request: MonitorRequest, console: Console) -> Monitored:
    """Look at a home as it was at one close, with what was known by then. It stays as it is.

    Raises NotEnoughData for a day that was never closed or a home where nobody was eligible, ConfigError for terms or a
    policy that are none; else as the model does.
    """
    terms = parse_monitoring(shipped(MONITOR) if request.terms is None else toml_of(request.terms, "terms"))
    last = None if request.as_of is None else day_number(request.as_of) - 1
    gathered = gather(home, Asked(last=last, kind=request.kind, policy=request.policy, terms=terms), console)
    calendar, days = home.feed.calendar, gathered.days
    accepted = None if request.accepted is None else day_number(request.accepted)
    judged = tuple(judge(days.days, one, calendar, terms, accepted) for one in families(days, gathered.policy))
    day = int(days.days[-1])
    matured, promised, closes = _performances(gathered, terms)
    findings = [one for family in judged for one in family.findings()]
    findings += feed_findings(
        gathered.run.arrivals, (gathered.run.closed_day, gathered.run.received_day), calendar, terms
    )
    findings.append(_constant(days, terms))
    validation = gathered.watching.validation
    for performance in (matured, promised):
        findings += () if performance is None else degradation(performance, validation, terms.performance)
    return Monitored(
        day=day,
        terms=terms,
        policy=gathered.policy,
        gathered=gathered,
        judged=judged,
        findings=tuple(findings),
        matured=matured,
        promised=promised,
        closes=closes,
        synthetic=home.synthetic,
    )


def families(days: Days, policy: Policy) -> tuple[Distributions | Levels, ...]:
    """All series of a home by day, in families that are adjusted together."""
    scored = days.scored.astype(np.float64)[:, None]
    people = days.features.sum(axis=2).astype(np.float64)
    missing = Levels.of_shares("missing_values", days.names, days.features[:, :, -1].astype(np.float64), people)
    week = _week_over_week(days.mean_pd)
    return (
        Distributions("feature_drift", days.names, days.features),
        Distributions("score_drift", (_SCORE,), days.score[:, None, :]),
        _decisions(days, policy),
        _of_shares("band_changes", "changed", days.changed, scored),
        Levels.of_shares("high_risk", (policy.bands[0].name,), days.bands[:, :1].astype(np.float64), scored),
        Levels("score_shift", ("week over week",), week[:, None], scored, np.zeros(scored.shape)),
        missing,
        _of_shares("unmoved_scores", "unmoved", days.unmoved, scored),
    )


def retrain_advice(alarms: Sequence[Finding]) -> tuple[bool, str]:
    """Whether to train again, and why or why not."""
    kinds = {one.kind for one in alarms}
    if broken := sorted({one.kind for one in alarms if one.severity == PAGE} & _QUALITY):
        return False, f"the data come first: {', '.join(broken)}"
    if worse := sorted(kinds & {DEGRADED, MISCALIBRATED, FORESEEN}):
        return True, f"the model does worse than it did: {', '.join(worse)}"
    if any(one.kind == "score_drift" and one.severity == PAGE for one in alarms):
        return True, "the scores have left the distribution that the model was judged on"
    return False, "nothing says that the model does worse"


def feed_findings(
    arrivals: Arrivals, at: tuple[int, int], calendar: BankCalendar, terms: MonitorTerms
) -> tuple[Finding, Finding]:
    """Whether the last closed day was whole, and whether closes keep up with events.

    at: the last closed day, and the day on which the last event before its close, or behind it, was received.
    """
    closed, received = at
    answer = assess(arrivals, closed, calendar, ClosingRule())
    typical = answer.typical
    short = isinstance(answer, Waiting)
    volume: Verdict = "drifting" if short else "cannot tell" if typical is None else "steady"
    ratio = np.nan if not typical else answer.came / typical - 1.0
    behind = received - closed - 1
    late = behind >= terms.feed.behind_days
    return (
        Finding(
            kind="volume",
            name="transactions",
            verdict=volume,
            severity="page" if short else "",
            since=closed if short else None,
            effect=ratio,
            expected=np.nan if typical is None else typical,
            said=f"{answer.came:,} transactions came of {day_of(closed)}",
        ),
        Finding(
            kind="delayed_feed",
            name="closes",
            verdict="drifting" if late else "steady",
            severity="page" if late else "",
            since=closed + 1 if late else None,
            effect=float(max(behind, 0)),
            said=f"the last event came on {day_of(received)}, the last closed day is {day_of(closed)}",
        ),
    )


def alarm_document(one: Finding) -> dict[str, Any]:
    """An alarm in plain values. feature: only of what is about one."""
    about = {"feature": one.name} if one.kind in ("feature_drift", "missing_values") else {"name": one.name}
    return {
        "kind": one.kind,
        "severity": one.severity,
        "page": one.severity == PAGE,
        "since": None if one.since is None else day_of(one.since).isoformat(),
        **about,
        "effect": _number(one.effect),
        "said": one.said,
        "run_book": run_book(one.kind),
    }


def finding_document(one: Finding) -> dict[str, Any]:
    """A finding in plain values; what is not known is None."""
    said = asdict(one)
    since = {"since": None if one.since is None else day_of(one.since).isoformat()}
    return {**said, **{name: _number(said[name]) for name in ("effect", "expected", "p_value")}, **since}


def run_book(kind: str) -> str:
    """Where the run book speaks of an alarm."""
    return f"{RUN_BOOK}#{kind.replace('_', '-')}"


# ---- inside


def _decisions(days: Days, policy: Policy) -> Levels:
    """Shares of the book in any band, in each, and offered each action where that is recorded."""
    bands = days.bands.astype(np.float64)
    columns = {"contact": bands[:, :-1].sum(axis=1)}
    columns |= {f"band {band.name}": bands[:, place] for place, band in enumerate(policy.bands)}
    for action, counts in days.offers.items():
        columns[f"offer {action}"] = np.array([float(counts.get(day, 0)) for day in days.days.tolist()])
    hits = np.stack(list(columns.values()), axis=1)
    rows = np.repeat(days.scored.astype(np.float64)[:, None], hits.shape[1], axis=1)
    return Levels.of_shares("decision_drift", tuple(columns), hits, rows)


def _of_shares(kind: str, name: str, values: Floats, rows: Floats) -> Levels:
    return Levels(kind, (name,), values[:, None], rows, (values * (1.0 - values))[:, None])


def _week_over_week(values: Floats) -> Floats:
    """Mean of the last seven days less that of the seven before, (T,); NaN until there are fourteen."""
    means = np.full(len(values), np.nan)
    for day in range(_SHIFT_DAYS - 1, len(values)):
        means[day] = values[day - _SHIFT_DAYS + 1 : day + 1].mean()
    found = np.full(len(values), np.nan)
    found[_SHIFT_DAYS:] = means[_SHIFT_DAYS:] - means[:-_SHIFT_DAYS]
    return found


def _constant(days: Days, terms: MonitorTerms) -> Finding:
    distinct, scored, since = int(days.distinct[-1]), int(days.scored[-1]), int(days.days[-1])
    known = scored >= terms.windows.least_rows
    constant = known and distinct < terms.feed.least_scores
    return Finding(
        kind="constant_scores",
        name=_SCORE,
        verdict="drifting" if constant else "steady" if known else "cannot tell",
        severity="page" if constant else "",
        since=since if constant else None,
        effect=float(distinct),
        said=f"{distinct:,} distinct scores of {scored:,} customers",
    )


def _performances(
    gathered: Gathered, terms: MonitorTerms
) -> tuple[Performance | None, Performance | None, tuple[CloseJudged, ...]]:
    chance = Bootstrap(0, terms.performance.resamples)
    ripe = sorted(day for day in gathered.weekly if gathered.watching.unseen_from <= day < gathered.unripe)
    waiting = sorted(day for day in gathered.weekly if day >= gathered.unripe)
    labels = {day: gathered.labels(day) for day in ripe}
    cut_off = min(band.enter for band in gathered.policy.bands)
    closes = {day: gathered.weekly[day] for day in (*ripe, *waiting)}
    matured = _closes(closes, ripe[-terms.performance.closes :], labels, cut_off)
    promised = _closes(closes, waiting, labels, cut_off)
    return (
        None if matured is None else observed(matured, chance),
        None if promised is None else estimated(promised, chance),
        tuple(_close(day, closes[day], labels[day]) for day in ripe if len(closes[day].pd)),
    )


def _closes(
    closes: Mapping[int, ScoredClose],
    days: Sequence[int],
    labels: Mapping[int, np.typing.NDArray[np.bool_]],
    cut: float,
) -> Closes | None:
    kept = [day for day in days if len(closes[day].pd)]
    if not kept:
        return None
    unknown = {day: labels.get(day, np.zeros(len(closes[day].pd), dtype=np.bool_)) for day in kept}
    return Closes(
        pd=np.concatenate([closes[day].pd for day in kept]),
        customer=np.concatenate([closes[day].customer for day in kept]).view(np.int64),
        day=_repeated(kept, [len(closes[day].pd) for day in kept]),
        labels=np.concatenate([unknown[day] for day in kept]),
        cut_off=cut,
    )


def _repeated(days: Sequence[int], counts: Sequence[int]) -> Ints:
    return np.repeat(np.array(days, dtype=np.int64), counts)


def _close(day: int, close: ScoredClose, labels: np.typing.NDArray[np.bool_]) -> CloseJudged:
    return CloseJudged(day, float(close.pd.mean()), wilson(float(labels.sum()), len(labels)))


def _performance(found: Performance | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "basis": found.basis,
        "first": day_of(found.first).isoformat(),
        "last": day_of(found.last).isoformat(),
        "rows": found.rows,
        "customers": found.customers,
        "positives": found.positives,
        "figures": {name: figure.as_dict() for name, figure in found.figures.items()},
    }


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
