"""Where a Kafka cluster is, and how one gets in. Settings name it so, whether or not the driver is installed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

Place: TypeAlias = tuple[str, int]
"""A topic and the number of one of its partitions."""
Encryption: TypeAlias = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism: TypeAlias = Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """How a client proves who it is, and knows whom it talks to.

    protocol: SSL encrypts, SASL asks for user and password.  ca_file: certificates of the authorities that the
    brokers' are checked against, None for the system's.  certificate_file, key_file: the client's own, in PEM.
    Neither password is shown when this is printed.
    """

    protocol: Encryption = "SASL_SSL"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: str = field(default="", repr=False)

    def options(self) -> dict[str, str]:
        """The same in librdkafka's words."""
        given: dict[str, str] = {"security.protocol": self.protocol}
        if self.protocol.startswith("SASL"):
            given |= {"sasl.mechanism": self.mechanism, "sasl.username": self.user, "sasl.password": self.password}
        if self.protocol.endswith("SSL"):
            files = {
                "ssl.ca.location": self.ca_file,
                "ssl.certificate.location": self.certificate_file,
                "ssl.key.location": self.key_file,
            }
            given |= {name: str(path) for name, path in files.items() if path is not None}
            given |= {"ssl.key.password": self.key_password} if self.key_password else {}
        return given


@dataclass(frozen=True, slots=True)
class Cluster:
    """A Kafka cluster.

    bootstrap: host:port of one broker or more, by commas.  replication: copies of each partition, [1, brokers].
    security: None for an open cluster.  patience_seconds: for how long an answer is waited for.  session_seconds:
    a member of a consumer group that is silent for so long is taken for dead; the brokers bound it (6 by default).
    """

    bootstrap: str
    _: KW_ONLY
    replication: int = 1
    security: Security | None = None
    patience_seconds: float = 30.0
    session_seconds: float = 10.0

    def options(self) -> dict[str, Any]:
        """What every client of it is configured with, in librdkafka's words."""
        return {
            "bootstrap.servers": self.bootstrap,
            "client.id": "forbear",
            # What a client complains of comes out as an error of ours; on stderr it would only stand in the way.
            "log_level": 0,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1_000,
            **({} if self.security is None else self.security.options()),
        }


def places_of(places: Iterable[Place]) -> str:
    """Places for a sentence."""
    return ", ".join(f"{topic}/{partition}" for topic, partition in sorted(places))
