"""Taking figures along: what a table or chart shows, as a file of comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import streamlit as st

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(rows: Sequence[Mapping[str, object]]) -> bytes:
    """Rows as CSV (RFC 4180, UTF-8), columns as the first row has them; empty for what is not known.

    A text that a spreadsheet would take for a formula is written with an apostrophe before it.
    """
    written = io.StringIO(newline="")
    if rows:
        table = csv.DictWriter(written, fieldnames=list(rows[0]), extrasaction="ignore", lineterminator="\r\n")
        table.writeheader()
        table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return written.getvalue().encode("utf-8-sig")


def download(name: str, rows: Sequence[Mapping[str, object]], *, label: str = "Download as CSV") -> None:
    """A button that hands over the rows. name: of the file, without its ending, and of the button on this page."""
    st.download_button(
        label,
        data=lambda: csv_of(rows),
        file_name=f"{name}.csv",
        mime="text/csv",
        key=f"download-{name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        disabled=not rows,
    )


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
