"""Laws of every Outreach. Subclass OutreachContract in a test file and define its methods. Needs pytest, hypothesis."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forbear.engine.outreach import Absent, Message, Outreach, Refused, Sent, Unknown

_LAW = settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
_NUMBERS = count()
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@dataclass(frozen=True)
class Rig:
    """A provider and its real server. to: an address that it takes.  delivered: how often a key reached a person."""

    provider: Outreach
    to: str
    delivered: Callable[[str], int]


def message(to: str, *, key: str = "", subject: str = "Help", text: str = "We can help.") -> Message:
    """A message; without a key, one that no other has."""
    return Message(
        key=key or f"send-{next(_NUMBERS)}",
        intervention_id="i" * 32,
        channel="email",
        to=to,
        subject=subject,
        text=text,
        language="en",
        template="help_page@1",
    )


class OutreachContract:
    """What holds of a provider, whatever carries its messages."""

    def make(self) -> Rig:
        """A provider whose server takes everything."""
        raise NotImplementedError

    def gone(self) -> Outreach | None:
        """One whose server is not there; None where there is no server that could be gone."""
        raise NotImplementedError

    def test_a_message_is_delivered(self) -> None:
        """What was handed over is delivered once, and the answer says that it was sent."""
        rig = self.make()
        one = message(rig.to)

        assert isinstance(rig.provider.send(one), Sent)
        assert rig.delivered(one.key) == 1

    def test_a_key_is_delivered_once(self) -> None:
        """Who can be asked takes a repeated key, and delivers nothing more."""
        rig = self.make()
        one = message(rig.to)
        answers = [rig.provider.send(one), rig.provider.send(one)]

        if rig.provider.reconciles:
            assert all(isinstance(answer, Sent) for answer in answers)
            assert rig.delivered(one.key) == 1

    def test_it_tells_what_became_of_a_key(self) -> None:
        """Absent before, Sent after; who cannot be asked says Unknown both times."""
        rig = self.make()
        one = message(rig.to)
        before = rig.provider.look_up(one.key)
        rig.provider.send(one)
        after = rig.provider.look_up(one.key)

        if rig.provider.reconciles:
            assert isinstance(before, Absent)
            assert isinstance(after, Sent)
        else:
            assert isinstance(before, Unknown)
            assert isinstance(after, Unknown)

    @_LAW
    @given(subject=_TEXTS, text=_TEXTS)
    @example(subject="two\r\nBcc: other@example.org", text=".\r\n.\r\nQUIT\r\n")
    @example(subject="", text="")
    @example(subject="\x00\x7f", text="Grüße 🙂 \u2028")
    def test_any_text_is_carried(self, subject: str, text: str) -> None:
        """Whatever subject and text hold, one message is delivered and nothing raises."""
        rig = self.make()
        one = message(rig.to, subject=subject, text=f"We can help. {text}")
        answer = rig.provider.send(one)

        assert isinstance(answer, Sent), answer
        assert rig.delivered(one.key) == 1

    @_LAW
    @given(to=_TEXTS)
    @example(to="a@b.example\r\nRCPT TO:<other@example.org>")
    @example(to="a@b.example>, <c@d.example")
    @example(to="")
    @example(to="?overflow=split&to=other")
    def test_no_address_breaks_out(self, to: str) -> None:
        """An address that is none is refused for good, or is the provider's own affair; nothing raises."""
        rig = self.make()
        one = message(to)
        answer = rig.provider.send(one)

        assert isinstance(answer, Sent | Refused | Unknown)
        assert rig.delivered(one.key) == isinstance(answer, Sent)

    @_LAW
    @given(key=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=64))
    @example(key="../../other")
    @example(key="a..b")
    @example(key="%2e%2e%2f")
    @example(key="a/b?c#d")
    def test_any_key_is_kept(self, key: str) -> None:
        """Keys are visible ASCII; each names its own sending, however it is written in a header or a path."""
        rig = self.make()
        assert isinstance(rig.provider.send(message(rig.to, key=key)), Sent)

        assert rig.delivered(key) >= 1
        assert isinstance(rig.provider.look_up(key), Sent if rig.provider.reconciles else Unknown)

    def test_nobody_there_is_a_refusal(self) -> None:
        """A server that is not there has sent nothing: it may be tried again."""
        provider = self.gone()
        if provider is None:
            return

        assert isinstance(answer := provider.send(message(self.make().to)), Refused), answer
        assert not answer.lasting
        assert isinstance(provider.look_up("send"), Unknown)

    def test_many_threads_may_call(self) -> None:
        """What several threads hand over is delivered once each."""
        rig = self.make()
        messages = [message(rig.to) for _ in range(16)]
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(rig.provider.send, messages))

        assert all(isinstance(answer, Sent) for answer in answers)
        assert [rig.delivered(one.key) for one in messages] == [1] * 16

    def test_nothing_personal_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        """Neither logs nor answers nor the provider's repr hold an address or a text, when it goes wrong either."""
        rig = self.make()
        with caplog.at_level(logging.DEBUG):
            told = [repr(rig.provider)]
            for provider in (rig.provider, self.gone()):
                if provider is None:
                    continue
                for to in (rig.to, f"broken {rig.to}"):
                    one = message(to, subject="private-subject", text="private-text")
                    told += [repr(provider.send(one)), repr(provider.look_up(one.key))]

        told += [record.getMessage() for record in caplog.records]
        assert not [text for text in told if "private-" in text or rig.to in text]
