"""A customer's story as a PDF: the same sentences, on paper of A4."""

from __future__ import annotations

import io
from typing import Any
from xml.sax.saxutils import escape

from forbear.apps.page.numerals import SPACE
from forbear.apps.report.story import SYNTHETIC_LABEL, Entry, Story
from forbear.domain.errors import ConfigError


def story_pdf(story: Story) -> bytes:
    """The bytes of the document: equal stories give equal bytes. Raises ConfigError where reportlab is missing."""
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.styles import getSampleStyleSheet
        from reportlab.lib.units import mm
        from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
    except ImportError as error:
        raise ConfigError("reportlab: not installed", mend='pip install "forbear[pdf]"') from error
    styles = getSampleStyleSheet()

    def said(text: str, style: str) -> Any:
        # The fonts that every reader has know Western European letters; another one becomes a question mark.
        known = text.replace(SPACE, " ").encode("cp1252", "replace").decode("cp1252")
        return Paragraph(escape(known), styles[style])

    content = [said(story.title, "Title")]
    if story.synthetic:
        content.append(said(SYNTHETIC_LABEL, "Italic"))
    content += [said(f"{story.source}. {story.asked}", "Normal"), Spacer(1, 3 * mm), said(story.headline, "Normal")]
    for chapter in story.chapters:
        content.append(said(chapter.title, "Heading2"))
        if chapter.lead:
            content.append(said(chapter.lead, "Normal"))
        for entry in chapter.entries:
            content += [said(text, style) for text, style in _lines(entry)]
    made = io.BytesIO()
    margin = 20 * mm
    page = SimpleDocTemplate(
        made,
        pagesize=A4,
        title=story.title,
        author="forbear",
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        invariant=1,
    )
    page.build(content)
    return made.getvalue()


def _lines(entry: Entry) -> list[tuple[str, str]]:
    """The lines of an entry with their styles."""
    head = f"{entry.when}: {entry.kind}" if entry.when else entry.kind
    return [(head, "Heading4"), (entry.text, "Normal"), *((f"- {text}", "Normal") for text in entry.more)]
