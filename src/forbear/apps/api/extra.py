"""Whether the libraries of the HTTP interface are installed."""

from __future__ import annotations

from importlib.util import find_spec

from forbear.domain.errors import ConfigError

_LIBRARIES = ("fastapi", "uvicorn", "httptools", "websockets", "jwt", "httpx")


def require_extra() -> None:
    """Raises ConfigError where one of them is missing."""
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise ConfigError(f"{', '.join(missing)}: not installed", mend='pip install "forbear[api]"')
