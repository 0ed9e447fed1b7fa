"""What the interface to people and programs keeps for itself: keys, who looked at what, answers given, work to do.

Nothing of it changes a decision: what does goes into the log, and waits here only until it is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from forbear.engine.outputs import AuditRecord
from forbear.engine.policy_drafts import PolicyDrafts

ASKED_TOPIC = "asked-scores"
"""For which topic a score that was asked for waits, under no key: nothing reads them in order."""


class Role(StrEnum):
    """What somebody may do; the table of the interface says what that is.

    viewer: figures about nobody.  agent: customers, one at a time.  analyst: customers, lists and models.
    approver: the same, and overrides.  admin: everything, keys too.  service: a program that scores and records.
    """

    VIEWER = "viewer"
    AGENT = "agent"
    ANALYST = "analyst"
    APPROVER = "approver"
    ADMIN = "admin"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key as it is kept: its secret is not. key_id: public, names it in logs.  secret_sha: SHA-256 [hexadecimal].

    Instants in microseconds UTC. expires_us: None for never.  revoked_us: None while it holds.
    rate: requests a second, None for what the server grants.
    """

    key_id: str
    name: str
    role: Role
    secret_sha: str
    made_us: int
    expires_us: int | None = None
    revoked_us: int | None = None
    rate: float | None = None


class Keyring(Protocol):
    """The keys that let somebody in."""

    def add(self, key: KeyRecord) -> None:
        """Keep a new key. Raises ConflictError where its id is taken."""
        ...

    def get(self, key_id: str) -> KeyRecord | None:
        """One key, revoked and expired ones too."""
        ...

    def keys(self) -> Sequence[KeyRecord]:
        """All keys, oldest first; of one instant by their ids."""
        ...

    def revoke(self, key_id: str, at_us: int) -> bool:
        """Have a key hold no longer; False where there is none. One that was revoked before keeps its instant."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who looked at a person's data, or wrote something, when and why.

    at_us: [us UTC].  who: key id or subject of a token.  route: name of the operation.  customer: key, None for
    nobody in particular.  why: as the caller said, "" for nothing.  status: of the answer.  request_id: of the request.
    """

    at_us: int
    who: str
    role: str
    route: str
    customer: int | None
    why: str
    status: int
    request_id: str


class Accesses(Protocol):
    """The chain of accesses of one writer, each record committed to by all behind it (`engine.audit.chain`).

    A record's kind is "access", its offset its own sequence, its body the access but for the customer, who stands
    beside it, so that an erasure leaves the chain whole.
    """

    def record(self, accesses: Sequence[Access]) -> None:
        """Add some, in one commit. They are there when this returns.

        Raises ConflictError, now and ever after, where another process records under the same name.
        """
        ...

    def of_customer(self, customer: int, limit: int) -> Sequence[Access]:
        """The newest accesses to a customer, whichever writer recorded them, newest first."""
        ...

    def chain(self, writer: str, first: int, limit: int) -> Sequence[AuditRecord]:
        """Records of a writer's chain, from a sequence on."""
        ...

    def writers(self) -> Sequence[str]:
        """Whoever has recorded something, by name."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered to a request that may be repeated. request_sha: SHA-256 [hexadecimal] of what was asked."""

    request_sha: str
    status: int
    body: bytes


class Replies(Protocol):
    """Answers by who asked and their idempotency key; what is older than a day may be forgotten."""

    def get(self, who: str, key: str) -> Reply | None:
        """The answer that was given."""
        ...

    def put(self, who: str, key: str, reply: Reply, at_us: int) -> bool:
        """Keep an answer; False, and nothing has changed, where there is one."""
        ...

    def forget_before(self, at_us: int) -> int:
        """Forget what is older; answer how many."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A score that somebody asked for: recorded and published, and never decided on.

    score_id: 32 hexadecimal digits.  customer: key, None where the features were given.  as_of_us: [us UTC].
    partition, offset: the ledger stood there; -1 without one.  document: what was answered, as JSON.
    """

    score_id: str
    customer: int | None
    as_of_us: int
    partition: int
    offset: int
    pd: float
    model: str
    policy: str
    document: bytes


class AskedScores(Protocol):
    """Scores that were asked for."""

    def record(self, asked: Sequence[Asked]) -> None:
        """Keep some, in one commit, and have the document of each wait to be published.

        Raises ConflictError, and has kept none, where the id of one is taken.
        """
        ...

    def get(self, score_id: str) -> Asked | None:
        """One of them."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits to be published. entry: rises in the order of waiting.  topic: for which.  key: of a customer's
    partition, "" for none.  value: the message.
    """

    entry: int
    topic: str
    key: str
    value: bytes


class Outgoing(Protocol):
    """Messages that wait until the log takes them. At least once: one may be published again after a crash."""

    def add(self, topic: str, key: str, value: bytes) -> int:
        """Have a message wait; its entry. It is there when this returns."""
        ...

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """The next messages, in the order of waiting."""
        ...

    def published(self, entry: int) -> None:
        """Note that everything up to an entry was published: it is forgotten."""
        ...

    def count(self) -> int:
        """How many wait."""
        ...


class JobState(StrEnum):
    """How far a long job is. A server that ends leaves a running one as failed at its next start."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A long job. done, total: of its rows.  file: name of what came of it, "" before.  error: why it failed, or ""."""

    job_id: str
    who: str
    kind: str
    made_us: int
    state: JobState = JobState.WAITING
    done: int = 0
    total: int = 0
    file: str = ""
    error: str = ""


class Jobs(Protocol):
    """Long jobs, whoever works on them."""

    def put(self, job: Job) -> None:
        """Keep a job as it is now."""
        ...

    def get(self, job_id: str) -> Job | None:
        """One job."""
        ...

    def jobs(self, limit: int) -> Sequence[Job]:
        """The newest jobs, newest first; of one instant by their ids."""
        ...


@dataclass(frozen=True, slots=True)
class Office:
    """All of it."""

    keyring: Keyring
    accesses: Accesses
    replies: Replies
    asked: AskedScores
    outgoing: Outgoing
    jobs: Jobs
    drafts: PolicyDrafts
