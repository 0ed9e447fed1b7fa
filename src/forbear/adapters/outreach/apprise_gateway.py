"""Gateways for SMS, e-mail and chat that apprise speaks to (https://github.com/caronc/apprise), by one URL.

apprise says yes or no and nothing more. A no may come after the gateway has taken the message, so it is unknown here,
and nobody can be asked: it is for a person to look at. It follows no redirect and tries nothing twice.
"""

from __future__ import annotations

import logging
import re
import threading
import warnings
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote

from forbear.domain.errors import ConfigError
from forbear.engine.outreach import Absent, Delivery, Message, Refused, Sent, Unknown

_ADDRESS = re.compile(r"[A-Za-z0-9+@._:=-]{1,254}\Z")
"""Without what separates one address from the next: no comma, blank or slash ever makes two of one."""
_DOUBLES = re.compile(r"[?&](retry|redirect|overflow|wait)=", re.IGNORECASE)
_INNER = ("urllib3.connectionpool", "requests_oauthlib.oauth1_auth", "requests_oauthlib.oauth2_session")
"""Loggers of what apprise stands on, which write URLs with addresses and tokens in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseGateway:
    """A gateway. url: of apprise, in which {to} stands for the address and {key} for the sending, {to} at least.

    A URL of apprise holds secrets: it comes from the environment and is never shown. Raises ConfigError for a URL that
    apprise does not know, one without {to}, one that would send twice, and where apprise is not installed.
    """

    name: str
    url: str = field(repr=False)
    reconciles: bool = False

    def __post_init__(self) -> None:
        if "{to}" not in self.url:
            raise ConfigError(f"provider {self.name}: its url has no place for an address", mend="write {to} into it")
        if found := _DOUBLES.search(self.url):
            raise ConfigError(f"provider {self.name}: its url sets {found[1]}", mend="leave that out")
        if self.reconciles:
            raise ConfigError(f"provider {self.name}: apprise cannot be asked about a message", mend="set it to false")
        if self._service("0000000000", "key") is None and self._service("a@example.org", "key") is None:
            raise ConfigError(
                f"provider {self.name}: apprise does not know such a url", mend="see docs/integrations.md"
            )

    def send(self, message: Message) -> Delivery:
        """Hand it to the gateway, once."""
        if not _ADDRESS.match(message.to):
            return Refused("the address is none that a gateway can carry", lasting=True)
        service = self._service(message.to, message.key)
        if service is None:
            return Refused("the gateway has no such addresses", lasting=True)
        with _hushed():
            try:
                done = service.notify(body=message.text, title=message.subject, body_format="text")
            except Exception as error:  # noqa: BLE001  # a plugin's own mistake may come after the gateway was asked
                return Unknown(f"{type(error).__name__} of the gateway's plugin")
        return Sent() if done else Unknown("the gateway's plugin says no more than that it failed")

    def look_up(self, _key: str) -> Delivery | Absent:
        """Nobody can say."""
        return Unknown("apprise cannot be asked what became of a message")

    def _service(self, to: str, key: str) -> Any:
        """Apprise with the one service of an address; None where it takes no such address."""
        try:
            library = _library()
        except ImportError as error:
            raise ConfigError(f"provider {self.name} needs apprise", mend="pip install 'forbear[outreach]'") from error
        with _hushed():
            asset = library.AppriseAsset(app_id="forbear", app_desc="", storage_mode="memory", http_redirects=False)
            asset.default_service_retry = 0
            services = library.Apprise(asset=asset)
            url = self.url.replace("{to}", quote(to, safe="")).replace("{key}", quote(key, safe=""))
            return services if services.add(url) and len(services) == 1 else None


@cache
def _library() -> Any:
    """Apprise, with all of its plugins: an extra, slow to import, and not without warnings of its own."""
    with warnings.catch_warnings(), _hushed():
        warnings.simplefilter("ignore")
        import apprise  # noqa: PLC0415

        apprise.Apprise.instantiate("json://localhost")
    return apprise


# ---- silence


class _Hush(logging.Filter):
    """Drops what a thread logs while it speaks to a gateway; what other threads log goes through."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, _record: logging.LogRecord) -> bool:
        return not getattr(self.here, "deep", 0)


_HUSH = _Hush()


def _silent(_record: logging.LogRecord) -> bool:
    """Nothing is logged."""
    return False


class _hushed:  # noqa: N801  # a context, used like a function
    """A block in which nothing of apprise is logged: its records name addresses, and may hold tokens."""

    def __enter__(self) -> None:
        logging.getLogger("apprise").addFilter(_silent)  # by whomever it is used in this process
        for name in _INNER:
            logging.getLogger(name).addFilter(_HUSH)  # adding it again changes nothing
        _HUSH.here.deep = getattr(_HUSH.here, "deep", 0) + 1

    def __exit__(self, *_: object) -> None:
        _HUSH.here.deep -= 1
