"""The Deep Credit Risk panel: what is read, what is left out, and what is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from forbear.domain.errors import ConfigError, NotEnoughData
from forbear.importers.dcr import read_dcr
from forbear.models.credit.panel import NEVER, End
from forbear.testing.loans import as_dcr, loan_panel

PANEL = loan_panel(loans=60, quarters=12, seed=5)
TEXT = as_dcr(PANEL)
HEADER, *LINES = TEXT.splitlines()


def written(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    """A folder with these lines as its panel."""
    (folder / "dcr.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return folder


def test_a_panel_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """In whatever order its lines stand, packed or not."""
    (tmp_path / "dcr.csv.gz").write_bytes(gzip.compress("\n".join([HEADER, *reversed(LINES)]).encode()))
    read = read_dcr(tmp_path)
    for name in ("loan", "quarter", "balance_minor", "end", "resolved", "lgd"):
        np.testing.assert_array_equal(getattr(read.panel, name), getattr(PANEL, name), err_msg=name)
    np.testing.assert_allclose(read.panel.value_minor, PANEL.value_minor)
    np.testing.assert_allclose(read.panel.economy.house_prices, PANEL.economy.house_prices)
    unresolved = np.count_nonzero((PANEL.end == End.DEFAULT) & (PANEL.resolved == NEVER))
    assert (read.repeated, read.unresolved) == (0, unresolved)


def test_the_row_further_down_counts(tmp_path: Path) -> None:
    """A quarter of a loan that stands twice is taken once, and counted."""
    again = LINES[0].split(",")
    again[HEADER.split(",").index("balance_time")] = "123.45"
    read = read_dcr(written(tmp_path, [*LINES, ",".join(again)]))
    assert read.repeated == 1
    assert read.panel.balance_minor[0] == 12_345.0


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """No file, no column, no number, and a loan that goes on behind its end: each by name."""
    with pytest.raises(ConfigError, match=r"dcr\.csv"):
        read_dcr(tmp_path)
    with pytest.raises(ConfigError, match="uer_time"):
        read_dcr(written(tmp_path, LINES, HEADER.replace("uer_time", "other")))
    broken = LINES[0].split(",")
    broken[5] = "much"
    with pytest.raises(ConfigError, match="much"):
        read_dcr(written(tmp_path, [",".join(broken), *LINES[1:]]))
    broken[5] = ""
    with pytest.raises(ConfigError, match="balance_time is unknown in 1 rows"):
        read_dcr(written(tmp_path, [",".join(broken), *LINES[1:]]))
    ended = next(line for line, end in zip(LINES, PANEL.end, strict=True) if end == End.DEFAULT).split(",")
    ended[1] = str(int(ended[1]) + 1)
    with pytest.raises(ConfigError, match="behind its end"):
        read_dcr(written(tmp_path, [*LINES, ",".join(ended)]))


def test_every_quarter_needs_a_loan(tmp_path: Path) -> None:
    """The economy of a quarter without rows is unknown."""
    without = [line for line, quarter in zip(LINES, PANEL.quarter, strict=True) if quarter != 3]
    with pytest.raises(NotEnoughData, match="quarter 3"):
        read_dcr(written(tmp_path, without))
