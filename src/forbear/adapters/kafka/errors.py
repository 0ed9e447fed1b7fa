"""What the errors of Kafka's driver mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException

from forbear.domain.errors import (
    BackendUnavailable,
    ConfigError,
    ConflictError,
    CorruptState,
    ForbearError,
    StorageError,
)

APPLY = "run `forbear topics apply`"
_MEANS: dict[type[ForbearError], tuple[tuple[int, ...], str]] = {
    ConfigError: (
        (
            KafkaError._AUTHENTICATION,
            KafkaError._SSL,
            KafkaError._INVALID_ARG,
            KafkaError._NOT_CONFIGURED,
            KafkaError.SASL_AUTHENTICATION_FAILED,
            KafkaError.UNSUPPORTED_SASL_MECHANISM,
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.GROUP_AUTHORIZATION_FAILED,
            KafkaError.CLUSTER_AUTHORIZATION_FAILED,
            KafkaError.INVALID_REPLICATION_FACTOR,
            KafkaError.INVALID_CONFIG,
            KafkaError.INVALID_SESSION_TIMEOUT,
            KafkaError.POLICY_VIOLATION,
            KafkaError.UNSUPPORTED_VERSION,
        ),
        "check the address, the security and the rights of this user in the settings of Kafka",
    ),
    ConflictError: (
        (
            KafkaError.ILLEGAL_GENERATION,
            KafkaError.UNKNOWN_MEMBER_ID,
            KafkaError.REBALANCE_IN_PROGRESS,
            KafkaError.FENCED_INSTANCE_ID,
            KafkaError.STALE_MEMBER_EPOCH,
            KafkaError._ASSIGNMENT_LOST,
            KafkaError._FENCED,
        ),
        "",
    ),
    CorruptState: (
        (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE),
        "the topic has let go of it: what is older is in the archive",
    ),
    StorageError: (
        (
            KafkaError.KAFKA_STORAGE_ERROR,
            KafkaError.MSG_SIZE_TOO_LARGE,
            KafkaError.RECORD_LIST_TOO_LARGE,
            KafkaError.INVALID_RECORD,
            KafkaError._BAD_MSG,
        ),
        "",
    ),
}
_WITHOUT_LEADER = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
_MISSING = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION)


def meaning(error: KafkaError, doing: str) -> ForbearError:
    """The error of ours that says who must act: BackendUnavailable unless it is known to be another."""
    said = f"{doing}: Kafka says {error.name()}: {error.str()}"
    if error.code() in _MISSING:
        return ConfigError(said, mend=APPLY)
    for kind, (codes, mend) in _MEANS.items():
        if error.code() in codes:
            return kind(said, mend=mend)
    return BackendUnavailable(said)


@contextmanager
def kafka_errors(doing: str, told: Callable[[], None] | None = None) -> Iterator[None]:
    """Raise what the driver raises as an error of ours, chained. doing: "cannot ...".

    told: raises what the client has complained of meanwhile, if that says more than its silence.
    """
    try:
        yield
    except KafkaException as error:
        if told is not None:
            told()
        found = error.args[0]
        if not isinstance(found, KafkaError):
            raise BackendUnavailable(f"{doing}: {found}") from error
        raise meaning(found, doing) from error


def is_without_leader(error: ForbearError) -> bool:
    """Whether an error of ours only says that brokers are choosing who leads a partition."""
    return _code_of(error) in _WITHOUT_LEADER


def says_missing(error: ForbearError) -> bool:
    """Whether an error of ours says that a topic, or a partition of it, is not there."""
    return _code_of(error) in _MISSING


def _code_of(error: ForbearError) -> int | None:
    """The code of what the driver said before an error of ours."""
    cause = error.__cause__
    found = cause.args[0] if isinstance(cause, KafkaException) else None
    return found.code() if isinstance(found, KafkaError) else None


_HOLDS_SECONDS = 5.0
MADE_SECONDS = 5.0
"""A topic that is missing for so long was never made: a broker that comes back may know none for a moment."""


def is_missing(error: KafkaError) -> bool:
    """Whether an error says that a topic, or a partition of it, is not there."""
    return error.code() in _MISSING


class Complaints:
    """What a client complains of while it works on by itself; its `error_cb`."""

    def __init__(self) -> None:
        self._last: tuple[KafkaError, float] | None = None
        self._wrong: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take one down."""
        self._last = error, monotonic()
        if isinstance(meaning(error, ""), ConfigError):
            self._wrong = error

    @property
    def now(self) -> str:
        """The last complaint, if it is so young that it still holds: while nobody answers there is one every second."""
        if self._last is None or monotonic() - self._last[1] > _HOLDS_SECONDS:
            return ""
        return self._last[0].str()

    def settled(self) -> None:
        """Nothing is to be complained of any more."""
        self._last = None

    def raise_config(self, doing: str) -> None:
        """Raise what the client tries again for ever, and only the operator can mend."""
        wrong, self._wrong = self._wrong, None
        if wrong is not None:
            raise meaning(wrong, doing)


class Polled(Protocol):
    """A client of the driver."""

    def poll(self, timeout: float = -1) -> object:
        """Have its callbacks called."""
        ...


def heard(client: Polled, complaints: Complaints, doing: str) -> Callable[[], None]:
    """What `kafka_errors` takes for `told`: have the client tell its complaints, and raise what is the operator's."""

    def tell() -> None:
        client.poll(0)
        complaints.raise_config(doing)

    return tell
