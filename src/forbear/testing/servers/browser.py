"""A real Chromium of this machine, headless: what a page says of itself is gathered, and nothing outside is reached."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    Response,
    WebSocket,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from forbear.domain.errors import BackendUnavailable, ConfigError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", ""})
_ABORTED = "net::ERR_ABORTED"
"""What a request ends with whose page was left."""
_PATIENCE_MS = 30_000.0
_BAD_STATUS = 400


def chromium() -> str:
    """The program. Raises ConfigError, which says what to install, where there is none."""
    for name in PROGRAMS:
        if found := shutil.which(name):
            return found
    raise ConfigError(
        f"no Chromium is installed: PATH has none of {', '.join(PROGRAMS)}",
        mend="install one (apt-get install chromium, brew install --cask chromium), or put it on PATH",
    )


@dataclass(slots=True)
class Gathered:
    """What went wrong while somebody looked.

    console: errors that the page wrote.  crashes: exceptions that nobody caught.  failed: requests without an answer,
    or with a bad one.  outside: addresses beyond this machine that the page asked for; none was reached.
    asked: every address, of WebSockets too; no fault, and never forgotten.
    """

    console: list[str] = field(default_factory=list)
    crashes: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Everything that went wrong, in words."""
        named = {
            "console": self.console,
            "exception": self.crashes,
            "request": self.failed,
            "outside": self.outside,
        }
        return [f"{what}: {one}" for what, some in named.items() for one in some]

    def forget(self) -> None:
        """Begin anew: what was expected has happened."""
        for some in (self.console, self.crashes, self.failed, self.outside):
            some.clear()


@dataclass(frozen=True, slots=True)
class Visit:
    """One person at one screen, with cookies and storage of their own. gathered: what went wrong meanwhile."""

    context: BrowserContext
    page: Page
    gathered: Gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """How somebody looks. width, height: of the window [CSS pixels].  dark: whether they asked their system for that.

    calm: whether they asked for less motion.
    """

    width: int = 1280
    height: int = 900
    dark: bool = False
    calm: bool = True


class ChromiumBrowser:
    """A browser, there while the block runs. For one thread.

    Raises ConfigError where none is installed, BackendUnavailable where it does not start.
    """

    def __init__(self) -> None:
        self._program = chromium()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def __enter__(self) -> Self:
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(
                executable_path=self._program,
                headless=True,
                chromium_sandbox=bool(os.geteuid()),  # Chromium refuses to have one as root
                args=[
                    "--disable-dev-shm-usage",
                    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
                ],
            )
        except PlaywrightError as error:
            self._playwright.stop()
            raise BackendUnavailable(f"{self._program} does not start: {str(error)[:2_000]}") from error
        return self

    def __exit__(self, *_: object) -> None:
        assert self._browser is not None
        assert self._playwright is not None
        self._browser.close()
        self._playwright.stop()

    @contextmanager
    def visit(self, screen: Screen | None = None) -> Iterator[Visit]:
        """Somebody who was never here, with an empty cache."""
        assert self._browser is not None
        how = screen or Screen()
        context = self._browser.new_context(
            viewport={"width": how.width, "height": how.height},
            color_scheme="dark" if how.dark else "light",
            reduced_motion="reduce" if how.calm else "no-preference",
            accept_downloads=True,
            locale="en-GB",
            timezone_id="Europe/Berlin",
        )
        context.set_default_timeout(_PATIENCE_MS)
        gathered = Gathered()
        context.on("page", lambda page: _listen(page, gathered))
        try:
            yield Visit(context, context.new_page(), gathered)
        finally:
            context.close()


def picture(page: Page, path: Path, *, most_bytes: int = 200_000) -> None:
    """Write what the window shows as a PNG. Raises ValueError where that takes more than so many bytes."""
    content = page.screenshot(animations="disabled", caret="hide", scale="css")
    if len(content) > most_bytes:
        raise ValueError(f"{path.name} takes {len(content):,} bytes, more than {most_bytes:,}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _listen(page: Page, gathered: Gathered) -> None:
    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            gathered.console.append(f"{message.text} ({message.location.get('url', '')})")

    def asked(request: Request) -> None:
        _asked(request.url, gathered)

    def failed(request: Request) -> None:
        if request.failure != _ABORTED:
            gathered.failed.append(f"{request.method} {request.url}: {request.failure}")

    def answered(response: Response) -> None:
        if response.status >= _BAD_STATUS:
            gathered.failed.append(f"{response.request.method} {response.url}: {response.status}")

    def opened(socket: WebSocket) -> None:
        _asked(socket.url, gathered)

    page.on("console", said)
    page.on("pageerror", lambda error: gathered.crashes.append(str(error)))
    page.on("request", asked)
    page.on("requestfailed", failed)
    page.on("response", answered)
    page.on("websocket", opened)


def _asked(url: str, gathered: Gathered) -> None:
    gathered.asked.append(url)
    if (urlsplit(url).hostname or "") not in _LOOPBACK:
        gathered.outside.append(url)
