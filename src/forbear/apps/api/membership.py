"""Whoever the board has a score of, by segment: the home's file of segments beside the newest scores."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from fastapi import Query
from numpy.typing import NDArray

from forbear.adapters.segments import FileSegments
from forbear.apps.api.board import View
from forbear.engine.segments import DIMENSIONS, LONGEST_NAME, UNTOLD, Segmented

SegmentName = Annotated[
    str | None,
    Query(
        pattern=rf"^({'|'.join(DIMENSIONS)}):[^\x00]{{1,{LONGEST_NAME}}}$",
        description="Only of this segment: a dimension, a colon, and a name that `/v1/segments` tells.",
        examples=["product:card"],
    ),
]


class Parted(NamedTuple):
    """A view by the segments of one dimension. day: as of which they were found, None for not at all.

    names: "not told" last.  codes: (n,) place in names of each row of the view.
    """

    day: int | None
    names: tuple[str, ...]
    codes: NDArray[np.int16]


class Membership:
    """Joins views with who is in which segment. file: None where nobody is in any. Safe for many threads."""

    def __init__(self, file: FileSegments | None = None) -> None:
        self._file = file
        self._joined: tuple[View | None, Segmented, dict[str, Parted]] = (None, UNTOLD, {})

    def of(self, view: View, dimension: str) -> Parted:
        """A view by a dimension. Raises StorageError, and CorruptState for a damaged file."""
        now = UNTOLD if self._file is None else self._file.now
        last, was, found = self._joined
        if last is not view or was is not now:
            found = {}
            self._joined = (view, now, found)
        if dimension not in found:
            found[dimension] = Parted(now.day, *now.of(view.standings.customer, dimension))
        return found[dimension]

    def among(self, view: View, segment: str | None) -> NDArray[np.bool_] | None:
        """(n,) whether each row of a view is of a segment, written as for `SegmentName`; None for everybody."""
        if segment is None:
            return None
        dimension, _, name = segment.partition(":")
        parted = self.of(view, dimension)
        there: NDArray[np.bool_] = parted.codes == (parted.names.index(name) if name in parted.names else -1)
        return there
