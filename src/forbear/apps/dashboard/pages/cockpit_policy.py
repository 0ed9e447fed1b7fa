"""The policy that the cockpit moves: since when it holds, and what to do where there is nothing to move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from forbear.apps.dashboard import states
from forbear.apps.dashboard.formats import since
from forbear.apps.dashboard.rules import document_of
from forbear.apps.dashboard.session import Desk
from forbear.client import NotThere
from forbear.client.figures import PolicyShown

_PROMOTE = "Put one in force with `forbear promote --policy shipped`, or with a file of your own in its place."


def in_force(desk: Desk) -> Mapping[str, Any] | None:
    """The document of the policy in force; None where there is nothing to move, which is said in its place."""
    try:
        shown: PolicyShown = desk.figures("policy")
    except NotThere:
        states.empty("No policy is in force yet.", f"{_PROMOTE} Then its lines and places can be moved here.")
        return None
    policy = document_of(shown)
    if policy is None:
        states.empty(
            f"Policy {shown.version} is in force, but was recorded without a text that this version reads.",
            f"Nothing of it can be moved here. {_PROMOTE} Decisions go on by what is in force until then.",
        )
        return None
    st.caption(
        f"In force since {since(shown.since, shown.offset)}: policy {states.plain(shown.version)}, "
        f"by {states.plain(shown.by)}."
    )
    return policy
