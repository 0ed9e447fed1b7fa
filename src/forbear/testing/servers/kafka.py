"""A real Apache Kafka broker in KRaft mode, broker and controller in one process, for tests and benches."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from uuid import uuid4

from forbear.domain.errors import BackendUnavailable
from forbear.testing.servers.kafka_jars import kafka_jars
from forbear.testing.servers.starting import await_start, free_ports

_STARTED = "Kafka Server started"
_LOGGING = """status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %m (%c)%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
logger.started.name = kafka.server.KafkaRaftServer
logger.started.level = info
"""
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "INSIDE",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTSIDE:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "2097152",
    # A controller lets a broker that was killed back in only once the session of its former life is over.
    "broker.session.timeout.ms": "1000",
    "broker.heartbeat.interval.ms": "100",
}


class KafkaServer:
    """One broker. Started on entry, stopped on exit; in between it may be stopped, killed and started again.

    It keeps its ports and its data over that; on exit the data are deleted.
    settings: of the broker, in the place of the ones for tests.  scram: passwords by user, for SCRAM-SHA-512.
    heap_mb: memory of its objects [MiB].
    Raises ConfigError where Java or Maven is missing, BackendUnavailable where it does not start.
    """

    def __init__(
        self, *, settings: Mapping[str, str] | None = None, scram: Mapping[str, str] | None = None, heap_mb: int = 384
    ) -> None:
        self._jars = kafka_jars()
        self._heap_mb = heap_mb
        self._settings, self._scram = dict(settings or {}), dict(scram or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._kept = ExitStack()
        self.port, self._inside, self._controller = free_ports(3)

    @property
    def bootstrap(self) -> str:
        """Where clients find it: host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has printed since it was made."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def __enter__(self) -> Self:
        self._folder = Path(self._kept.enter_context(tempfile.TemporaryDirectory(prefix="forbear-kafka-")))
        # One that has been asked to lay its classes ready does so as it ends in order.
        self._kept.callback(lambda: self._end(kill=self._jars.classes.exists()))
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._kept.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._kept.close()

    def start(self, within_seconds: float = 180.0) -> None:
        """Start it; it takes requests when this returns. One that runs is left alone."""
        if self._process is not None:
            return
        before = self.log.count(_STARTED)
        # Where a test run is killed nobody is left to stop its broker.
        leash = [found, "--pdeathsig", "KILL"] if (found := shutil.which("setpriv")) else []
        command = [*leash, *self._java("kafka.Kafka", str(self._folder / "server.properties"))]
        with self._log.open("ab") as log:
            # An interrupt at the terminal is for whoever started this, and not for the broker.
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        try:
            await_start(
                "the broker",
                self._process,
                lambda: self.log.count(_STARTED) > before,
                lambda: self.log,
                within_seconds,
            )
        except BackendUnavailable:
            self.kill()
            raise

    def stop(self) -> None:
        """Ask it to end, and wait until it has."""
        self._end(kill=False)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self._end(kill=True)

    # ---- inside

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _prepare(self) -> None:
        listeners = f"OUTSIDE://127.0.0.1:{self.port},INSIDE://127.0.0.1:{self._inside}"
        settings = {
            **_SETTINGS,
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": listeners,
            "log.dirs": str(self._folder / "data"),
            **self._settings,
        }
        written = "".join(f"{name}={value}\n" for name, value in settings.items())
        (self._folder / "server.properties").write_text(written, encoding="utf-8")
        (self._folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
        named = urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")
        users = [
            word
            for user, password in self._scram.items()
            for word in ("--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]")
        ]
        self._run("format", f"--cluster-id={named}", "-c", str(self._folder / "server.properties"), *users)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603
            self._java("kafka.tools.StorageTool", *arguments), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BackendUnavailable(f"the broker's storage cannot be formatted: {done.stderr[-1_000:]}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        quick = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        if self._jars.classes.exists():
            quick.append(f"-XX:SharedArchiveFile={self._jars.classes}")
        elif main == "kafka.Kafka":
            # Written when this one ends in order; the name is its own until then, as others may be at the same.
            quick.append(f"-XX:ArchiveClassesAtExit={self._draft}")
        return [
            self._jars.java,
            *quick,
            f"-Xmx{self._heap_mb}m",
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
            *("-cp", f"{self._jars.folder}/*"),
            main,
            *arguments,
        ]

    @property
    def _draft(self) -> Path:
        return self._jars.folder / f".{self._folder.name}.jsa"

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        process.wait(timeout=60)
        if kill:
            self._draft.unlink(missing_ok=True)
        elif self._draft.exists():
            self._draft.replace(self._jars.classes)
