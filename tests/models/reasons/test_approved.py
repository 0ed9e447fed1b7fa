"""Approved reasons as one document: what was approved is what is told, and nothing else is taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from forbear.domain.errors import ConfigError, CorruptState, ModelMismatch
from forbear.domain.stated import canonical_json
from forbear.models.dataset import Dataset
from forbear.models.expert import Reference
from forbear.models.reasons.approved import approval_of, digest_of_approval, read_approved
from forbear.models.reasons.selection import Limits, Teller

LIMITS = Limits(most=3, share=0.1, drop=0.02)


@pytest.fixture
def approval(document: dict[str, Any], tellers: dict[str, Teller]) -> dict[str, Any]:
    """The small catalogue with its calm points, as it is kept."""
    kept: dict[str, Any] = json.loads(canonical_json(approval_of(document, tellers["expert"].calm, LIMITS)))
    return kept


def test_what_was_approved_comes_back(
    approval: dict[str, Any], rows: Dataset, figures: dict[str, str], tellers: dict[str, Teller]
) -> None:
    """Written and read again, the document gives the same catalogue, calm points, limits and digest."""
    read = read_approved(approval, rows.specs, figures)
    teller = read.teller(tellers["expert"].scorer, rows.names)

    assert teller.catalogue == tellers["expert"].catalogue
    assert (teller.calm, teller.limits) == (tellers["expert"].calm, LIMITS)
    assert read.digest == digest_of_approval(approval)


def test_every_part_is_in_the_digest(document: dict[str, Any], tellers: dict[str, Teller]) -> None:
    """Another sentence, another calm point or another limit is another document."""
    calm = tellers["expert"].calm
    moved = {**calm, "stress": Reference(calm=0.1, stressed=2.0, points=1.0)}
    others = [
        approval_of({**document, "version": "other"}, calm, LIMITS),
        approval_of(document, moved, LIMITS),
        approval_of(document, calm, replace(LIMITS, most=4)),
    ]
    assert len({digest_of_approval(one) for one in (approval_of(document, calm, LIMITS), *others)}) == 4


def test_anything_else_is_refused(approval: dict[str, Any], rows: Dataset, figures: dict[str, str]) -> None:
    """A document with a stranger or without a part, of another format, or of other features, is told apart."""
    with pytest.raises(CorruptState, match="approved reasons"):
        read_approved({**approval, "more": 1}, rows.specs, figures)
    with pytest.raises(CorruptState, match="calm"):
        read_approved({name: part for name, part in approval.items() if name != "calm"}, rows.specs, figures)
    with pytest.raises(ConfigError, match="format 2"):
        read_approved({**approval, "format": 2}, rows.specs, figures)
    with pytest.raises(ModelMismatch, match="unknown features"):
        read_approved(approval, rows.specs[1:], figures)
