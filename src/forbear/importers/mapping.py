"""What a bank's own files mean, as the person who knows them wrote it down: the mapping file.

Decoded strictly. Nothing is inferred from the data: a time without an offset needs its zone stated, an
amount its unit and sign, a code its word.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, Struct

from forbear.domain.deployment import Deployment, Eligibility, MissDefinition
from forbear.domain.errors import ConfigError
from forbear.importers.days import zone_named
from forbear.importers.text import Dialect
from forbear.importers.values import has_offset, has_time, is_format

ISO = "iso"
MONEY = frozenset(
    {
        "amount",
        "amount_debit",
        "amount_credit",
        "amount_due",
        "balance_after",
        "original_amount",
        "obligation_amount",
        "obligation_exposure",
    }
)
"""Fields that are amounts, in the form's unit; the currency is the deployment's, but for `original_amount`."""
_LARGEST_MAPPING = 1 << 20
_UNKNOWN = re.compile(r"unknown field `([^`]*)`")
_PATH = re.compile(r"`\$\.?([^`]*)`")
_INDEX = re.compile(r"\[[0-9]*\]")

Words = dict[str, dict[str, str]]


class Form(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One form of file. For Parquet the settings of text do not matter.

    files: patterns of file names, such as "bookings-*.csv".
    columns: field = the file's column.  constants: field = one value for all rows.
    values: field = { the file's word = ours }; a word that is not listed is refused, "*" stands for any other.
    decimal, thousands: marks in amounts.  amount_unit: "major" (12.50), "minor" (1250) or, for binary
    floats in Parquet, "major_float", which takes only floats that are exactly the amount they print as.
    time_formats: strptime formats, or "iso".  time_zone: of times without an offset; the bank's is not assumed.
    """

    files: Annotated[tuple[str, ...], Meta(min_length=1)]
    columns: dict[str, str]
    constants: dict[str, str] = {}
    values: Words = {}
    delimiter: str = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    amount_unit: Literal["major", "minor", "major_float"] = "major"
    time_formats: Annotated[tuple[str, ...], Meta(min_length=1)] = (ISO,)
    time_zone: str = ""

    known: ClassVar[tuple[str, ...]] = ()
    required: ClassVar[tuple[str, ...]] = ()

    @property
    def dialect(self) -> Dialect:
        """How its text is written."""
        return Dialect(self.delimiter, self.encoding)


