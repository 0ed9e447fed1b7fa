"""Routes about customers: lists of them, and one of them."""

from __future__ import annotations

import struct
from datetime import timedelta
from typing import Annotated, Literal, NamedTuple

import numpy as np
from fastapi import APIRouter, Depends, Query

from forbear.apps.api.board import Beyond, View, Which
from forbear.apps.api.histories import contact_shown
from forbear.apps.api.membership import SegmentName
from forbear.apps.api.paging import Cursor, Limit, Pages
from forbear.apps.api.parts import ApiParts, PartsHere, VisitHere
from forbear.apps.api.problems import Refusal
from forbear.apps.api.reading import (
    BandName,
    CustomerId,
    LeastPd,
    ViewHere,
    as_of,
    scored,
    whom,
)
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer, at
from forbear.apps.api.visit import Visit
from forbear.client.records import Customer, CustomerBrief, CustomersPage, FigureShown, LedgerShown
from forbear.engine.looking import Looks, Rulings, named
from forbear.features.columns import day_of
from forbear.features.eligibility import Hurdle
from forbear.features.figures import FIGURES

CONTACTS_SHOWN = 20
"""Beside the rest of a customer; the route of contacts tells more."""
_BY_ID = Pages("customers by id")
_ONE_BITS = struct.unpack("<q", struct.pack("<d", 1.0))[0]

people = APIRouter(prefix="/v1", route_class=Gate, tags=["customers"])
short = APIRouter(route_class=Gate, tags=["short paths"])


class Riskiest(NamedTuple):
    """Which customers by falling PD, and from where on."""

    band: str | None
    segment: str | None
    min_pd: float
    cursor: str | None
    limit: int

    @property
    def pages(self) -> Pages:
        """The cursors of this question."""
        return Pages(f"riskiest {self.band or ''} {self.min_pd!r} {self.segment or ''}".rstrip())

    @property
    def some(self) -> bool:
        """Whether only some are asked for."""
        return self.band is not None or self.segment is not None or self.min_pd > 0.0

    @property
    def beyond(self) -> Beyond | None:
        """Where the page begins, None for the first. Raises Refusal for a cursor that was not given out."""
        if self.cursor is None:
            return None
        bits, customer = (int(part) for part in self.pages.place(self.cursor, int, int))
        if not (0 <= bits <= _ONE_BITS and 0 <= customer < 2**64):
            raise Refusal("unknown", "that is no cursor: ask for the first page")
        return Beyond(struct.unpack("<d", struct.pack("<q", bits))[0], customer)

    def further(self, beyond: Beyond | None) -> str | None:
        """The cursor behind a row, exact to the last bit of its PD."""
        if beyond is None:
            return None
        return self.pages.cursor((struct.unpack("<q", struct.pack("<d", beyond.pd))[0], beyond.customer))


