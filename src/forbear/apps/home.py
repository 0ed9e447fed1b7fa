"""A deployment's home: one folder that holds all of its state.

deployment.json   currency, zone, definition of a miss; written with the first data
archive/          the log of record
snapshots/        ledgers, folded up to an offset
models/           artefacts, each named by its content; latest.json says which is the newest of a kind
dead-letters/     records that were refused, with their reasons
reports/          pages for people
"""

from __future__ import annotations

import shutil
from functools import cached_property
from pathlib import Path

import msgspec

from forbear.adapters.archive import FileArchive
from forbear.adapters.disk import storage_errors, write_whole
from forbear.adapters.holidays import bank_calendar
from forbear.adapters.snapshots import FileSnapshots
from forbear.domain.deployment import Deployment
from forbear.domain.errors import ConfigError, CorruptState
from forbear.engine.backfill import Feed

DATA = ("deployment.json", "archive", "snapshots", "dead-letters")
"""What an import writes; models and reports outlive it."""


class Home:
    """The folder of one deployment. Making the object touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def holds_data(self) -> bool:
        """Whether events have been imported."""
        return (self.folder / "deployment.json").exists()

    @cached_property
    def deployment(self) -> Deployment:
        """What the deployment is about. Raises ConfigError where nothing was imported."""
        path = self.folder / "deployment.json"
        if not path.exists():
            raise ConfigError(
                f"{self.folder} holds no data yet",
                mend="run `forbear simulate` or `forbear import` with this --home first",
            )
        with storage_errors(f"cannot read {path}"):
            content = path.read_bytes()
        try:
            return msgspec.json.decode(content, type=Deployment)
        except msgspec.MsgspecError as error:
            raise CorruptState(f"{path} is damaged: {error}", mend="import the data again") from error

    @cached_property
    def archive(self) -> FileArchive:
        """The log of record."""
        return FileArchive(self.folder / "archive")

    @property
    def feed(self) -> Feed:
        """The archive with what gives its events their meaning."""
        return Feed(self.archive, self.deployment, bank_calendar(self.deployment.country))

    @property
    def snapshots(self) -> FileSnapshots:
        """Snapshots of the ledgers."""
        return FileSnapshots(self.folder / "snapshots")

    @property
    def models(self) -> Path:
        """Where artefacts are."""
        return self.folder / "models"

    @property
    def reports(self) -> Path:
        """Where pages go."""
        return self.folder / "reports"

    @property
    def dead_letters(self) -> Path:
        """Where refused records go."""
        return self.folder / "dead-letters"

    def draft(self) -> Home:
        """An empty home inside this one, in which an import is built before it takes its place."""
        folder = self.folder / ".importing"
        with storage_errors(f"cannot write {folder}"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        return Home(folder)

    def found(self, deployment: Deployment) -> None:
        """Write down what this deployment is about."""
        content = msgspec.json.format(msgspec.json.encode(deployment), indent=2)
        write_whole(self.folder / "deployment.json", content + b"\n")

    def adopt(self, draft: Home) -> None:
        """Let a finished draft take the place of whatever data this home held."""
        with storage_errors(f"cannot write {self.folder}"):
            for name in DATA:
                old = self.folder / name
                if old.is_dir():
                    shutil.rmtree(old)
                else:
                    old.unlink(missing_ok=True)
            # The deployment comes last: without it the home counts as empty.
            for name in reversed(DATA):
                if (draft.folder / name).exists():
                    (draft.folder / name).rename(self.folder / name)
            shutil.rmtree(draft.folder)
        self.__dict__.pop("deployment", None)
        self.__dict__.pop("archive", None)
