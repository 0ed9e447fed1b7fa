"""What is on record about a customer that nobody can change, and who has looked."""

from __future__ import annotations

import json

import streamlit as st

from forbear.apps.dashboard import formats, layout, states
from forbear.apps.dashboard.session import Desk
from forbear.client.records import Customer, CustomerAudit

_MOST = 100


def show(desk: Desk, customer: Customer) -> None:
    """Draw the view."""
    audit: CustomerAudit = desk.client.customer_audit(customer.customer_id, limit=_MOST)
    st.header("Audit records on decisions")
    st.caption("Each record commits to the one before by its digest; `forbear audit verify` checks the whole chain.")
    if not audit.records:
        states.empty("Nothing was decided about this customer.", "Records come with the first decision.")
    else:
        rows = [
            {
                "Number": formats.count(one.sequence),
                "Event": formats.count(one.offset),
                "Kind": formats.words(one.kind),
                "Says": json.dumps(one.body, sort_keys=True, ensure_ascii=False)[:400],
                "Digest": one.digest[:16],
                "Whole": "yes" if one.whole else "NO: it was changed",
            }
            for one in audit.records
        ]
        layout.table(rows, layout.Table(name="audit", texts=frozenset({"Kind", "Says", "Digest", "Whole"})))
    st.header("Who looked, and why")
    looks = [
        {
            "When": formats.instant(one.at),
            "Who": one.who,
            "Role": one.role,
            "What": formats.words(one.operation),
            "Why": one.why or "not said",
            "Status": one.status,
        }
        for one in audit.accesses
    ]
    if not looks:
        states.empty("Nobody has looked at this customer yet.", "This look will be the first on record.")
        return
    layout.table(looks, layout.Table(name="accesses", texts=frozenset({"When", "Who", "Role", "What", "Why"})))
