"""Decisions made again from their receipts alone, and held against what was recorded, byte for byte.

Nothing but the receipt and the parts that it names is asked: no ledger, no log, no other decision. What others decided
with it, the capacity of a cut, is in the receipt as the place in the queue and the room that there was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import numpy as np

from forbear.domain.errors import CorruptState
from forbear.domain.stated import canonical_json
from forbear.engine.audit import mismatch
from forbear.engine.intervenor import Pending, heaviest, reasons_of
from forbear.engine.outputs import AuditRecord, Decision
from forbear.engine.ports import Parts
from forbear.engine.receipt import FLAGS, RECEIPT_FORMAT, Writer, said_of
from forbear.engine.scorer import Scores, Scoring
from forbear.engine.telling import InWords
from forbear.features.figures import FIGURES
from forbear.features.ledger import Floats
from forbear.policy.allocate import PRICED, Waiting, spent
from forbear.policy.decide import Rules, decide
from forbear.policy.document import Policy
from forbear.policy.prices import NOT_AT_MARGIN, NOTHING
from forbear.policy.proposals import NEVER, Circumstances, Proposals

Values = dict[str, float | None]


class State(StrEnum):
    """What came of making a decision again.

    same: not one byte differs.  differs: some do.  erased: the key of the customer is gone, and with it the receipt:
    neither right nor wrong.  no_receipt: it was made before decisions sealed what they were made of.
    """

    SAME = "same"
    DIFFERS = "differs"
    ERASED = "erased"
    NO_RECEIPT = "no_receipt"


class Difference(NamedTuple):
    """One thing that came out otherwise. recorded, again: as JSON."""

    what: str
    recorded: str
    again: str


class Remade(NamedTuple):
    """What came of one decision. sequence: of its record in the chain."""

    decision_id: str
    sequence: int
    state: State
    differences: tuple[Difference, ...] = ()


class Recorded(NamedTuple):
    """A decision as the store has it. receipt: the plaintext, None where the key was destroyed."""

    record: AuditRecord
    decision: Decision
    receipt: bytes | None


class Stood(msgspec.Struct, frozen=True):
    """What stood for the customer; see `receipt.Writer`."""

    answered_band: str
    previous_band: str
    decided_day: int | None
    last_contact_day: dict[str, int | None]
    consent: dict[str, bool]
    exposure_minor: int
    benefit_minor: float | None
    customer_request: bool
    legal_stop: bool
    override: bool
    vulnerable: bool


class Under(msgspec.Struct, frozen=True):
    """What held for everybody, and the instant of the cut [us UTC]."""

    at_us: int
    kill_switch: bool
    replay: bool


class Waited(msgspec.Struct, frozen=True):
    """Where the choice stood when its cut spent the capacity; see `policy.allocate.Waiting` and `receipt.Writer`."""

    day: int = 0
    book_size: int = 0
    offered_today: int = 0
    competing: int = 0
    released: bool = False
    second: bool = False
    place: int = 0
    room: int = 0
    price_minor: dict[str, float] | None = None
    margin: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """The inputs of a decision, read from its receipt; what it says besides is recomputed."""

    format: int
    trigger: int
    features: Values
    stood: Stood
    under: Under
    waited: Waited
    figures: Values | None = None


class _Head(msgspec.Struct, frozen=True):
    format: int = 1


class _One(NamedTuple):
    """One decision whose receipt was read. digests: of what was in force, by kind."""

    recorded: Recorded
    receipt: Receipt
    digests: Mapping[str, str]

    @property
    def common(self) -> tuple[Any, ...]:
        """What decisions share that can be made again at once."""
        under = self.receipt.under
        return (*self.digests.items(), under.kill_switch, under.replay, self.receipt.figures is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Force:
    """What was in force: a model, the tables of a policy, and approved reasons as they speak of it."""

    scoring: Scoring
    expected: float
    rules: Rules
    words: InWords
    reason_of: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaking:
    """What decisions are made again by. features: names of the columns.  feature_hash: of their set.

    numbers: the digest of each part by kind and number; see `Part`.
    """

    features: tuple[str, ...]
    feature_hash: str
    currency: str
    parts: Parts
    numbers: Mapping[tuple[str, int], str]


class Remaker:
    """Makes decisions again. Models and policies are loaded once each."""

    def __init__(self, setup: Remaking) -> None:
        self.setup = setup
        self._forces: dict[tuple[Any, ...], _Force] = {}

    def remade(self, batch: Sequence[Recorded]) -> list[Remade]:
        """What comes of some decisions, in their order.

        Raises ConfigError for a part that is not there any more, ModelMismatch for a model of other features than this
        version's, CorruptState for a part that is not what was promoted.
        """
        found: dict[int, Remade] = {}
        groups: dict[tuple[Any, ...], list[tuple[int, _One]]] = {}
        for place, recorded in enumerate(batch):
            one = self._read(recorded)
            if isinstance(one, Remade):
                found[place] = one
            else:
                groups.setdefault(one.common, []).append((place, one))
        for members in groups.values():
            again = self._again([one for _, one in members])
            found.update(zip((place for place, _ in members), again, strict=True))
        return [found[place] for place in range(len(batch))]

    # ---- inside

    def _read(self, recorded: Recorded) -> _One | Remade:
        """The receipt of one decision, or why there is none."""
        record, decision, plain = recorded
        name = decision.decision_id, record.sequence
        if why := mismatch(record, decision):
            return Remade(*name, State.DIFFERS, (Difference("record", why, ""),))
        if plain is None:
            return Remade(*name, State.ERASED)
        if msgspec.json.decode(plain, type=_Head).format != RECEIPT_FORMAT:
            return Remade(*name, State.NO_RECEIPT)
        try:
            receipt = _RECEIPT.decode(plain)
        except msgspec.MsgspecError as error:
            return Remade(*name, State.DIFFERS, (Difference("receipt", str(error), ""),))
        said = msgspec.json.decode(record.body)
        digests = {key.removesuffix(_SHA): value for key, value in said.items() if key.endswith(_SHA)}
        for kind, number in (("model", decision.model), ("policy", decision.policy)):
            if self.setup.numbers.get((kind, number)) != digests.get(kind):
                return Remade(*name, State.DIFFERS, (Difference(kind, digests.get(kind, ""), f"number {number}"),))
        return _One(recorded, receipt, digests)

    def _again(self, ones: Sequence[_One]) -> list[Remade]:
        """Decisions that were made under the same parts and circumstances, made again at once."""
        force = self._force(ones[0].digests)
        pending = _pending(self.setup.features, force, ones)
        if ones[0].receipt.figures is not None:
            for one in ones:
                figures = _floats([one.receipt.figures or {}], tuple(FIGURES))[0]
                force.words.recall(one.recorded.decision.prediction, figures)
        found = [self._compared(force, pending, row, one) for row, one in enumerate(ones)]
        force.words.forget()
        return found

    def _compared(self, force: _Force, pending: Pending, row: int, one: _One) -> Remade:
        record, decision, plain = one.recorded
        writer = Writer(
            rules=force.rules,
            features=self.setup.features,
            at=(decision.offset, one.receipt.under.at_us),
            expected=force.expected,
            numbers=(decision.model, decision.policy),
        )
        made = replace(writer.decision(pending, row), sealed=decision.sealed)
        body = canonical_json(said_of(made, one.digests)).decode()
        told = {} if one.receipt.figures is None else force.words.told(pending.scores, row)
        again = writer.receipt(pending, row, told)
        if (made, body, again) == (decision, record.body, plain):
            return Remade(decision.decision_id, record.sequence, State.SAME)
        differences = [
            *_differing("receipt", _parsed(plain or b"{}"), _parsed(again)),
            *_differing("record", _parsed(record.body.encode()), _parsed(body.encode())),
            *_differing("decision", _columns(decision), _columns(made)),
        ] or [Difference("bytes", "", "the same content, written otherwise")]
        return Remade(decision.decision_id, record.sequence, State.DIFFERS, tuple(differences))

    def _force(self, digests: Mapping[str, str]) -> _Force:
        key = tuple(sorted(digests.items()))
        if key not in self._forces:
            setup, parts = self.setup, self.setup.parts
            scoring, _, expected = parts.model(digests["model"], setup.feature_hash)
            policy = parts.policy(digests["policy"])
            words = InWords(setup.features, setup.currency)
            words.model = scoring
            words.approved = parts.reasons(digests["reasons"]) if "reasons" in digests else None
            reason_of = reasons_of(policy, setup.features)
            self._forces[key] = _Force(
                scoring=scoring, expected=expected, rules=Rules.of(policy), words=words, reason_of=reason_of
            )
        return self._forces[key]


def _pending(features: tuple[str, ...], force: _Force, ones: Sequence[_One]) -> Pending:
    """The scores of some receipts, and what the policy decides on them."""
    rules, receipts = force.rules, [one.receipt for one in ones]
    decisions = [one.recorded.decision for one in ones]
    values = _floats([receipt.features for receipt in receipts], features)
    explained = force.scoring.explain(values)
    pd = force.scoring.calibrated(explained.log_odds)
    places = np.array([decision.prediction for decision in decisions], dtype=np.int64)
    nothing = np.zeros(len(ones), dtype=np.int64)
    scores = Scores(
        offset=places[:, 0],
        ordinal=places[:, 1],
        slots=nothing,
        customer=np.array([decision.customer for decision in decisions], dtype=np.uint64),
        as_of_us=nothing,
        day=np.array([decision.day for decision in decisions], dtype=np.int32),
        trigger=np.array([receipt.trigger for receipt in receipts], dtype=np.uint8),
        values=values,
        log_odds=explained.log_odds,
        pd=pd,
        attributions=explained.attributions,
    )
    reason = heaviest(force.reason_of, len(rules.policy.reasons), explained.attributions)
    matter = np.array([decision.matter for decision in decisions], dtype=np.uint64)
    proposals = _proposals(rules.policy, scores, [receipt.stood for receipt in receipts], matter=matter, reason=reason)
    under = receipts[0].under
    circumstances = Circumstances(kill_switch=under.kill_switch, replay=under.replay)
    waiting = _waiting(rules.policy, [receipt.waited for receipt in receipts])
    decided = spent(rules, decide(rules, proposals, circumstances), waiting, proposals)
    return Pending(scores, proposals, decided, waiting, circumstances)


def _waiting(policy: Policy, waited: Sequence[Waited]) -> Waiting:
    """Where the choices of some receipts stood: at prices if, and only if, the policy chooses by value.

    Raises CorruptState for prices of other channels.
    """
    by_value = policy.allocation.choice == "value"
    names = [field.name for field in fields(Waiting) if field.name not in PRICED]
    columns = {name: np.array([getattr(one, name) for one in waited]) for name in names}
    if not by_value:
        return Waiting(**columns)
    channels = [channel.name for channel in policy.channels]
    places: dict[str | None, int] = {
        None: NOT_AT_MARGIN,
        "": NOTHING,
        **{name: place for place, name in enumerate(channels)},
    }
    try:
        prices = np.array([[(one.price_minor or {})[name] for name in channels] for one in waited])
        margin = np.array([places[one.margin] for one in waited], dtype=np.int64)
    except KeyError as error:
        raise CorruptState(
            f"a receipt has no price of {error}, and policy {policy.version} chooses by value",
            mend="this is another policy than the one that decided: restore policies/ from a backup",
        ) from error
    return Waiting(**columns, price_minor=prices, margin=margin)


def _proposals(policy: Policy, scores: Scores, stood: Sequence[Stood], **known: Any) -> Proposals:
    bands = {"": -1, **{band.name: place for place, band in enumerate(policy.bands)}}
    channels = [channel.name for channel in policy.channels]
    flags: dict[str, Any] = {name: np.array([getattr(one, name) for one in stood], dtype=np.bool_) for name in FLAGS}
    try:
        contacts = [[_day(one.last_contact_day[name]) for name in channels] for one in stood]
        return Proposals(
            customer=scores.customer,
            day=scores.day,
            order=scores.offset,
            pd=scores.pd,
            previous_band=np.array([bands[one.previous_band] for one in stood], dtype=np.int8),
            answered_band=np.array([bands[one.answered_band] for one in stood], dtype=np.int8),
            decided_day=np.array([_day(one.decided_day) for one in stood], dtype=np.int32),
            exposure_minor=np.array([one.exposure_minor for one in stood], dtype=np.int64),
            benefit_minor=np.array([_float(one.benefit_minor) for one in stood]),
            consent=np.array([[one.consent[name] for name in channels] for one in stood], dtype=np.bool_),
            last_contact_day=np.array(contacts, dtype=np.int32),
            **flags,
            **known,
        )
    except KeyError as error:
        raise CorruptState(
            f"a receipt names {error}, and policy {policy.version} does not know it",
            mend="this is another policy than the one that decided: restore policies/ from a backup",
        ) from error


def _floats(rows: Sequence[Mapping[str, float | None]], names: tuple[str, ...]) -> Floats:
    """(n, k) values of some names; unknown is NaN. Raises CorruptState for other names."""
    if any(len(row) != len(names) for row in rows):
        raise CorruptState("a receipt has other features than this version", mend="use the version that decided")
    return np.array([[_float(row[name]) for name in names] for row in rows], dtype=np.float64)


def _float(value: float | None) -> float:
    return np.nan if value is None else value


def _day(day: int | None) -> int:
    return NEVER if day is None else day


def _differing(where: str, recorded: Mapping[str, Any], again: Mapping[str, Any]) -> Iterable[Difference]:
    for name in sorted(recorded.keys() | again.keys()):
        before, after = recorded.get(name), again.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            yield from _differing(f"{where}.{name}", before, after)
        elif before != after:
            yield Difference(f"{where}.{name}", _text(before), _text(after))


def _columns(decision: Decision) -> dict[str, Any]:
    return {field.name: getattr(decision, field.name) for field in fields(decision) if field.name != "sealed"}


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


_SHA = "_sha"
_RECEIPT = msgspec.json.Decoder(Receipt)
_parsed: Callable[[bytes], Any] = msgspec.json.decode
