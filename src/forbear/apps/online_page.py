"""The page of an online update: what was learnt, what was foretold before it, and what the gate says of it."""

from __future__ import annotations

from forbear.apps.jobs.online_learners import ONLINE, RECALIBRATED, Learnt, short
from forbear.apps.jobs.onlining import CHAMPION, OnlineRequest, Updated
from forbear.apps.page.frame import footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.markup import Html, column, element, row_heading, table
from forbear.apps.page.numerals import COUNT, DASH, RATIO, SIGNED, SLOPE, Notation
from forbear.models.results import Figure

_TITLE = "Online update"
_NAMES = {
    CHAMPION: "champion",
    RECALIBRATED: "champion with another calibration",
    ONLINE: "scorecard that goes on learning",
}
_LOSS = Notation(lambda _: 4)
_LOSS_LESS = Notation(lambda _: 4, signed=True)
_FIGURES = {
    "auc": ("AUC", RATIO),
    "auc_difference": ("AUC, less the champion's", _LOSS_LESS),
    "log_loss": ("Log-loss", _LOSS),
    "log_loss_difference": ("Log-loss, less the champion's", _LOSS_LESS),
    "observed_over_expected": ("Observed over expected misses", SLOPE),
}
_NOTES = (
    (
        "Nothing is in force by this. A candidate becomes champion only if people put it in force, as any other model "
        "does."
    ),
    (
        "Every row was foretold before it was learnt from, by what had matured when it was asked. Intervals are 95 % "
        "percentile intervals of one bootstrap over customers, drawn for all models together."
    ),
    (
        "A step of the calibration is taken only if the 97.5 % interval of what it asks for leaves out no change. Of "
        "steps that are not needed about one in twenty is taken all the same; later steps take it back."
    ),
    "A PD here is that of a payment missed within 30 days. It is no PD of default.",
)


def render_online(found: Updated, request: OnlineRequest) -> str:
    """The complete HTML document; equal findings give equal text. It needs no network and runs no script."""
    header = element(
        "header",
        *([synthetic_note()] if found.synthetic else []),
        element("h1", _TITLE),
        element("p", f"With what was known before {found.known_until}. Made {request.created}.", class_="eyebrow"),
        tiles(*(_tile(found, one) for one in found.learnt.values())),
    )
    main = element(
        "main",
        section("Foretold, then learnt", _lead(found), _figures(found)),
        *(section(_NAMES[name].capitalize(), "", _learner(found, one)) for name, one in found.learnt.items()),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {
        "champion": found.champion or "none",
        "terms": f"version {request.terms.version}, sha256 {request.terms.digest}",
        "gate": f"version {request.gate.version}, sha256 {request.gate.digest}",
        **{
            f"update of the {_NAMES[name]}": f"sha256 {one.update}"
            for name, one in found.learnt.items()
            if one.statement
        },
    }
    foot = footer("Provenance", facts, request.created, synthetic=found.synthetic)
    return whole(_TITLE, header, main, foot, synthetic=found.synthetic)


def _tile(found: Updated, one: Learnt) -> tuple[str, str, str]:
    candidate = found.candidates.get(one.name)
    if candidate is None:
        return _NAMES[one.name], "no candidate", one.why
    return _NAMES[one.name], str(candidate.report.outcome), f"candidate {short(candidate.digest)}"


def _lead(found: Updated) -> str:
    if (rows := found.foretold) is None:
        return "No row was foretold by every model before it was learnt from."
    return (
        f"{COUNT.write(len(rows))} rows of {rows.as_of.min()} to {rows.as_of.max()}, {COUNT.write(rows.positives)} of "
        "them positive; each asked before its outcome was known."
    )


def _figures(found: Updated) -> Html:
    if not found.figures:
        return Html()
    rows = [
        element(
            "tr",
            row_heading(title),
            *(element("td", _cell(told.get(name), notation)) for told in found.figures.values()),
        )
        for name, (title, notation) in _FIGURES.items()
    ]
    head = [column("Figure"), *(column(_NAMES[name]) for name in found.figures)]
    return table("95 % intervals in parentheses.", head, element("tbody", *rows), name="Figures")


def _cell(figure: Figure | None, notation: Notation) -> str:
    return DASH if figure is None else notation.estimate(figure)


def _learner(found: Updated, one: Learnt) -> Html:
    candidate, told = found.candidates.get(one.name), one.statement
    facts = {"Began as": short(one.parent)}
    if told:
        facts["Learnt from"] = (
            f"{told['first_as_of']} to {told['last_as_of']}, {COUNT.write(told['rows'])} rows, "
            f"{COUNT.write(told['positives'])} of them positive"
        )
    if one.why:
        facts["No candidate" if candidate is None else "Nothing new"] = one.why
    if candidate is not None:
        facts["Gate"] = f"{candidate.report.outcome}; every check on {candidate.page.name}"
    return element("div", terms(facts), _steps(one))


def _steps(one: Learnt) -> Html:
    if not one.steps:
        return Html()
    rows = [
        element(
            "tr",
            row_heading(f"{step.first_as_of} to {step.last_as_of}"),
            element("td", COUNT.write(step.positives)),
            element("td", SIGNED.estimate(step.shift)),
            element("td", SIGNED.estimate(step.slope)),
            element("td", f"{SIGNED.write(step.after.shift)}, {SLOPE.write(step.after.slope)}"),
            element("td", "held back by a bound" if step.bounded else "as asked" if step.moved else "not taken"),
        )
        for step in one.steps
    ]
    titles = ("Outcomes of", "Misses", "Shift asked for", "Slope asked for", "Shift and slope since", "")
    caption = "Changes in log-odds, 97.5 % intervals in parentheses."
    return table(caption, [column(title) for title in titles], element("tbody", *rows), name="Steps")
