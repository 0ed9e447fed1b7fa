"""An office that lives in memory, for the tests of whoever builds on its ports.

It keeps every promise of them but that of durability, and `forbear.testing.office_contract` holds it to them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count, islice
from threading import Lock

from forbear.domain.errors import ConflictError
from forbear.engine.audit import chain
from forbear.engine.office import ASKED_TOPIC, Access, Asked, Job, KeyRecord, Office, Reply, Waiting
from forbear.engine.outputs import AuditRecord
from forbear.engine.policy_drafts import DraftPlace, DraftState, DraftVerdict, PolicyDraft, is_own


@dataclass(slots=True)
class MemoryRooms:
    """What the offices of all writers have in common, as processes have one database. Safe to use from many threads."""

    lock: Lock = field(default_factory=Lock)
    keys: dict[str, KeyRecord] = field(default_factory=dict)
    records: dict[str, list[AuditRecord]] = field(default_factory=dict)
    accesses: list[tuple[str, Access]] = field(default_factory=list)
    replies: dict[tuple[str, str], tuple[int, Reply]] = field(default_factory=dict)
    asked: dict[str, Asked] = field(default_factory=dict)
    outgoing: dict[int, Waiting] = field(default_factory=dict)
    entries: count[int] = field(default_factory=lambda: count(1))
    jobs: dict[str, Job] = field(default_factory=dict)
    drafts: dict[str, PolicyDraft] = field(default_factory=dict)


def memory_office(writer: str = "api", rooms: MemoryRooms | None = None) -> Office:
    """The office of a writer. rooms: those of another office, to see what it sees; None for empty ones."""
    rooms = rooms or MemoryRooms()
    return Office(
        keyring=MemoryKeyring(rooms),
        accesses=MemoryAccesses(rooms, writer),
        replies=MemoryReplies(rooms),
        asked=MemoryAskedScores(rooms),
        outgoing=MemoryOutgoing(rooms),
        jobs=MemoryJobs(rooms),
        drafts=MemoryPolicyDrafts(rooms),
    )


@dataclass(frozen=True, slots=True)
class MemoryKeyring:
    """Keys in memory."""

    rooms: MemoryRooms

    def add(self, key: KeyRecord) -> None:
        """Keep a new key. Raises ConflictError where its id is taken."""
        with self.rooms.lock:
            if key.key_id in self.rooms.keys:
                raise ConflictError(f"there is a key {key.key_id} already")
            self.rooms.keys[key.key_id] = key

    def get(self, key_id: str) -> KeyRecord | None:
        """One key."""
        return self.rooms.keys.get(key_id)

    def keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first."""
        return sorted(self.rooms.keys.values(), key=lambda key: (key.made_us, key.key_id))

    def revoke(self, key_id: str, at_us: int) -> bool:
        """Have a key hold no longer; False where there is none."""
        with self.rooms.lock:
            if (key := self.rooms.keys.get(key_id)) is None:
                return False
            if key.revoked_us is None:
                self.rooms.keys[key_id] = replace(key, revoked_us=at_us)
            return True


class MemoryAccesses:
    """The chain of one writer in memory."""

    def __init__(self, rooms: MemoryRooms, writer: str) -> None:
        self._rooms, self._writer = rooms, writer
        self._mine = len(rooms.records.get(writer, ()))

    def record(self, accesses: Sequence[Access]) -> None:
        """Add some at once. Raises ConflictError where another has written under the same name."""
        with self._rooms.lock:
            there = self._rooms.records.setdefault(self._writer, [])
            if len(there) != self._mine:
                raise ConflictError(f"another process records accesses as {self._writer}")
            for access in accesses:
                body = asdict(access)
                del body["customer"]
                there.append(chain(there[-1] if there else None, "access", len(there), body))
                self._rooms.accesses.append((self._writer, access))
            self._mine = len(there)

    def of_customer(self, customer: int, limit: int) -> Sequence[Access]:
        """The newest accesses to a customer, newest first."""
        theirs = [access for _, access in reversed(self._rooms.accesses) if access.customer == customer]
        return sorted(theirs, key=lambda access: -access.at_us)[:limit]

    def chain(self, writer: str, first: int, limit: int) -> Sequence[AuditRecord]:
        """Records of a writer's chain, from a sequence on."""
        return self._rooms.records.get(writer, [])[first : first + limit]

    def writers(self) -> Sequence[str]:
        """Whoever has recorded something, by name."""
        return sorted(writer for writer, records in self._rooms.records.items() if records)


