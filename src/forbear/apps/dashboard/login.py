"""Logging in: with a key of one's own, or at the bank's identity provider. What is typed stays in the server."""

from __future__ import annotations

import streamlit as st

from forbear.apps.dashboard import states
from forbear.apps.dashboard.returning import leave, returned
from forbear.apps.dashboard.session import begin, ended_because, open_desk
from forbear.apps.dashboard.settings import Settings
from forbear.client import NotAllowed
from forbear.domain.errors import ForbearError

_FIELD, _RETURNS = "login-key", "_returns"
_WIDTH_PX = 460
_WHAT = "forbear sees who may miss a payment before they do, and says what would help."
_HAS_NO_ROLE = (
    "Your organisation knows you, but this login does not hold here: it has expired, or has no role here. "
    "Log in again, or ask for a role."
)


def enter(settings: Settings) -> bool:
    """Log in whoever need not be asked: the only user of this machine, or whom the provider has vouched for.

    Says what is wrong where it does not work. True: somebody is logged in now.
    """
    token = settings.sole_key or _token()
    if not token:
        return False
    try:
        begin(open_desk(settings, token, oidc=not settings.sole_key))
    except NotAllowed as error:
        if not settings.sole_key:
            st.warning(_HAS_NO_ROLE, icon=":material/key_off:")
        states.problem(error, about="Log in")
        return False
    except ForbearError as error:
        states.problem(error, about="Log in")
        return False
    st.session_state[_RETURNS] = not settings.sole_key
    return True


def go_on() -> None:
    """Whoever has just come back from a provider goes where they wanted to; their run ends here then."""
    if st.session_state.pop(_RETURNS, False):
        returned()


def show(settings: Settings, title: str) -> None:
    """Ask who it is. title: of the page that they wanted; they come to it once they are known."""
    with st.container(horizontal_alignment="center"), st.container(width=_WIDTH_PX):
        st.title("Log in")
        st.caption(_WHAT)
        if because := ended_because():
            st.info(because, icon=":material/lock_clock:")
        if with_provider():
            _by_provider()
        else:
            _by_key(settings)
        st.caption(f":material/arrow_forward: You will come to: {title}")


def _by_provider() -> None:
    st.write("Your organisation's login says who you are, and in what role.")
    if st.button("Log in with your organisation", type="primary", icon=":material/login:", width="stretch"):
        leave()
        st.login()


def _by_key(settings: Settings) -> None:
    with st.form("login", border=True):
        key = st.text_input(
            "Your key",
            type="password",
            key=_FIELD,
            autocomplete="off",
            placeholder="fb_\u2026",
            help="As `forbear keys create` showed it. It is kept in the memory of this server until you log out.",
        )
        sent = st.form_submit_button("Log in", type="primary", icon=":material/login:", width="stretch")
    if sent:
        _try(settings, key.strip())
    st.caption(":material/key: No key yet? Whoever runs the server makes one for your role: `forbear keys create`.")


def with_provider() -> bool:
    """Whether an identity provider is set up."""
    return "auth" in st.secrets if st.secrets.load_if_toml_exists() else False


def _try(settings: Settings, key: str) -> None:
    if not key:
        st.warning("Type your key first. Whoever runs the server makes one with `forbear keys create`.")
        return
    try:
        begin(open_desk(settings, key))
    except NotAllowed:
        st.error(
            "This key does not hold. Look whether it is whole, and not expired or revoked.", icon=":material/key_off:"
        )
        return
    except ForbearError as error:
        states.problem(error, about="Log in")
        return
    st.rerun()


def _token() -> str:
    if not (with_provider() and st.user.is_logged_in):
        return ""
    tokens = st.user.tokens
    return str(tokens.get("access") or tokens.get("id") or "")