async def _asked(
    band: BandName = None,
    segment: SegmentName = None,
    min_pd: LeastPd = 0.0,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Riskiest:
    return Riskiest(band, segment, min_pd, cursor, limit)


RiskiestHere = Annotated[Riskiest, Depends(_asked)]
Sort = Annotated[
    Literal["customer_id", "-pd"] | None,
    Query(description="By id, or by falling PD; unless told by id, and by falling PD where only some are asked for."),
]


@people.get("/customers", operation_id="list_customers", summary="Customers")
@short.get("/customers", operation_id="list_customers_short", summary="Customers")
def list_customers(
    parts: PartsHere, visit: VisitHere, view: ViewHere, asked: RiskiestHere, sort: Sort = None
) -> CustomersPage:
    """Customers by id, or by falling PD. The latter lists whoever was scored at the last close of a day, or since."""
    if sort == "-pd" or (sort is None and asked.some):
        return _riskiest(parts, visit, view, asked)
    if asked.some:
        raise Refusal("invalid", "`band`, `segment` and `min_pd` go with sort=-pd")
    beyond = str(_BY_ID.place(asked.cursor, str)[0]) if asked.cursor else ""
    seen = parts.desk.listed(beyond, asked.limit)
    keys = [one.customer for one in seen.value]
    visit.saw(*keys)
    items = tuple(
        CustomerBrief(customer_id=one.customer_id, score=scored(standing))
        for one, standing in zip(seen.value, view.find_all(keys), strict=True)
    )
    further = _BY_ID.cursor((seen.value[-1].customer_id,)) if len(keys) == asked.limit else None
    return answer(CustomersPage(as_of=as_of(seen.marks, view.marks), items=items, further=further))


@people.get("/high-risk", operation_id="high_risk", summary="By falling PD")
@short.get("/high_risk_customers", operation_id="high_risk_short", summary="By falling PD")
def high_risk(parts: PartsHere, visit: VisitHere, view: ViewHere, asked: RiskiestHere) -> CustomersPage:
    """Customers by falling PD, whoever was scored at the last close of a day, or since."""
    return _riskiest(parts, visit, view, asked)


@people.get("/customers/{customer_id}", operation_id="customer", summary="A customer")
@short.get("/customer/{customer_id}", operation_id="customer_short", summary="A customer")
def customer(customer_id: CustomerId, parts: PartsHere, visit: VisitHere, view: ViewHere) -> Customer:
    """The newest score of a customer, the newest contacts, and what the ledger holds now."""
    found = whom(customer_id, parts, visit)
    contacts = parts.desk.contacts(found.key, CONTACTS_SHOWN)
    return answer(
        Customer(
            as_of=as_of(found.marks, contacts.marks, view.marks),
            customer_id=found.known.customer_id,
            partition=found.known.partition,
            score=scored(view.find(found.key)),
            contacts=tuple(map(contact_shown, contacts.value)),
            ledger=_ledger(parts, found.key),
        )
    )


def _riskiest(parts: ApiParts, visit: Visit, view: View, asked: Riskiest) -> CustomersPage:
    which = Which(asked.min_pd, asked.band, parts.membership.among(view, asked.segment))
    listing = view.page(which, beyond=asked.beyond, limit=asked.limit)
    seen = parts.desk.known([row.customer for row in listing.rows])
    visit.saw(*seen.value)
    items = tuple(
        CustomerBrief(customer_id=seen.value[row.customer].customer_id, score=scored(row))
        for row in listing.rows
        if row.customer in seen.value  # whoever was erased since is left out
    )
    further = asked.further(listing.further)
    return answer(CustomersPage(as_of=as_of(seen.marks, view.marks), items=items, further=further))


def _ledger(parts: ApiParts, key: int) -> LedgerShown | None:
    """What the ledger of a customer holds; None where nobody follows the log, or has not met the customer yet."""
    onlooker = parts.onlooker
    if onlooker is None or not onlooker.running:
        return None
    looks = onlooker.look(np.array([key], dtype=np.uint64))
    return _ledger_shown(looks[0], onlooker.rulings) if looks else None


def _ledger_shown(look: Looks, rulings: Rulings) -> LedgerShown:
    open_day = day_of(look.stand.open_day)
    known = {} if look.figures is None else named(tuple(FIGURES), look.figures[0])
    return LedgerShown(
        partition=look.stand.partition,
        offset=look.stand.offset,
        clock=at(look.stand.clock_us),
        open_day=open_day,
        hurdle=Hurdle(look.hurdle[0]).name.lower(),
        currency=rulings.policy.currency,
        figures=tuple(
            FigureShown(
                name=name,
                kind=FIGURES[name].kind,
                value=value,
                on=open_day + timedelta(value) if FIGURES[name].kind == "date" and value is not None else None,
            )
            for name, value in known.items()
        ),
        features=dict(named(rulings.names, look.values[0])) if look.hurdle[0] == Hurdle.NONE else {},
    )
