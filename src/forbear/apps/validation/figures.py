"""A validation as plain values: every number that its documents say, for a script."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import forbear
from forbear.apps.jobs.backtesting import figures_of
from forbear.apps.jobs.validating import Validation
from forbear.apps.jobs.validating_rows import Looked
from forbear.models.results import Figure
from forbear.models.validation.sensitivity import Importance, Shock
from forbear.models.validation.stability import Moved

PACK_FORMAT = 1


def pack_of(found: Validation) -> dict[str, Any]:
    """Everything but the curves, as JSON can hold it once NaN has become null."""
    subject, about = found.subject, found.subject.artefact.provenance
    leading, *others = found.evaluations
    return {
        "format": PACK_FORMAT,
        "model": {"kind": subject.kind, "sha256": found.digest, "target": asdict(about.target)},
        "synthetic": subject.home.synthetic,
        "verdict": str(found.light),
        "lights": {name: str(light) for name, light in found.lights.items()},
        "terms": {"version": found.terms.version, "sha256": found.terms.digest},
        "data": {
            "source": subject.home.deployment.source,
            "training": _rows(found, trained=True),
            "unseen": _rows(found, trained=False),
            "same_rows": subject.same_rows,
            "observed_every": subject.every,
            "by_date_of_training": [
                {"date": day, "rows": rows, "positives": hits} for day, rows, hits in found.trained_months
            ],
            "unknown": {one.name: list(one.unknown) for one in found.steady.features},
        },
        "performance": {
            **figures_of(leading),
            "baselines": {one.model: figures_of(one) for one in others},
            "auc_lead": {name: lead.as_dict() for name, lead in found.leads.items()},
            "all_rows": found.everybody.as_dict(),
            "by_date": [part.as_dict() for part in found.months],
            "by_segment": {name: [part.as_dict() for part in parts] for name, parts in found.segments.items()},
        },
        "stability": _steady(found),
        "sensitivity": _sensitive(found),
        "explanations": asdict(found.reasoned),
        "fairness": None if found.fairness is None else found.fairness.as_dict(),
        "reproducibility": {
            "same_model": found.same_model,
            "command": found.request.command,
            "seed": about.seed,
            "forbear": forbear.__version__,
            "trained_with": dict(about.versions),
            "feature_set": about.feature_set_hash,
            "data_fingerprint": about.data_fingerprint,
        },
    }


def _steady(found: Validation) -> dict[str, Any]:
    return {
        "score": _moved(found.steady.score),
        "by_date": [_moved(one) for one in found.steady.months],
        "features": [_moved(one) for one in found.steady.features],
        "order": [asdict(one) for one in found.steady.order],
        "refits": asdict(found.steady.refits),
    }


def _sensitive(found: Validation) -> dict[str, Any]:
    return {
        "cut_off": found.sensitive.cut_off,
        "nothing_known": found.sensitive.nothing,
        "monotone": asdict(found.sensitive.walked),
        "shocks": [_shock(one) for one in found.sensitive.shocks],
        "importance": [_importance(one) for one in found.sensitive.importances.features],
        "importance_agreement": found.sensitive.importances.agreement,
    }


def _rows(found: Validation, *, trained: bool) -> dict[str, Any]:
    subject = found.subject
    rows = subject.trained if trained else subject.unseen
    looked, left_out = subject.looked[not trained], subject.left_out[not trained]
    return {
        "first": str(rows.as_of.min()),
        "last": str(rows.as_of.max()),
        "rows": len(rows),
        "positives": rows.positives,
        "fingerprint": subject.fingerprints[not trained],
        "met": looked.met,
        "not_asked": _hurdles(looked),
        "helped": left_out.helped,
        "feed": dict(looked.feed),
    }


def _hurdles(looked: Looked) -> dict[str, int]:
    return dict(looked.hurdles)


def _moved(one: Moved) -> dict[str, Any]:
    return {"name": one.name, "psi": one.psi, "unknown_before": one.unknown[0], "unknown_after": one.unknown[1]}


def _shock(one: Shock) -> dict[str, Any]:
    return {**asdict(one), "swing": one.swing}


def _importance(one: Importance) -> dict[str, Any]:
    fall: Figure = one.fall
    return {"feature": one.feature, "auc_fall": fall.as_dict(), "attribution": one.attribution}
