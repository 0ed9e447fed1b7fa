"""Flat tables for training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.protected import is_protected
from forbear.importers.table import LeftOut, Table, TableOptions, read_table
from forbear.importers.text import Dialect

TEXT = "ID,x,Age,sex,bad\n7,1.5,40,M,1\n8,,41,F,0\n9,NA,42,M,1\n"


def read(tmp_path: Path, text: str, label: str = "bad", **options: object) -> Table:
    """A table from a text."""
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode())
    return read_table(path, label, TableOptions(**options))  # type: ignore[arg-type]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_features_labels_and_row_ids(tmp_path: Path, end: str) -> None:
    """Numbers are features, NaN where missing; the id names the rows; protected columns are left out and listed."""
    table = read(tmp_path, TEXT.replace("\n", end))

    assert table.names == ("x",)
    np.testing.assert_array_equal([[1.5], [np.nan], [np.nan]], table.features)
    assert (table.labels.tolist(), table.row_ids.tolist()) == ([True, False, True], [7, 8, 9])
    assert {("Age", "protected attribute"), ("sex", "protected attribute"), ("ID", "row id")} == set(table.left_out)


def test_include_takes_a_protected_column_back(tmp_path: Path) -> None:
    """Only by its name, given on purpose; other delimiters may be set."""
    table = read(tmp_path, TEXT.replace(",", ";"), include=("Age",), exclude=("x",), dialect=Dialect(";"))

    assert table.names == ("Age",)
    assert LeftOut("x", "excluded") in table.left_out


def test_rows_are_numbered_where_no_id_is_unique(tmp_path: Path) -> None:
    """An id that repeats is a feature like any other."""
    table = read(tmp_path, "ID,bad\n7,1\n7,0\n")

    assert (table.names, table.row_ids.tolist()) == (("ID",), [0, 1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,bad\n1,2\n", "the label 'bad' holds 2.0"),
        ("x,bad\n1,\n", "the label 'bad' holds nan"),
        ("x,bad\n1,yes\n", "line 2: 'yes' in column 'bad'"),
        ("x,bad\n1,1\ntwo,0\n", "line 3: 'two' in column 'x' is no finite number; .*--exclude x"),
        ("x,bad\ninf,1\n", "no finite number"),
        ("x,bad\n1_0,1\n", "no finite number"),
        ("x,bad\n1,1,1\n", "line 2: 3 fields where the header has 2"),
        ("x;bad\n1;1\n", "the delimiter looks like ';'"),
        ("x,bad\n", "0 rows"),
        ("bad\n1\n", "0 features"),
        ("sex,bad\nM,1\n", "0 features"),
        ("", "empty"),
    ],
)
def test_unfit_table_is_named_by_line_and_column(tmp_path: Path, text: str, message: str) -> None:
    """What would be learnt wrongly stops the run."""
    with pytest.raises(ConfigError, match=message):
        read(tmp_path, text)


def test_unknown_columns_are_listed(tmp_path: Path) -> None:
    """A name in an option that is no column is answered with the columns that are there."""
    with pytest.raises(ConfigError, match=r"no column \['y'\]; the columns are: ID, x, Age, sex, bad"):
        read(tmp_path, TEXT, exclude=("y",))


@pytest.mark.parametrize("name", ["SEX", "gender", "customerAge", "age_group", "MARRIAGE", "marital-status", "Age2"])
def test_protected_names(name: str) -> None:
    """A protected word counts wherever it stands in a name, in any way of writing."""
    assert is_protected(name)


@pytest.mark.parametrize("name", ["mileage", "PAY_AMT1", "EDUCATION", "page_views", "usage", "essex", "average"])
def test_unprotected_names(name: str) -> None:
    """A word inside another word is not that word."""
    assert not is_protected(name)


def test_parquet_gives_the_same(tmp_path: Path) -> None:
    """Integers, decimals, booleans and nulls become float64; text columns are named unless they are left out."""
    columns = {
        "ID": [7, 8, 9],
        "x": [1.5, None, None],
        "Age": [1, 2, 3],
        "sex": ["M", "F", "M"],
        "bad": [True, False, True],
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    pq.write_table(pa.table({**columns, "note": ["a", "b", "c"]}), tmp_path / "noted.parquet")

    made, text = read_table(tmp_path / "t.parquet", "bad"), read(tmp_path, TEXT)

    np.testing.assert_array_equal(text.features, made.features)
    assert (text.names, text.left_out, text.labels.tolist()) == (made.names, made.left_out, made.labels.tolist())
    with pytest.raises(ConfigError, match="--exclude note"):
        read_table(tmp_path / "noted.parquet", "bad")
    with pytest.raises(ConfigError, match="no column"):
        read_table(tmp_path / "t.parquet", "worse")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "t.parquet").read_bytes()[:-9])
    with pytest.raises(ConfigError, match="not whole Parquet"):
        read_table(tmp_path / "cut.parquet", "bad")


def test_published_uci_table(real_uci_file: Path) -> None:
    """30,000 rows, 6,636 defaults; sex, marriage and age are left out, the id names the rows."""
    table = read_table(real_uci_file, "default.payment.next.month")

    assert (table.features.shape, table.labels.sum()) == ((30_000, 20), 6_636)
    assert {"SEX", "MARRIAGE", "AGE", "ID"} == {out.name for out in table.left_out}
    assert table.row_ids[:3].tolist() == [1, 2, 3]
    assert not np.isnan(table.features).any()
