"""Where services are: read from one file, overridden by the environment, and never a secret in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from forbear.adapters.kafka.cluster import Cluster, Security
from forbear.apps.services import Database, services_of
from forbear.domain.errors import ConfigError

FULL = """
[kafka]
bootstrap = "broker-1:9093,broker-2:9093"
replication = 3
protocol = "SASL_SSL"
user = "forbear"
password_file = "kafka.password"
ca_file = "ca.pem"

[store]
url = "postgresql://forbear@db-1/forbear"
replica = "postgresql://forbear@db-2/forbear"
password_env = "DB_PASSWORD"
"""


def home_with(folder: Path, text: str) -> Path:
    """A home whose services are these."""
    (folder / "services.toml").write_text(text, encoding="utf-8")
    (folder / "kafka.password").write_text("from the file\n", encoding="utf-8")
    return folder


def test_the_file_says_where_everything_is(tmp_path: Path) -> None:
    """Paths begin beside the file; passwords are read from where it says, and shown nowhere."""
    found = services_of(home_with(tmp_path, FULL), {"DB_PASSWORD": "from there"})

    security = Security(user="forbear", password="from the file", ca_file=tmp_path / "ca.pem")
    assert found.cluster == Cluster("broker-1:9093,broker-2:9093", replication=3, security=security)
    urls = {"url": "postgresql://forbear@db-1/forbear", "replica": "postgresql://forbear@db-2/forbear"}
    assert found.database == Database(**urls, password="from there")
    assert "from the" not in repr(found)


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """Each place and each password may be given from outside, a password by a file too."""
    (tmp_path / "other").write_text("other", encoding="utf-8")
    given = {
        "FORBEAR_KAFKA": "elsewhere:9092",
        "FORBEAR_KAFKA_PASSWORD": "given",
        "FORBEAR_STORE": "postgresql://x@y/z",
        "FORBEAR_STORE_PASSWORD_FILE": str(tmp_path / "other"),
    }
    found = services_of(home_with(tmp_path, FULL), given)

    assert (found.cluster.bootstrap, found.database.url) == ("elsewhere:9092", "postgresql://x@y/z")
    assert found.cluster.security is not None
    assert (found.cluster.security.password, found.database.password) == ("given", "other")


def test_without_a_file_the_environment_is_enough(tmp_path: Path) -> None:
    """An open cluster needs its address and nothing else; what nobody named says what to set."""
    found = services_of(tmp_path / "no-home", {"FORBEAR_KAFKA": "localhost:9092"})

    assert found.cluster == Cluster("localhost:9092")
    with pytest.raises(ConfigError, match="FORBEAR_STORE"):
        _ = found.database
    with pytest.raises(ConfigError, match="FORBEAR_KAFKA"):
        _ = services_of(tmp_path, {}).cluster


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[kafka]\nbootstraps = 'x'", "the keys are: bootstrap, replication"),
        ("[kafka]\npassword = 'x'", "a password does not stand in the file"),
        ("[kafak]\nbootstrap = 'x'", "the keys are: kafka, store"),
        ("[store]\nurl = 'postgresql://a:secret@b/c'", "password in a URL"),
        ("[kafka]\nbootstrap = 'x'\nreplication = 0", "replication"),
        ("[kafka]\nbootstrap = 'x'\nprotocol = 'TLS'", "TLS"),
        ("[kafka]\nbootstrap = 'x'\nprotocol = 'SASL_SSL'", "needs a user and a password"),
        ("[kafka]\nbootstrap = 'x'\nuser = 'u'", "PLAINTEXT asks for no user"),
        ("[kafka]\nbootstrap = 'x'\npassword_env = 'NOT_SET'", "the environment has no NOT_SET"),
        ("[kafka]\nbootstrap = 'x'\npassword_file = 'nowhere'", "holds no password"),
        ("[kafka", "is no TOML"),
    ],
)
def test_what_cannot_be_is_refused_with_its_mend(tmp_path: Path, text: str, said: str) -> None:
    """A wrong key, a secret in the wrong place or half a setting stops everything, and no message shows a secret."""
    with pytest.raises(ConfigError) as refused:
        services_of(home_with(tmp_path, text), {})
    assert said in str(refused.value)
    assert "secret@" not in str(refused.value)


def test_a_file_that_was_asked_for_must_be_there(tmp_path: Path) -> None:
    """FORBEAR_SERVICES names a file, and none is made up in its place."""
    with pytest.raises(ConfigError, match="FORBEAR_SERVICES"):
        services_of(tmp_path, {"FORBEAR_SERVICES": str(tmp_path / "nowhere.toml")})
