"""What every page is built of: its head, links between pages, tables, and charts with their figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import streamlit as st

from forbear.apps.dashboard.charts.parts import dressed
from forbear.apps.dashboard.colours import band_colour
from forbear.apps.dashboard.export import download
from forbear.apps.dashboard.registry import BY_NAME

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

_PAGES, _HEADED = "_pages", "_headed"
TINT = "38"
"""How much of a colour lies under text, in hexadecimal of 255: little enough for the text of either theme."""
_LONG, _TALLEST = 15, 640
"""From so many rows on a table scrolls, and is so high [pixels]."""


def keep_pages(pages: Mapping[str, StreamlitPage]) -> None:
    """Remember the pages of this run, for links. By the frame."""
    st.session_state[_PAGES] = dict(pages)


def begin() -> None:
    """A page begins, and has no head yet. By the frame."""
    st.session_state[_HEADED] = False


def head(title: str, says: str, as_of: str) -> None:
    """The beginning of every page: its title as the only h1, what it answers, and for which moment it holds.

    What of the log was recorded, which `as_of` says in brackets, is said to whoever asks for it.
    """
    st.session_state[_HEADED] = True
    st.title(title)
    moment, _, where = as_of.partition(" (")
    said = f"{says} :gray[\u00b7] :material/schedule: {moment[:1].upper()}{moment[1:]}"
    st.caption(said, help=f"{where[:1].upper()}{where[1:].removesuffix(')')}." if where else None)


def headless(title: str) -> None:
    """The title alone, where a page has come to nothing before it had one."""
    if not st.session_state.pop(_HEADED, False):
        st.title(title)


def link(page: str, label: str, *, icon: str | None = None, **query: object) -> None:
    """A link to a page of the registry, with its filters; nothing where whoever looks may not see it.

    query: what is None is left out.
    """
    target = st.session_state.get(_PAGES, {}).get(page)
    if target is not None:
        asked = {name: str(value) for name, value in query.items() if value is not None}
        st.page_link(target, label=label, icon=icon or BY_NAME[page].icon, query_params=asked)


def go(page: str, **query: object) -> None:
    """Go to a page of the registry. Nothing happens where whoever looks may not see it."""
    target = st.session_state.get(_PAGES, {}).get(page)
    if target is not None:
        st.switch_page(target, query_params={name: str(value) for name, value in query.items() if value is not None})


# ---- filters in the URL


def asked(name: str, choices: Sequence[str], default: str) -> str:
    """A filter as the URL has it: `default` where it says nothing, or nothing that is known."""
    said = st.query_params.get(name, default)
    return said if said in choices else default


def choose(
    name: str, label: str, choices: Sequence[str], default: str, *, words: Mapping[str, str] | None = None
) -> str:
    """A choice that stands in the URL under its name. words: how choices are called; themselves where left out."""
    key = f"choose-{name}"
    _follow(name, key, choices, default)
    chosen = str(st.selectbox(label, choices, key=key, format_func=lambda one: (words or {}).get(one, one)))
    _wrote(name, key, None if chosen == default else chosen)
    return chosen


def tabs(name: str, label: str, words: Mapping[str, str], default: str) -> str:
    """A choice that stands in the URL under its name, all choices in sight. words: how each is called."""
    key = f"tabs-{name}"
    _follow(name, key, list(words), default)
    picked = st.segmented_control(label, list(words), key=key, format_func=lambda one: words[one], required=True)
    chosen = str(picked or default)
    _wrote(name, key, None if chosen == default else chosen)
    return chosen


def flag(name: str, label: str) -> bool:
    """A switch that stands in the URL under its name, as true, while it is on."""
    key = f"flag-{name}"
    _follow(name, key, ("true", ""), "")
    st.session_state[key] = st.session_state[key] in {True, "true"}
    on = bool(st.toggle(label, key=key))
    _wrote(name, key, "true" if on else None)
    return on


def _follow(name: str, key: str, choices: Sequence[str], default: str) -> None:
    """Have a widget say what the URL says, where somebody has followed a link since the page last wrote it there."""
    known = st.session_state.get(key) in (*choices, True, False)
    if not known or st.session_state.get(f"was-{key}") != st.query_params.get(name):
        st.session_state[key] = asked(name, choices, default)


def _wrote(name: str, key: str, value: str | None) -> None:
    remember(**{name: value})
    st.session_state[f"was-{key}"] = value


def remember(**filters: object) -> None:
    """Write filters into the URL; None takes one out."""
    for name, value in filters.items():
        if value is None:
            st.query_params.pop(name, None)
        elif st.query_params.get(name) != str(value):
            st.query_params[name] = str(value)


# ---- tables and charts


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How rows are shown. name: of the table on its page, and of its file.  texts: columns that are no figures.

    opens: the page that a row leads to; `by`: the column with what it is asked for, as `query`.  keys: what each row is
    asked for by, where that column does not say it whole.
    files: rows as they are handed over, with bare numbers; those that are shown where None.
    tints: colours of a column's cells by row, "" for none, which say again what the cell says in words.
    columns: how columns are drawn that are neither text nor figure, by their names.
    """

    name: str
    texts: frozenset[str] = frozenset()
    opens: str = ""
    by: str = ""
    query: str = "id"
    keys: Sequence[str] = ()
    files: Sequence[Mapping[str, object]] | None = None
    tints: Mapping[str, Sequence[str]] = field(default_factory=dict)
    columns: Mapping[str, Any] = field(default_factory=dict)


