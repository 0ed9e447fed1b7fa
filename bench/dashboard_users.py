"""Many people at the dashboard at once: sessions over Streamlit's own WebSocket protocol, as a browser has them.

Not a benchmark itself: `dashboard` starts it as a process of its own, so that what it measures is not in its way. Reads
a plan as JSON on stdin, and writes what came of it as JSON to stdout. Each of them logs in with a key, turns to one
page after another of its navigation, and thinks a few seconds at each. A change counts from the message that asks for
it to the one that says that the page is drawn whole; what a browser draws of it is not in that.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from contextlib import suppress
from typing import Any

import msgspec
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

_WHOLE = 0
"""ForwardMsg.ScriptFinishedStatus of a script that ran to its end."""
_PATIENCE_SECONDS = 60.0
_MOST_BYTES = 64 << 20


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """port: of the dashboard.  key: to log in with.  users, seconds: how many, and how long.

    think: between least and most so many seconds at a page.  pages: URL paths to turn to.
    """

    port: int
    key: str
    users: int
    seconds: float
    think: tuple[float, float]
    pages: list[str]


class Found(msgspec.Struct, kw_only=True):
    """changes: of pages, each [path, when it was asked for since the beginning, seconds].  errors: in words.

    logins: seconds from the connection to the first page drawn whole.  bytes_in: received by all.
    """

    changes: list[tuple[str, float, float]] = []
    logins: list[float] = []
    errors: list[str] = []
    bytes_in: int = 0


class Person:
    """One session."""

    def __init__(self, plan: Plan, found: Found, chance: random.Random, begun: float) -> None:
        self._plan, self._found, self._chance, self._begun = plan, found, chance, begun
        self._pages: dict[str, str] = {}
        self._states: dict[str, WidgetState] = {}
        self._field = self._button = ""
        self._trouble = ""

    async def stay(self) -> None:
        """Log in, and turn pages until the time is over."""
        url = f"ws://127.0.0.1:{self._plan.port}/_stcore/stream"
        origin = f"http://127.0.0.1:{self._plan.port}"
        try:
            async with connect(
                url, subprotocols=["streamlit"], origin=origin, max_size=_MOST_BYTES, compression=None, proxy=None
            ) as line:
                await self._stayed(line)
        except Exception as error:  # noqa: BLE001  # each one is a finding
            self._found.errors.append(f"{type(error).__name__}: {error}")

    async def _stayed(self, line: ClientConnection) -> None:
        began = time.monotonic()
        await self._ask(line, "")
        key = WidgetState(id=self._field, string_value=self._plan.key)
        await self._ask(line, "", key, WidgetState(id=self._button, trigger_value=True))
        self._found.logins.append(time.monotonic() - began)
        until = self._begun + self._plan.seconds
        paths = [path for path in self._plan.pages if path in self._pages]
        while time.monotonic() < until:
            await self._think(line, self._chance.uniform(*self._plan.think))
            path = self._chance.choice(paths)
            asked = time.monotonic()
            await self._ask(line, self._pages[path])
            self._found.changes.append((path, asked - self._begun, time.monotonic() - asked))
            if self._trouble:
                self._found.errors.append(f"{path}: {self._trouble}")
                self._trouble = ""

    async def _think(self, line: ClientConnection, seconds: float) -> None:
        """Let time pass; what comes meanwhile, as from a page that draws itself anew, is heard."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            with suppress(TimeoutError):
                await self._hear(line, left)

    async def _ask(self, line: ClientConnection, page: str, *widgets: WidgetState) -> None:
        message = BackMsg()
        message.rerun_script.page_script_hash = page
        message.rerun_script.widget_states.widgets.extend(widgets)
        await line.send(message.SerializeToString())
        while not await self._hear(line, _PATIENCE_SECONDS):
            pass

    async def _hear(self, line: ClientConnection, seconds: float) -> bool:
        """One message; whether with it a page is drawn whole."""
        raw = await asyncio.wait_for(line.recv(), seconds)
        assert isinstance(raw, bytes)
        self._found.bytes_in += len(raw)
        message = ForwardMsg.FromString(raw)
        what = message.WhichOneof("type")
        if what == "navigation":
            self._pages = {
                page.url_pathname: page.page_script_hash for page in message.navigation.app_pages if not page.is_hidden
            }
        elif what == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element)
        return bool(what == "script_finished" and message.script_finished == _WHOLE)

    def _element(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind == "text_input" and element.text_input.label == "Your key":
            self._field = element.text_input.id
        elif kind == "button" and element.button.is_form_submitter and element.button.label == "Log in":
            self._button = element.button.id
        elif kind == "exception":
            self._trouble = element.exception.message[:200]
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self._trouble = element.alert.body[:200]


async def carried_out(plan: Plan) -> Found:
    """All of them, who come one after the other within a few seconds."""
    found, begun = Found(), time.monotonic()

    async def one(number: int) -> None:
        await asyncio.sleep(number * min(0.5, plan.seconds / plan.users / 4))
        await Person(plan, found, random.Random(number), begun).stay()

    await asyncio.gather(*(one(number) for number in range(plan.users)))
    return found


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(carried_out(given))))
