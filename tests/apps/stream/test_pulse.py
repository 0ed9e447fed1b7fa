"""What a process says of itself: states, rates, life; the file of it, and the same over HTTP."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.stream.health import health
from forbear.apps.stream.pulse import RATE_SECONDS, Pulse, statuses, written
from forbear.domain.errors import ConfigError, StorageError
from forbear.testing.servers.starting import free_ports


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


def lines() -> tuple[list[tuple[str, dict[str, object]]], Callable[..., None]]:
    """A journal, as pairs of what happened and its facts."""
    kept: list[tuple[str, dict[str, object]]] = []
    return kept, lambda what, **facts: kept.append((what, facts))


# ---- states


def test_only_a_running_process_is_ready() -> None:
    """On its way, waiting and stopping it is not; the reason goes when it runs."""
    pulse = Pulse("scorer-1")
    ready = {}
    for state in ("starting", "restoring", "catching up", "waiting", "stopping", "running"):
        pulse.state(state, "of something")  # type: ignore[arg-type]
        ready[state] = pulse.ready

    assert [state for state, well in ready.items() if well] == ["running"]
    assert (pulse.snapshot()["state"], pulse.snapshot()["why"]) == ("running", "")


def test_changes_are_noted_and_repetitions_are_not() -> None:
    """The journal has a line for each change of state and of a breaker, however often a loop repeats it."""
    kept, write = lines()
    pulse = Pulse("scorer-1", write)
    for _ in range(3):
        pulse.state("running")
        pulse.breaker("Kafka", "closed")
    pulse.breaker("Kafka", "open")

    assert [what for what, _ in kept] == ["state", "breaker"]
    assert kept[1][1] == {"system": "Kafka", "state": "open"}


def test_waiting_for_a_system_hides_what_it_did() -> None:
    """While a system does not answer the process waits for it, whatever its loop does; then all is as before."""
    kept, write = lines()
    pulse = Pulse("intervenor-1", write)
    pulse.state("running")
    for _ in range(5):
        pulse.waits("store", 2.0)
        pulse.state("running")
    waiting = pulse.snapshot()
    pulse.waits("Kafka", 1.0)
    both = pulse.snapshot()["why"]
    pulse.answers("Kafka")
    pulse.answers("store")

    assert (waiting["state"], waiting["why"], waiting["ready"], both) == ("waiting", "store", False, "Kafka, store")
    assert pulse.ready
    assert [what for what, _ in kept] == ["state", "waits", "waits", "answers", "answers"]


def test_an_end_is_seen_while_a_system_is_gone() -> None:
    """Who stops, or has failed, says so, and not that it waits."""
    pulse = Pulse("intervenor-1")
    pulse.waits("store", 2.0)
    pulse.state("stopping")

    assert pulse.snapshot()["state"] == "stopping"


@given(within=st.floats(0.1, 100), wait=st.floats(0, 1_000))
def test_a_process_lives_while_it_comes_round_or_knows_why_not(within: float, wait: float) -> None:
    """It is alive for a while behind its last progress, and for as long behind a wait whose end it knows."""
    clock = Clock()
    pulse = Pulse("scorer-1", seconds=clock)
    clock.now += 7.0
    pulse.progressed()
    alive = {}
    pulse.waits("Kafka", wait)
    for name, passed in (("in the wait", wait / 2), ("just behind it", wait + within * 0.99)):
        clock.now = 57.0 + passed
        alive[name] = pulse.alive(within)
    clock.now = 57.0 + wait + within * 1.01 + 0.001

    assert alive == {"in the wait": True, "just behind it": True}
    assert not pulse.alive(within)
    pulse.answers("Kafka")
    assert pulse.alive(within)


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.integers(0, 500)), max_size=60))
def test_the_rate_is_that_of_the_last_seconds(steps: list[tuple[float, int]]) -> None:
    """It lies between what came in the last ten seconds and in the last twelve, divided by ten."""
    clock = Clock()
    pulse = Pulse("scorer-1", seconds=clock)
    clock.now += 100.0
    came: list[tuple[float, int]] = []
    for wait, many in steps:
        clock.now += wait
        pulse.count("events", many)
        came.append((clock.now, many))
    told = pulse.snapshot()
    least, most = (sum(n for at, n in came if at > clock.now - RATE_SECONDS - more) / RATE_SECONDS for more in (0, 2))

    assert least - 0.1 <= told["events_per_s"] <= most + 0.1
    assert told["counters"].get("events", 0) == sum(many for _, many in steps)


def test_threads_lose_no_count() -> None:
    """What many threads count at once is all there."""
    pulse = Pulse("sink-1")

    def count_up() -> None:
        for _ in range(2_000):
            pulse.count("messages")

    threads = [Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pulse.snapshot()["counters"] == {"messages": 8_000}


# ---- the file


def test_the_file_follows_and_goes(tmp_path: Path, until: Callable[[Callable[[], object]], None]) -> None:
    """It is there at once, whole at every look, tells a change of state soon, and is gone after a clean end."""
    pulse = Pulse("router-1")
    with written(pulse, tmp_path, every_seconds=0.001):
        first = statuses(tmp_path)["router-1"]
        pulse.state("running")
        pulse.gauge("lag", {"0": 3, "1": 4})
        until(lambda: statuses(tmp_path)["router-1"]["gauges"])
        told = statuses(tmp_path)["router-1"]
    assert (first["state"], told["state"], told["gauges"]) == ("starting", "running", {"lag": {"0": 3, "1": 4}})
    assert list(tmp_path.iterdir()) == []


def test_a_change_is_written_without_waiting(tmp_path: Path, until: Callable[[Callable[[], object]], None]) -> None:
    """Between two writings by the clock a change of state is written at once."""
    pulse = Pulse("router-1")
    with written(pulse, tmp_path, every_seconds=3_600):
        pulse.state("running")
        until(lambda: statuses(tmp_path)["router-1"]["ready"])


def test_a_failure_stays_to_be_seen(tmp_path: Path) -> None:
    """A process that ends by an error leaves its last words."""
    with pytest.raises(StorageError), written(Pulse("sink-1"), tmp_path):
        raise StorageError("full")

    told = statuses(tmp_path)["sink-1"]
    assert (told["state"], told["why"]) == ("failed", "StorageError")


def test_a_full_disk_keeps_the_newest_that_fitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is left, and the process goes on; at the start it is refused."""
    pulse = Pulse("sink-1")

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        with pytest.raises(StorageError):
            written(pulse, tmp_path).__enter__()
    with written(pulse, tmp_path, every_seconds=0.001), monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        pulse.state("running")
        assert statuses(tmp_path)["sink-1"]["worker"] == "sink-1"
    assert statuses(tmp_path) == {}


