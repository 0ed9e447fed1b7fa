"""Ports: what the engine asks of the world. Embedded and production adapters keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from forbear.engine.outputs import AuditRecord, Outputs, Position
from forbear.engine.scorer import Scoring
from forbear.engine.versions import GateRecord, Lineage, ModelVersion
from forbear.features.batch import EventBatch
from forbear.features.book import BookState
from forbear.features.columns import EventColumns
from forbear.features.local_time import LocalTime
from forbear.models.artefact import Artefact
from forbear.models.reasons.approved import Approved
from forbear.policy.document import Policy
from forbear.policy.rollout import Rollout


class Scanned(NamedTuple):
    """One batch of a scan: the offset of its first event, its columns without the names, and the batch."""

    offset: int
    columns: EventColumns
    batch: EventBatch

    def sliced(self, start: int, stop: int) -> Scanned:
        """Rows start..stop of it."""
        if (start, stop) == (0, len(self.batch)):
            return self
        return Scanned(self.offset + start, self.columns.take(slice(start, stop)), self.batch.slice(start, stop))


class History(Protocol):
    """Events from the first on, in the order received, with both clocks: what may be read of them."""

    @property
    def next_offset(self) -> int:
        """The offset that the next event gets: how many there are."""
        ...

    @property
    def closed_day(self) -> int | None:
        """The last day that was closed [days since 1970]; None if none was."""
        ...

    def offset_since(self, received_us: int) -> int:
        """An offset before which nothing was received at or after an instant [microseconds UTC]."""
        ...

    def scan(self, zone: LocalTime, start: int = 0) -> Iterator[Scanned]:
        """Batches in log order from an offset on."""
        ...

    def read(self, start: int = 0) -> Iterator[EventColumns]:
        """The same, with every column."""
        ...

    def customers(self) -> Mapping[int, str]:
        """Customer id by key."""
        ...


class Archive(History, Protocol):
    """The log of record: every event, append-only.

    Appending is atomic per segment; a segment is checksummed, and a damaged one raises CorruptState.
    """

    def append(self, columns: EventColumns) -> None:
        """Add events behind all others. Raises StorageError, and has added nothing, if they cannot be kept."""
        ...


class Kept(NamedTuple):
    """A book's state as a snapshot kept it: what it was folded up to, and what its words mean.

    arrays, facts: what else a worker remembers; facts are JSON.
    """

    state: BookState
    offset: int
    layout_hash: str
    feature_hash: str
    arrays: Mapping[str, NDArray[Any]] = MappingProxyType({})
    facts: str = ""


class Snapshots(Protocol):
    """Immutable, checksummed copies of a book, each with the offset of the next event to fold."""

    def save(self, kept: Kept) -> None:
        """Keep a snapshot."""
        ...

    def latest(self, up_to: int | None = None) -> Kept | None:
        """The newest snapshot that stands for no more than `up_to` events, if there is one."""
        ...


class Origin(NamedTuple):
    """Where messages come from that were copied from another topic: its number, and the offset behind the last."""

    topic: int
    past: int


class Source(Protocol):
    """One partition of a topic, in order and at least once: what was polled comes again after a `seek`.

    Offsets rise; where a topic lets go of single events they leave gaps, and a poll ends there.
    """

    @property
    def end(self) -> int:
        """The watermark: the offset that the next event gets."""
        ...

    def poll(self, limit: int) -> Scanned | None:
        """Up to so many events from where the last poll ended, or None if there are none yet.

        The columns are those that a replay reads, and customer_id. Raises CorruptState for damage.
        """
        ...

    def seek(self, offset: int) -> None:
        """Go on from an offset. Raises CorruptState for one that the topic has already let go of."""
        ...

    def read(self, first: int, past: int) -> EventColumns:
        """Every column of the events first..past, wherever the polls are."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Sink(Protocol):
    """One partition of a topic, written: durable when `publish` returns, whole or not at all.

    Kafka cannot promise the latter: a publish that failed may have left a beginning of it there, which counts as not
    made. Publishing it again is at least once, and the ledger drops what comes twice.
    """

    @property
    def received_us(self) -> int:
        """When the last event was received [microseconds UTC], 0 if there is none: none may be received before it."""
        ...

    def publish(self, columns: EventColumns, origin: Origin | None = None) -> int:
        """Add events behind all others; answer the offset behind the last. No events leave no trace, nor does origin.

        Raises InvalidEvent for an event that was received before one in front of it, ConflictError for an origin that
        does not go beyond `past_of` its topic, StorageError if they cannot be kept; then nothing has changed.
        """
        ...

    def past_of(self, topic: int) -> int:
        """The offset behind the last message that came from another topic; 0 if none did."""
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...


