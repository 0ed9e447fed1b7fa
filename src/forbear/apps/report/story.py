"""One customer's whole story in plain words: what was known, what it led to, what was done, by which rules, who looked.

A story is made once and written in three forms: as JSON, as a page and as a PDF. Every sentence of it rests on what was
recorded at the time; what was sealed is opened with the customer's key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SYNTHETIC_LABEL = "Synthetic data: every figure comes from a simulated bank, and none is evidence about real people."


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that happened. at_us: instant by which entries are ordered [us UTC].  when: the same in words.

    kind: "scores", "decision", "answer", "payment", "access", "erasure".  text: a sentence or two.  more: further ones.
    facts: the same for a program, as JSON can hold it.
    """

    at_us: int
    when: str
    kind: str
    text: str
    more: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a story. lead: what it is about, in a sentence or two."""

    title: str
    lead: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A customer's story. created: when it was made, in words.  told_by, reason: who asked for it, and why.

    headline: the shortest form of it.  chapters: data used, what happened, the rules, who looked.
    """

    customer: str
    source: str
    synthetic: bool
    created: str
    told_by: str
    reason: str
    headline: str
    chapters: tuple[Chapter, ...]

    @property
    def title(self) -> str:
        """What it is called."""
        return f"Audit report on customer {self.customer}"

    @property
    def asked(self) -> str:
        """Who asked for it, and why."""
        return f"Made {self.created} for {self.told_by}. Reason: {self.reason}."

    def document(self) -> dict[str, Any]:
        """The story as JSON can hold it."""
        return asdict(self)
