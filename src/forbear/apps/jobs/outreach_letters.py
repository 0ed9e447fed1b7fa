"""What goes into each message of outreach: who is addressed where, in which approved words, under which law."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from forbear.adapters.sql.contact_ledger import SqlContactLedger
from forbear.apps.outreach_settings import OutreachSettings, values_of
from forbear.domain.contacts import Placed, PlaceSource, Purpose, Question, means_of
from forbear.domain.deployment import Deployment
from forbear.domain.errors import BackendUnavailable
from forbear.engine.crm import Crm, Person
from forbear.engine.interventions import Intervention
from forbear.engine.sending import Letter, Unwritten
from forbear.engine.wording import Templates

NOWHERE = "-"
"""The address of whom a dry run has none of."""


class BankSecretary:
    """Letters from the bank's own register of people and its catalogue of words.

    clock: now [us UTC].  deployment: whose zone is taken for a customer's where neither register nor feed tells one,
    and whose country for the holidays that hold there.
    """

    def __init__(
        self,
        settings: OutreachSettings,
        registers: tuple[Crm, Templates, SqlContactLedger],
        clock: Callable[[], int],
        deployment: Deployment,
    ) -> None:
        self._settings = settings
        self._people, self._words, self._ledger = registers
        self._clock, self._zone, self._country = clock, deployment.time_zone, deployment.country

    def letter(self, of: Intervention) -> Letter | Unwritten:
        """What is to be sent. Raises ConfigError where the words are missing, or something that fills them in."""
        assert of.customer_id is not None
        try:
            person = self._people.find(of.customer_id)
        except BackendUnavailable:
            return Unwritten(why="the register of people does not answer", lasting=False)
        to = None if person is None else person.at(of.channel)
        if to is None and of.channel in self._settings.real:
            return Unwritten(why=f"the bank has no address of the customer on {of.channel}", lasting=True)
        self._place(of, person)
        language = (person.language if person is not None else "") or self._settings.language
        said = self._words.render(of.wording, language, values_of(self._settings, person))
        return Letter(
            to=to or NOWHERE, subject=said.subject, text=said.text, language=said.language, template=said.template
        )

    def question(self, of: Intervention, at_us: int) -> Question:
        """What the law is asked: support that nobody asked for."""
        return Question(
            customer=of.customer,
            channel=of.channel,
            means=means_of(of.channel),
            matter=of.matter,
            purpose=Purpose.HELP,
            at_us=at_us,
            jurisdiction=self._settings.jurisdiction,
            region=self._country,
        )

    # ---- inside

    def _place(self, of: Intervention, person: Person | None) -> None:
        """Have the ledger know where the register says that somebody is; the bank's zone if nobody knows.

        The bank's own is entered as what a number tells: it narrows nothing, and gives way to whatever is better.
        """
        known = [fact for fact in self._ledger.of_customer(of.customer) if isinstance(fact, Placed)]
        zone, source = (person.time_zone, PlaceSource.ADDRESS) if person is not None else ("", PlaceSource.ADDRESS)
        if not zone:
            if any(fact.zones for fact in known) or self._settings.jurisdiction:
                return
            zone, source = self._zone, PlaceSource.NUMBER
        of_source = [fact for fact in known if fact.source is source]
        if of_source and max(of_source, key=lambda fact: fact.at_us).zones == (zone,):
            return
        now_us = self._clock()
        told = sha256(f"{of.customer} {source} {zone} {now_us}".encode()).hexdigest()[:40]
        placed = Placed(fact_id=told, customer=of.customer, at_us=now_us, known_us=now_us, source=source, zones=(zone,))
        self._ledger.add([placed])
