"""A cluster that asks who is there: with the right password and authority one gets in, and else is told why not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from forbear.adapters.kafka.cluster import Cluster, Security
from forbear.adapters.kafka.member import Member
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import last_message
from forbear.adapters.kafka.topics import Topic, apply, difference
from forbear.domain.errors import ConfigError, ForbearError
from forbear.testing.servers.kafka import KafkaServer
from forbear.testing.servers.kafka_jars import kafka_jars

PASSWORD = "correct-horse"
TOPIC = Topic(name="guarded", partitions=1, kept=None, purpose="a test", key="")


@pytest.fixture(scope="module")
def guarded(kafka_server: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A broker of its own with SASL_SSL and SCRAM-SHA-512, and a certificate that nobody else has signed."""
    assert kafka_server.bootstrap  # where that one cannot be, neither can this: the tests are skipped by the same rule
    folder = tmp_path_factory.mktemp("tls")
    store, certificate = folder / "broker.p12", folder / "ca.pem"
    of_store = ("-alias", "broker", "-keystore", store, "-storepass", PASSWORD, "-storetype", "PKCS12")
    keytool = kafka_jars().keytool
    made = ("-keyalg", "EC", "-dname", "CN=127.0.0.1", "-ext", "SAN=ip:127.0.0.1", "-validity", "3")
    subprocess.run([keytool, "-genkeypair", *of_store, *made], check=True, capture_output=True)
    subprocess.run([keytool, "-exportcert", "-rfc", *of_store, "-file", certificate], check=True, capture_output=True)
    settings = {
        "listener.security.protocol.map": "INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.outside.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PKCS12",
        "ssl.keystore.location": str(store),
        "ssl.keystore.password": PASSWORD,
        "ssl.key.password": PASSWORD,
    }
    with KafkaServer(settings=settings, scram={"forbear": PASSWORD}) as server:
        security = Security(user="forbear", password=PASSWORD, ca_file=certificate)
        cluster = Cluster(server.bootstrap, security=security, patience_seconds=10.0)
        apply(cluster, [TOPIC])
        yield cluster


def test_the_right_password_gets_in(guarded: Cluster) -> None:
    """Topics, a publisher and a reader work as they do on an open cluster."""
    with closing(Publisher(guarded)) as publisher:
        publisher.send(TOPIC.name, b"k", b"v")
        publisher.flush()
    last = last_message(guarded, TOPIC.name, 0)

    assert difference(guarded, [TOPIC]) == []
    assert last is not None
    assert last.value() == b"v"


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"user": "nobody"}, {"ca_file": None}, {"protocol": "PLAINTEXT"}]
)
def test_whoever_is_wrong_does_not_get_in(guarded: Cluster, wrong: dict[str, object]) -> None:
    """A wrong password, user or authority, or no encryption: nothing works, and no error shows a password."""
    assert guarded.security is not None
    security = replace(guarded.security, **wrong)
    cluster = replace(guarded, security=security, patience_seconds=2.0)
    for asking in (lambda: difference(cluster, [TOPIC]), lambda: Publisher(cluster)):
        with pytest.raises(ForbearError) as refused:
            asking()
        assert isinstance(refused.value, ConfigError) or "protocol" in wrong
        assert PASSWORD not in f"{refused.value}{cluster!r}{refused.value.__cause__!r}"


def test_a_member_is_told_what_only_the_operator_can_mend(guarded: Cluster) -> None:
    """A client would try a wrong password for ever; its poll says so instead."""
    assert guarded.security is not None
    cluster = replace(guarded, security=replace(guarded.security, password="wrong"))
    with closing(Member(cluster, "g", [TOPIC.name])) as member:

        def work() -> None:
            for _ in range(600):
                member.poll(1, 0.1)

        with pytest.raises(ConfigError):
            work()
