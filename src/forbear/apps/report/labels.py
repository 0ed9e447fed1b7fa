"""What a report says of itself before anything else: that nothing of it happened, or that its bank is made up."""

from __future__ import annotations

from forbear.apps.page.frame import synthetic_note
from forbear.apps.page.markup import Html, element
from forbear.apps.report.request import Sources

_REHEARSED = (
    "What a model and a policy would have decided in these days, had they been in force. Nobody was told of it, "
    "nothing of it was sent, and customers behave as they did without it."
)


def labels(sources: Sources) -> list[Html]:
    """The notes at the top of a page."""
    rehearsal = element("p", element("strong", "Rehearsal. "), _REHEARSED, class_="synthetic", role="note")
    return [*([rehearsal] if sources.rehearsal else []), *([synthetic_note()] if sources.synthetic else [])]


def titled(title: str, sources: Sources) -> str:
    """The title of a page, which names a rehearsal as one."""
    return f"Rehearsal: {title}" if sources.rehearsal else title
