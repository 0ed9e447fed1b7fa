"""The route of the heat map: the newest scores by segment and band."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query

from forbear.apps.api.board import View
from forbear.apps.api.membership import Parted
from forbear.apps.api.parts import PartsHere
from forbear.apps.api.reading import ViewHere, as_of
from forbear.apps.api.reception import Gate
from forbear.apps.api.telling import answer
from forbear.client.book import Dimension, SegmentBand, SegmentFigures, Segments
from forbear.engine.segments import DIMENSIONS
from forbear.features.columns import day_of

segments = APIRouter(prefix="/v1", route_class=Gate, tags=["figures"])

DimensionAsked = Annotated[Dimension, Query(description="What the book is parted by.")]


@segments.get("/segments", operation_id="segments", summary="By segment and band")
def by_segment(parts: PartsHere, view: ViewHere, dimension: DimensionAsked = "product") -> Segments:
    """The newest score of everybody by segment of a dimension, and band. Whoever is in none is "not told"."""
    parted = parts.membership.of(view, dimension)
    return answer(
        Segments(
            as_of=as_of(view.marks),
            told_on=None if parted.day is None else day_of(parted.day),
            dimension=dimension,
            dimensions=DIMENSIONS,
            rows=segment_rows(view, parted),
        )
    )


def segment_rows(view: View, parted: Parted) -> tuple[SegmentFigures, ...]:
    """Each segment that has anybody, in the order of the names."""
    bands, names = len(view.words), len(parted.names)
    cells = np.bincount(parted.codes.astype(np.int64) * bands + view.word, minlength=names * bands)
    sums = np.bincount(parted.codes, view.standings.pd, minlength=names).tolist()
    rows = zip(parted.names, cells.reshape(names, bands).tolist(), sums, strict=True)
    return tuple(
        SegmentFigures(
            name=name,
            customers=sum(counts),
            mean_pd=min(expected / sum(counts), 1.0),
            expected_misses=expected,
            bands=tuple(
                SegmentBand(band=band, customers=count) for band, count in zip(view.words, counts, strict=True)
            ),
        )
        for name, counts, expected in rows
        if any(counts)
    )
