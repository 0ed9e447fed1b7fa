"""The published e-mail experiment: read as it is, refused where it is not."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from forbear.domain.errors import ConfigError
from forbear.importers.hillstrom import ARMS, find_hillstrom, read_hillstrom

HEADER = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"
ROWS = (
    "10,2) $100 - $200,142.44,1,0,Surburban,0,Phone,Womens E-Mail,0,0,0.0",
    "6,3) $200 - $350,329.08,1,1,Rural,1,Web,No E-Mail,1,1,29.99",
    "7,2) $100 - $200,180.65,0,1,Urban,1,Multichannel,Mens E-Mail,1,0,0.0",
)


def written(folder: Path, *rows: str) -> Path:
    """A file of such rows."""
    path = folder / "hillstrom.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def test_columns_become_an_experiment(tmp_path: Path) -> None:
    """Arms by a third each, spend in cents, segments as members; plain or gzip."""
    campaign = read_hillstrom(written(tmp_path, *ROWS))
    visits, spend = campaign.visits, campaign.spend
    assert [ARMS[arm] for arm in visits.arm] == ["womens_email", "no_email", "mens_email"]
    assert (visits.outcome.tolist(), spend.outcome.tolist()) == ([0.0, 1.0, 1.0], [0.0, 2999.0, 0.0])
    assert (visits.propensity == 1.0 / 3.0).all()
    assert visits.segments["new customer"].tolist() == [False, True, True]
    assert visits.segments["suburban"].tolist() == [True, False, False]
    assert visits.covariates[:, campaign.columns.index("history")].tolist() == [142.44, 329.08, 180.65]
    packed = tmp_path / "hillstrom" / "hillstrom.csv.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress((tmp_path / "hillstrom.csv").read_bytes()))
    again = read_hillstrom(packed)
    np.testing.assert_array_equal(again.visits.covariates, visits.covariates)


def test_the_file_is_found_in_the_folder_or_below(tmp_path: Path) -> None:
    """A folder with the file, or with a folder of it; else what to do is said."""
    below = tmp_path / "hillstrom"
    below.mkdir()
    with pytest.raises(ConfigError, match="--data"):
        find_hillstrom(tmp_path)
    path = written(below, *ROWS)
    assert find_hillstrom(tmp_path) == path == find_hillstrom(below)


@pytest.mark.parametrize(
    ("was", "now", "named"),
    [
        ("Surburban", "Mars", "zip_code"),
        ("Womens E-Mail", "E-Mail", "segment"),
        ("142.44", "much", "history"),
        (",0,0,0.0", ",2,0,0.0", "visit"),
        (",0,0,0.0", ",0,0,-1", "spend"),
        (",0,0,0.0", ",0,0", "fields"),
    ],
)
def test_what_the_file_never_held_is_refused(tmp_path: Path, was: str, now: str, named: str) -> None:
    """A cell that is no such thing stops the reading, by its line and column."""
    path = written(tmp_path, ROWS[1], ROWS[0].replace(was, now))
    with pytest.raises(ConfigError, match=rf"line 3.*{named}"):
        read_hillstrom(path)


def test_no_rows_are_no_experiment(tmp_path: Path) -> None:
    """A header alone is refused."""
    with pytest.raises(ConfigError, match="no customer"):
        read_hillstrom(written(tmp_path))
