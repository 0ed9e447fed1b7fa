"""Dry run, rate limits and breakers, with a clock that the tests turn."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.adapters.outreach.breaker import LEFT_ALONE, Guarded
from forbear.adapters.outreach.dry_run import DryRun
from forbear.adapters.outreach.limits import LIMITED, Limited
from forbear.adapters.patience import Breaker, Manner, Time
from forbear.domain.errors import ConfigError, StorageError
from forbear.engine.outreach import Absent, Delivery, Message, Outreach, Refused, Sent, Unknown
from forbear.testing.outreach_contract import OutreachContract, Rig, message

TO = "ada.lovelace@example.org"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """What it shows."""
        return self.now


class Answers:
    """A provider that answers as it is told, and counts."""

    name = "answers"
    reconciles = False

    def __init__(self, *answers: Delivery) -> None:
        self.answers, self.asked = list(answers), 0

    def send(self, _message: Message) -> Delivery:
        """The next answer, Sent at the end."""
        self.asked += 1
        return self.answers.pop(0) if self.answers else Sent()

    def look_up(self, _key: str) -> Delivery | Absent:
        """Nobody knows."""
        return Unknown("nobody knows")


def breaker(clock: Clock, failures: int = 3) -> Breaker:
    """One that opens for ten seconds."""
    return Breaker("sms", manner=Manner(failures=failures, open_seconds=10.0), world=Time(seconds=clock))


class TestDryRun(OutreachContract):
    """The laws of every provider."""

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.path = tmp_path / "outreach" / "dry-run.jsonl"
        self.provider = DryRun(self.path)

    def make(self) -> Rig:
        """One file for the test; what is in it is read anew, as another process would."""
        return Rig(self.provider, TO, lambda key: int(isinstance(DryRun(self.path).look_up(key), Sent)))

    def gone(self) -> Outreach | None:
        """There is no server."""
        return None

    def test_no_address_breaks_out(self) -> None:
        """Nobody is reached, so every address will do, and none is written down."""
        self.provider.send(message("\r\nanything"))

        assert "anything" not in self.path.read_text()


class TestGuarded(TestDryRun):
    """A provider behind a breaker and a limit keeps the laws of the provider."""

    def make(self) -> Rig:
        """Nothing is limited and nothing fails."""
        rig = super().make()
        return Rig(Guarded(Limited(rig.provider, 10_000, 1.0), Breaker("sms")), rig.to, rig.delivered)


def test_a_dry_run_goes_on_after_a_crash(tmp_path: Path) -> None:
    """A line that was cut short is none; those before it are known in the next process, and are not written twice."""
    path = tmp_path / "dry-run.jsonl"
    first = DryRun(path)
    for key in ("a", "b"):
        first.send(message(TO, key=key))
    path.write_text(path.read_text() + '{"key": "c"')

    again = DryRun(path)
    again.send(message(TO, key="a"))
    assert again.count == 2
    assert isinstance(again.look_up("c"), Absent)
    assert path.read_text().count('"a"') == 1


def test_a_dry_run_that_cannot_write_says_so(tmp_path: Path) -> None:
    """An error of the disk is the operator's, and is not called an answer of a provider."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        DryRun(tmp_path / "file" / "dry-run.jsonl").send(message(TO))


@given(
    count=st.integers(1, 20),
    per_seconds=st.sampled_from([1.0, 10.0, 60.0]),
    steps=st.lists(st.floats(0.0, 30.0), max_size=80),
)
def test_no_window_has_more_than_twice_its_share(count: int, per_seconds: float, steps: list[float]) -> None:
    """In any window of the limit's length no more pass than a full bucket and what flows in: twice the count."""
    clock, passed = Clock(), []
    limited = Limited(Answers(), count, per_seconds, clock)
    for step in steps:
        clock.now += step
        passed += [clock.now for _ in range(4) if isinstance(limited.send(message(TO)), Sent)]

    assert all(sum(start <= at < start + per_seconds for at in passed) <= 2 * count for start in passed)


def test_what_is_over_the_limit_is_refused_for_now() -> None:
    """Nobody is asked, and it says for how long it will be so; a clock that is put back gives nothing away."""
    clock, provider = Clock(), Answers()
    limited = Limited(provider, 2, 10.0, clock)
    answers = [limited.send(message(TO)) for _ in range(3)]

    assert answers == [Sent(), Sent(), Refused(LIMITED, lasting=False)]
    assert provider.asked == 2
    assert limited.wait_seconds() == pytest.approx(5.0)
    clock.now -= 100.0
    assert isinstance(limited.send(message(TO)), Refused)
    clock.now += 105.0
    assert isinstance(limited.send(message(TO)), Sent)


def test_a_limit_lets_something_through() -> None:
    """A limit of none would hold every message for ever."""
    with pytest.raises(ConfigError):
        Limited(Answers(), 0, 1.0)


@pytest.mark.parametrize("failure", [Unknown("?"), Refused("later", lasting=False)])
def test_a_provider_that_fails_is_left_alone(failure: Delivery) -> None:
    """After three failures nobody asks it for ten seconds; then one message is a trial, and closes the breaker."""
    clock, provider = Clock(), Answers(failure, failure, failure, failure)
    guarded = Guarded(provider, breaker(clock))
    assert [guarded.send(message(TO)) for _ in range(3)] == [failure] * 3
    assert guarded.send(message(TO)) == Refused(LEFT_ALONE, lasting=False)
    assert provider.asked == 3

    clock.now += 10.0
    assert guarded.send(message(TO)) == failure
    assert guarded.send(message(TO)) == Refused(LEFT_ALONE, lasting=False)
    clock.now += 10.0
    assert [guarded.send(message(TO)) for _ in range(2)] == [Sent(), Sent()]


def test_what_is_refused_for_good_is_an_answer() -> None:
    """A hundred wrong numbers do not open a breaker."""
    provider = Answers(*[Refused("no such number", lasting=True)] * 100)
    guarded = Guarded(provider, breaker(Clock()))
    for _ in range(101):
        last = guarded.send(message(TO))

    assert last == Sent()
    assert provider.asked == 101


def test_one_call_at_a_time_is_the_trial() -> None:
    """While a trial is under way, others are refused; whoever was under way before it decides nothing."""
    clock = Clock()
    one = breaker(clock, failures=1)
    assert one.admits()
    one.heard(well=False)
    assert not one.admits()
    one.heard(well=True)  # of a call that had begun before
    assert not one.admits()

    clock.now += 10.0
    assert [one.admits(), one.admits()] == [True, False]
    one.heard(well=True)
    assert [one.admits(), one.admits()] == [True, True]
