"""The wire of the feed: strict about what is sent, patient with what is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from forbear.client.feed import Live
from forbear.client.feed_models import Alert, Frame, Hello, Kind, Reason, Wanted

ALERT = {
    "kind": "alert",
    "cursor": "1~d.1.0.0",
    "what": "most_urgent_band",
    "partition": 0,
    "offset": 3,
    "ordinal": 0,
    "as_of": "2026-03-01T12:00:00Z",
    "day": "2026-03-01",
    "pd": 0.9,
    "band": "critical",
}


def test_a_later_server_is_understood() -> None:
    """Fields that this version does not know are passed over in what is told."""
    frame = Frame.model_validate({"cursor": "1", "messages": [{**ALERT, "mood": "grave"}], "weather": "fair"})
    (message,) = frame.messages
    assert isinstance(message, Alert)
    assert (message.pd, message.customer_id) == (0.9, None)


@pytest.mark.parametrize("said", [{"wanted": {"colour": "red"}}, {"colour": "red"}, {"wanted": {"customers": [""]}}])
def test_what_is_sent_is_known(said: dict[str, object]) -> None:
    """A field that nobody knows, or a value that none can have, does not pass as if it asked for something."""
    with pytest.raises(ValidationError):
        Hello.model_validate(said)


def test_equal_filters_are_one() -> None:
    """The order in which somebody lists what they want makes no other filter: equal ones share their work."""
    one, other = (Wanted(kinds=set(kinds), bands={"a"}) for kinds in ([*Kind], [*reversed(Kind)]))
    assert (one, hash(one)) == (other, hash(other))


def test_a_filter_survives_the_wire() -> None:
    """What is sent is what arrives."""
    hello = Hello(key="k", wanted=Wanted(customers={"a", "b"}, min_pd=0.25, partitions={1}), cursor="1~0.1.0.0")
    assert Hello.model_validate_json(hello.model_dump_json(exclude_defaults=True)) == hello


def test_reasons_that_pass_are_those_of_the_server() -> None:
    """Coming back helps where the server was at fault, not where the listener is."""
    assert {reason for reason in Reason if not reason.passes} == {
        *(Reason.UNAUTHORISED, Reason.FORBIDDEN, Reason.INVALID, Reason.CURSOR)
    }


@pytest.mark.parametrize("url", ["", "forbear.example", "ftp://forbear.example", "https://"])
def test_a_url_is_one(url: str) -> None:
    """What cannot be the address of a server is refused before anything is sent there."""
    with pytest.raises(ValueError, match="no URL"):
        Live(url, "key")
