"""The change log of champions: every model that was put in force, by whom, and what it changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forbear.adapters.disk import write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import champions_of
from forbear.apps.page.numerals import COUNT, DASH, PERCENT, RATIO, SLOPE, Notation
from forbear.apps.validation.blocks import Document, Facts, Grid, Section, Text, markdown_of
from forbear.domain.errors import ConfigError
from forbear.engine.champions import Champion, timeline
from forbear.models.artefact import Artefact
from forbear.models.results import Figure

LOG = "champions.md"
TOP = 5
"""Features that a model is described by: those that carry most of its weight."""
_FIGURES: Mapping[str, tuple[str, Notation]] = {
    "auc": ("AUC", RATIO),
    "pr_auc": ("PR-AUC", RATIO),
    "calibration_slope": ("Calibration slope", SLOPE),
    "recall_at_5pct": ("Recall at 5 %", PERCENT),
}


@dataclass(frozen=True, slots=True)
class Reign:
    """One promotion with its model. artefact: None where the home no longer holds it."""

    champion: Champion
    artefact: Artefact | None


def show_champions_log(home: Home, created: str, console: Console) -> Path:
    """Write the log into the home's reports, and say where it is. Raises ConfigError where no model was promoted."""
    found = reigns_of(home, console)
    if not found:
        raise ConfigError(f"{home.folder} has no champion", mend="promote a model first: `forbear promote --by NAME`")
    path = home.reports / LOG
    write_whole(path, markdown_of(log_of(home, found, created)).encode())
    console.result({"document": str(path), "champions": [_told(one) for one in found]})
    console.say(f"Written: {path}, {len(found)} promotions")
    return path


def reigns_of(home: Home, console: Console) -> list[Reign]:
    """Every promotion that a home knows of, by the instant from which it held."""
    registry = home.registry
    return [
        Reign(one, registry.get(one.digest) if registry.holds(one.digest) else None)
        for one in timeline(champions_of(home, console))
    ]


def log_of(home: Home, found: list[Reign], created: str) -> Document:
    """The log, the newest promotion first."""
    sections = [_section(one, found[place - 1] if place else None) for place, one in enumerate(found)]
    return Document(
        title="Change log of champions",
        eyebrow=f"On {home.deployment.source}. Written from the instructions in the log; nobody edits it.",
        headline=f"{len(found)} promotions; {found[-1].champion.digest[:12]} is champion by the last of them.",
        sections=tuple(reversed(sections)),
        synthetic=home.synthetic,
        created=created,
        facts={"champion": found[-1].champion.digest},
    )


def _section(one: Reign, before: Reign | None) -> Section:
    champion = one.champion
    facts = {
        "Model": champion.digest,
        "In force from": f"{champion.valid_from:%Y-%m-%d %H:%M:%S} UTC",
        "Known since": f"{champion.known_since:%Y-%m-%d %H:%M:%S} UTC",
        "Told by": champion.by,
        "In the log": "before its first event" if champion.offset < 0 else f"at {COUNT.write(champion.offset)}",
    }
    title = f"{champion.digest[:12]}, from {champion.valid_from:%Y-%m-%d}"
    if one.artefact is None:
        return Section(title, "", (Facts(facts), Text("The home no longer holds this model, so nothing is compared.")))
    if before is not None and before.champion.digest == champion.digest:
        return Section(title, "", (Facts(facts), Text("The same model as before was promoted again.")))
    earlier = None if before is None else before.artefact
    return Section(
        title, "", (Facts(facts), _differences(earlier, one.artefact), Text(_features(earlier, one.artefact)))
    )


def _differences(before: Artefact | None, now: Artefact) -> Grid:
    """What there is to say of a model, beside the one before it."""
    lines = [_lines(one) if one is not None else {} for one in (before, now)]
    return Grid(
        "Figures are those of training's own validation forward in time, before calibration, with 95 % intervals. They "
        "may be of different rows: they say what was expected of each, not which one is better.",
        ("", "Before", "Now"),
        [(name, lines[0].get(name, DASH), text) for name, text in lines[1].items()],
        frozenset({0, 1, 2}),
    )


def _lines(one: Artefact) -> dict[str, str]:
    about = one.provenance
    figures = {title: notation.estimate(_figure(about.metrics, name)) for name, (title, notation) in _FIGURES.items()}
    return {
        "Kind": one.model.kind,
        "Observed": f"{about.window.first_as_of} to {about.window.last_as_of}",
        "Outcomes until": about.window.labels_end,
        "Rows": COUNT.write(about.rows),
        "Positive rows": COUNT.write(about.positives),
        **figures,
        "Calibration": one.calibrator.kind,
        "Seed": str(about.seed),
        "Formulas of the features": about.feature_set_hash[:12],
        "Heaviest features": ", ".join(
            f"{each.feature} {PERCENT.write(each.share)}" for each in one.model.weights()[:TOP]
        ),
    }


def _figure(metrics: Mapping[str, Mapping[str, float | None]], name: str) -> Figure:
    told = metrics.get(name, {})
    value, low, high = (math.nan if (found := told.get(key)) is None else found for key in ("value", "low", "high"))
    return Figure(value, low, high)


def _features(before: Artefact | None, now: Artefact) -> str:
    """Which features came into use, and which went out of it."""
    used = {each.feature for each in now.model.weights()}
    if before is None:
        return f"The first champion that can be compared; it uses {len(used)} features."
    earlier = {each.feature for each in before.model.weights()}
    came, went = sorted(used - earlier), sorted(earlier - used)
    told = [f"New in use: {', '.join(came)}." if came else "", f"No longer in use: {', '.join(went)}." if went else ""]
    return " ".join(text for text in told if text) or f"Both use the same {len(used)} features."


def _told(one: Reign) -> dict[str, Any]:
    champion = one.champion
    return {
        "model": champion.digest,
        "kind": None if one.artefact is None else one.artefact.model.kind,
        "valid_from": champion.valid_from.isoformat(),
        "by": champion.by,
    }
