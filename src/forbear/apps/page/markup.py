"""HTML from values: text is escaped unless it is markup already, so nothing can be forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

VOID = frozenset({"meta", "line", "rect"})


class Html(str):
    """Text that is markup: `element` made it, and writes it into others as it is."""

    __slots__ = ()


def element(tag: str, /, *children: str, **attributes: str) -> Html:
    """An element with its children; a child that is not Html is escaped.

    A trailing underscore in an attribute's name is dropped (class_), others become hyphens (aria_label).
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items() if value
    )
    if tag in VOID:
        return Html(f"<{tag}{written}/>")
    return Html(f"<{tag}{written}>{joined(children)}</{tag}>")


def joined(children: Iterable[str]) -> Html:
    """The children one after another; a child that is not Html is escaped."""
    return Html("".join(child if isinstance(child, Html) else escape(child) for child in children))


def table(caption: str, head: Iterable[Html], *bodies: Html, name: str) -> Html:
    """A table that scrolls sideways where it does not fit.  head: the cells of its heading row.

    name: what a screen reader calls the scrolling region.
    """
    content = element("table", element("caption", caption), element("thead", element("tr", *head)), *bodies)
    return element("div", content, class_="scroll", role="region", aria_label=name, tabindex="0")


def small(text: str) -> Html:
    """Small print; nothing for an empty text."""
    return element("small", text) if text else Html()


def column(*children: str, class_: str = "") -> Html:
    """The heading of a column."""
    return element("th", *children, scope="col", class_=class_)


def row_heading(*children: str) -> Html:
    """The heading of a row."""
    return element("th", *children, scope="row")
