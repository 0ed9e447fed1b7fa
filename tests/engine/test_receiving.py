"""What providers tell becomes what the life of an intervention takes."""

from __future__ import annotations

import pytest

from forbear.engine import inbound
from forbear.engine.lifecycle import ReceiptKind, Reply
from forbear.engine.receiving import receipt_of


@pytest.mark.parametrize(
    ("state", "kind"),
    [("delivered", ReceiptKind.DELIVERED), ("read", ReceiptKind.READ), ("failed", ReceiptKind.BOUNCED)],
)
def test_a_receipt_keeps_its_names(state: str, kind: ReceiptKind) -> None:
    """Provider, id, key and instant are the provider's; what failed came back."""
    arrived = inbound.Receipt(receipt_id="r", key="k", state=state, at_us=5)  # type: ignore[arg-type]
    found = receipt_of("p", arrived)
    assert (found.provider, found.receipt_id, found.send_key, found.at_us) == ("p", "r", "k", 5)
    assert (found.kind, found.reply) == (kind, None)


@pytest.mark.parametrize(
    ("meaning", "text", "reply"),
    [
        ("yes", "", Reply.ACCEPTED),
        ("no", "", Reply.DECLINED),
        ("wrong_person", "", Reply.WRONG_PERSON),
        ("person", "", Reply.WANTS_A_HUMAN),
        ("", "I have lost my job", Reply.WANTS_A_HUMAN),
        ("", "Stop!", Reply.OPTED_OUT),
        ("yes", "STOP", Reply.OPTED_OUT),
        ("stop", "", Reply.OPTED_OUT),
    ],
)
def test_a_reply_means_what_it_says(meaning: str, text: str, reply: Reply) -> None:
    """A withdrawal counts before any meaning; words that nobody understood are for a person."""
    arrived = inbound.Reply(receipt_id="r", key="k", at_us=5, meaning=meaning, text=text)  # type: ignore[arg-type]
    assert receipt_of("p", arrived).reply is reply
