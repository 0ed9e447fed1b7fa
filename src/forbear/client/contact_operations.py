"""What can be asked and told about contacts and contact law; see `operations`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Unpack

from forbear.client import contacts
from forbear.client.bound import operation
from forbear.client.calls import Call, Extra, Posted, asked, get, post


class PermissionAsked(Extra, total=False):
    """What a contact would be about. aim: what for, "help" unless told (`purpose` is of the question itself).

    at: when, now unless told.  jurisdiction: whose law, that of the deployment's country unless told.
    """

    matter: str
    aim: Literal["help", "collection", "service"]
    at: datetime
    jurisdiction: str


class StopSupposed(Extra, total=False):
    """A stop that may be recorded. matter, channel: of one alone, of all unless told.  until: it ends then."""

    matter: str
    channel: str
    until: datetime


class ContactOperations:
    """Contacts, stops, and what providers tell."""

    @operation
    def contact_permission(
        self, customer_id: str, channel: str, **which: Unpack[PermissionAsked]
    ) -> Call[contacts.ContactPermission]:
        """Whether a customer may be contacted on a channel; if not, by which clause, and when next."""
        instant = which.get("at")
        words = {
            "matter": which.get("matter"),
            "purpose": which.get("aim"),
            "at": None if instant is None else instant.isoformat(timespec="seconds"),
            "jurisdiction": which.get("jurisdiction"),
        }
        path = {"customer_id": customer_id}
        template, shape = "/v1/customers/{customer_id}/contact-permission", contacts.ContactPermission
        return get("contact_permission", template, shape, which, path, channel=channel, **words)

    @operation
    def record_contact(
        self, customer_id: str, contact: contacts.ContactMade, **extra: Unpack[Extra]
    ) -> Call[contacts.Entered]:
        """Record a contact that was made elsewhere."""
        template, path = "/v1/customers/{customer_id}/contacts", {"customer_id": customer_id}
        return post("record_contact", template, contacts.Entered, extra, Posted(contact, path))

    @operation
    def contact_stops(self, customer_id: str, **extra: Unpack[Extra]) -> Call[contacts.ContactStops]:
        """The stops of a customer that hold now."""
        template, path = "/v1/customers/{customer_id}/contact-stops", {"customer_id": customer_id}
        return get("contact_stops", template, contacts.ContactStops, extra, path)

    @operation
    def contact_stop_preview(
        self, customer_id: str, stop: contacts.StopWord, **which: Unpack[StopSupposed]
    ) -> Call[contacts.StopPreview]:
        """What a stop would mean, by channel and purpose, were it recorded now; nothing is."""
        until = which.get("until")
        words = {
            "matter": which.get("matter"),
            "channel": which.get("channel"),
            "until": None if until is None else until.isoformat(timespec="seconds"),
        }
        template, path = "/v1/customers/{customer_id}/contact-stops/preview", {"customer_id": customer_id}
        return get("contact_stop_preview", template, contacts.StopPreview, which, path, stop=stop, **words)

    @operation
    def record_contact_stop(
        self, customer_id: str, halt: contacts.ContactStop, **extra: Unpack[Extra]
    ) -> Call[contacts.Entered]:
        """Record that a customer may not be contacted; or that this is over, which is an approver's and says why."""
        template, path = "/v1/customers/{customer_id}/contact-stops", {"customer_id": customer_id}
        return post("record_contact_stop", template, contacts.Entered, extra, Posted(halt, path))

    @operation
    def decide_intervention(
        self, decision_id: str, verdict: Literal["approve", "refuse"], why: str, **extra: Unpack[Extra]
    ) -> Call[contacts.InterventionMoved]:
        """Let an offer be sent that waits for a person, or end one that was not sent yet; why: recorded."""
        template, path = "/v1/interventions/{decision_id}/verdict", {"decision_id": decision_id}
        body = asked(contacts.GivenVerdict, verdict=verdict, why=why)
        return post("decide_intervention", template, contacts.InterventionMoved, extra, Posted(body, path))

    @operation
    def record_arrival(
        self, provider: str, arrival: contacts.Arrival, **extra: Unpack[Extra]
    ) -> Call[contacts.Arrived]:
        """Tell what a provider says of a message, or what its receiver answered."""
        template, path = "/v1/providers/{provider}/arrivals", {"provider": provider}
        return post("record_arrival", template, contacts.Arrived, extra, Posted(arrival, path))
