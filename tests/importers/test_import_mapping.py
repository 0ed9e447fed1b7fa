"""Mappings: what they say is checked before a single row is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.events import CustomerUpdated, PaymentOutcome, Transaction
from forbear.domain.terms import Category, Direction
from forbear.importers.mapping import load_mapping, parse_mapping

Imports = Callable[..., Any]
HEADER = "id,customer,account,booked,amount,currency,direction\n"
AT = "2024-01-02T10:00:00Z"

WRONG = {
    "not TOML": ({"[deployment]": "[deployment"}, "not TOML"),
    "unknown key": ({"source =": "sauce ="}, r"in \[deployment\] the key 'sauce' is unknown; the keys are: source, "),
    "unknown key of a form": ({'files = ["t*"]': 'files = ["t*"]\ndelimeter = ";"'}, "'delimeter'.*delimiter"),
    "unknown section": ({"[deployment.miss]": "[extra]\n[deployment.miss]"}, "'extra'.*transactions"),
    "unknown field": ({'amount = "amount"': 'amonut = "amount"'}, "'amonut' is unknown; the fields are: .*amount"),
    "field left out": ({'account_id = "account"\n': ""}, "nothing gives account_id"),
    "column and constant": ({'"current"': '"current"\ncurrency = "EUR"'}, "both a column and a constant"),
    "no such zone": ({"Europe/Berlin": "Europe/Bärlin"}, "time zone"),
    "no such currency": ({'currency = "EUR"': 'currency = "euro"'}, "currency"),
    "sign without direction": ({'direction = "direction"\n': ""}, r"sign = 'direction' goes with"),
    "sign and direction": ({'files = ["t*"]': 'files = ["t*"]\nsign = "negative_is_debit"'}, "goes with"),
    "naive times without a zone": (
        {'files = ["t*"]': 'files = ["t*"]\ntime_formats = ["%d.%m.%Y %H:%M"]'},
        "time_zone",
    ),
    "dates without night": ({'files = ["t*"]': 'files = ["t*"]\ntime_formats = ["%d.%m.%Y"]'}, 'add "night"'),
    "no such format": ({'files = ["t*"]': 'files = ["t*"]\ntime_formats = ["%d.%Q"]'}, "no time format"),
    "long delimiter": ({'files = ["t*"]': 'files = ["t*"]\ndelimiter = "::"'}, "delimiter"),
    "unknown encoding": ({'files = ["t*"]': 'files = ["t*"]\nencoding = "klingon"'}, "encoding"),
    "wide encoding": ({'files = ["t*"]': 'files = ["t*"]\nencoding = "utf-16"'}, "ASCII"),
    "one mark for two": ({'files = ["t*"]': 'files = ["t*"]\nthousands = "."'}, "same mark"),
    "half an original": ({'amount = "amount"': 'amount = "amount"\noriginal_amount = "o"'}, "go together"),
    "miss without payments": ({'kind = "balance"': 'kind = "missed_payment"'}, r"add a \[\[payments\]\] form"),
    "miss without balance": ({'penalty_categories = ["overdraft_interest"]': ""}, "map balance_after"),
    "number for a text": ({'source = "test"': "source = 7"}, "deployment.source"),
}


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_wrong_mapping_is_refused_with_its_mend(mapping_text: Callable[..., str], case: str) -> None:
    """Each mistake is named before anything is read, with what would be right."""
    changes, message = WRONG[case]

    with pytest.raises(ConfigError, match=message):
        parse_mapping(mapping_text(changes))


def test_mapping_file_is_named_in_its_errors(tmp_path: Path) -> None:
    """An error in a mapping file starts with the file; a missing one and one that is not UTF-8 are named too."""
    path = tmp_path / "map.toml"
    with pytest.raises(ConfigError, match=r"map\.toml: cannot be read"):
        load_mapping(path)
    for content, message in ((b"x = \xff", "not UTF-8"), (b"x = 1", "'x' is unknown"), (b"#" * (2 << 20), "larger")):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=rf"map\.toml: .*{message}"):
            load_mapping(path)


def test_file_must_fit_exactly_one_form(imports: Imports) -> None:
    """A file that no pattern fits, or two forms, stops the import with the patterns."""
    with pytest.raises(ConfigError, match=r"fits 0 forms.*'t\*'"):
        imports(HEADER, name="other.csv")


@pytest.mark.parametrize(
    ("text", "changes", "direction", "minor"),
    [
        ("-1.234,50", {'"t*"]': '"t*"]\nsign = "negative_is_debit"\ndecimal = ","\nthousands = "."'}, "debit", 123_450),
        ("12", {'"t*"]': '"t*"]\nsign = "negative_is_debit"'}, "credit", 1_200),
        ("12", {'"t*"]': '"t*"]\nsign = "positive_is_debit"'}, "debit", 1_200),
        ("-12", {'"t*"]': '"t*"]\nsign = "positive_is_debit"'}, "credit", 1_200),
        ("1250", {'"t*"]': '"t*"]\nsign = "negative_is_debit"\namount_unit = "minor"'}, "credit", 1_250),
        ("1'250.5", {'"t*"]': '"t*"]\nsign = "negative_is_debit"\nthousands = "\'"'}, "credit", 125_050),
    ],
)
def test_amounts_as_the_mapping_says(
    imports: Imports, text: str, changes: dict[str, str], direction: str, minor: int
) -> None:
    """Sign, decimal mark, thousands and unit follow the mapping."""
    made = imports(HEADER + f'1,K,A,{AT},"{text}",EUR,\n', changes={**changes, 'direction = "direction"\n': ""})

    [event] = made.of(Transaction)
    assert (Direction(direction), minor) == (event.direction, event.amount_minor)


def test_two_columns_of_amounts(imports: Imports) -> None:
    """Debit and credit may have a column each; a row that fills both is refused."""
    changes = {
        '"t*"]': '"t*"]\nsign = "two_columns"',
        'amount = "amount"': 'amount_debit = "out"\namount_credit = "in"',
        'direction = "direction"\n': "",
    }
    text = f"id,customer,account,booked,out,in,currency\n1,K,A,{AT},5,,EUR\n2,K,A,{AT},,7,EUR\n3,K,A,{AT},5,7,EUR\n"
    made = imports(text, changes=changes)

    assert [(e.direction, e.amount_minor) for e in made.of(Transaction)] == [("debit", 500), ("credit", 700)]
    assert made.codes == ["two_amounts"]


@pytest.mark.parametrize(("currency", "text", "minor"), [("JPY", "1250", 1_250), ("KWD", "1.250", 1_250)])
def test_currency_decides_the_decimals(imports: Imports, currency: str, text: str, minor: int) -> None:
    """The yen has no decimals, the Kuwaiti dinar three."""
    changes = {'currency = "EUR"': f'currency = "{currency}"'}

    [event] = imports(HEADER + f"1,K,A,{AT},{text},{currency},debit\n", changes=changes).of(Transaction)
    assert minor == event.amount_minor


def test_converted_amount_keeps_what_it_was(imports: Imports) -> None:
    """An amount in the ledger's currency may carry its original; one that was never converted carries none."""
    changes = {'amount = "amount"': 'amount = "amount"\noriginal_amount = "was"\noriginal_currency = "was_in"'}
    head = HEADER.strip() + ",was,was_in\n"
    made = imports(
        f"{head}1,K,A,{AT},9,EUR,debit,1500,JPY\n2,K,A,{AT},9,EUR,debit,9,EUR\n3,K,A,{AT},9,EUR,debit,9,\n",
        changes=changes,
    )

    assert [(event.original_amount_minor, event.original_currency) for event in made.of(Transaction)] == [
        (1_500, "JPY"),
        (None, None),
    ]
    assert made.codes == ["missing_value"]


