"""Contact law under fire: random lives of customers, at each attempt the decider is asked, and the ledger is judged.

Lives: zones of many regions, moves between them, ported numbers, days on which clocks change, leap days, midnights and
ends of years, conversations, consents given and withdrawn, stops and their lifting, facts told again, contacts of
other products that are told late. A contact is entered only where `may_contact` allows it. Where it does not, some
attempts wait until the instant that it names, and are made there and one microsecond before.

The judge is `forbear.certifier`, which reads the ledger alone and shares no code with the decider. So that it is known
to be able to fail, deciders that are broken on purpose are judged as well: each must be found out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import msgspec

from forbear.apps.jobs.contact_law import SHIPPED, Holidays, law_book, packs_of
from forbear.certifier.certify import Certifier
from forbear.certifier.rules import RuleBook, rule_book
from forbear.domain.contacts import (
    Consented,
    Contacted,
    Fact,
    Inconvenient,
    Lifted,
    Means,
    Placed,
    PlaceSource,
    Preferred,
    Purpose,
    Question,
    Restricted,
    Stop,
    Verdict,
    means_of,
)
from forbear.policy.contact_law.asking import may_contact
from forbear.policy.contact_law.book import LawBook
from forbear.policy.contact_law.pack import Pack

SECOND, HOUR, DAY = 10**6, 3_600 * 10**6, 86_400 * 10**6
OWN, ELSEWHERE = "forbear", "elsewhere"
"""Who made a contact: the decider, or a product of the bank that did not ask."""
CUSTOMER = 7
LIFE = 60
"""Attempts of one life."""
Decider = Callable[[Question, Sequence[Fact], LawBook], Verdict]

AMERICAN = (
    *("America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles"),
    *("America/Anchorage", "America/Adak", "America/Puerto_Rico", "Pacific/Honolulu", "Pacific/Guam"),
)
ABROAD = (
    *("Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham", "America/St_Johns", "Pacific/Apia"),
    *("Asia/Kathmandu", "Europe/Dublin", "Europe/Berlin", "Africa/Casablanca", "America/Sao_Paulo", "UTC"),
    *("Pacific/Kiritimati", "Asia/Tehran", "America/Santiago", "Antarctica/Troll", "Asia/Gaza", "Africa/Cairo"),
)
HOME = {"us": AMERICAN, "in": ("Asia/Kolkata",), "uk": ("Europe/London",), "eu": ("Europe/Berlin", "Europe/Lisbon")}
CHANNELS = ("phone", "phone", "phone", "phone", "sms", "email", "app")
MATTERS = ("loan", "loan", "card")
DAYS_OF_NOTE = (
    *((2023, 3, 12), (2023, 11, 5), (2024, 2, 29), (2024, 3, 10), (2024, 3, 31), (2024, 4, 7), (2024, 9, 29)),
    *((2024, 10, 6), (2024, 10, 27), (2024, 11, 3), (2024, 12, 31), (2025, 3, 9), (2025, 12, 31), (2027, 12, 31)),
    *((2028, 2, 29), (2026, 10, 25)),
)


@dataclass
class Tally:
    """What came of some lives. wrong_next: instants that were named as the first allowed one, and were not."""

    attempts: int = 0
    allowed: int = 0
    lives: int = 0
    wrong_next: int = 0
    waited: int = 0
    judged: int = 0
    hindsight: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)
    shown: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take another in."""
        for name in ("attempts", "allowed", "lives", "wrong_next", "waited", "judged", "hindsight"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.refused += other.refused
        self.breaches += other.breaches
        self.shown = [*self.shown, *other.shown][:5]


class Life:
    """One customer's ledger as it grows. facts: as told, those told again too, which the decider must overlook."""

    def __init__(self, chance: random.Random, decide: Decider, law: LawBook) -> None:
        self.chance, self.decide, self.law = chance, decide, law
        self.facts: list[Fact] = []
        self.tally = Tally(lives=1)
        self.jurisdiction = chance.choices(("us", "in", "uk", "eu", ""), (12, 2, 3, 2, 3))[0]
        self.home = HOME.get(self.jurisdiction, ABROAD)
        self.now = self._begin()
        for channel in ("phone", "sms", "email", "app"):
            if chance.random() < 0.9:
                self.tell(Consented, channel=channel, given=True)
        if chance.random() < 0.9:
            self.place()

    def run(self) -> None:
        """Live for so many attempts."""
        while self.tally.attempts < LIFE:
            self.pass_time()
            if self.chance.random() < 0.62:
                self.attempt()
            else:
                self.chance.choices(_HAPPENINGS, _OFTEN)[0](self)

    # ---- time

    def _begin(self) -> int:
        if self.chance.random() < 0.5:
            day = datetime(*self.chance.choice(DAYS_OF_NOTE), tzinfo=UTC)
            return int(day.timestamp()) * SECOND - self.chance.randrange(6 * DAY)
        return self.chance.randrange(1_664_000_000, 1_893_000_000) * SECOND

    def pass_time(self) -> None:
        """Go on by a microsecond or by weeks, often to where a clock shows something of note."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.25:
            self.now += chance.choice((0, 1, SECOND, 30 * SECOND, 600 * SECOND))
        elif kind < 0.6:
            self.now += chance.randrange(1, 30 * HOUR)
        elif kind < 0.65:
            self.now += chance.randrange(1, 40 * DAY)
        else:
            self.now = self._of_note()

    def _of_note(self) -> int:
        """The next instant at which a clock shows a full hour that counts, or a microsecond from it."""
        zone = ZoneInfo(self.chance.choice(self.home))
        local = datetime.fromtimestamp(self.now // SECOND, zone)
        hour = self.chance.choice((0, 8, 8, 9, 10, 12, 15, 19, 20, 21))
        then = local.replace(hour=hour, minute=0, second=0, microsecond=0, fold=self.chance.randrange(2))
        at_us = int(then.timestamp()) * SECOND + self.chance.choice((-1, 0, 0, 1))
        while at_us < self.now:
            at_us += DAY
        return at_us

    # ---- what is told

    def tell(self, kind: type[Fact], **said: object) -> None:
        """Enter a fact; at_us may lie before now: it is told late."""
        at_us = said.pop("at_us", self.now)
        nth = len(self.facts)
        self.facts.append(kind(fact_id=f"f{nth}", customer=CUSTOMER, at_us=at_us, known_us=self.now, **said))

    def place(self) -> None:
        """A move, a number of another place, or a customer who says where they are."""
        pool = self.home if self.chance.random() < 0.85 else ABROAD
        zones = tuple({self.chance.choice(pool) for _ in range(self.chance.choice((1, 1, 1, 2)))})
        source = self.chance.choices(tuple(PlaceSource), (2, 3, 4, 2))[0]
        self.tell(Placed, source=source, zones=zones, at_us=self._lately())

    def consent(self) -> None:
        """Consent is given, for more calls too, or withdrawn."""
        channel, given = self.chance.choice(CHANNELS), self.chance.random() < 0.85
        until_us = self.now + self.chance.randrange(60 * DAY) if self.chance.random() < 0.2 else None
        direct = self.chance.random() < 0.4
        self.tell(Consented, channel=channel, given=given, direct=direct, until_us=until_us, at_us=self._lately())

    def stop(self) -> None:
        """A stop, mostly of one channel, of one debt or with an end; the next one to be told may lift it."""
        stop, chance = self.chance.choice(tuple(Stop)), self.chance
        matter = chance.choice((None, *MATTERS))
        channel = chance.choice((None, *CHANNELS))
        if stop not in (Stop.OPT_OUT, Stop.DISPUTE) and chance.random() < 0.5:
            matter = channel = None
        until_us = self.now + chance.randrange(20 * DAY) if chance.random() < 0.5 else None
        at_us = self._lately()
        self.tell(Restricted, stop=stop, matter=matter, channel=channel, until_us=until_us, at_us=at_us)
        if chance.random() < 0.75:
            self.now += chance.choice((0, 1, HOUR, DAY, 3 * DAY))
            self.tell(Lifted, stop=stop, matter=matter, channel=channel)

    def quiet_times(self) -> None:
        """Times that do not suit, over midnight too."""
        chance = self.chance
        weekdays = tuple(sorted(chance.sample(range(7), chance.choice((0, 1, 2)))))
        start = chance.choice((0, 540, 1_200, 1_320, chance.randrange(1_440)))
        span = chance.choice((15, 60, 180, 600))
        channel = chance.choice((None, *CHANNELS))
        self.tell(Inconvenient, from_minute=start, to_minute=(start + span) % 1_441, weekdays=weekdays, channel=channel)

    def wish(self) -> None:
        """A channel is preferred, or no more."""
        self.tell(Preferred, channel=self.chance.choice(("", "", "", *CHANNELS)))

    def spoken(self) -> None:
        """The customer calls, or answers a call that is told of now."""
        self._contact(outbound=False, conversation=True, at_us=self._lately())

    def elsewhere(self) -> None:
        """Another product has made calls, which are told late and out of order."""
        for _ in range(self.chance.choice((1, 2, 6, 7))):
            self._contact(outbound=True, conversation=self.chance.random() < 0.1, at_us=self._lately(5 * DAY))

    def respite(self) -> None:
        """A moratorium without an end that was told, or a crisis with one: it ends by the law's own days."""
        stop = self.chance.choice((Stop.BREATHING_SPACE, Stop.MENTAL_HEALTH_CRISIS))
        until_us = self.now + self.chance.randrange(20 * DAY) if stop is Stop.MENTAL_HEALTH_CRISIS else None
        self.tell(Restricted, stop=stop, until_us=until_us)
        self.attempt()

    def campaign(self) -> None:
        """Calls about one debt as often as is allowed, or a few hours apart."""
        for _ in range(10):
            self.now += self.chance.choice((HOUR, 4 * HOUR, 12 * HOUR))
            question = self._question("phone", "loan")
            verdict = self.ask(question)
            if not verdict.allowed and verdict.next_us is not None:
                self.now = verdict.next_us
                self.tally.waited += 1
                self.tally.wrong_next += not self.ask(self._question("phone", "loan", question.purpose)).allowed

    def told_again(self) -> None:
        """A fact comes once more, with the same id and another content: it changes nothing."""
        if self.facts:
            fact = self.chance.choice(self.facts)
            known = {"known_us": self.now} if self.chance.random() < 0.5 else {}
            self.facts.append(msgspec.structs.replace(fact, **known))

    def _contact(self, *, outbound: bool, conversation: bool, at_us: int) -> None:
        self.tell(
            Contacted,
            at_us=at_us,
            channel="phone",
            means=Means.CALL,
            matter=self.chance.choice(MATTERS),
            purpose=self.chance.choice(tuple(Purpose)),
            outbound=outbound,
            conversation=conversation,
            called_off=self.chance.random() < 0.1,
            jurisdiction=self.jurisdiction,
            by=ELSEWHERE,
        )

    def _lately(self, most: int = 3 * DAY) -> int:
        return self.now if self.chance.random() < 0.7 else self.now - self.chance.randrange(most)

    # ---- attempts

    def attempt(self) -> None:
        """Ask, and contact the customer only if that is allowed; else perhaps wait as long as is said."""
        question = self._question(self.chance.choice(CHANNELS), self.chance.choice(MATTERS))
        verdict = self.ask(question)
        if verdict.allowed or verdict.next_us is None or self.chance.random() < 0.5:
            return
        self.tally.waited += 1
        before, there = (msgspec.structs.replace(question, at_us=verdict.next_us - nth) for nth in (1, 0))
        self.now = verdict.next_us - 1
        early = before.at_us > question.at_us and self.ask(before).allowed
        self.now = verdict.next_us
        self.tally.wrong_next += early or not self.ask(there).allowed

    def _question(self, channel: str, matter: str, purpose: Purpose | None = None) -> Question:
        return Question(
            customer=CUSTOMER,
            channel=channel,
            means=means_of(channel),
            matter=matter,
            purpose=purpose or self.chance.choices(tuple(Purpose), (3, 6, 1))[0],
            at_us=self.now,
            jurisdiction=self.jurisdiction,
        )

    def ask(self, question: Question) -> Verdict:
        """One attempt: where it is allowed it is made, and entered."""
        verdict = self.decide(question, self.facts, self.law)
        self.tally.attempts += 1
        if not verdict.allowed:
            self.tally.refused[verdict.clause] += 1
            return verdict
        self.tally.allowed += 1
        self.tell(
            Contacted,
            channel=question.channel,
            means=question.means,
            matter=question.matter,
            purpose=question.purpose,
            conversation=question.means is Means.CALL and self.chance.random() < 0.07,
            jurisdiction=question.jurisdiction,
            by=OWN,
        )
        return verdict

    def judge(self, book: RuleBook) -> Tally:
        """Have the certifier read the whole ledger."""
        certifier = Certifier(book)
        for entry, fact in enumerate(self.facts, 1):
            certifier.take({"entry": entry, **msgspec.to_builtins(fact)})
        found = certifier.findings
        own = [breach for breach in found.breaches if breach.by == OWN]
        self.tally.judged += found.judged
        self.tally.hindsight += sum(breach.by == OWN for breach in found.hindsight)
        self.tally.breaches += Counter(breach.clause for breach in own)
        self.tally.shown += [f"{breach.clause}: {breach.why}" for breach in own[:1]]
        return self.tally


_HAPPENINGS = (
    *(Life.place, Life.consent, Life.stop, Life.quiet_times, Life.wish, Life.spoken, Life.elsewhere),
    *(Life.told_again, Life.respite, Life.campaign),
)
_OFTEN = (5, 6, 4, 2, 2, 4, 2, 3, 1, 2)


# ---- deciders


@cache
def shipped_law() -> LawBook:
    """The packs that are shipped."""
    return law_book()


@cache
def second_reading() -> RuleBook:
    """The certifier's reading of the same packs."""
    folder = files("forbear.data") / "law"
    return rule_book((name, (folder / f"{name}.toml").read_bytes()) for name in (*SHIPPED, "house"))


def without(*kinds: type[Fact]) -> Decider:
    """A decider that forgets some facts."""
    return lambda question, facts, law: may_contact(question, [one for one in facts if type(one) not in kinds], law)


def seeing(change: Callable[[Fact], Fact]) -> Decider:
    """A decider that sees facts otherwise."""
    return lambda question, facts, law: may_contact(question, [change(one) for one in facts], law)


def under(change: Callable[[Pack], Pack]) -> Decider:
    """A decider whose packs are laxer."""
    laxer = LawBook.of([change(pack) for pack in packs_of(None, SHIPPED)], Holidays())
    return lambda question, facts, law: may_contact(question, facts, laxer if law else law)


def _with(name: str | tuple[str, ...], **terms: object) -> Callable[[Pack], Pack]:
    """Some terms of every clause that has them."""

    def change(pack: Pack) -> Pack:
        changed = tuple(
            msgspec.structs.replace(one, **terms) if one.id.endswith(name) and hasattr(one, next(iter(terms))) else one
            for one in pack.clauses
        )
        return msgspec.structs.replace(pack, clauses=changed)

    return change


def _in_utc(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, zones=("UTC",)) if isinstance(fact, Placed) else fact


def _trusting_numbers(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, source=PlaceSource.TOLD) if isinstance(fact, Placed) else fact


def _unspoken(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, conversation=False) if isinstance(fact, Contacted) else fact


def _own_matter(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, matter=fact.by) if isinstance(fact, Contacted) and fact.by != OWN else fact


def _never_lapsing(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, until_us=None) if isinstance(fact, Consented) else fact


def _always_direct(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, direct=True) if isinstance(fact, Consented) else fact


def mutants() -> dict[str, Callable[[], Decider]]:
    """Deciders that are broken on purpose, each in one way."""
    return {
        "in UTC, not at the place": lambda: seeing(_in_utc),
        "the newest place alone, be it a number's": lambda: seeing(_trusting_numbers),
        "eight calls, not seven": lambda: under(_with("seven_calls", most=8)),
        "six days, not seven": lambda: under(_with("seven_calls", days=6)),
        "21:00 itself": lambda: under(_with("hours", closes="21:01")),
        "from 7:59": lambda: under(_with("hours", opens="07:59")),
        "India until 20:00": lambda: under(_with("in.hours", closes="20:00")),
        "forgets stops": lambda: without(Restricted),
        "forgets conversations": lambda: seeing(_unspoken),
        "quiet for six days": lambda: under(_with("after_conversation", days=6)),
        "a breathing space of 59 days": lambda: under(_with(("uk.breathing_space", "house.moratorium"), lasts_days=59)),
        "forgets other products": lambda: seeing(_own_matter),
        "forgets inconvenient times": lambda: without(Inconvenient),
        "forgets wishes": lambda: without(Preferred),
        "consent never lapses": lambda: seeing(_never_lapsing),
        "all consent is direct": lambda: seeing(_always_direct),
        "allows everything": lambda: lambda question, _facts, _law: Verdict(allowed=True, next_us=question.at_us),
    }


# ---- runs


def lives(seed: str, attempts: int, decide: Decider = may_contact) -> Tally:
    """Lives of one seed, until so many attempts were made; all of them judged."""
    chance, whole = random.Random(seed), Tally()  # a drill, not a secret
    while whole.attempts < attempts:
        life = Life(chance, decide, shipped_law())
        life.run()
        whole.add(life.judge(second_reading()))
    return whole


def found_out(name: str, seed: int, attempts: int) -> Tally:
    """What the certifier finds of a broken decider."""
    return lives(f"{seed} {name}", attempts, mutants()[name]())


def _some(task: tuple[str, int]) -> Tally:
    return lives(*task)


def _tasks(seed: int, attempts: int, each: int) -> Iterator[tuple[str, int]]:
    for nth, start in enumerate(range(0, attempts, each)):
        yield f"{seed} {nth}", min(each, attempts - start)


def main() -> None:
    """Print the figures as JSON; status 1 where a breach was found, or a broken decider was not."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--attempts", type=int, default=10_000_000)
    asked.add_argument("--workers", type=int, default=2)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--minutes", type=float, default=1e9, help="Stop after so long, and say how far it came.")
    asked.add_argument("--each", type=int, default=20_000, help="attempts of one task")
    asked.add_argument("--mutant-attempts", type=int, default=20_000)
    given = asked.parse_args()
    began, whole = time.perf_counter(), Tally()
    broken = {name: found_out(name, given.seed, given.mutant_attempts) for name in mutants()}
    with mp.get_context("spawn").Pool(given.workers) as pool:
        for nth, some in enumerate(pool.imap_unordered(_some, _tasks(given.seed, given.attempts, given.each)), 1):
            whole.add(some)
            took = time.perf_counter() - began
            if took > given.minutes * 60:
                break
            if not nth % 10:
                print(f"{whole.attempts:,} attempts, {whole.breaches.total()} breaches, {took:.0f} s", file=sys.stderr)
    figures = {
        "attempts": whole.attempts,
        "lives": whole.lives,
        "allowed": whole.allowed,
        "waited_for_next": whole.waited,
        "wrong_next": whole.wrong_next,
        "judged": whole.judged,
        "refused": dict(whole.refused.most_common()),
        "in_hindsight": whole.hindsight,
        "breaches": dict(whole.breaches),
        "shown": whole.shown,
        "mutants": {name: {"attempts": one.attempts, "breaches": one.breaches.total()} for name, one in broken.items()},
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(figures, indent=1))
    missed = [name for name, one in broken.items() if not one.breaches]
    sys.exit(bool(whole.breaches or whole.wrong_next or missed))


if __name__ == "__main__":
    main()
