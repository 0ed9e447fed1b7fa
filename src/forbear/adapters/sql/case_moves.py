"""Moves of interventions, as the life cycle has recorded them, for whoever opens cases of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema_help import INTERVENTION_STEPS, INTERVENTIONS
from forbear.engine.case_intake import Happened

_S, _I = INTERVENTION_STEPS.c, INTERVENTIONS.c
_STEP = select(_S.entry, _S.after, _S.body, *INTERVENTIONS.columns).join(
    INTERVENTIONS, _I.intervention_id == _S.intervention_id
)


class SqlMoves:
    """Moves over the rooms of a store. It only reads."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def followed(self) -> bool:
        """Whether interventions are followed here at all: then an offer is what its intervention says."""
        with self._rooms.reading() as connection:
            return connection.execute(select(_I.intervention_id).limit(1)).first() is not None

    def behind(self, entry: int, limit: int) -> Sequence[tuple[int, Happened | None]]:
        """Moves after an entry, oldest first; None for one of a customer who was erased.

        A state is told only while the intervention is still in it: a call that is over is nothing to do.
        """
        query = _STEP.where(_S.entry > entry).order_by(_S.entry).limit(limit)
        with self._rooms.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            (
                row["entry"],
                Happened(
                    intervention_id=row["intervention_id"],
                    customer=row["customer"],
                    band=row["band"],
                    channel=row["channel"],
                    action=row["action"],
                    state=row["after"] if row["after"] == row["state"] else "",
                    reply=str(row["body"].get("reply", "")),
                    reply_id=str(row["body"].get("receipt", "")),
                    approval=row["approval"],
                )
                if row["customer"]
                else None,
            )
            for row in rows
        ]