class TransactionForm(Form, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that are transactions.

    sign: which way the money went. "direction": amounts are not negative and `direction` is a field of its
    own; "negative_is_debit" or "positive_is_debit": the amount's sign says it; "two_columns": `amount_debit`
    and `amount_credit`, of which each row fills one.
    """

    sign: Literal["direction", "negative_is_debit", "positive_is_debit", "two_columns"] = "direction"

    known: ClassVar[tuple[str, ...]] = (
        "transaction_id",
        "customer_id",
        "account_id",
        "account_kind",
        "direction",
        "amount",
        "amount_debit",
        "amount_credit",
        "currency",
        "booked_at",
        "received_at",
        "channel",
        "category",
        "status",
        "failure_reason",
        "balance_after",
        "counterparty",
        "reverses",
        "sequence",
        "original_amount",
        "original_currency",
    )
    required: ClassVar[tuple[str, ...]] = (
        "transaction_id",
        "customer_id",
        "account_id",
        "account_kind",
        "currency",
        "booked_at",
    )


class CustomerForm(Form, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that tell what is known of a customer from `booked_at` on.

    One obligation a row. Rows that follow one another with the same customer and booked_at are one update
    with several obligations.  list_separator: between consents.
    """

    list_separator: Annotated[str, Meta(min_length=1, max_length=1)] = "|"

    known: ClassVar[tuple[str, ...]] = (
        "update_id",
        "customer_id",
        "booked_at",
        "received_at",
        "segment",
        "region",
        "time_zone",
        "consents",
        "obligation_id",
        "obligation_kind",
        "obligation_amount",
        "obligation_due_on",
        "obligation_frequency",
        "obligation_ends_on",
        "obligation_exposure",
    )
    required: ClassVar[tuple[str, ...]] = ("customer_id", "booked_at")


class PaymentForm(Form, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows that tell what became of one scheduled payment."""

    known: ClassVar[tuple[str, ...]] = (
        "outcome_id",
        "customer_id",
        "obligation_id",
        "due_on",
        "amount_due",
        "status",
        "booked_at",
        "received_at",
        "paid_on",
        "days_past_due",
    )
    required: ClassVar[tuple[str, ...]] = (
        "outcome_id",
        "customer_id",
        "obligation_id",
        "due_on",
        "amount_due",
        "status",
        "booked_at",
    )


class ImportMapping(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deployment and the forms of its files. With no forms it takes JSON Lines in forbear's own form only."""

    deployment: Deployment
    transactions: tuple[TransactionForm, ...] = ()
    customers: tuple[CustomerForm, ...] = ()
    payments: tuple[PaymentForm, ...] = ()

    @property
    def forms(self) -> tuple[Form, ...]:
        """Every form, of whatever kind."""
        return (*self.transactions, *self.customers, *self.payments)


_STRUCTS: dict[str, type[Struct]] = {
    "": ImportMapping,
    "deployment": Deployment,
    "deployment.miss": MissDefinition,
    "deployment.eligibility": Eligibility,
    "transactions": TransactionForm,
    "customers": CustomerForm,
    "payments": PaymentForm,
}


def load_mapping(path: Path) -> ImportMapping:
    """The mapping in a TOML file. Raises ConfigError that names the key, what is wrong, and what would be right."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_MAPPING + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})", mend="check the path") from error
    if len(text) > _LARGEST_MAPPING:
        raise ConfigError(f"{path}: is larger than {_LARGEST_MAPPING} bytes", mend="give the mapping, not the data")
    try:
        return parse_mapping(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 ({error})", mend="save it as UTF-8") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def parse_mapping(text: str) -> ImportMapping:
    """The mapping in a TOML text, checked as a whole. Raises ConfigError as `load_mapping` does."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not TOML: {error}", mend="correct the line") from error
    try:
        mapping = msgspec.convert(raw, ImportMapping)
    except msgspec.ValidationError as error:
        raise _explained(error) from error
    zone_named(mapping.deployment.time_zone)
    for form in mapping.forms:
        _check_form(form)
    for transactions in mapping.transactions:
        _check_transactions(transactions, mapping.deployment)
    _check_miss(mapping)
    return mapping


def _explained(error: msgspec.ValidationError) -> ConfigError:
    text = str(error)
    unknown, where = _UNKNOWN.search(text), _PATH.search(text)
    path = _INDEX.sub("", where.group(1)) if where else ""
    if not unknown:
        return ConfigError(text.replace("$.", ""), mend="docs/importing.md shows a complete mapping")
    valid = ", ".join(field.name for field in msgspec.structs.fields(_STRUCTS[path]))
    place = f"in [{path}] " if path else ""
    return ConfigError(f"{place}the key {unknown.group(1)!r} is unknown", mend=f"the keys are: {valid}")


def _check_form(form: Form) -> None:
    name = f"the form of {form.files[0]!r}"
    given = {**form.columns, **form.constants}
    for key in (*given, *form.values):
        if key not in form.known:
            raise ConfigError(f"{name}: the field {key!r} is unknown", mend=f"the fields are: {', '.join(form.known)}")
    if missing := [field for field in form.required if field not in given]:
        raise ConfigError(f"{name}: nothing gives {', '.join(missing)}", mend="map a column, or set a constant")
    if both := sorted(form.columns.keys() & form.constants.keys()):
        raise ConfigError(f"{name}: {both} have both a column and a constant", mend="keep one")
    if form.thousands == form.decimal:
        raise ConfigError(f"{name}: decimal and thousands are the same mark", mend="set one of them right")
    for time_format in form.time_formats:
        if time_format != ISO and not is_format(time_format):
            raise ConfigError(f"{name}: {time_format!r} is no time format", mend='write it for strptime, or say "iso"')
    if form.time_zone:
        zone_named(form.time_zone)
    elif naive := [f for f in form.time_formats if f != ISO and has_time(f) and not has_offset(f)]:
        raise ConfigError(
            f"{name}: times in {naive} have no offset and time_zone is not set",
            mend='state the zone that they were written in, such as time_zone = "UTC"',
        )
    Dialect(form.delimiter, form.encoding)


def _check_transactions(form: TransactionForm, deployment: Deployment) -> None:
    name = f"the form of {form.files[0]!r}"
    given = form.columns.keys() | form.constants.keys()
    wanted = {"two_columns": {"amount_debit", "amount_credit"}, "direction": {"amount", "direction"}}
    needed = wanted.get(form.sign, {"amount"})
    if (found := given & {"amount", "amount_debit", "amount_credit", "direction"}) != needed:
        raise ConfigError(
            f"{name}: sign = {form.sign!r} goes with {sorted(needed)}, and {sorted(found)} are given",
            mend='set sign to "direction", "negative_is_debit", "positive_is_debit" or "two_columns"',
        )
    if ("original_amount" in given) != ("original_currency" in given):
        raise ConfigError(f"{name}: original_amount and original_currency go together", mend="map both or neither")
    dates_only = ISO not in form.time_formats and not any(map(has_time, form.time_formats))
    if dates_only and "night" not in deployment.unsupported:
        raise ConfigError(
            f"{name}: {list(form.time_formats)} tell no time of day, so nothing is known of the night",
            mend='add "night" to unsupported in [deployment]',
        )


def _check_miss(mapping: ImportMapping) -> None:
    miss = mapping.deployment.miss
    if not mapping.forms:
        return
    if miss.kind != "balance":
        if not mapping.payments:
            raise ConfigError(f"a miss of kind {miss.kind!r} is told by payments", mend="add a [[payments]] form")
        if miss.kind == "days_past_due" and not all("days_past_due" in form.columns for form in mapping.payments):
            raise ConfigError("a miss of kind 'days_past_due' needs the column", mend="map days_past_due in payments")
    elif not miss.penalty_categories and not any("balance_after" in form.columns for form in mapping.transactions):
        raise ConfigError("a miss of kind 'balance' needs the balance", mend="map balance_after in transactions")
