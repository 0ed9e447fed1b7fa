"""What can be asked about the book seen as a whole."""

from __future__ import annotations

from typing import Unpack

from forbear.client import book
from forbear.client.bound import operation
from forbear.client.calls import Call, Extra, get


class WorseningAsked(Extra, total=False):
    """Who of the book. band, segment ("product:card"): only of these.  limit: how many are told one by one."""

    band: str
    segment: str
    limit: int


class BookOperations:
    """The methods of a client about the book as a whole."""

    @operation
    def segments(self, dimension: book.Dimension = "product", **extra: Unpack[Extra]) -> Call[book.Segments]:
        """The newest score of everybody by segment of a dimension, and band."""
        return get("segments", "/v1/segments", book.Segments, extra, dimension=dimension)

    @operation
    def worsening(self, days: book.Window = 7, **which: Unpack[WorseningAsked]) -> Call[book.Worsening]:
        """Who is getting worse fastest over so many days, and how the book moves."""
        query = {"days": days, "band": which.get("band"), "segment": which.get("segment"), "limit": which.get("limit")}
        return get("worsening", "/v1/worsening", book.Worsening, which, **query)