def test_what_is_no_status_is_left_out(tmp_path: Path) -> None:
    """A file that is cut short is nobody's status."""
    (tmp_path / "one.json").write_text('{"worker": "on')
    assert statuses(tmp_path) == {}


# ---- over HTTP


def get(port: int, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_health_is_told_at_three_paths(tmp_path: Path) -> None:
    """Live follows progress, ready the state; status is the snapshot."""
    clock, port = Clock(), free_ports(1)[0]
    pulse = Pulse("scorer-1", seconds=clock)
    with health(pulse, port, alive_seconds=60.0):
        first = [get(port, path)[0] for path in ("/live", "/ready")]
        pulse.state("running")
        second = [get(port, path)[0] for path in ("/live", "/ready")]
        clock.now += 61.0
        third = [get(port, path)[0] for path in ("/live", "/ready")]
        status, body = get(port, "/status")

    assert (first, second, third, status) == ([200, 503], [200, 200], [503, 200], 200)
    assert msgspec.json.decode(body)["worker"] == "scorer-1"


@pytest.mark.parametrize("path", ["/", "/status/", "/live?x=1", "/../status", "/etc/passwd", "/%6cive"])
def test_there_is_nothing_else(path: str) -> None:
    """Any other path, and any other method, is refused."""
    port = free_ports(1)[0]
    with health(Pulse("scorer-1"), port):
        assert get(port, path)[0] == 404
        assert get(port, "/live", "POST")[0] == 501


def test_who_says_nothing_keeps_nobody_out(until: Callable[[Callable[[], object]], None]) -> None:
    """Connections beyond the few that are answered at once are closed; when the silent ones go there is room again."""
    port = free_ports(1)[0]
    with health(Pulse("scorer-1"), port):
        silent = [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(20)]
        turned_away = sum(_closed(one) for one in silent[8:])
        for one in silent:
            one.close()
        until(lambda: _tried(port) == 200)

    assert turned_away == 12


def _closed(one: socket.socket) -> bool:
    try:
        return one.recv(1) == b""
    except ConnectionResetError:
        return True


def _tried(port: int) -> int:
    try:
        return get(port, "/live")[0]
    except (OSError, http.client.HTTPException):
        return 0


def test_it_answers_on_this_machine_only() -> None:
    """The port is bound to the loopback address; port 0 is none at all; one that is taken is the operator's to mend."""
    port = free_ports(1)[0]
    with health(Pulse("scorer-1"), port):
        with pytest.raises(ConfigError, match="port"), health(Pulse("scorer-2"), port):
            pass
        with closing(socket.socket()) as other, pytest.raises(OSError):
            other.connect(("127.0.0.2", port))
    with health(Pulse("scorer-1"), 0), pytest.raises(OSError):
        get(port, "/live")
