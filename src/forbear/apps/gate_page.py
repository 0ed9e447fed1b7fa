"""The page of a gate: what a retrained model had to show, what it showed, and what follows."""

from __future__ import annotations

from forbear.apps.page.frame import footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.markup import Html, column, element, row_heading, small, table
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, SMALL, Notation
from forbear.models.gate import GateReport
from forbear.models.gate_checks import Check
from forbear.models.gate_terms import Verdict

_TITLE = "Gate of a retrained model"
_SIGNED = Notation(lambda _: 4, signed=True)
_ROUNDING = 1e-6
"""Below it a figure is an error of rounding, and told by its size."""
_FOLLOWS = {
    Verdict.PASSED: "The candidate passed. It may be proposed, and is champion once two people have signed that.",
    Verdict.FAILED: "The candidate failed. It stays in the registry under this mark, and can never be proposed.",
    Verdict.A_PERSON_DECIDES: "The terms leave this candidate to a person, who may propose it and must say why.",
}
_NAMES = {
    "evidence": "Evidence",
    "auc_difference": "AUC, less the champion's",
    "pr_auc_difference": "PR-AUC, less the champion's",
    "rank_agreement": "Agreement of the ranks with the champion's",
    "calibration_slope": "Calibration slope",
    "observed_over_expected": "Observed over expected misses",
    "stability": "Stability of the score",
    "attributions_sum": "Attributions sum to the score",
    "directions": "Directions of risk",
    "one_feature": "Weight of one feature",
    "inputs": "Inputs",
    "leakage": "Suspicion of leaks",
    "fairness": "Fairness",
}
_NOTES = (
    (
        "Every interval is a 95 % percentile interval of one bootstrap over customers: candidate and champion are "
        "drawn together, so a difference is paired."
    ),
    (
        "The candidate that was judged is the one that may be promoted. It has learnt nothing of the hold-out, so it "
        "is as much older than the newest rows."
    ),
    "A PD here is that of a payment missed within 30 days. It is no PD of default.",
)


def render_gate(report: GateReport, digest: str, created: str, *, synthetic: bool) -> str:
    """The complete HTML document; equal reports give equal text. digest: of the report's canonical JSON."""
    asked, about = report.question, report.question.candidate.provenance
    header = element(
        "header",
        *([synthetic_note()] if synthetic else []),
        element("h1", _TITLE),
        element(
            "p", f"{asked.candidate.model.kind} {asked.candidate.digest()[:12]}. Made {created}.", class_="eyebrow"
        ),
        element("p", _FOLLOWS[report.outcome], class_="headline"),
        _tiles(report),
    )
    main = element(
        "main",
        section("What was looked at", "The gravest verdict is the gate's.", _checks(report)),
        section("Rows", "", _rows(report)),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "report": f"sha256 {digest}",
        "candidate": asked.candidate.digest(),
        "champion": asked.champion.digest if asked.champion else "none",
        "terms": f"version {report.terms.version}, sha256 {report.terms.digest}",
        "training rows": about.data_fingerprint,
    }
    return whole(_TITLE, header, main, footer("Provenance", facts, created, synthetic=synthetic), synthetic=synthetic)


def _tiles(report: GateReport) -> Html:
    counted = {verdict: [check for check in report.checks if check.verdict is verdict] for verdict in Verdict}
    return tiles(
        ("Verdict", str(report.outcome), f"{COUNT.write(len(report.checks))} checks"),
        *(
            (str(verdict), COUNT.write(len(found)), ", ".join(_NAMES.get(one.name, one.name) for one in found))
            for verdict, found in counted.items()
            if found
        ),
    )


def _checks(report: GateReport) -> Html:
    rows = [
        element(
            "tr",
            row_heading(_NAMES.get(check.name, check.name)),
            element("td", str(check.verdict)),
            element("td", _figure(check)),
            element("td", check.threshold or DASH),
            element("td", check.reason, *(small(one) for one in check.details)),
        )
        for check in report.checks
    ]
    head = [column(title) for title in ("Check", "Verdict", "Figure", "Threshold", "Why")]
    return table(f"{len(rows)} checks.", head, element("tbody", *rows), name="Checks")


def _figure(check: Check) -> str:
    if check.figure is None:
        return DASH
    if 0.0 < abs(check.figure.value) < _ROUNDING:
        return f"{check.figure.value:.1e}"
    notation = _SIGNED if check.name.endswith("_difference") else SMALL
    return (COUNT if check.figure.value.is_integer() else notation).estimate(check.figure)


def _rows(report: GateReport) -> Html:
    asked, about = report.question, report.question.candidate.provenance
    hold_out = asked.hold_out
    seen = "; the champion has learnt from answers of these days" if asked.champion_saw else ""
    return terms(
        {
            "Learnt from": f"{about.window.first_as_of} to {about.window.last_as_of}, {COUNT.write(about.rows)} rows, "
            f"{PERCENT.write(about.positives / about.rows)} of them positive; labels closed by "
            f"{about.window.labels_end}",
            "Judged on": f"{hold_out.as_of.min()} to {hold_out.as_of.max()}, {COUNT.write(len(hold_out))} rows, "
            f"{PERCENT.write(hold_out.positives / len(hold_out))} of them positive{seen}",
        }
    )
