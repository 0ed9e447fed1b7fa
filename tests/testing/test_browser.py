"""What the browser of the tests tells: all that goes wrong on a page, and whatever it asks for outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from forbear.domain.errors import ConfigError
from forbear.testing.servers.browser import PROGRAMS, ChromiumBrowser, Screen, chromium, picture

_PAGES = {
    "/good": "<title>good</title><h1>Good</h1>",
    "/bad": "<script>console.error('ouch'); null.x</script><img src='/missing.png'>",
    "/outside": "<img src='https://example.org/x.png'><script src='http://192.0.2.1/y.js'></script>",
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = _PAGES.get(self.path, "" if self.path == "/favicon.ico" else None)
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write((page or "").encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A site of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_nothing_wrong_is_nothing_told(browser: ChromiumBrowser, site: str, tmp_path: Path) -> None:
    """A good page leaves nothing to tell of, and its picture is as wide as the window."""
    with browser.visit(Screen(width=800, height=600)) as visit:
        visit.page.goto(f"{site}/good")
        picture(visit.page, tmp_path / "good.png")

        assert visit.page.title() == "good"
        assert visit.gathered.all == []
        assert f"{site}/good" in visit.gathered.asked
    assert int.from_bytes((tmp_path / "good.png").read_bytes()[16:20]) == 800


def test_what_goes_wrong_is_told(browser: ChromiumBrowser, site: str) -> None:
    """Errors of the console, exceptions and bad answers are gathered, until they are forgotten."""
    with browser.visit() as visit:
        visit.page.goto(f"{site}/bad")
        visit.page.wait_for_load_state("networkidle")
        gathered = visit.gathered

        assert any("ouch" in one for one in gathered.console)
        assert len(gathered.crashes) == 1
        assert gathered.failed == [f"GET {site}/missing.png: 404"]
        gathered.forget()
        assert gathered.all == []


def test_nothing_outside_is_reached(browser: ChromiumBrowser, site: str) -> None:
    """Names and numbers of other machines are not resolved, and whoever asked for them is told of."""
    with browser.visit() as visit:
        visit.page.goto(f"{site}/outside")
        visit.page.wait_for_load_state("networkidle")

        assert sorted(visit.gathered.outside) == ["http://192.0.2.1/y.js", "https://example.org/x.png"]
        assert all("ERR_NAME_NOT_RESOLVED" in one for one in visit.gathered.failed)


def test_a_picture_has_a_bound(browser: ChromiumBrowser, site: str, tmp_path: Path) -> None:
    """A picture that takes too much is refused and not written."""
    with browser.visit() as visit:
        visit.page.goto(f"{site}/good")
        with pytest.raises(ValueError, match="more than 100"):
            picture(visit.page, tmp_path / "good.png", most_bytes=100)
    assert not list(tmp_path.iterdir())


def test_visits_share_nothing(browser: ChromiumBrowser, site: str) -> None:
    """What one visit keeps in the browser the next one does not find."""
    with browser.visit() as visit:
        visit.page.goto(f"{site}/good")
        visit.page.evaluate("localStorage.setItem('a', 'b'); document.cookie = 'c=d'")
    with browser.visit() as visit:
        visit.page.goto(f"{site}/good")
        assert visit.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]


def test_a_machine_without_one_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where PATH has no Chromium the error names what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ConfigError, match=PROGRAMS[0]) as caught:
        chromium()

    assert "apt-get install chromium" in caught.value.mend