class Store(Protocol):
    """What the worker has recorded. One atomic commit of everything that one stretch of the log gave."""

    def position(self) -> Position:
        """Up to where the log is recorded; (-1, 0) where nothing ever was."""
        ...

    def head(self) -> AuditRecord | None:
        """The last record of the audit chain."""
        ...

    def records(self, first: int, limit: int) -> Sequence[AuditRecord]:
        """At most so many records of the audit chain, from a sequence on."""
        ...

    def commit(self, outputs: Outputs) -> None:
        """Record outputs whose `after` is the position now, and move it to their `until`.

        Raises ConflictError, and has recorded nothing, if another worker has moved the position; StorageError if it
        cannot be written; BackendUnavailable if nobody answers.
        """
        ...

    def settle(self) -> None:
        """Every commit so far survives a power cut when it returns; before that the last ones may not."""
        ...


class Stores(Protocol):
    """The stores of all partitions of a log, in one database."""

    def of(self, partition: int) -> Store:
        """The store of one."""
        ...

    def commit(self, outputs: Mapping[int, Outputs]) -> None:
        """Record outputs of some partitions at once or not at all. Raises what `Store.commit` raises."""
        ...


class Vault(Protocol):
    """Keys of customers. A lost key is an erased person: what was sealed under it cannot be read by anybody."""

    def seal(self, asked: Sequence[tuple[int, bytes, bytes]]) -> Sequence[bytes | None]:
        """Encrypt texts under their customers' keys, made at the first use; None where a key was destroyed.

        asked: of each the customer, the plaintext, and what it is about, which is bound to the ciphertext and not
        encrypted. Equal input gives equal output.
        """
        ...

    def open(self, customer: int, sealed: bytes, about: bytes) -> bytes | None:
        """The plaintext; None where the key was destroyed. Raises CorruptState for what was tampered with."""
        ...

    def erase(self, customer: int) -> None:
        """Destroy a customer's key for good."""
        ...


class Parts(Protocol):
    """Where artefacts, policies and approved reasons are kept, by the digest that an instruction names."""

    def model(self, digest: str, feature_hash: str) -> tuple[Scoring, str, float]:
        """A model, its kind and its expected log-odds. Raises ConfigError if it is not there, ModelMismatch if it does
        not fit the features, CorruptState if it is not what was promoted.
        """
        ...

    def rollout(self, digest: str) -> Rollout:
        """A roll-out. Raises ConfigError if it is not there, CorruptState if it is not what was told."""
        ...

    def policy(self, digest: str) -> Policy:
        """A policy. Raises ConfigError if it is not there, CorruptState if it is not what was promoted."""
        ...

    def reasons(self, digest: str) -> Approved:
        """Approved reasons. Raises ConfigError if they are not there, ModelMismatch if they do not fit the features,
        CorruptState if they are not what was promoted.
        """
        ...


class Objects(Protocol):
    """Bytes under names that are written once and never change. A name is of parts between slashes.

    Raises StorageError or BackendUnavailable where they cannot be reached, ConfigError where they may not be.
    """

    def where(self, name: str) -> str:
        """Path or URL of an object, for messages."""
        ...

    def put(self, name: str, content: bytes) -> bool:
        """Keep an object, whole or not at all; answer whether it is new. What is there already stays as it is."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes that were put. Raises ConfigError where there are none, CorruptState where they are known to be
        others.
        """
        ...

    def exists(self, name: str) -> bool:
        """Whether there is an object of a name."""
        ...

    def list(self, prefix: str = "") -> Sequence[str]:
        """Names that begin so, in their order."""
        ...


class ModelRegistry(Protocol):
    """Immutable artefacts by digest, what is known of each, and what gates said of them.

    Nothing that it holds is ever changed or taken away. Reading anything raises CorruptState where it is not what was
    put there, StorageError or BackendUnavailable where it cannot be read.
    """

    def put(self, artefact: Artefact, lineage: Lineage) -> str:
        """Keep an artefact, whole or not at all, and answer its digest. What was there already stays as it is."""
        ...

    def get(self, digest: str) -> Artefact:
        """The artefact of a digest. Raises ConfigError where there is none."""
        ...

    def holds(self, digest: str) -> bool:
        """Whether there is an artefact of a digest."""
        ...

    def version(self, digest: str) -> ModelVersion:
        """What is known of an artefact. Raises ConfigError where there is none."""
        ...

    def versions(self) -> Sequence[ModelVersion]:
        """All of them, in the order in which they were put there."""
        ...

    def judge(self, digest: str, report: Mapping[str, Any]) -> GateRecord:
        """Keep what a gate said of an artefact; the same report once. Raises ConfigError where there is no artefact."""
        ...

    def gates(self, digest: str) -> Sequence[GateRecord]:
        """What gates said of an artefact, the oldest first; none where none did."""
        ...