def table(rows: Sequence[Mapping[str, object]], how: Table) -> None:
    """Rows as a table: figures to the right, wide ones scroll, and a CSV file of it. A row that is chosen opens."""
    frame = pd.DataFrame(list(rows))
    config: dict[str, Any] = {
        column: st.column_config.Column(column, alignment="left" if column in how.texts else "right")
        for column in frame.columns
    } | dict(how.columns)
    height: int | Literal["auto"] = "auto" if len(rows) < _LONG else _TALLEST
    shown, key = _tinted(frame, how.tints), f"table-{how.name}"
    if not how.opens:
        st.dataframe(shown, hide_index=True, height=height, column_config=config, key=key)
    else:
        chosen = st.dataframe(
            shown,
            hide_index=True,
            height=height,
            column_config=config,
            key=key,
            on_select="rerun",
            selection_mode="single-row",
        )
        if picked := chosen["selection"]["rows"]:
            go(how.opens, **{how.query: how.keys[picked[0]] if how.keys else rows[picked[0]][how.by]})
    download(how.name, how.files if how.files is not None else rows)


def _tinted(frame: pd.DataFrame, tints: Mapping[str, Sequence[str]]) -> Any:
    """A frame whose cells have a ground; the text of the theme stays readable on it, light or dark."""
    if not tints or frame.empty:
        return frame
    shown = frame.style
    for column, colours in tints.items():
        css = [f"background-color: {one}{TINT}" if one else "" for one in colours]
        shown = shown.apply(lambda _, css=css: css, subset=[column], axis=0)
    return shown


def chart(spec: Any, rows: Sequence[Mapping[str, object]], *, name: str, says: str) -> None:
    """An Altair chart, a sentence for whoever cannot see it, its figures as CSV; its own toolbar saves a PNG."""
    st.altair_chart(dressed(spec), key=f"chart-{name}", alt=says)
    download(name, rows, label="Figures as CSV")


@dataclass(frozen=True, slots=True)
class Lead:
    """Where a figure leads to. page: of the registry.  query: its filters."""

    page: str
    label: str
    query: Mapping[str, str] = field(default_factory=dict)


def metric(
    label: str, value: str, *, delta: str | None = None, says: str | None = None, leads: Lead | None = None
) -> None:
    """One figure with its unit, as high as those beside it. delta: what it moved by, in words; says: what it is."""
    with st.container(border=True, height="stretch", gap=None):
        st.metric(label, value, delta=delta, delta_color="off", delta_arrow="off", help=says)
        if leads is not None:
            link(leads.page, leads.label, **leads.query)


def tinted(bands: Iterable[str | None], order: Sequence[str]) -> list[str]:
    """Grounds of a table's column of bands, in the colours that they have everywhere."""
    return [band_colour(one, order) if one else "" for one in bands]


def headline(text: str, icon: str) -> None:
    """What a page comes to, in a sentence. icon: name of a material symbol, which says it again."""
    st.subheader(text, icon=f":material/{icon}:")
