"""Show the registry of models, one of them, and who was champion when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.champions import champions_of, in_force, last_instant
from forbear.apps.jobs.promoting import approvals_behind
from forbear.engine.champions import Champion, champion_at, timeline
from forbear.engine.versions import LEAST_DIGITS, ModelVersion, named_by, state_of

_SECONDS = "%Y-%m-%d %H:%M:%S"


def show_models(home: Home, console: Console) -> None:
    """List every model of the registry, the oldest first, with what its gates said."""
    registry, champion = home.registry, in_force(home).get("model", "")
    rows: list[dict[str, Any]] = []
    for version in registry.versions():
        state = state_of(registry.gates(version.digest))
        rows.append(
            {
                "digest": version.digest,
                "kind": version.kind,
                "created": _instant(version.created),
                "window": [version.window.first_as_of, version.window.last_as_of],
                "rows": version.rows,
                "positives": version.positives,
                "origin": version.lineage.origin,
                "gate": None if state is None else str(state),
                "champion": version.digest == champion,
            }
        )
    console.result({"models": rows, "champion": champion or None})
    console.table(
        "Models",
        ("digest", "kind", "created", "observed", "rows", "gate", ""),
        [
            (
                str(one["digest"])[:LEAST_DIGITS],
                str(one["kind"]),
                str(one["created"] or "-"),
                " to ".join(one["window"]),
                f"{one['rows']:,}",
                str(one["gate"] or "-"),
                "champion" if one["champion"] else "",
            )
            for one in rows
        ],
    )


def show_model(home: Home, console: Console, name: str) -> None:
    """Say all that the registry knows of one model. Raises ConfigError where no model is named so."""
    registry = home.registry
    version = named_by(registry.versions(), name)
    gates = registry.gates(version.digest)
    facts: dict[str, Any] = msgspec.to_builtins(version)
    facts["gates"] = [{"report": one.digest, "outcome": str(one.verdict)} for one in gates]
    console.result(facts)
    console.table(
        f"Model {version.digest[:LEAST_DIGITS]}",
        ("", "value"),
        [
            *_facts(version),
            *((f"gate report {one.digest[:LEAST_DIGITS]}", str(one.verdict)) for one in gates),
        ],
    )


def show_history(home: Home, console: Console, at: date | None, known_at: date | None) -> None:
    """Say who was champion on a date by what was known on another, or every promotion that was known.

    at, known_at: bank-local days, both up to their last instant; None: ever, and all that is known today.
    """
    champions = champions_of(home, console)
    signed = {champions[place]: both for place, both in approvals_behind(home, champions).items()}
    known = None if known_at is None else last_instant(home, known_at)
    asked = {"at": None if at is None else at.isoformat(), "known_at": None if known_at is None else str(known_at)}
    listed = timeline(champions, known)
    if at is not None:
        one = champion_at(champions, last_instant(home, at), known)
        console.result({**asked, "champion": None if one is None else _told(one, signed.get(one))})
        if one is None:
            console.say(f"No model was champion on {at}" + (f", as far as was known on {known_at}" if known_at else ""))
            return
        listed = [one]
    else:
        console.result({**asked, "history": [_told(one, signed.get(one)) for one in listed]})
    console.table(
        "Champions",
        ("model", "valid from (UTC)", "known since (UTC)", "told by", "signed by", "offset"),
        [
            (
                one.digest[:LEAST_DIGITS],
                f"{one.valid_from:{_SECONDS}}",
                f"{one.known_since:{_SECONDS}}",
                one.by,
                " and ".join(signed.get(one, ())) or "-",
                "before the log" if one.offset < 0 else f"{one.offset:,}",
            )
            for one in listed
        ],
    )


def _told(one: Champion, signed: tuple[str, str] | None) -> dict[str, object]:
    return {
        "model": one.digest,
        "valid_from": one.valid_from.isoformat(),
        "known_since": one.known_since.isoformat(),
        "by": one.by,
        "signed_by": None if signed is None else list(signed),
        "offset": None if one.offset < 0 else one.offset,
    }


def _facts(version: ModelVersion) -> list[tuple[str, str]]:
    lineage = version.lineage
    return [
        ("digest", version.digest),
        ("kind", version.kind),
        ("created", _instant(version.created) or "-"),
        ("made by", lineage.origin),
        ("in the place of", lineage.parent[:LEAST_DIGITS] or "-"),
        ("foresees", f"{version.target.event}, within {version.target.within_days} days"),
        ("observed", f"{version.window.first_as_of} to {version.window.last_as_of}"),
        ("labels end", version.window.labels_end),
        ("rows, positive", f"{version.rows:,}, {version.positives:,}"),
        ("training rows", version.data_fingerprint),
        ("archive", f"{lineage.history_offset:,} events, {lineage.history_digest or '-'}"),
        ("feature set", version.feature_set_hash),
        ("seed", str(version.seed)),
        ("forbear", version.code_version),
    ]


def _instant(at: datetime | None) -> str:
    return "" if at is None else f"{at:{_SECONDS}}"
