"""The dashboard as a person has it, without a browser: Streamlit's own test runner over a real server of a home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
from tests.apps.api.real.conftest import Served, lived, served

from forbear.apps.dashboard.serving import SCRIPT
from forbear.apps.dashboard.settings import IDLE_MINUTES, SOLE_KEY, URL
from forbear.engine.office import Role

__all__ = ["lived"]

Visit: TypeAlias = Callable[..., AppTest]
_PATIENCE_SECONDS = 60


@pytest.fixture(scope="module")
def real(lived: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:  # a fixture
    """A server over a copy of a home that a worker has worked in."""
    with served(lived, tmp_path_factory.mktemp("dashboard") / "home") as running:
        yield running


def at_path(app: AppTest, path: str, **query: str) -> AppTest:
    """Go to a path with a query in the session that there is, as the address bar or a link would."""
    app.query_params = dict(query)
    app._page_hash = calc_hash(path)
    app.run()
    app._page_hash = ""
    return app


@pytest.fixture
def visit(real: Served, monkeypatch: pytest.MonkeyPatch) -> Iterator[Visit]:
    """A new session at a path: `visit("customer", Role.AGENT, id="C1")`. Without a role nobody is logged in yet."""
    monkeypatch.setenv(URL, real.url)
    for name in (SOLE_KEY, IDLE_MINUTES):
        monkeypatch.delenv(name, raising=False)
    opened: list[AppTest] = []

    def one(path: str = "home", role: Role | None = None, **query: str) -> AppTest:
        app = at_path(AppTest.from_file(SCRIPT, default_timeout=_PATIENCE_SECONDS), path, **query)
        opened.append(app)
        if role is not None:
            log_in(app, real.keys[role])
        return app

    yield one
    for app in opened:
        if "_desk" in app.session_state:
            app.session_state["_desk"].close()


def log_in(app: AppTest, key: str) -> None:
    """Type a key and send it."""
    app.text_input(key="login-key").input(key)
    button(app, "Log in").click().run()


def button(app: Any, label: str) -> Any:
    """The button of that label."""
    [found] = [one for one in app.button if one.label == label]
    return found


def said(app: Any) -> str:
    """All that a page says in words, figures and tables."""
    parts = [
        one.value for kind in ("title", "header", "subheader", "markdown", "caption") for one in getattr(app, kind)
    ]
    parts += [one.value for kind in ("info", "warning", "error", "success") for one in getattr(app, kind)]
    parts += [f"{one.label}: {one.value}" for one in app.metric]
    parts += [one.value.to_string() for one in app.dataframe]
    return "\n".join(map(str, parts))


def whole(app: AppTest) -> AppTest:
    """The page, once it is seen that nothing in it has failed."""
    assert not app.exception, [one.message for one in app.exception]
    return app
