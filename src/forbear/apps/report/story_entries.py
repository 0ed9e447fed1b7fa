"""What was recorded of a customer, turned into sentences: scores, decisions, answers, payments and who looked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from typing import Any

from forbear.apps.report.customer import ERASED
from forbear.apps.report.story import Entry
from forbear.apps.report.wording import LANGUAGE, MEANINGS, OFFER, dated, listed, money, plain, told_in, verdict_of
from forbear.engine.office import Access
from forbear.engine.outputs import AnswerRow, Decision, OutcomeRow, Part
from forbear.engine.ports import Vault
from forbear.engine.queries import Scored
from forbear.policy.proposals import HoldReason
from forbear.policy.reading import parse_policy

DAY_US = 86_400 * 10**6
_INSTANT = "%Y-%m-%d %H:%M UTC"


@dataclass(frozen=True)
class Rules:
    """What was ever in force, by kind and number. currency: of the deployment."""

    parts: Mapping[tuple[str, int], Part]
    currency: str

    @cached_property
    def jurisdictions(self) -> dict[int, str]:
        """For which law each policy was written, as it says, by its number."""
        texts = {number: str(part.document["text"]) for (kind, number), part in self.parts.items() if kind == "policy"}
        return {number: parse_policy(text).jurisdiction for number, text in texts.items()}

    def document(self, kind: str, number: int) -> Mapping[str, Any]:
        """What a part says of itself; empty where it is not known."""
        part = self.parts.get((kind, number))
        return {} if part is None else part.document

    def name(self, kind: str, number: int) -> str:
        """A part in words: its version or kind, and the beginning of its digest."""
        part = self.parts.get((kind, number))
        if part is None:
            return f"{kind} {number}"
        said = part.document
        return f"{said.get('version', said.get('kind', kind))} ({part.digest[:12]})"


def instant(at_us: int) -> str:
    """An instant as a person reads it."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime(_INSTANT)


def percent(share: float) -> str:
    """A share or probability as a person reads it."""
    return f"{share:.1%}"


def score_entries(scores: Iterable[Scored], rules: Rules) -> Iterator[Entry]:
    """Scores in the order of time, those on end told together that led to the same. scores: oldest first."""
    for key, group in groupby(scores, key=lambda one: (one.band, one.verdict, one.reason, one.model, one.policy)):
        some = list(group)
        first, last = some[0], some[-1]
        band, verdict, reason, model, policy = key
        said = rules.document("policy", policy)
        bands, reasons = said.get("bands", []), said.get("reasons", [])
        where = f"in the band {bands[band]}" if 0 <= band < len(bands) else "in no band"
        raised = f" What raised it most: {plain(reasons[reason])}." if 0 <= reason < len(reasons) else ""
        low, high = min(one.pd for one in some), max(one.pd for one in some)
        chance = percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"
        times = "once" if len(some) == 1 else f"{len(some)} times up to {dated(last.day)}"
        yield Entry(
            at_us=first.as_of_us,
            when=dated(first.day),
            kind="scores",
            text=(
                f"Scored {times}: the probability of a missed payment within 30 days was {chance}, {where}.{raised} "
                f"What the policy said: {MEANINGS[verdict_of(verdict)]}."
            ),
            more=(f"Model {rules.name('model', model)}, policy {rules.name('policy', policy)}.",),
            facts={
                "times": len(some),
                "first": list(first.place),
                "last": list(last.place),
                "pd": [low, high],
                "verdict": verdict_of(verdict),
                "model": model,
                "policy": policy,
            },
        )


def decision_entry(made: Decision, vault: Vault, rules: Rules) -> Entry:
    """One decision, with the reasons as they were sealed with it."""
    plain_text = vault.open(made.customer, made.sealed, made.decision_id.encode())
    personal: Mapping[str, Any] | None = None if plain_text is None else json.loads(plain_text)
    outcome = _OUTCOMES.get(made.outcome, f"Nothing was offered: {MEANINGS[made.outcome]}.")
    chosen = f"{plain(made.action)} by {plain(made.channel)}, at a cost of {money(made.cost_minor, rules.currency)}"
    drawn = " by a draw" if made.explored else ""
    number = personal and personal.get("catalogue", {}).get("version")
    more = [
        *([ERASED] if personal is None else _reasons(personal)),
        *([] if personal is None else _waited(made, personal, rules.currency)),
        f"The chance of this, over all draws, was {percent(made.propensity)}.",
        f"{_made_by(made, rules)}{f', reasons {number}' if number else ''}.",
        f"Decision {made.decision_id}: `forbear audit replay` makes it again.",
    ]
    return Entry(
        at_us=made.made_at_us,
        when=instant(made.made_at_us),
        kind="decision",
        text=f"Chosen{drawn}: {chosen}. {outcome}",
        more=tuple(more),
        facts={
            "decision_id": made.decision_id,
            "outcome": made.outcome,
            "band": made.band,
            "action": made.action,
            "channel": made.channel,
            "pd": None if personal is None else personal["pd"],
            "told": None if personal is None else [one["code"] for one in told_in(personal) or ()],
            "model": made.model,
            "policy": made.policy,
        },
    )


