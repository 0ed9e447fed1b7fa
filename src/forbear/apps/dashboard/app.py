"""What is drawn for every look: who it is, what they may see, and then the page that they want."""

from __future__ import annotations

import os
from collections.abc import Callable

import streamlit as st

from forbear.apps.dashboard import layout, login, look, states
from forbear.apps.dashboard.registry import BY_NAME, ENTRIES, HOME, Entry
from forbear.apps.dashboard.session import Desk, end, present, standing
from forbear.apps.dashboard.settings import Settings, settings_of
from forbear.apps.dashboard.telling import capital
from forbear.client import Problem
from forbear.domain.errors import ForbearError


def main() -> None:
    """Draw whatever the URL asks for."""
    st.set_page_config(page_title="forbear", layout="wide", page_icon=look.ICON, initial_sidebar_state=look.SIDEBAR_PX)
    look.dress()
    settings = settings_of(os.environ)
    try:
        desk = standing(settings)
    except Problem as error:
        st.title("forbear")
        states.problem(error)
        st.button("Look again", icon=":material/refresh:")
        return
    chosen = _navigation(desk)
    if desk is None and login.enter(settings):
        st.rerun()
    login.go_on()
    chosen.run()


def _navigation(desk: Desk | None) -> st.Page:
    """All pages stand at their paths whoever looks, so that a link survives the login; the menu has what is theirs."""
    pages, menu = {}, dict[str, list[st.Page]]()
    for entry in ENTRIES:
        theirs = desk is not None and desk.role in entry.roles and entry.there
        pages[entry.name] = st.Page(
            _drawing(entry),
            title=entry.title,
            icon=entry.icon,
            url_path=entry.path,
            visibility="visible" if theirs else "hidden",
        )
        menu.setdefault(entry.section, []).append(pages[entry.name])
    root = st.Page(_root, title=BY_NAME[HOME].title, url_path="home", default=True, visibility="hidden")
    menu[BY_NAME[HOME].section].append(root)
    layout.keep_pages({name: page for name, page in pages.items() if page.visibility == "visible"})
    return st.navigation(menu, position="sidebar" if desk is not None else "hidden", expanded=True)


def _root() -> None:
    """The root leads to the first page, so that each page has one address."""
    if present() is None:
        login.show(settings_of(os.environ), BY_NAME[HOME].title)
    else:
        layout.go(HOME, **st.query_params.to_dict())


def _drawing(entry: Entry) -> Callable[[], None]:
    return lambda: _draw(entry)


def _draw(entry: Entry) -> None:
    settings, desk = settings_of(os.environ), present()
    if desk is None:
        login.show(settings, entry.title)
        return
    _frame(desk, settings)
    if desk.role not in entry.roles:
        st.title(entry.title)
        states.empty(
            f"This page is not for the role {desk.role}.", "Choose another on the left, or ask for another key."
        )
    elif not entry.there:
        st.title(entry.title)
        states.empty("This installation does not have this page.", "Bring it up to date.")
    else:
        _guarded(entry, desk)


def _guarded(entry: Entry, desk: Desk) -> None:
    """Draw a page; what it is not told is said, and a key that holds no more leads to the login."""
    layout.begin()
    try:
        entry.show()(desk)
    except Problem as error:
        if error.status == 401:
            end("Your key or login does not hold any more.")
            st.rerun()
        layout.headless(entry.title)
        states.problem(error, about=entry.title)
    except ForbearError as error:
        layout.headless(entry.title)
        states.problem(error, about=entry.title)


def _frame(desk: Desk, settings: Settings) -> None:
    """What stands beside every page: who looks and why, and that a bank is made up."""
    with st.sidebar:
        desk.purpose = st.text_input(
            "Why do you look?",
            key="purpose",
            max_chars=200,
            placeholder="A reason, for the record",
            help="Goes into the record of accesses with everything personal that you look at.",
        )
        st.markdown(
            f":material/account_circle: **{states.plain(capital(desk.name))}**  \n:small[:gray[{capital(desk.role)}]]",
            help=f"Key or subject {states.plain(desk.who)}",
        )
        if not settings.sole_key and st.button("Log out", icon=":material/logout:", width="stretch"):
            end()
            st.rerun()
    with st.container(key=look.NOTICE), states.told("Whose figures these are"):
        if desk.synthetic:
            st.badge(
                "Synthetic bank: nobody here is real, and no figure is.", icon=":material/science:", color="orange"
            )
