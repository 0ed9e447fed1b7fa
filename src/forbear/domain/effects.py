"""What help does to the chance of a miss, as people state it: the one shape that policy and economics share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

Change: TypeAlias = Annotated[float, Meta(ge=-1.0, le=1.0)]
Source: TypeAlias = Annotated[str, Meta(min_length=1)]


class Effect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By how much an offer lowers the chance of a miss; negative where it does harm.

    kind: "absolute", in points of the chance; "relative", as a share of it.  value: in [-1, 1].
    source: where the number comes from.
    """

    kind: Literal["absolute", "relative"]
    value: Change
    source: Source

    def line(self, size: float) -> tuple[float, float]:
        """The share of the chance and the points by which an effect of a size, in its own terms, lowers it."""
        return (size, 0.0) if self.kind == "relative" else (0.0, size)
