"""A Prometheus server of one's own, over the files that the processes of a home leave, on a free port.

It runs the rules as they are delivered, but that every span of time in them may be shortened by one factor.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from forbear.domain.errors import ConfigError
from forbear.testing.servers.starting import await_start, free_ports

SCRAPE_SECONDS = 0.5
_READY_SECONDS = 180.0
_ASK_SECONDS = 10.0
_SPAN = re.compile(r"(?<=\[)\d+[smhd](?=\])|(?<=\bfor: )\d+[smhd]\b")
_SECONDS = re.compile(r"\d+(?= # seconds)")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def hastened(rules: str, factor: int) -> str:
    """Rules in which every span of time is so many times shorter: `for`, ranges, and numbers marked `# seconds`.

    Nothing else changes. factor: at least 1; no span becomes shorter than a second.
    """
    if factor < 1:
        raise ValueError(f"factor {factor}: out of range")

    def span(found: re.Match[str]) -> str:
        text = found.group()
        return f"{max(1, int(text[:-1]) * _UNITS[text[-1]] // factor)}s"

    return _SECONDS.sub(lambda found: str(max(1, int(found.group()) // factor)), _SPAN.sub(span, rules))


def binary(name: str) -> str:
    """A program of Prometheus. Raises ConfigError, which says what to install, where it is not there."""
    found = shutil.which(name)
    if found is None:
        raise ConfigError(f"{name} is not installed", mend="apt-get install prometheus, or put it on PATH")
    return found


class PrometheusServer:
    """A server that scrapes what the files say, there while the block runs.

    targets: globs of files in the form of `file_sd_configs`.  rules: rules by the name of their file, as text. Raises
    ConfigError where Prometheus is not installed, BackendUnavailable with the end of its log where it does not start.
    """

    def __init__(self, targets: Iterable[str], rules: dict[str, str], scrape_seconds: float = SCRAPE_SECONDS) -> None:
        self._binary = binary("prometheus")
        self._targets, self._rules, self._scrape = list(targets), dict(rules), scrape_seconds
        [self._port] = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path()

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="forbear-prometheus-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What an expression gives now: one entry a series, with `metric` and `value`. Raises ValueError for none."""
        answer = self._ask("query", query=expression)
        found: list[dict[str, Any]] = answer["result"]
        return found

    def ever(self, expression: str, seconds: int) -> list[dict[str, Any]]:
        """The series that an expression has had at any time of the last seconds, with the number of times as value."""
        return self.query(f"count_over_time(({expression})[{seconds}s:{round(self._scrape * 1_000)}ms])")

    def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {one["labels"]["alertname"] for one in self._ask("alerts")["alerts"] if one["state"] == "firing"}

    def rules(self) -> list[dict[str, Any]]:
        """Every rule with its state, its health and its last error."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    # ---- inside

    def _start(self) -> None:
        for name, text in self._rules.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        every = f"{round(self._scrape * 1_000)}ms"
        config = {
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": sorted(self._rules),
            "scrape_configs": [
                {"job_name": "forbear", "file_sd_configs": [{"files": self._targets, "refresh_interval": "1s"}]}
            ],
        }
        (self.folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        command = (
            self._binary,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
            "--query.lookback-delta=5s",
            "--log.level=warn",
        )
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603
        await_start("Prometheus", self._process, self._ready, self._said, _READY_SECONDS)

    def _said(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=_ASK_SECONDS) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def _ask(self, what: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self._port}/api/v1/{what}?{urlencode(parameters)}"
        try:
            with urlopen(url, timeout=_ASK_SECONDS) as answer:  # our own server
                return json.loads(answer.read())["data"]
        except URLError as error:
            raise ValueError(f"Prometheus refuses {parameters}: {error}") from error
