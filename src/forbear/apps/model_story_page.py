"""The page of the story: what happened to the models of a bank in a downturn, with the pages that show it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from forbear.apps.jobs.model_story import Chapter, StoryRequest
from forbear.apps.page.frame import footer, section, synthetic_note, whole
from forbear.apps.page.markup import Html, element
from forbear.apps.report.wording import dated
from forbear.features.columns import day_number

TITLE = "The life of a model"
_LEAD = (
    "A synthetic bank of {customers:,} households runs into a downturn. Everything below was done by what a bank's "
    "commands do, at the bank's own time, and nothing was known before its day was over."
)
_NOTES = (
    "The downturn is planted: from its first day on work is lost, and pay cut or paid late, more often.",
    "Both signatures are real, made with two keys that the story keeps in its home; a bank's people keep their own.",
    "Fairness is not examined in the story, so its gate leaves that to the two who sign.",
)


def story_page(chapters: Sequence[Chapter], request: StoryRequest, page: Path) -> str:
    """The complete HTML page; equal stories give equal text. page: where it will stand, for its links."""
    header = element(
        "header",
        synthetic_note(),
        element("h1", TITLE),
        element("p", f"Made {request.created}.", class_="eyebrow"),
        element("p", _LEAD.format(customers=request.customers), class_="headline"),
    )
    main = element(
        "main",
        *(_chapter(one, page) for one in chapters),
        section("Notes and limits", "", element("ul", *(element("li", note) for note in _NOTES), class_="notes")),
    )
    facts = {"customers": f"{request.customers:,}", "seed": str(request.seed), "hardship": f"{request.hardship:g}"}
    return whole(TITLE, header, main, footer("Provenance", facts, request.created, synthetic=True), synthetic=True)


def _chapter(one: Chapter, page: Path) -> Html:
    links = [
        element("li", element("a", name, href=os.path.relpath(path, page.parent))) for name, path in one.pages.items()
    ]
    pages = [element("ul", *links, class_="notes")] if links else []
    return section(one.title, f"{dated(day_number(one.on))}.", element("p", one.told), *pages)
