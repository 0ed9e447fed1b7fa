"""The workers of the production path as processes, for those who disturb them or time them. Not a benchmark itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import Any, Self

from forbear.adapters.kafka.cluster import Cluster
from forbear.apps.home import Home

SESSION_SECONDS = 2.0
"""A member that is silent for so long is taken for dead."""
_STOP_SECONDS = 90


class Workers:
    """Processes on a home, each by its name, "kind-instance"; killed at the end of the block. running: by name."""

    def __init__(self, home: Home, bootstrap: str, store: str) -> None:
        self.home = home
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.cluster = Cluster(bootstrap, session_seconds=SESSION_SECONDS)
        settings = f'[kafka]\nbootstrap = "{bootstrap}"\nsession_seconds = {SESSION_SECONDS}\n'
        (home.folder / "services.toml").write_text(settings, encoding="utf-8")
        self._environment = os.environ | {
            "FORBEAR_STORE": store,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()

    def start(self, name: str) -> None:
        """Start a worker."""
        kind, instance = name.rsplit("-", 1)
        told = ("--instance", instance, "--home", str(self.home.folder))
        command = [sys.executable, "-m", "forbear.apps.cli", "worker", kind, *told]
        with (self.home.folder / f"{name}.out").open("ab") as log:
            self.running[name] = subprocess.Popen(command, env=self._environment, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        """Kill a worker and start it again."""
        self.running[name].kill()
        self.running[name].wait()
        self.start(name)

    def tend(self) -> list[tuple[str, int]]:
        """Start again whoever has ended by himself; who that was, and with which status."""
        ended = [(name, one.poll()) for name, one in self.running.items()]
        found = [(name, status) for name, status in ended if status is not None]
        for name, _ in found:
            self.start(name)
        return found

    def scorers(self, count: int) -> None:
        """Have so many scorers."""
        wanted = {f"scorer-{one + 1}" for one in range(count)}
        for name in [name for name in self.running if name.startswith("scorer-") and name not in wanted]:
            self._end(name)
        for name in sorted(wanted - self.running.keys()):
            self.start(name)

    def stop(self) -> None:
        """Ask all workers to end, and wait."""
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for name in list(self.running):
            self._ended(name)  # asked once: who is asked a second time ends at once

    def says(self, name: str) -> dict[str, Any]:
        """What a worker says of itself; nothing before it has."""
        try:
            told = (self.home.folder / "stream" / "status" / f"{name}.json").read_bytes()
        except FileNotFoundError:
            return {}
        found: dict[str, Any] = json.loads(told)
        return found

    def words(self, name: str) -> str:
        """What a worker has printed."""
        return (self.home.folder / f"{name}.out").read_text(encoding="utf-8", errors="replace")

    # ---- inside

    def _end(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGTERM)
        self._ended(name)

    def _ended(self, name: str) -> None:
        process = self.running.pop(name)
        status = process.wait(_STOP_SECONDS)
        if status not in (0, -signal.SIGTERM):  # whoever is still starting ends at once
            raise RuntimeError(f"{name} ended with {status}: {self.words(name)[-1_000:]}")
