"""The page of all features, written from their definitions: python -m forbear.apps.feature_page docs/features.md."""

from __future__ import annotations

import inspect
import sys
from collections import defaultdict
from pathlib import Path

from forbear.adapters.disk import storage_errors
from forbear.apps.console import fail
from forbear.apps.jobs.approving import shipped_catalogue
from forbear.domain.errors import ConfigError, ForbearError
from forbear.features.compute import FeatureSet, asked_by, reach
from forbear.features.definition import FREE, GROUPS, LOWERS, RAISES, Feature
from forbear.features.gather import Ask
from forbear.features.measures import WORDS
from forbear.features.pool import HORIZON_DAYS
from forbear.models.reasons.catalogue import Catalogue

DIRECTIONS = {RAISES: "a larger value raises it", LOWERS: "a larger value lowers it", FREE: "may go either way"}
_ARROWS = {RAISES: "up", LOWERS: "down", FREE: "free"}
_MOST_LISTED = 2
_AHEAD = frozenset({Ask.DUE, Ask.DUE_MONTHLY})
_INTRODUCTION = f"""\
# The features

Written by `make docs` from the definitions under `src/forbear/features`; a test fails when it is out of date.

A feature is one formula over the day buckets of one customer. A window of N days is the open day and the N - 1
before it, in the bank's time zone; the ledger reaches back {HORIZON_DAYS} days. NaN means "not known". It is never
filled with a number: each model treats it as a case of its own.

- **Range**: where values are plausible, for axes and checks. Nothing is clipped to it.
- **Risk**: how the probability may move when the value grows. It is the model's monotone constraint.
- **Windows**: the days whose buckets the formula asks for, found by running it on a trace. **Days** in the
  table counts from the oldest of them to the open day. A balance stands until it moves, so that of the open day may
  have been told long before.
- **Needs**: what the feed must be able to tell. A deployment that lists one of these words under `unsupported` has
  the feature as NaN for everybody.
- **Reason**: the group of the [catalogue of reasons](reasons.md) that the feature belongs to, and what a person whose
  score it raises is told where nothing more exact is known.
"""


def page(features: FeatureSet) -> str:
    """The whole page as Markdown."""
    parts = [_INTRODUCTION, _overview(features), _needs(features)]
    catalogue = shipped_catalogue(features)
    for group in GROUPS:
        members = [one for one in features.features if one.group == group]
        about = inspect.getdoc(inspect.getmodule(members[0].formula)) or ""
        title, _, sentence = about.partition(": ")
        parts.append(f"## {title}\n\n{sentence[:1].upper()}{sentence[1:]}\n")
        parts += [_section(one, reason_in_words(catalogue, one.name)) for one in members]
    return "\n".join(parts)


def looks_back_days(one: Feature) -> int:
    """Days from the oldest that a feature's windows touch to the open day, both included."""
    back = [question for question in asked_by(one) if question.ask not in _AHEAD]
    inferred = any(question.ask is Ask.INCOME for question in back)
    return HORIZON_DAYS if inferred else reach(back)


def windows_of(one: Feature) -> tuple[str, ...]:
    """The windows of a feature in words, shorter ones first, what is still to come last."""
    shifts: dict[int, set[int]] = defaultdict(set)
    words: dict[str, None] = {}
    for question in asked_by(one):
        match question.ask:
            case Ask.HISTORY:
                pass
            case Ask.INCOME:
                words[f"the last {HORIZON_DAYS} days"] = None
            case Ask.DUE:
                words[f"the next {question.days} days"] = None
            case Ask.DUE_MONTHLY:
                words["the schedules in force"] = None
            case _:
                shifts[question.days].add(question.ago)
    return (*(text for days in sorted(shifts) for text in _shifted(days, sorted(shifts[days]))), *words)


def _shifted(days: int, agos: list[int]) -> list[str]:
    """Windows of one length in words: each by itself if there are one or two, else all at once."""
    if days == 1:
        return ["the open day" if agos == [0] else f"{len(agos)} single days of the last {agos[-1] + 1}"]
    if len(agos) > _MOST_LISTED:
        return [f"{len(agos)} windows of {days} days within the last {agos[-1] + days}"]
    return [f"the {days} days before the last {ago}" if ago else f"the last {days} days" for ago in agos]


def needs_of(one: Feature) -> tuple[str, ...]:
    """Words for what a feed must tell so that a feature can be known, in the order of `measures.WORDS`."""
    asked = {question.needs for question in asked_by(one)}
    return tuple(word for word in WORDS if word in asked)


def _overview(features: FeatureSet) -> str:
    rows = []
    for one in features.features:
        cells = (one.group, f"[`{one.name}`](#{one.name})", one.unit, _ARROWS[one.direction], str(looks_back_days(one)))
        rows.append(f"| {' | '.join(cells)} |")
    head = f"## All {len(rows)}\n\n| Group | Feature | Unit | Risk | Days |\n|---|---|---|---|---:|"
    return "\n".join([head, *rows, ""])


def _needs(features: FeatureSet) -> str:
    """What is lost for each word that a deployment may list as unsupported."""
    rows = []
    for word in WORDS:
        lost = ", ".join(f"`{one.name}`" for one in features.features if word in needs_of(one))
        rows.append(f"| `{word}` | {lost or 'no feature'} |")
    head = "## What a feed must tell\n\n| Word | Features that are NaN without it |\n|---|---|"
    return "\n".join([head, *rows, ""])


def reason_in_words(catalogue: Catalogue, feature: str) -> str:
    """The reason of a feature with its fallback sentence in English, or why nobody is told of it."""
    reason = catalogue.reason_of(feature)
    if reason is None:
        return f"never told: {catalogue.never_told[feature]}"
    return f"`{reason.code}`: {reason.fallback.text.say['en']}"


def _section(one: Feature, reason: str) -> str:
    facts = {
        "Unit": one.unit,
        "Range": f"{one.low:g} to {one.high:g}",
        "Risk": DIRECTIONS[one.direction],
        "Windows": "; ".join(dict.fromkeys(windows_of(one))),
        "Needs": ", ".join(f"`{word}`" for word in needs_of(one)) or "nothing but a first event",
        "NaN when": one.unknown,
        "Reason": reason,
    }
    listed = "\n".join(f"- **{name}**: {value}" for name, value in facts.items())
    return f"### {one.name}\n\n{one.meaning}\n\n{listed}\n"


def main(arguments: list[str]) -> None:
    """Write the page to the file that is named; ends with the status of who must act."""
    try:
        if len(arguments) != 1:
            raise ConfigError("one file is needed", mend="python -m forbear.apps.feature_page docs/features.md")
        with storage_errors(f"cannot write {arguments[0]}"):
            Path(arguments[0]).write_text(page(FeatureSet.standard()), encoding="utf-8")
    except ForbearError as error:
        fail(error)


if __name__ == "__main__":
    main(sys.argv[1:])
