"""The read side of interventions: paths, lists, counts, replies that somebody is still to be told of, the switch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select, true

from forbear.adapters.sql.interventions import intervention_of_row, interventions_where, take_up_to, taken
from forbear.adapters.sql.office_rooms import Rooms
from forbear.adapters.sql.schema import AUDIT
from forbear.adapters.sql.schema_help import INTERVENTION_STEPS, INTERVENTIONS, SENDINGS
from forbear.domain.terms import Instruction
from forbear.engine.interventions import Intervention, Sending, Step
from forbear.engine.lifecycle import State

_TOGETHER = 500
_SWITCHES = {Instruction.START_OUTREACH: False, Instruction.STOP_OUTREACH: True}


class Count(NamedTuple):
    """How many interventions of a channel are in a state."""

    state: str
    channel: str
    interventions: int


class SqlPaths:
    """What a database holds of interventions, for people and for who acts on replies."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def path(self, intervention_id: str) -> Sequence[Step]:
        """Every step of an intervention, in order."""
        query = select(INTERVENTION_STEPS).where(INTERVENTION_STEPS.c.intervention_id == intervention_id)
        return self._steps(query.order_by(INTERVENTION_STEPS.c.entry))

    def sendings(self, intervention_id: str) -> Sequence[Sending]:
        """What was handed to providers for an intervention."""
        with self._rooms.reading() as connection:
            rows = connection.execute(select(SENDINGS).where(SENDINGS.c.intervention_id == intervention_id))
            return [Sending(**row._mapping) for row in rows]  # noqa: SLF001

    def listed(self, state: State | None, limit: int) -> Sequence[Intervention]:
        """The newest interventions, in one state or in any."""
        condition = true() if state is None else INTERVENTIONS.c.state == state.value
        with self._rooms.reading() as connection:
            return [intervention_of_row(row) for row in connection.execute(interventions_where(condition, limit))]

    def counts(self) -> Sequence[Count]:
        """How many there are, by state and channel in the order of their names."""
        by = (INTERVENTIONS.c.state, INTERVENTIONS.c.channel)
        with self._rooms.reading() as connection:
            rows = connection.execute(select(*by, func.count()).group_by(*by)).all()
        return sorted(Count(*row) for row in rows)

    def replies(self, name: str, limit: int) -> Sequence[Step]:
        """The next steps with a reply behind what a reader has told of; a page of steps may hold none of them."""
        found: list[Step] = []
        with self._rooms.reading() as connection:
            after = taken(connection, name)
        while len(found) < limit:
            query = select(INTERVENTION_STEPS).where(INTERVENTION_STEPS.c.entry > after)
            page = self._steps(query.order_by(INTERVENTION_STEPS.c.entry).limit(_TOGETHER))
            found += [step for step in page if "reply" in step.body]
            if len(page) < _TOGETHER:
                break
            after = page[-1].entry
        return found[:limit]

    def told(self, name: str, entry: int) -> None:
        """Note that a reader has told of every reply up to an entry."""
        with self._rooms.writing(for_good=True) as connection:
            take_up_to(connection, name, taken(connection, name), entry)

    # ---- inside

    def _steps(self, query: Any) -> list[Step]:
        with self._rooms.reading() as connection:
            return [Step(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001


class SqlSwitch:
    """Whether a person has stopped all outreach, by what the worker has recorded of instructions.

    It remembers how far it has read in the audit chain, and reads on from there.
    """

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._read: dict[int, int] = {}
        self._stopped: dict[int, bool] = {}

    def stopped(self) -> bool:
        """Whether the last switch in any partition is a stop. Where none was recorded there was no offer either."""
        with self._rooms.reading() as connection:
            for partition in connection.scalars(select(AUDIT.c.partition).distinct()).all():
                behind = and_(AUDIT.c.partition == partition, AUDIT.c.sequence > self._read.get(partition, -1))
                last = connection.scalar(select(func.max(AUDIT.c.sequence)).where(behind))
                told = select(AUDIT.c.body).where(behind, AUDIT.c.kind == "instruction")
                for body in connection.scalars(told.order_by(AUDIT.c.sequence)):
                    said = json.loads(body)["instruction"]
                    self._stopped[partition] = _SWITCHES.get(said, self._stopped.get(partition, False))
                self._read[partition] = self._read.get(partition, -1) if last is None else last
        return any(self._stopped.values())
