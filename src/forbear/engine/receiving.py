"""What providers tell, as the life of an intervention takes it."""

from __future__ import annotations

from forbear.engine import inbound
from forbear.engine.inbound import Arrived
from forbear.engine.lifecycle import Receipt, ReceiptKind, Reply

_KINDS = {"delivered": ReceiptKind.DELIVERED, "read": ReceiptKind.READ, "failed": ReceiptKind.BOUNCED}
_MEANINGS = {"yes": Reply.ACCEPTED, "no": Reply.DECLINED, "wrong_person": Reply.WRONG_PERSON}


def receipt_of(provider: str, arrived: Arrived) -> Receipt:
    """What has arrived, as a receipt. A word that withdraws consent counts before any meaning.

    What a person wrote in words of their own, and nobody has understood, is read by a person.
    """
    named = {"provider": provider, "receipt_id": arrived.receipt_id, "send_key": arrived.key, "at_us": arrived.at_us}
    if isinstance(arrived, inbound.Receipt):
        return Receipt(**named, kind=_KINDS[arrived.state])  # type: ignore[arg-type]  # each as it stands above
    reply = Reply.OPTED_OUT if arrived.wants_no_more else _MEANINGS.get(arrived.meaning, Reply.WANTS_A_HUMAN)
    return Receipt(**named, kind=ReceiptKind.REPLIED, reply=reply)  # type: ignore[arg-type]