@dataclass(frozen=True, slots=True)
class MemoryReplies:
    """Answers in memory."""

    rooms: MemoryRooms

    def get(self, who: str, key: str) -> Reply | None:
        """The answer that was given."""
        found = self.rooms.replies.get((who, key))
        return found[1] if found else None

    def put(self, who: str, key: str, reply: Reply, at_us: int) -> bool:
        """Keep an answer; False, and nothing has changed, where there is one."""
        with self.rooms.lock:
            if (who, key) in self.rooms.replies:
                return False
            self.rooms.replies[who, key] = (at_us, reply)
            return True

    def forget_before(self, at_us: int) -> int:
        """Forget what is older; answer how many."""
        with self.rooms.lock:
            old = [place for place, (kept_us, _) in self.rooms.replies.items() if kept_us < at_us]
            for place in old:
                del self.rooms.replies[place]
        return len(old)


@dataclass(frozen=True, slots=True)
class MemoryOutgoing:
    """Messages that wait in memory."""

    rooms: MemoryRooms

    def add(self, topic: str, key: str, value: bytes) -> int:
        """Have a message wait; its entry."""
        with self.rooms.lock:
            return _waits(self.rooms, topic, key, value)

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """The next messages, in the order of waiting."""
        with self.rooms.lock:
            return list(islice(self.rooms.outgoing.values(), limit))

    def published(self, entry: int) -> None:
        """Forget everything up to an entry."""
        with self.rooms.lock:
            for old in [one for one in self.rooms.outgoing if one <= entry]:
                del self.rooms.outgoing[old]

    def count(self) -> int:
        """How many wait."""
        return len(self.rooms.outgoing)


@dataclass(frozen=True, slots=True)
class MemoryAskedScores:
    """Scores that were asked for, in memory."""

    rooms: MemoryRooms

    def record(self, asked: Sequence[Asked]) -> None:
        """Keep some at once, and have each wait. Raises ConflictError where one of them is there already."""
        with self.rooms.lock:
            if len({one.score_id for one in asked} - self.rooms.asked.keys()) < len(asked):
                raise ConflictError("a score of this id is recorded already")
            for one in asked:
                self.rooms.asked[one.score_id] = one
                _waits(self.rooms, ASKED_TOPIC, "", one.document)

    def get(self, score_id: str) -> Asked | None:
        """One of them."""
        return self.rooms.asked.get(score_id)


@dataclass(frozen=True, slots=True)
class MemoryJobs:
    """Long jobs in memory."""

    rooms: MemoryRooms

    def put(self, job: Job) -> None:
        """Keep a job as it is now."""
        with self.rooms.lock:
            self.rooms.jobs[job.job_id] = job

    def get(self, job_id: str) -> Job | None:
        """One job."""
        return self.rooms.jobs.get(job_id)

    def jobs(self, limit: int) -> Sequence[Job]:
        """The newest jobs, newest first; of one instant by their ids."""
        with self.rooms.lock:
            return sorted(self.rooms.jobs.values(), key=lambda job: (-job.made_us, job.job_id))[:limit]


@dataclass(frozen=True, slots=True)
class MemoryPolicyDrafts:
    """Drafts of a policy in memory."""

    rooms: MemoryRooms

    def add(self, draft: PolicyDraft) -> None:
        """Keep a new, open draft. Raises ConflictError where its id is taken."""
        with self.rooms.lock:
            if draft.draft_id in self.rooms.drafts:
                raise ConflictError(f"draft {draft.draft_id} is there already")
            self.rooms.drafts[draft.draft_id] = replace(draft, verdict=None)

    def get(self, draft_id: str) -> PolicyDraft | None:
        """One draft."""
        return self.rooms.drafts.get(draft_id)

    def drafts(
        self, limit: int, state: DraftState | None = None, beyond: DraftPlace | None = None
    ) -> Sequence[PolicyDraft]:
        """Drafts, newest first, of one instant by their ids."""
        found = sorted(self.rooms.drafts.values(), key=lambda one: (-one.made_us, one.draft_id))
        behind = (-(2**63), "") if beyond is None else (-beyond.made_us, beyond.draft_id)
        theirs = (one for one in found if state in (None, one.state) and (-one.made_us, one.draft_id) > behind)
        return list(islice(theirs, limit))

    def judge(self, draft_id: str, verdict: DraftVerdict) -> bool:
        """Keep what somebody else than the maker says of an open draft; False where that cannot be."""
        with self.rooms.lock:
            draft = self.rooms.drafts.get(draft_id)
            if draft is None or draft.state is not DraftState.OPEN or is_own(draft, verdict.who, verdict.by):
                return False
            self.rooms.drafts[draft_id] = replace(draft, verdict=verdict)
            return True


def _waits(rooms: MemoryRooms, topic: str, key: str, value: bytes) -> int:
    entry = next(rooms.entries)
    rooms.outgoing[entry] = Waiting(entry, topic, key, value)
    return entry
