"""What a document is made of, and how it is written: once said, it becomes a page or Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from forbear.apps.page.frame import SYNTHETIC, footer, section, synthetic_note, terms, tiles, whole
from forbear.apps.page.markup import Html, column, element, joined, row_heading, table
from forbear.models.validation.lights import Light

WORDS = {Light.GREEN: "\N{BLACK CIRCLE} stands", Light.AMBER: "\N{CIRCLE WITH LEFT HALF BLACK} open"} | {
    Light.RED: "\N{WHITE CIRCLE} fails"
}
"""A light in a word and with a mark, so that nobody needs its colour."""
_COLOURS = {WORDS[Light.GREEN]: "teal", WORDS[Light.AMBER]: "amber", WORDS[Light.RED]: "red"}


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Terms with what each of them is."""

    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Listed:
    """Sentences one below the other."""

    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. caption: what it shows.  texts: columns of words, counted from 0; all others hold numbers."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot with its title, how to read it and what it says. html: the drawing, or a whole card with its own words."""

    html: Html
    title: str = ""
    how: str = ""
    says: str = ""


Block: TypeAlias = Text | Facts | Listed | Grid | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document. lead: what it is about, in a sentence or two.  light: None where nothing is judged.

    because: what the light rests on.
    """

    title: str
    lead: str
    blocks: Sequence[Block]
    light: Light | None = None
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole document. told: figures that stand out, each with its name and a word more.  facts: of the foot."""

    title: str
    eyebrow: str
    headline: str
    sections: Sequence[Section]
    synthetic: bool
    created: str
    told: Sequence[tuple[str, str, str]] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def page_of(document: Document) -> str:
    """The complete HTML page; equal documents give equal text. It needs no network and runs no script."""
    header = element(
        "header",
        synthetic_note() if document.synthetic else "",
        element("h1", document.title),
        element("p", document.eyebrow, class_="eyebrow"),
        element("p", document.headline, class_="headline"),
        tiles(*document.told) if document.told else "",
    )
    main = element("main", *(_section(number, one) for number, one in enumerate(document.sections, 1)))
    foot = footer("Provenance", document.facts, document.created, synthetic=document.synthetic)
    return whole(document.title, header, main, foot, synthetic=document.synthetic)


def markdown_of(document: Document) -> str:
    """The document as Markdown, without its plots; equal documents give equal text."""
    parts = [f"# {document.title}", document.eyebrow]
    parts += [f"> **Synthetic data.** {SYNTHETIC}"] if document.synthetic else []
    parts += [f"**{document.headline}**"]
    for number, one in enumerate(document.sections, 1):
        parts += [f"## {number}. {one.title}"]
        parts += [f"**{WORDS[one.light]}**: {one.because}"] if one.light is not None else []
        parts += [one.lead] if one.lead else []
        parts += [text for block in one.blocks if (text := _markdown(block))]
    parts += ["## Provenance", _markdown(Facts(document.facts)), f"Made {document.created}."]
    return "\n\n".join(parts) + "\n"


def _section(number: int, one: Section) -> Html:
    light = Html()
    if one.light is not None:
        light = element("p", element("strong", _cell(WORDS[one.light])), f". {one.because}", class_="because")
    return section(
        f"{number}. {one.title}",
        one.lead,
        light,
        *(element("div", _html(block), class_="block") for block in one.blocks),
    )


def _html(block: Block) -> Html:
    match block:
        case Text(text):
            return element("p", text, class_="prose")
        case Facts(facts):
            return terms(facts)
        case Listed(items):
            return element("ul", *(element("li", item) for item in items), class_="notes")
        case Grid():
            return _table(block)
        case Picture(html, "", _, _):
            return html
        case Picture(html, title, how, says):
            words = [element("h3", title), element("p", how, class_="how")]
            return element("figure", *words, html, element("figcaption", says), class_="card whole")


def _table(grid: Grid) -> Html:
    head = [column(name, class_="text" if place in grid.texts else "") for place, name in enumerate(grid.head)]
    rows = []
    for first, *others in grid.rows:
        cells = [
            element("td", _cell(text), class_="text" if place in grid.texts else "")
            for place, text in enumerate(others, 1)
        ]
        rows.append(element("tr", row_heading(_cell(first)), *cells))
    return table(grid.caption, head, element("tbody", *rows), name=grid.head[0])


def _cell(text: str) -> Html:
    """Text with the colour of its light, if it is one."""
    colour = _COLOURS.get(text)
    return element("span", text, style=f"color:var(--{colour});white-space:nowrap") if colour else joined([text])


def _markdown(block: Block) -> str:
    match block:
        case Text(text):
            return text
        case Facts(facts):
            return "\n".join(f"- **{name}**: {text}" for name, text in facts.items())
        case Listed(items):
            return "\n".join(f"- {item}" for item in items)
        case Grid(caption, head, rows, texts):
            rule = ["---" if place in texts else "---:" for place in range(len(head))]
            lines = ["| " + " | ".join(_plain(cell) for cell in row) + " |" for row in (head, rule, *rows)]
            return f"{caption}\n\n" + "\n".join(lines)
        case Picture(_, title, _, says):
            return f"*{title}.* {says}" if title else ""


def _plain(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")
