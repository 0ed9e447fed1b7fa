"""Words for fairness: what each measure is called, how it is read, and what a report comes to in a sentence."""

from __future__ import annotations

from collections.abc import Mapping

from forbear.apps.page.experiment import POINTS
from forbear.apps.page.numerals import PERCENT, SLOPE, Notation
from forbear.models.fairness_terms import RATIOS, Measure
from forbear.models.fairness_verdicts import Compared, FairnessReport, Pair, Verdict

TITLES: Mapping[Measure, str] = {
    Measure.AUC: "Ranking (AUC)",
    Measure.CALIBRATION: "Calibration",
    Measure.SLOPE: "Slope of calibration",
    Measure.DISPARATE_IMPACT: "Disparate impact",
    Measure.STATISTICAL_PARITY: "Statistical parity",
    Measure.EQUAL_OPPORTUNITY: "Equal opportunity",
    Measure.FALSE_POSITIVE: "False positives",
    Measure.PREDICTIVE_PARITY: "Predictive parity",
    Measure.OFFERED: "Offered, of those in need",
    Measure.HELD_OUT: "Held out, of those drawn",
    Measure.OPTED_OUT: "Want no more, of those offered",
    Measure.BENEFIT: "Misses avoided",
    Measure.HARM: "Another bill missed",
}
"""What each measure is called."""
HOW: Mapping[Measure, str] = {
    Measure.AUC: "How well the score ranks the group, less how well it ranks the other.",
    Measure.CALIBRATION: "Misses observed over expected, as a ratio to the other group's. Above 1 the group's risk is "
    "understated.",
    Measure.SLOPE: "How outcomes follow the log-odds, less the same of the other group.",
    Measure.DISPARATE_IMPACT: "Share chosen for help, as a ratio to the other group's.",
    Measure.STATISTICAL_PARITY: "Share chosen, less the other group's, in percentage points.",
    Measure.EQUAL_OPPORTUNITY: "Of those who then missed a payment: share chosen, less the other group's, in points.",
    Measure.FALSE_POSITIVE: "Of those who missed none: share chosen, less the other group's, in points.",
    Measure.PREDICTIVE_PARITY: "Of those chosen: share that missed a payment, less the other group's, in points.",
    Measure.OFFERED: "Share offered help, less the other group's, in points; those held out aside.",
    Measure.HELD_OUT: "Share from whom chance kept help, less the other group's, in points. It should be none.",
    Measure.OPTED_OUT: "Share that asked for no more contact, less the other group's, in points.",
    Measure.BENEFIT: "What help took off the share that misses, less the same of the other group, in points.",
    Measure.HARM: "What help added to the share that misses two bills, less the other group's, in points.",
}
"""How each is read, in a sentence."""
_SHARES = frozenset(Measure) - RATIOS - {Measure.AUC, Measure.SLOPE}
_RATIO = Notation(lambda _: 2)
_THREE = Notation(lambda _: 3, signed=True)
_EFFECTS = frozenset({Measure.BENEFIT, Measure.HARM})
_MOST_NAMED = 3


def notation_of(measure: Measure) -> Notation:
    """How the comparison is written: points for shares, plain for ratios."""
    if measure in RATIOS:
        return _RATIO
    return POINTS if measure in _SHARES else _THREE


def own_notation(measure: Measure) -> Notation:
    """How the value of one group is written."""
    if measure in _EFFECTS:
        return POINTS
    return PERCENT if measure in _SHARES or measure == Measure.DISPARATE_IMPACT else SLOPE


def paired(pair: Pair) -> str:
    """Who is compared with whom."""
    return f"{pair.attribute} {pair.group}, against {pair.against}"


def found_in_words(one: Compared) -> str:
    """A comparison in a few words: what, whose, how much."""
    shown = notation_of(one.measure).estimate(one.figure)
    return f"{TITLES[one.measure].lower()} of {paired(one.pair)}: {shown}"


def headline(report: FairnessReport) -> str:
    """What the report comes to."""
    found = report.of(Verdict.DISPARITY)
    open_ones = len(report.of(Verdict.CANNOT_TELL))
    binding = sum(one.binding for one in report.compared)
    if found:
        named = "; ".join(map(found_in_words, found[:_MOST_NAMED]))
        more = f"; and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        return f"Disparities in {len(found)} of {binding} binding comparisons: {named}{more}."
    if report.verdict == Verdict.FAIR:
        return f"Fair by what was asked: all {binding} binding comparisons lie within what is tolerated."
    return (
        f"No disparity was found, and that there is none cannot be told: {open_ones} of {binding} binding comparisons "
        "are too uncertain, or their groups too small."
    )
