"""The one that writes to Kafka: idempotent, in order, confirmed by every copy, with a bounded queue."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import TypeAlias

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.errors import MADE_SECONDS, Complaints, heard, kafka_errors, meaning
from forbear.adapters.kafka.topics import HEADER_BYTES, MOST_BYTES
from forbear.domain.errors import BackendUnavailable, ForbearError

Headers: TypeAlias = Sequence[tuple[str, bytes]]

_QUEUED_KBYTES, _QUEUED_MESSAGES = 64 << 10, 100_000
_LINGER_MS = 2
_MADE_MS = round(1_000 * MADE_SECONDS)
_WAIT_SECONDS, _SERVED_EVERY = 0.05, 500


class Publisher:
    """Sends messages to any topic. A key's messages arrive in the order sent, each once, or `flush` raises.

    After the first failure it is dead: what stood behind a message that failed may have arrived or not, so the next
    one begins where its owner knows that all is well. Raises ConfigError for settings that cannot be,
    BackendUnavailable if nobody answers.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._patience = cluster.patience_seconds
        self._error: KafkaError | None = None
        self._failed: ForbearError | None = None
        self._sent = 0
        options = {
            **cluster.options(),
            "enable.idempotence": True,
            # A message that cannot be written stops the producer, so that none behind it arrives without it.
            "enable.gapless.guarantee": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": _LINGER_MS,
            "topic.metadata.propagation.max.ms": _MADE_MS,
            "message.max.bytes": MOST_BYTES + HEADER_BYTES,
            # None is given up by itself, for one that was sent later might still arrive: `flush` ends the waiting.
            "message.timeout.ms": 0,
            "queue.buffering.max.kbytes": _QUEUED_KBYTES,
            "queue.buffering.max.messages": _QUEUED_MESSAGES,
            "delivery.report.only.error": True,
            "on_delivery": self._delivered,
        }
        doing, complaints = "cannot write to Kafka", Complaints()
        with kafka_errors(doing):
            self._producer = Producer({**options, "error_cb": complaints})
        with kafka_errors(doing, heard(self._producer, complaints, doing)):
            # Until it is connected it asks for its number only twice a second, and sends nothing before it has one.
            self._producer.list_topics(timeout=self._patience)

    def send(
        self, topic: str, key: bytes | None, value: bytes | None, *, partition: int | None = None, headers: Headers = ()
    ) -> None:
        """Queue a message; where the queue is full, wait until there is room.

        value: None is a tombstone.  partition: None for that of the key. Raises what a message sent before failed
        with, BackendUnavailable if there is no room in time.
        """
        self._sent += 1
        if self._sent % _SERVED_EVERY == 0:
            self._serve(0)
        number = -1 if partition is None else partition
        give_up = None
        while True:
            self._raise_failed()
            try:
                with kafka_errors(f"cannot write to {topic}"):
                    self._producer.produce(topic, value, key, number, headers=list(headers) or None)
            except BufferError:
                give_up = give_up or monotonic() + self._patience
                if monotonic() > give_up:
                    self._failed = BackendUnavailable("Kafka takes nothing more, and the queue is full")
                self._serve(_WAIT_SECONDS)
            except ForbearError as error:
                self._failed = error
                raise
            else:
                return

    def flush(self) -> None:
        """Everything sent so far is on every copy that is in step, when it returns.

        Raises BackendUnavailable if nobody answered in time, StorageError or ConfigError if the brokers refused.
        """
        self._raise_failed()
        left = self._serve(self._patience, all_of_it=True)
        if left and self._error is None:
            self._failed = BackendUnavailable(f"{left} messages were not confirmed by Kafka in time")
        self._raise_failed()

    def close(self) -> None:
        """Let go of the connections. What was not flushed may or may not arrive."""
        self._producer.purge()
        self._serve(0, all_of_it=True)
        with suppress(KafkaException):  # what was purged is a gap, which `flush` has told of if it was asked
            self._producer.close()

    # ---- inside

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        # As little as can be: beside a fatal error the driver calls this with that error already raised.
        if error is not None and self._error is None:
            self._error = error

    def _serve(self, seconds: float, *, all_of_it: bool = False) -> int:
        """Let the driver tell what it could not deliver, until the time is over or everything is; what is left."""
        try:
            return self._producer.flush(seconds) if all_of_it else self._producer.poll(seconds)
        except (KafkaException, SystemError) as raised:
            fatal = raised if isinstance(raised, KafkaException) else raised.__context__
            if self._error is None and isinstance(fatal, KafkaException):
                self._error = fatal.args[0]
            return 0

    def _raise_failed(self) -> None:
        if self._failed is None and self._error is not None:
            self._failed = meaning(self._error, "cannot write to Kafka")
        if self._failed is not None:
            raise self._failed
