"""Serving the dashboard until somebody asks for an end: what it needs is looked at first."""

from __future__ import annotations

import os
import socket
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from forbear.adapters.disk import storage_errors
from forbear.adapters.hosts import is_loopback
from forbear.apps.console import Console, complain
from forbear.apps.home import Home
from forbear.apps.metrics.exporter import Asked, telling
from forbear.apps.telemetry import lines_to_stream, telemetry_of
from forbear.domain.errors import BackendUnavailable, ConfigError

_LIBRARIES = ("streamlit", "altair", "pandas", "httpx", "pydantic", "websockets")
_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url", "expose_tokens")
_LEAST_SECRET = 32
_PATIENCE_SECONDS, _PAUSE_SECONDS = 10.0, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardWish:
    """How the dashboard is to be served. url: of the interface.  public: the URL through a proxy, "" for none.

    login: file of `[auth]` of an identity provider, None for keys.  sole_key: of the only user, who need not log in; ""
    for a login.  idle_minutes: after which somebody is logged out.  home: of the deployment, if it lies here: its lines
    and the file by which its metrics are found go there.  metrics: where it tells them, "" for what the settings say.
    """

    url: str
    home: Path
    host: str = "127.0.0.1"
    port: int = 8501
    public: str = ""
    login: Path | None = None
    sole_key: str = field(default="", repr=False)
    idle_minutes: float = 15.0
    metrics: str = ""


def require_dashboard() -> None:
    """Raises ConfigError where a library of the dashboard is missing."""
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise ConfigError(f"{', '.join(missing)}: not installed", mend='pip install "forbear[dashboard]"')


def serve_dashboard(wish: DashboardWish, console: Console) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises ConfigError for a missing library, a port that is taken, a login file that cannot be, or a key for everybody
    who can reach the address; BackendUnavailable where the interface does not answer within ten seconds; else what
    `telemetry_of` and `telling` raise.
    """
    require_dashboard()
    require_safe(wish)
    require_port(wish.host, wish.port)
    require_interface(wish.url)
    from forbear.apps.dashboard.instruments import Instruments
    from forbear.apps.dashboard.serving import Place, run
    from forbear.apps.dashboard.settings import IDLE_MINUTES, SOLE_KEY, URL

    # The script is run by Streamlit, which hands nothing to it: it reads its settings where it begins.
    os.environ.pop("FORBEAR_KEY", None)
    os.environ |= {URL: wish.url, SOLE_KEY: wish.sole_key, IDLE_MINUTES: f"{wish.idle_minutes:g}"}
    loopback = is_loopback(wish.host)
    if not loopback:
        complain(
            "note: others can reach this address, and it speaks plain HTTP: put a proxy before it that ends TLS; "
            "everybody logs in with their own key or at your identity provider"
        )
    home = Home(wish.home)
    here, least = home.holds_data, "info" if lines_to_stream(os.environ) else "warning"
    asked = Asked(home, f"dashboard-{wish.port}", wish.metrics, os.environ, findable=here)
    with (
        telemetry_of(wish.home if here else None, "dashboard", service=True, least=least) as telemetry,
        telling(asked) as meter,
    ):
        console.say(f"Dashboard at {wish.public or f'http://{wish.host}:{wish.port}'} - over {wish.url}")
        place = Place(host=wish.host, port=wish.port, loopback=loopback, public=wish.public, login=wish.login)
        run(place, Instruments(telemetry.journal, meter, telemetry.tracer))


def require_safe(wish: DashboardWish) -> None:
    """Raises ConfigError for a key that everybody could use, a public URL that is none, or a wrong login file."""
    if wish.sole_key and not is_loopback(wish.host):
        mend = "leave out --single-user, or listen at 127.0.0.1"
        raise ConfigError("others can reach the address, and would all look with your key", mend=mend)
    if wish.public:
        parts = urlsplit(wish.public)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ConfigError(f"{wish.public!r} is no URL of a dashboard", mend="write https://dashboard.bank.example")
    if wish.login is not None:
        require_login(wish.login)


def require_login(path: Path) -> None:
    """Raises ConfigError where a file does not say what a login at an identity provider needs."""
    with storage_errors(f"cannot read {path}"):
        text = path.read_bytes()
    try:
        said = tomllib.loads(text.decode())
    except ValueError as error:
        raise ConfigError(f"{path}: no TOML: {error}", mend="see docs/dashboard.md for what it holds") from error
    auth = said.get("auth")
    held: Mapping[str, object] = auth if isinstance(auth, dict) else {}
    if missing := [name for name in _NEEDED if not held.get(name)]:
        raise ConfigError(f"{path}: [auth] does not say {', '.join(missing)}", mend="see docs/dashboard.md")
    if len(str(held["cookie_secret"])) < _LEAST_SECRET:
        mend = 'make one with `python -c "import secrets; print(secrets.token_hex(32))"`'
        raise ConfigError(f"{path}: cookie_secret has fewer than {_LEAST_SECRET} characters", mend=mend)
    for name in ("redirect_uri", "server_metadata_url"):
        parts = urlsplit(str(held[name]))
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise ConfigError(f"{path}: {name} is not https", mend="only this machine is spoken to without TLS")
    if path.stat().st_mode & 0o077:
        complain(f"note: {path} holds secrets, and others can read it: chmod 600 {path}")


def require_port(host: str, port: int) -> None:
    """Raises ConfigError where an address cannot be listened at."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        mend = "choose another --host or --port"
        raise ConfigError(f"cannot listen at {host}:{port}: {error}", mend=mend) from error


def require_interface(url: str, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
    """Raises BackendUnavailable where nothing of ours answers at a URL, and ConfigError for what is none."""
    import httpx

    from forbear.client.conversation import manners_of

    where = manners_of(url, "").url
    until = time.monotonic() + patience_seconds
    while True:
        try:
            if httpx.get(f"{where}/healthz", timeout=3.0).is_success:
                return
            said = "something else answers there"
        except httpx.HTTPError as error:
            said = type(error).__name__
        if time.monotonic() >= until:
            mend = "start it with `forbear serve`, or say where it is with --url"
            raise BackendUnavailable(f"the interface at {where} does not answer: {said}", mend=mend)
        time.sleep(_PAUSE_SECONDS)
