"""What people tell a running deployment: what is in force, and whether it reaches out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from forbear.adapters.approvals import FileApprovals
from forbear.adapters.disk import storage_errors, write_whole
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.approving import shipped_approval
from forbear.apps.jobs.modelling import note_newest
from forbear.apps.jobs.orders import Order, Outlet, Told
from forbear.apps.jobs.parts import keep_policy, keep_reasons, model_to_promote
from forbear.apps.jobs.scoring import ScoreRequest, score
from forbear.apps.package_data import text_in, text_of
from forbear.apps.services import require_kafka, services_of
from forbear.domain.errors import ConfigError, CorruptState, ModelMismatch
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.engine.versions import LEAST_DIGITS, named_by, state_of
from forbear.features.columns import columns_of, instant
from forbear.features.compute import FeatureSet
from forbear.features.ledger import Floats
from forbear.models.gate_terms import Verdict
from forbear.policy.bands import with_capacity_cut_offs
from forbear.policy.document import Policy
from forbear.policy.reading import parse_policy

_BEFORE = "before.json"
SHIPPED = "shipped"
"""In place of a file: the policy of the package."""


class LogOfHome:
    """The log of a home as an outlet. An instruction is received now, or right with the log's last event if later."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def tell(self, order: Order) -> int:
        """Put one behind the log; before the worker's first start it is written down beside it, in force from there on.

        Raises StorageError where another process writes to the log.
        """
        home, first = self._home, not self._home.database.exists()
        with closing(home.sink()) as sink:
            place = sink.end
            event = order.event(max(order.now, instant(sink.received_us)), place)
            if first:
                place = home.archive.next_offset
                write_whole(home.worker / _BEFORE, msgspec.json.encode([*told_before(home), event]))
            else:
                sink.publish(columns_of([event]))
        return place


def outlet_of(home: Home, environment: Mapping[str, str]) -> Outlet:
    """Where instructions of a home go: to the control topic where its settings name Kafka, else behind its log.

    Raises ConfigError for wrong settings, and where they name services whose drivers are not installed.
    """
    kafka = services_of(home.folder, environment).kafka
    if kafka is None:
        return LogOfHome(home)
    require_kafka()
    from forbear.apps.stream.control import ControlTopic

    return ControlTopic(kafka)


@dataclass(frozen=True, slots=True)
class Teller:
    """Somebody who tells a home's deployment what to do. by: who.  now: when.  outlet: where it goes."""

    home: Home
    by: str
    now: datetime
    outlet: Outlet


def instruct(teller: Teller, instruction: Instruction, value: str | None = None) -> Told:
    """Give an instruction. Raises what the outlet raises."""
    order = Order(instruction=instruction, by=teller.by, now=teller.now, value=value)
    return Told(str(instruction), value or "", teller.outlet.tell(order))


def told_before(home: Home) -> list[Instructed]:
    """What was told before the worker's first start, in order. Raises CorruptState for a damaged file."""
    path = home.worker / _BEFORE
    with storage_errors(f"cannot read {path}"):
        if not path.exists():
            return []
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=list[Instructed])
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise CorruptState(f"{path} is damaged: {error}", mend="delete it, and promote again") from error


def promote_model(teller: Teller, kind: str | None) -> tuple[Told, Told]:
    """Put the newest model of a kind in force, and with it the package's approved reasons, which tell its scores.

    Raises ConfigError where two people must agree, ModelMismatch for a model that a gate has failed.
    """
    require_free(teller.home)
    model = model_to_promote(teller.home, kind)
    require_let_through(teller.home, model)
    return put_model_in_force(teller, model)


def chosen_by_digest(home: Home, digest: str) -> str:
    """Have a model of the registry be the newest of its kind, by 12 or more digits, and answer the kind.

    Raises as `promote_model` does, and ConfigError where no model is named so; then nothing has changed.
    """
    require_free(home)
    version = named_by(home.registry.versions(), digest)
    require_let_through(home, version.digest)
    note_newest(home, version.kind, version.digest)
    return version.kind


def put_model_in_force(teller: Teller, model: str) -> tuple[Told, Told]:
    """Tell of a model by its digest, and of the package's approved reasons. Who may do that is asked elsewhere."""
    reasons = keep_reasons(teller.home, shipped_approval(FeatureSet.standard(teller.home.deployment.unsupported)))
    return (
        instruct(teller, Instruction.PROMOTE_MODEL, model),
        instruct(teller, Instruction.PROMOTE_REASONS, reasons),
    )


def approvals_of(home: Home) -> FileApprovals:
    """What people have signed about a home's models."""
    return FileApprovals(home.models / "approvals")


def require_free(home: Home) -> None:
    """Raises ConfigError where a home has approvers: then two people must agree to a model."""
    if approvals_of(home).approvers() is not None:
        raise ConfigError(
            f"{home.folder} has approvers: one person alone puts no model in force",
            mend="`forbear models propose`, and somebody else `forbear models approve`",
        )


def require_let_through(home: Home, digest: str) -> None:
    """Raises ModelMismatch for a model that a gate has failed."""
    if home.registry.holds(digest) and state_of(home.registry.gates(digest)) is Verdict.FAILED:
        raise ModelMismatch(
            f"a gate has failed model {digest[:LEAST_DIGITS]}: it can never be promoted",
            mend="`forbear models show` says by which report; retrain",
        )


def promote_policy(teller: Teller, policy: Policy) -> Told:
    """Put a policy in force. Raises ConfigError for one of another currency."""
    require_currency(teller.home, policy)
    keep_policy(teller.home, policy)
    return instruct(teller, Instruction.PROMOTE_POLICY, policy.digest)


def require_currency(home: Home, policy: Policy) -> None:
    """Raises ConfigError for a policy that counts in another currency than the home."""
    if policy.currency != home.deployment.currency:
        raise ConfigError(
            f"the policy counts in {policy.currency}, the deployment in {home.deployment.currency}",
            mend=f'set currency = "{home.deployment.currency}" and its costs and limits accordingly',
        )


def policy_from(home: Home, source: str) -> Policy:
    """The policy of a file, or the shipped one, its amounts taken in the currency of the deployment."""
    if source == SHIPPED:
        return replace(parse_policy(text_of("policy.toml")), currency=home.deployment.currency)
    text = text_in(Path(source), f"a policy, or say {SHIPPED!r}")
    return parse_policy(text, features=FeatureSet.standard(home.deployment.unsupported).names)


def with_shares(home: Home, policy: Policy, shares: tuple[float, ...], kind: str | None, console: Console) -> Policy:
    """The policy with cut-offs that take such shares of the book as it is scored now, its most urgent band first."""

    def book() -> tuple[Floats, date]:
        scored = score(home, console, ScoreRequest(kind=kind))
        return scored.probabilities, scored.as_of

    return with_shares_of(book, policy, shares)


def with_shares_of(book: Callable[[], tuple[Floats, date]], policy: Policy, shares: tuple[float, ...]) -> Policy:
    """The policy with cut-offs that take such shares of a book.

    book: gives the PDs of everybody in it, and the day at whose first instant they hold.
    """
    if len(shares) != len(policy.bands):
        raise ConfigError(
            f"{len(shares)} shares for {len(policy.bands)} bands", mend="give one for each band, the most urgent first"
        )
    bands = tuple(replace(band, share=share) for band, share in zip(policy.bands, shares, strict=True))
    probabilities, as_of = book()
    return with_capacity_cut_offs(replace(policy, bands=bands), probabilities, f"{policy.version}.{as_of}")