def test_words_are_translated_and_strangers_refused(imports: Imports) -> None:
    """A word that the mapping does not list is refused, unless "*" takes any other."""
    text = HEADER + f"1,K,A,{AT},1,EUR,C\n2,K,A,{AT},1,EUR,D\n"
    words = '[transactions.values.direction]\nC = "credit"\n'
    strict = imports(text, changes={"[transactions.constants]": words + "[transactions.constants]"})
    loose = imports(text, changes={"[transactions.constants]": words + '"*" = "debit"\n[transactions.constants]'})

    assert ([event.direction for event in strict.of(Transaction)], strict.codes) == (["credit"], ["unmapped_value"])
    assert [event.direction for event in loose.of(Transaction)] == ["credit", "debit"]


def test_received_column_goes_before_the_default(imports: Imports) -> None:
    """Where the file says when it was received, that is the log's time; a redelivery later is a duplicate."""
    changes = {'booked_at = "booked"': 'booked_at = "booked"\nreceived_at = "seen"'}
    head = HEADER.strip() + ",seen\n"
    made = imports(
        f"{head}1,K,A,{AT},1,EUR,debit,2024-01-05\n1,K,A,{AT},1,EUR,debit,2024-01-04T00:00:00Z\n", changes=changes
    )

    assert [event.received_at.isoformat() for event in made.of(Transaction)] == ["2024-01-04T00:00:00+00:00"]
    assert made.report.duplicates == 1