def answer_entry(answer: AnswerRow) -> Entry:
    """What came back on a decision."""
    return Entry(
        at_us=answer.at_us,
        when=instant(answer.at_us),
        kind="answer",
        text=f"The answer to decision {answer.decision_id} was: {plain(answer.answer)}. Told by {answer.by}.",
        facts={"decision_id": answer.decision_id, "answer": answer.answer, "by": answer.by},
    )


def payment_entry(row: OutcomeRow, rules: Rules) -> Entry:
    """What was told of a scheduled payment."""
    paid = f", paid on {dated(row.paid_day)}" if row.paid_day is not None else ""
    return Entry(
        at_us=row.due_day * DAY_US,
        when=dated(row.due_day),
        kind="payment",
        text=f"A payment of {money(row.amount_due_minor, rules.currency)} was due and is told as {row.status}{paid}.",
        facts={"status": row.status, "due_day": row.due_day, "amount_due_minor": row.amount_due_minor},
    )


def access_entry(access: Access) -> Entry:
    """Who looked, or wrote something."""
    why = f" Reason given: {access.why}." if access.why else " No reason was given."
    return Entry(
        at_us=access.at_us,
        when=instant(access.at_us),
        kind="access",
        text=f"{access.who} ({access.role}) asked for {plain(access.route)}, and was answered {access.status}.{why}",
        facts={"who": access.who, "role": access.role, "route": access.route, "status": access.status},
    )


def rule_entries(rules: Rules, used: Sequence[tuple[str, int]]) -> Iterator[Entry]:
    """Every model, policy and set of reasons that this customer was met with: since when, and who put it in force."""
    for key in used:
        part = rules.parts.get(key)
        if part is not None:
            said = part.document
            bands: Any = said.get("bands", [])
            law = rules.jurisdictions.get(part.number, "") if part.kind == "policy" else ""
            yield Entry(
                at_us=part.offset,
                when=f"from event {part.offset:,}",
                kind=part.kind,
                text=f"{part.kind.capitalize()} {rules.name(*key)}, put in force by {part.by}.",
                more=(
                    *([f"Its bands: {listed(bands)}."] if bands else []),
                    *([f"The law that it was written for, as it says: {law}"] if law else []),
                ),
                facts={"kind": part.kind, "number": part.number, "digest": part.digest, "by": part.by},
            )


def _reasons(personal: Mapping[str, Any]) -> list[str]:
    told = told_in(personal)
    if told is None:
        return [f"No words were approved yet; the heaviest reason was {plain(personal['reason']) or 'none'}."]
    if not told:
        return ["No reason was to be told: nothing that raised the score would have lowered it if put right."]
    return [f"Reason: {one['say'][LANGUAGE]} ({percent(one['share'])} of what raised the score)" for one in told]


def _made_by(made: Decision, rules: Rules) -> str:
    return f"Model {rules.name('model', made.model)}, policy {rules.name('policy', made.policy)}"


def _waited(made: Decision, personal: Mapping[str, Any], currency: str) -> list[str]:
    """Where an offer stood in the queue of its channel, or at what price it had its place, as it was sealed."""
    waited = personal.get("waited") or {}
    if (price := (waited.get("price_minor") or {}).get(made.channel, 0.0)) > 0.0:
        others = f"at least {money(round(price), currency)} more than anything else"
        return [f"A place for {plain(made.channel)} went that day to those for whom it was worth {others}."]
    if waited.get("place", -1) < 0:
        return []
    queue = f"It was number {waited['place'] + 1:,} of the queue for {plain(made.channel)}"
    return [f"{queue}, which had {waited['room']:,} places left that day."]


_OUTCOMES = {
    OFFER: "It was offered, and counts as a contact.",
    HoldReason.HOLD_OUT: "It was withheld: the customer is kept aside by lot, so that help can be compared with none.",
}
