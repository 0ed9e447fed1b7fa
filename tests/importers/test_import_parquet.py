"""Parquet files of transactions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.events import Transaction

Imports = Callable[..., Any]
AT = datetime(2024, 1, 2, 10, tzinfo=UTC)


@pytest.fixture
def parquet(folder_imports: Imports, mapping_text: Imports, tmp_path: Path) -> Imports:
    """Imports rows from a Parquet file in which some columns are replaced."""

    def make(*, changes: dict[str, str] | None = None, cut: int = 0, **columns: pa.Array) -> Any:
        rows = len(next(iter(columns.values())))
        plain = {
            "id": pa.array(range(rows)),
            "customer": pa.array(["K"] * rows),
            "account": pa.array(["A"] * rows),
            "booked": pa.array([AT] * rows),
            "currency": pa.array(["EUR"] * rows),
            "direction": pa.array(["debit"] * rows),
            "amount": pa.array(["1.00"] * rows),
        }
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({**plain, **columns}), path)
        path.write_bytes(path.read_bytes()[: -cut or None])
        return folder_imports(["t.parquet"], mapping_text(changes or {}))

    return make


@pytest.mark.parametrize(
    ("amounts", "unit", "minor"),
    [
        (pa.array([Decimal("12.50"), Decimal("0.01")]), "major", [1_250, 1]),
        (pa.array([12, 7]), "major", [1_200, 700]),
        (pa.array([12, 7]), "minor", [12, 7]),
        (pa.array(["12.5", "7"]), "major", [1_250, 700]),
        (pa.array([0.1, 1234567.89]), "major_float", [10, 123_456_789]),
    ],
)
def test_money_is_exact(parquet: Imports, amounts: pa.Array, unit: str, minor: list[int]) -> None:
    """Decimals, integers and texts are taken as the unit says, floats only where the mapping says so."""
    made = parquet(amount=amounts, changes={'"t*"]': f'"t*"]\namount_unit = "{unit}"'})

    assert minor == [event.amount_minor for event in made.of(Transaction)]


def test_floats_for_money_stop_the_import(parquet: Imports) -> None:
    """A float column for money is refused as a whole unless the mapping says "major_float"."""
    with pytest.raises(ConfigError, match='amount_unit = "major_float"'):
        parquet(amount=pa.array([0.1]))


def test_inexact_floats_are_refused(parquet: Imports) -> None:
    """A float that is not the nearest to an amount, or no number, is a dead letter."""
    made = parquet(
        amount=pa.array([0.1 + 0.2, float("nan"), float("inf"), 1e300, 0.3]),
        changes={'"t*"]': '"t*"]\namount_unit = "major_float"'},
    )

    assert made.codes == ["inexact_float"] * 3 + ["mistyped"]
    assert [event.amount_minor for event in made.of(Transaction)] == [30]


def test_dates_instants_and_naive_times(parquet: Imports) -> None:
    """A date is known at its end, an instant at once; nanoseconds are cut; a naive time needs a stated zone."""
    zone = {'"t*"]': '"t*"]\ntime_zone = "Asia/Tokyo"'}
    naive = pa.array([AT.replace(tzinfo=None)])

    assert known(parquet(booked=pa.array([date(2024, 1, 2)]))) == ["2024-01-02T22:59:59+00:00"]
    assert known(
        parquet(booked=pa.array([AT.timestamp() * 10**9 + 7]).cast("int64").cast(pa.timestamp("ns", "UTC")))
    ) == ["2024-01-02T10:00:00+00:00"]
    assert known(parquet(booked=naive, changes=zone)) == ["2024-01-02T01:00:00+00:00"]
    assert parquet(booked=naive).codes == ["naive_time"]


def known(made: Any) -> list[str]:
    """When each transaction was received."""
    return [event.received_at.isoformat() for event in made.of(Transaction)]


def test_wrong_types_and_nulls_are_refused_row_by_row(parquet: Imports) -> None:
    """A null where a value is needed, or a type that is no text, is a dead letter whose raw form is JSON."""
    made = parquet(customer=pa.array([None, "K"]))
    assert made.codes == ["missing_value"]
    assert '"customer":null' in made.refusals[0].raw
    assert parquet(customer=pa.array([1.5])).codes == ["mistyped"]
    assert parquet(amount=pa.array([True])).codes == ["bad_amount"]
    assert parquet(booked=pa.array([20240102])).codes == ["bad_date"]


def test_missing_column_and_cut_file_stop_the_import(parquet: Imports) -> None:
    """A Parquet file without a mapped column, or cut short, is named."""
    with pytest.raises(ConfigError, match="there is no column 'sum'"):
        parquet(amount=pa.array(["1"]), changes={'amount = "amount"': 'amount = "sum"'})
    with pytest.raises(ConfigError, match="not whole Parquet"):
        parquet(amount=pa.array(["1"]), cut=20)
