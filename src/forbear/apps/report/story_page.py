"""A customer's story as one HTML page."""

from __future__ import annotations

from forbear.apps.page.frame import footer, section, synthetic_note, whole
from forbear.apps.page.markup import Html, element, joined
from forbear.apps.report.story import Chapter, Entry, Story


def story_page(story: Story) -> str:
    """The complete page; it loads nothing and runs no script."""
    header = element(
        "header",
        *([synthetic_note()] if story.synthetic else []),
        element("h1", story.title),
        element("p", f"{story.source}. {story.asked}", class_="eyebrow"),
        element("p", story.headline, class_="headline"),
    )
    facts = {"customer": story.customer, "asked by": story.told_by, "reason": story.reason}
    return whole(
        story.title,
        header,
        element("main", *map(_chapter, story.chapters)),
        footer("Provenance", facts, story.created, synthetic=story.synthetic),
        synthetic=story.synthetic,
    )


def _chapter(chapter: Chapter) -> Html:
    return section(chapter.title, chapter.lead, *map(_entry, chapter.entries))


def _entry(entry: Entry) -> Html:
    more = joined(element("li", text) for text in entry.more)
    return element(
        "article",
        element("h3", entry.when, " ", element("span", entry.kind, class_="standing")),
        element("p", entry.text),
        element("ul", more, class_="reasons") if entry.more else "",
        class_="person",
    )
