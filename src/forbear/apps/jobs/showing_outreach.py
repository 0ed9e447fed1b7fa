"""Say what the sender does, where interventions are, and what people have decided about them."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from forbear.adapters.disk import storage_errors
from forbear.adapters.sql.intervention_paths import SqlSwitch
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.outreach import Office, office_of, rounds_of
from forbear.apps.jobs.outreach_listening import HomeSwitch
from forbear.apps.metrics.exporter import here, telling
from forbear.apps.metrics.working import RoundsTold
from forbear.apps.records import require_records
from forbear.apps.services import services_of
from forbear.apps.signals import until_told
from forbear.apps.telemetry import Telemetry, telemetry_of
from forbear.apps.tracing.around import told_of_move
from forbear.domain.errors import ConfigError, InvalidEvent
from forbear.engine.inbound import arrived_of
from forbear.engine.interventions import Ended, Intervention, Move
from forbear.engine.lifecycle import State
from forbear.engine.receiving import receipt_of
from forbear.engine.sending import FOLLOW_US
from forbear.features.columns import instant, micros

_POLL_SECONDS = 0.5
_MOST_LINES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAsked:
    """How the sender is to run. once: until nothing is to be done now.  dry: on a copy, without a call.

    metrics: where it tells its metrics, "" for what the settings say.
    """

    once: bool
    dry: bool
    verbose: bool
    metrics: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a person has decided. what: approve, refuse, sent or not_sent.  by, why: as they say."""

    what: str
    intervention_id: str
    by: str
    why: str
    now: datetime


def show_rounds(home: Home, console: Console, asked: RunAsked) -> None:
    """Run the sender and say what it did."""
    states: dict[str, int] = {}
    taken = 0

    def heard(one: Intervention) -> None:
        states[one.state.value] = states.get(one.state.value, 0) + 1
        rounds_told.moved(one.state.value, one.channel)
        note_move(telemetry, one)
        if asked.verbose:
            console.say(f"{one.intervention_id} {one.channel} {one.action}: {one.state}{_because(one)}")

    with ExitStack() as stack:
        require_records(home, services_of(home.folder, os.environ))  # before anything is made in the folder
        rounds_told = RoundsTold(stack.enter_context(telling(here(home, "outreach", asked.metrics))), _POLL_SECONDS)
        telemetry = stack.enter_context(telemetry_of(home.folder, "outreach"))
        rounds = stack.enter_context(rounds_of(home, lambda: datetime.now(UTC), dry=asked.dry, tracer=telemetry.tracer))
        rounds_told.channels(rounds.ports.carriers, rounds.ports.by_hand)
        told = stack.enter_context(until_told())
        if asked.once:
            taken, _ = rounds.once(heard)
        else:
            while not told.is_set():
                did = rounds.round(heard)
                rounds_told.ended()
                taken += did.taken
                if not did.anything:
                    told.wait(_POLL_SECONDS)
    console.result({"dry_run": asked.dry, "taken": taken, "moves": dict(sorted(states.items()))})
    moves = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items())) or "nothing moved"
    console.say(f"Took in {taken:,} offers: {moves}{'; a dry run: nothing was sent or kept' if asked.dry else ''}")


def note_move(telemetry: Telemetry, moved: Intervention) -> None:
    """Tell of an intervention that has moved: a line, and a span in the trace of its decision."""
    told_of_move(telemetry.tracer, moved)
    telemetry.journal.note(
        "moved",
        decision_id=moved.intervention_id,
        customer_ref=telemetry.journal.customer_ref(moved.customer),
        state=moved.state.value,
        channel=moved.channel,
        why=moved.why,
    )


def show_counts(home: Home, console: Console) -> None:
    """Say how many interventions are where."""
    with office_of(home, os.environ) as office:
        counts = office.paths.counts()
        switch = HomeSwitch(home, office.rooms) if office.embedded else SqlSwitch(office.rooms)
        stopped = switch.stopped()
    console.result({"stopped": stopped, "counts": [one._asdict() for one in counts]})
    rows = [[one.state, one.channel, f"{one.interventions:,}"] for one in counts]
    console.table("Interventions", ["state", "channel", "how many"], rows)
    console.say("Outreach is stopped: nothing is sent" if stopped else "Outreach is not stopped")


def show_list(home: Home, console: Console, state: str, limit: int) -> None:
    """Say which interventions there are."""
    with office_of(home, os.environ) as office:
        found = office.paths.listed(State(state) if state else None, limit)
    console.result({"interventions": [_document(one) for one in found]})
    rows = [
        [one.intervention_id, one.state.value, one.channel, one.action, _at(one.since_us), one.why] for one in found
    ]
    console.table("Interventions", ["id", "state", "channel", "action", "since", "why"], rows)


