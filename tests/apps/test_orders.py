"""Instructions: one maker, and where they go."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import event_of
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import CONTROL, apply
from forbear.apps.home import Home
from forbear.apps.jobs.instructing import LogOfHome, Teller, instruct, outlet_of
from forbear.apps.jobs.orders import Order
from forbear.apps.stream.control import ControlTopic
from forbear.domain.errors import BackendUnavailable
from forbear.domain.events import Instructed
from forbear.domain.terms import Instruction
from forbear.testing.servers.kafka import KafkaServer

Cli = Callable[..., Any]
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
instants = st.integers(0, 10**9).map(lambda seconds: NOW + timedelta(seconds=seconds))
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
orders = st.builds(
    Order, instruction=st.just(Instruction.PROMOTE_MODEL), by=st.sampled_from(["a", "b"]), now=instants, value=digests
)


@given(orders, instants, st.integers())
def test_the_same_words_are_the_same_instruction(order: Order, received: datetime, about: int) -> None:
    """Made twice an event is the same; when somebody began to say it is no part of it."""
    later = replace(order, now=order.now + timedelta(days=1))
    assert order.event(received, about) == order.event(received, about) == later.event(received, about)
    assert order.event(received, about).received_at == received


@given(orders, orders, instants, st.integers(), st.integers())
def test_other_words_are_another(one: Order, other: Order, received: datetime, about: int, apart: int) -> None:
    """Who says it, what it names and what it is about tell instructions apart."""
    assume((one.by, one.value, about) != (other.by, other.value, apart))
    assert one.event(received, about).instruction_id != other.event(received, apart).instruction_id


def on_control(cluster: Cluster) -> list[tuple[int, Instructed]]:
    """The instructions of the control topic with their offsets."""
    with closing(Reader(cluster, CONTROL, 0)) as reader:
        found = [(message.offset() or 0, event_of(message.key(), message.value())) for message in forwards(reader)]
    return [(offset, event) for offset, event in found if isinstance(event, Instructed)]


def test_where_kafka_is_named_it_is_told(kafka_server: KafkaServer, cli: Cli, small: Path, tmp_path: Path) -> None:
    """Promotions and switches stand on the control topic in order, at the offsets told; the log stays as it is."""
    cluster = Cluster(kafka_server.bootstrap)
    apply(cluster)
    home = Home(Path(shutil.copytree(small, tmp_path / "home")))
    (home.folder / "services.toml").write_text(f'[kafka]\nbootstrap = "{kafka_server.bootstrap}"\n', encoding="utf-8")
    before, end = on_control(cluster), home.history.next_offset
    promoted = ("--model", "expert", "--policy", "shipped", "--by", "A. B.", "--json")

    told = cli("promote", *promoted, "--home", home.folder).document["told"]
    told.append(cli("outreach", "start", "--home", home.folder, "--json").document)

    fresh = on_control(cluster)[len(before) :]
    assert [(one["offset"], one["instruction"], one["value"]) for one in told] == [
        (offset, str(event.instruction), event.value or "") for offset, event in fresh
    ]
    names = ["promote_model", "promote_reasons", "promote_policy", "start_outreach"]
    assert [one["instruction"] for one in told] == names
    assert fresh[0][1].by == "A. B."
    assert (home.history.next_offset, (home.worker / "before.json").exists()) == (end, False)
    assert all((home.policies / f"{one['value']}.toml").exists() for one in told if one["instruction"] == names[2])


def test_where_nothing_is_named_the_log_is_told(small: Path, tmp_path: Path) -> None:
    """A home without services has its instructions beside its own log, and no driver is asked for."""
    home = Home(Path(shutil.copytree(small, tmp_path / "home")))
    outlet = outlet_of(home, {})
    assert isinstance(outlet, LogOfHome)
    assert isinstance(outlet_of(home, {"FORBEAR_KAFKA": "127.0.0.1:9"}), ControlTopic)

    told = instruct(Teller(home, "A. B.", NOW, outlet), Instruction.STOP_OUTREACH)

    [kept] = json.loads((home.worker / "before.json").read_bytes())
    assert (told.offset, kept["by"], kept["instruction"]) == (home.archive.next_offset, "A. B.", "stop_outreach")


def test_a_broker_that_is_gone_is_no_success() -> None:
    """What nobody confirmed was not told."""
    outlet = ControlTopic(Cluster("127.0.0.1:9", patience_seconds=1.0))
    with pytest.raises(BackendUnavailable):
        outlet.tell(Order(instruction=Instruction.STOP_OUTREACH, by="a", now=NOW))
