"""The example in docs/importing.md is imported as it stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from forbear.domain.events import CustomerUpdated, DayClosed, PaymentOutcome, Transaction
from forbear.domain.terms import Category, Direction, OutcomeStatus

PAGE = Path(__file__).parents[2] / "docs" / "importing.md"
FILE = re.compile(r"^`([\w.-]+)`:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_example_of_the_page(tmp_path: Path, folder_imports: Callable[..., Any]) -> None:
    """The page's files give what the page says, refusal and duplicate included."""
    files = dict(FILE.findall(PAGE.read_text(encoding="utf-8")))
    mapping = files.pop("mapping.toml")
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    made = folder_imports(list(files), mapping)

    assert [
        (event.transaction_id, Direction(event.direction), event.amount_minor) for event in made.of(Transaction)
    ] == [("1001", "credit", 245_000), ("1002", "debit", 8_490), ("1003", "debit", 2_000)]
    assert [event.category for event in made.of(Transaction)] == [Category.SALARY, Category.GROCERIES, Category.OTHER]
    assert [len(event.obligations) for event in made.of(CustomerUpdated)] == [2, 0]
    assert [event.status for event in made.of(PaymentOutcome)] == [OutcomeStatus.PAID, OutcomeStatus.MISSED]
    assert [date(2024, 2, day) for day in range(1, 24)] == [event.day for event in made.of(DayClosed)]
    assert (made.codes, made.refusals[0].line, made.report.duplicates) == (["too_many_decimals"], 5, 1)
