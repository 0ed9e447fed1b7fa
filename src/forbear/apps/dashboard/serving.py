"""Streamlit as it runs here: nothing sent anywhere, no developer's tools, and only the origins that are ours."""

from __future__ import annotations

import signal
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streamlit import net_util
from streamlit.starlette import App
from streamlit.web import bootstrap
from streamlit.web.server.starlette.starlette_server import UvicornRunner

from forbear.apps.dashboard import theme
from forbear.apps.dashboard.guard import Guarded

SCRIPT = Path(__file__).parent / "script" / "dashboard.py"
_HERE = ["localhost", "127.0.0.1", "::1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it listens. public: the URL by which browsers reach it through a proxy, "" for directly.

    login: file of `[auth]` for an identity provider, None for keys.
    """

    host: str = "127.0.0.1"
    port: int = 8501
    loopback: bool = True
    public: str = ""
    login: Path | None = None


def run(place: Place) -> None:
    """Serve in this process until SIGTERM or Ctrl-C."""
    # Asked with a foreign Origin, Streamlit would look for this machine's address at a web site.
    net_util._external_ip = ""  # noqa: SLF001
    warnings.filterwarnings("ignore", module=r"authlib\.")  # of what Streamlit uses, and nobody here can mend
    options = options_of(place)
    bootstrap.load_config_options(options)
    for number in (signal.SIGINT, signal.SIGTERM):
        # The server sends itself the signal that ended it once more, when all is closed.
        signal.signal(number, lambda *_: None)
    UvicornRunner(Guarded(App(SCRIPT))).run()


def options_of(place: Place) -> dict[str, Any]:
    """All that Streamlit is told, so that no configuration file of a machine makes it less safe."""
    options: dict[str, Any] = {
        "server.address": place.host,
        "server.port": place.port,
        "server.headless": True,
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.xsrfCookieSameSite": "lax",  # the way back from an identity provider is a visit from another site
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.maxUploadSize": 1,
        "server.maxMessageSize": 50,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.disconnectedSessionTTL": 120,
        "server.showEmailPrompt": False,
        "server.corsAllowedOrigins": [],
        "server.allowedHosts": _HERE if place.loopback else [],
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "client.allowedOrigins": [],
        "logger.hideWelcomeMessage": True,
        "logger.level": "error",
        "runner.magicEnabled": False,
        "secrets.files": [] if place.login is None else [str(place.login)],
    }
    options |= theme.options()
    if place.public:
        parts = urlsplit(place.public)
        options |= {
            "browser.serverAddress": parts.hostname,
            "browser.serverPort": parts.port or (443 if parts.scheme == "https" else 80),
            "server.corsAllowedOrigins": [f"{parts.scheme}://{parts.netloc}"],
            "server.allowedHosts": [parts.hostname, *(_HERE if place.loopback else [])],
        }
    return options