CUSTOMERS = """
[[customers]]
files = ["c*"]
[customers.columns]
customer_id = "customer"
booked_at = "since"
consents = "consents"
obligation_id = "loan"
obligation_amount = "owed"
obligation_due_on = "due"
[customers.constants]
obligation_kind = "loan"
"""


def test_rows_of_one_customer_are_one_update(folder_imports: Imports, mapping_text: Imports, tmp_path: Path) -> None:
    """Rows that follow one another make one update; one that lies apart is a conflict; the opening knows old ones."""
    rows = ["K,1999-01-01,sms|mail,L1,5,2024-02-01", "K,1999-01-01,sms|mail,L2,6,2024-03-01", "J,2024-01-03,,,,"]
    rows += ["K,1999-01-01,,L3,6,2024-03-01", "H,2024-01-03,,,5,"]
    (tmp_path / "c.csv").write_text("customer,since,consents,loan,owed,due\n" + "\n".join(rows))
    made = folder_imports(["c.csv"], mapping_text({}) + CUSTOMERS)

    first, second = made.of(CustomerUpdated)
    assert (first.consents, [one.obligation_id for one in first.obligations]) == (("sms", "mail"), ["L1", "L2"])
    assert (second.customer_id, second.obligations) == ("J", ())
    assert first.received_at.isoformat() == "2023-12-31T23:00:00+00:00"
    assert made.codes == ["missing", "conflict"]


def test_payments(folder_imports: Imports, mapping_text: Imports, tmp_path: Path) -> None:
    """An outcome lands with its due day; a payment that is paid needs its date."""
    columns = {name: name for name in ("outcome_id", "customer_id", "obligation_id", "due_on", "amount_due", "status")}
    columns |= {name: name for name in ("booked_at", "paid_on", "days_past_due")}
    form = '\n[[payments]]\nfiles = ["p*"]\ncolumns = {' + ", ".join(f'{k} = "{v}"' for k, v in columns.items()) + "}\n"
    rows = [
        f"1,K,L,2024-01-05,5.00,paid,{AT},2024-01-02,0",
        f"2,K,L,2024-01-05,5.00,paid,{AT},,",
        f"3,K,L,,5,missed,{AT},,",
    ]
    (tmp_path / "p.csv").write_text(",".join(columns) + "\n" + "\n".join(rows))
    made = folder_imports(["p.csv"], mapping_text({'kind = "balance"': 'kind = "days_past_due"'}) + form)

    assert [(event.amount_due_minor, event.days_past_due) for event in made.of(PaymentOutcome)] == [(500, 0)]
    assert made.codes == ["invalid", "missing_value"]


def test_category_constant_reaches_the_event(imports: Imports) -> None:
    """A constant counts for every row; an empty optional cell takes the field's default."""
    made = imports(HEADER + f"1,K,A,{AT},1,EUR,debit\n", changes={'"current"': '"current"\ncategory = "rent"'})

    assert [event.category for event in made.of(Transaction)] == [Category.RENT]
