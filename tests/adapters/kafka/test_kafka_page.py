"""docs/kafka.md says what the code does."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from forbear.adapters.kafka.topics import TOPICS, letters_of
from forbear.apps.services import KafkaSettings, Settings
from forbear.testing.servers.kafka_jars import KAFKA_VERSION

PROJECT = Path(__file__).parents[3]
PAGE = (PROJECT / "docs" / "kafka.md").read_text(encoding="utf-8")


def test_the_topics_are_those_of_the_page() -> None:
    """Each topic's row is what is made, and each one that is read has its dead-letter topic."""
    names = {topic.name for topic in TOPICS}
    for topic in TOPICS:
        if topic.name.endswith(".dlq"):
            continue
        kept = "for ever" if topic.kept is None else f"{topic.kept.days} d"
        cells = (
            f"`{topic.name}`",
            str(topic.partitions),
            f"{kept}{', compacted' * topic.compacted}",
            topic.key,
            topic.purpose,
            "yes" * topic.read,
        )
        assert f"| {' | '.join(cells)} |" in PAGE
        assert (letters_of(topic.name) in names) == topic.read


def test_the_settings_of_the_page_are_taken() -> None:
    """The example is read without a complaint, and shows every setting but the passwords of a key."""
    text = PAGE.partition("```toml\n")[2].partition("```")[0]
    settings = msgspec.convert(tomllib.loads(text), type=Settings)
    shown = {line.partition(" ")[0] for line in text.splitlines()}

    assert settings.kafka.replication == 3
    assert set(KafkaSettings.__struct_fields__) - shown == {"password_env", "key_password_file", "key_password_env"}


def test_compose_starts_the_broker_that_the_tests_run() -> None:
    """The same version, on this machine alone, and no secret in the file."""
    text = (PROJECT / "compose.yaml").read_text(encoding="utf-8")
    ports = [line for line in text.splitlines() if line.strip().startswith('- "') and ":" in line]

    assert f"image: apache/kafka:{KAFKA_VERSION}" in text
    assert len(ports) == 2
    assert all('"127.0.0.1:' in line for line in ports)
    assert "POSTGRES_PASSWORD: ${FORBEAR_STORE_PASSWORD:?" in text
