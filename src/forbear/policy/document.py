"""The policy document as frozen values: what is asked, of whom, how often, and what is left to chance.

`reading.parse_policy` is the door. Money is in minor units of the policy's currency; days are bank-local.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from forbear.domain.events import AmountMinor, Currency
from forbear.domain.stated import digest_of
from forbear.domain.terms import Category

POLICY_FORMAT = 1
MOST_ACTIONS = 32
"""Actions of one band; the eligible ones are bits of a word."""

Word: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,47}\Z")]
Text: TypeAlias = Annotated[str, Meta(pattern=r"^[^\x00-\x20\x7f](.{0,398}[^\x00-\x20\x7f])?\Z")]
Share: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Days: TypeAlias = Annotated[int, Meta(ge=1, le=365)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=10**9)]
Limits: TypeAlias = dict[Currency, AmountMinor]
Exemption: TypeAlias = Literal["vulnerable", "legal_stop", "customer_request"]
"""The names of `domain.terms.FLAGGED`."""


class Triggers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events have their customer scored.

    every_nth_transaction: 0 switches it off.  categories: of a transaction.  amount_over_minor: by currency,
    in its minor units; a transaction of another currency is never over.
    """

    failed_debit: bool
    cash_machine: bool
    day_close: bool
    every_nth_transaction: Annotated[int, Meta(ge=0, le=1_000_000)]
    categories: tuple[Category, ...]
    amount_over_minor: Limits


class Band(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A range of PDs that is treated alike; it reaches up to the band before it.

    enter: the least PD that leads into it.  exit: who is in it leaves it only below this.
    actions: names, the preferred one first.
    share: of the book that was to fall in it, where the cut-offs were derived; None where they are fixed.
    """

    name: Word
    enter: Annotated[float, Meta(gt=0.0, le=1.0)]
    exit: Annotated[float, Meta(ge=0.0, le=1.0)]
    actions: Annotated[tuple[Word, ...], Meta(min_length=1, max_length=MOST_ACTIONS)]
    share: Share | None = None


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to reach a customer.

    consent: the customer's consent that it needs, "" for none.  cool_down_days: between two contacts on it.
    """

    name: Word
    consent: Annotated[str, Meta(pattern=r"^([a-z][a-z0-9_]{0,47})?\Z")]
    capacity_per_day: Count
    cool_down_days: Days


class Reason(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a customer is at risk, for the choice of an action: a code for features that say the same."""

    code: Word
    features: Annotated[tuple[Word, ...], Meta(min_length=1)]


class Action(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Help that can be offered.

    wording: key of the approved text.  valid_days: from the day of the decision; after them it has expired.
    reasons: codes that it suits; none: every reason, an unknown one too.
    """

    name: Word
    channel: Word
    cost_minor: AmountMinor
    wording: Word
    valid_days: Days
    reasons: tuple[Word, ...] = ()


class Contact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often one customer is contacted at all.

    cool_down_days: between two contacts on whatever channel.
    repeat_days: who stays in a band is contacted again only so many days after the last contact.
    """

    cool_down_days: Days
    repeat_days: Days


class HoldOut(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Customers who are never contacted, for comparison: a hash of the salt and the customer's key decides.

    exempt: circumstances in which help is not kept from a customer for the sake of a comparison.
    Another salt draws other customers; a larger share under the same salt keeps those it had.
    """

    share: Share
    salt: Word
    exempt: tuple[Exemption, ...]


class Exploration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Share of offers whose action is drawn among the eligible ones, all alike likely."""

    share: Share


class Allocation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the capacity of a day is spent.

    tick_minutes: proposals of events are decided at the first event after each so many minutes of received time, and
    at each close of a day; 0: at closes only.
    priority: "benefit": by expected benefit if all offers of the cut have one, else by PD x exposure;
    "pd_exposure"; or "pd".  abnormal_share: more offers in one day than this share of the book wait for a person.
    """

    tick_minutes: Annotated[int, Meta(ge=0, le=1_440)]
    priority: Literal["benefit", "pd_exposure", "pd"]
    abnormal_share: Annotated[float, Meta(gt=0.0, le=1.0)]


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of the policy. jurisdiction: free text.  currency: of costs and benefits.

    bands: most urgent first.  Order is content in every list; order of keys and comments are not.
    """

    format: int
    version: Annotated[str, Meta(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}\Z")]
    jurisdiction: Text
    currency: Currency
    triggers: Triggers
    bands: Annotated[tuple[Band, ...], Meta(min_length=1, max_length=16)]
    channels: Annotated[tuple[Channel, ...], Meta(min_length=1, max_length=16)]
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=1_000)]
    actions: Annotated[tuple[Action, ...], Meta(min_length=1, max_length=100)]
    contact: Contact
    hold_out: HoldOut
    exploration: Exploration
    allocation: Allocation

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal: the same for two texts that say the same."""
        return digest_of(self)

    def reason_of(self, feature: str) -> int:
        """Index into `reasons` of the one that a feature belongs to, -1 for none."""
        return next((index for index, reason in enumerate(self.reasons) if feature in reason.features), -1)


def to_toml(policy: Policy) -> str:
    """The document as TOML without comments; `parse_policy(to_toml(policy)) == policy`."""
    return "\n".join(_table(msgspec.to_builtins(policy), ())).lstrip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Lines of a table: its values, then its tables, which in TOML must come after them."""
    inner = {key: value for key, value in table.items() if _is_table(value)}
    for key, value in table.items():
        if key not in inner:
            yield f"{key} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in inner.items():
        name = ".".join((*path, key))
        for entry in [value] if isinstance(value, dict) else value:
            yield f"\n[{name}]" if isinstance(value, dict) else f"\n[[{name}]]"
            yield from _table(entry, (*path, key))


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, tuple) and bool(value) and isinstance(value[0], dict))