def show_one(home: Home, console: Console, intervention_id: str) -> None:
    """Say all of one intervention. Raises ConfigError where there is none."""
    with office_of(home, os.environ) as office:
        one = _found(office, intervention_id)
        path, sendings = office.paths.path(intervention_id), office.paths.sendings(intervention_id)
    console.result(
        {
            **_document(one),
            "path": [msgspec.to_builtins(step) for step in path],
            "sendings": [msgspec.to_builtins(sending) for sending in sendings],
        }
    )
    console.say(f"{one.intervention_id}: {one.action} by {one.channel}, band {one.band}, {one.state}{_because(one)}")
    rows = [[_at(step.at_us), step.before, step.after, step.by, str(step.body.get("why", ""))] for step in path]
    console.table("Path", ["at", "from", "to", "by", "why"], rows)
    sent = [[one.provider, one.template, one.state, f"{one.tries}", one.reference, one.why] for one in sendings]
    console.table("Sendings", ["provider", "template", "state", "tries", "reference", "why"], sent)


def show_decision(home: Home, console: Console, decided: Decided) -> None:
    """Carry out what a person has decided, and say where the intervention is now.

    Raises ConfigError where there is none, ConflictError where it is not in a state for that.
    """
    with office_of(home, os.environ) as office:
        moved = _decide(office, _found(office, decided.intervention_id), decided)
    console.result(_document(moved))
    console.say(f"{moved.intervention_id} is {moved.state}")


def show_received(home: Home, console: Console, file: Path, provider: str) -> None:
    """Take in receipts of a file and say how many were new. Raises InvalidEvent that names the line."""
    with storage_errors(f"cannot read {file}"):
        lines = file.read_bytes().splitlines()[:_MOST_LINES]
    new = 0
    with office_of(home, os.environ) as office:
        now_us = micros(datetime.now(UTC))
        for number, line in enumerate(lines, 1):
            try:
                receipt = receipt_of(provider, arrived_of(line))
            except InvalidEvent as error:
                raise InvalidEvent(f"line {number}: {error}", code=error.code) from error
            new += office.store.receive(receipt, now_us, now_us + FOLLOW_US) is not None
    console.result({"lines": len(lines), "new": new})
    console.say(f"Took in {new:,} of {len(lines):,}; the others were known, or are of nothing that was sent here")


# ---- inside


def _decide(office: Office, one: Intervention, decided: Decided) -> Intervention:
    at_us, by, why = micros(decided.now), decided.by[:64], decided.why
    moves = {
        "approve": Move(after=State.APPROVED, at_us=at_us, by=by, why=why, due_us=at_us),
        "refuse": Move(after=State.REFUSED, at_us=at_us, by=by, why=why),
        "sent": Move(after=State.SENT, at_us=at_us, by=by, why=why, due_us=at_us + FOLLOW_US),
        "not_sent": Move(after=State.APPROVED, at_us=at_us, by=by, why=why, due_us=at_us),
    }
    move = moves[decided.what]
    if decided.what in ("sent", "not_sent"):
        if one.state is not State.UNKNOWN:
            raise ConfigError(
                f"{one.intervention_id} is {one.state}, and there is nothing to settle",
                mend="`forbear outreach unknown` lists what there is",
            )
        state = "sent" if decided.what == "sent" else "absent"
        return office.store.ended(one, Ended(state=state, made=decided.what == "sent", why=why), move)
    if decided.what == "approve" and one.state is not State.PROPOSED:
        raise ConfigError(
            f"{one.intervention_id} is {one.state}, and does not wait for approval",
            mend="`forbear outreach list --state proposed` lists what does",
        )
    return office.store.move(one, move)


def _found(office: Office, intervention_id: str) -> Intervention:
    found = office.store.get(intervention_id)
    if found is None:
        raise ConfigError("there is no intervention of that id", mend="`forbear outreach list` names them")
    return found


def _document(one: Intervention) -> dict[str, object]:
    """An intervention for a script: no customer by key, the id as the bank has it."""
    document: dict[str, object] = msgspec.to_builtins(one)
    del document["customer"]
    return document


def _because(one: Intervention) -> str:
    return f" ({one.why})" if one.why else ""


def _at(at_us: int) -> str:
    return instant(at_us).strftime("%Y-%m-%d %H:%M:%S")
