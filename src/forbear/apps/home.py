"""A deployment's home: one folder that holds all of its state.

deployment.json   currency, zone, definition of a miss; written with the first data
archive/          the log of record
log/              what is live: a folder a topic, and in it one a partition
snapshots/        ledgers, folded up to an offset
log/              what is live, on from where the archive ends
worker/           the worker's memory, at closes of days
policies/         policies that were promoted, each named by its digest
rollouts/         roll-outs that were told, each named by its digest
forbear.db        predictions, decisions, contacts, audit chain, outcomes
keys.db           keys of customers, under which what is personal is sealed
audit/            signed checkpoints of the audit chain, and the key that signs them
api.db            of the HTTP interface: keys to it, accesses, answers given
models/           the registry: a folder an artefact, named by its content; latest.json has the newest of a kind
dead-letters/     records that were refused, with their reasons
reports/          pages for people
book.segments     who is in which segment, as the newest portfolio found it; keys and no names
monitor/          which alarms the channels of alerts.toml have been told of
truth/            of a synthetic bank alone: what it was asked to be, and who its customers are
services.toml     where Kafka, the store and the models are, if they are not this folder's own
stream/           of the production path: snapshots, archives of the partitions, what its processes say
.lock             held while data are brought in

Data are brought in as a whole: built in .importing, which then becomes .adopting, whose parts move to their
places. Up to that one renaming the home is as it was; from then on it is the new one, and whoever looks next
finishes the moves if a crash cut them short.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path

import msgspec

from forbear.adapters.archive import FileArchive
from forbear.adapters.disk import alone, nobody_holds, storage_errors, sync_folder, write_whole
from forbear.adapters.holidays import bank_calendar
from forbear.adapters.log import Beginning, FileSink, FileSource
from forbear.adapters.log_segments import LOCK
from forbear.adapters.registry import ObjectModels
from forbear.adapters.segments import FileSegments
from forbear.adapters.snapshots import FileSnapshots
from forbear.domain.deployment import Deployment
from forbear.domain.errors import ConfigError, CorruptState, StorageError
from forbear.engine.backfill import Feed
from forbear.engine.history import ArchiveAndLog
from forbear.engine.router import STREAM
from forbear.features.local_time import local_time
from forbear.features.measures import WORDS

FOLDERS = ("archive", "log", "snapshots", "dead-letters", "truth")
DATA = (*FOLDERS, "deployment.json")
"""What an import writes; models and reports outlive it. The last tells that a home holds data."""


SEGMENTS = "book.segments"
RECORDS = (
    "worker",
    "audit",
    SEGMENTS,
    *(f"{name}.db{end}" for name in ("forbear", "keys") for end in ("-shm", "-wal", "")),
)
"""What a worker writes, and what is found out of the data: it goes when a synthetic bank is replaced."""
SERVICES = "services.toml"
"""The file that says where Kafka and the store are."""


class Home:
    """The folder of one deployment. Making the object touches nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def holds_data(self) -> bool:
        """Whether events have been imported. Raises ConfigError where the home cannot be a folder."""
        self._finish_adopting()
        with storage_errors(f"cannot read {self.folder}"):
            if self.folder.exists() and not self.folder.is_dir():
                raise ConfigError(f"{self.folder} is a file", mend="choose a folder for --home")
            return (self.folder / "deployment.json").exists()

    @cached_property
    def deployment(self) -> Deployment:
        """What the deployment is about. Raises ConfigError where nothing was imported."""
        path = self.folder / "deployment.json"
        if not self.holds_data:
            raise ConfigError(
                f"{self.folder} holds no data yet",
                mend="run `forbear simulate` or `forbear import` with this --home first",
            )
        with storage_errors(f"cannot read {path}"):
            content = path.read_bytes()
        try:
            return checked(msgspec.json.decode(content, type=Deployment))
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise CorruptState(f"{path} is damaged: {error}", mend=_RESTORE) from error

    @property
    def synthetic(self) -> bool:
        """Whether a simulated bank lives here."""
        return self.deployment.synthetic

    @cached_property
    def archive(self) -> FileArchive:
        """The log of record. Raises CorruptState where it is damaged, or gone from a home that holds data."""
        archive = FileArchive(self.folder / "archive")
        if self.holds_data and not archive.next_offset:
            raise CorruptState(f"{archive.folder} has lost its events", mend=_RESTORE)
        return archive

    def sink(self, topic: str = STREAM) -> FileSink:
        """The one writer of a topic of the log. The stream goes on where the archive ends.

        Raises StorageError where another process writes to it, CorruptState where it is damaged, or ends before the
        archive does.
        """
        beginning = self._beginning(topic)
        sink = FileSink(self.log(topic), before=beginning)
        if sink.end < beginning.offset:
            sink.close()
            raise CorruptState(f"{self.log(topic)} ends before the archive, at {sink.end}", mend=_RESTORE)
        return sink

    def source(self, topic: str = STREAM) -> FileSource:
        """A reader of a topic of the log, at its beginning. Raises CorruptState where it is damaged."""
        zone = local_time(self.deployment.time_zone)
        return FileSource(self.log(topic), zone, first=self._beginning(topic).offset)

    def log(self, topic: str = STREAM) -> Path:
        """Where a topic's only partition lies."""
        return self.folder / "log" / topic / "0"

    @property
    def feed(self) -> Feed:
        """The archive with what gives its events their meaning."""
        return Feed(self.archive, self.deployment, bank_calendar(self.deployment.country))

    @property
    def history(self) -> ArchiveAndLog:
        """Archive and log as one, up to where the log reaches now. To read it changes nothing."""
        with closing(self.source()) as source:
            end = source.end
        zone = local_time(self.deployment.time_zone)
        return ArchiveAndLog(lambda: FileArchive(self.archive.folder), self.source, zone, end)

    @property
    def snapshots(self) -> FileSnapshots:
        """Snapshots of the ledgers."""
        return FileSnapshots(self.folder / "snapshots")

    @property
    def models(self) -> Path:
        """Where artefacts are."""
        return self.folder / "models"

    @property
    def registry(self) -> ObjectModels:
        """Every model that was ever kept, with what is known of it; in `models`, unless a setting names another place.

        Raises ConfigError for a setting that names none.
        """
        from forbear.apps.services import registry_of  # settings are a home's own

        return registry_of(self.folder, self.models, os.environ)

    @property
    def policies(self) -> Path:
        """Where policies that were promoted are, each named by its digest."""
        return self.folder / "policies"

    @property
    def rollouts(self) -> Path:
        """Where roll-outs that were told are, each named by its digest."""
        return self.folder / "rollouts"

    @property
    def reasons(self) -> Path:
        """Where approved reasons that were promoted are, each named by its digest."""
        return self.folder / "reasons"

    @property
    def database(self) -> Path:
        """What the worker has recorded."""
        return self.folder / "forbear.db"

    @property
    def office(self) -> Path:
        """What the HTTP interface keeps for itself."""
        return self.folder / "api.db"

    @property
    def keys(self) -> Path:
        """Keys of customers, under which what is personal is sealed."""
        return self.folder / "keys.db"

    @property
    def audit(self) -> Path:
        """Signed checkpoints of the audit chain, and the key that signs them."""
        return self.folder / "audit"

    @property
    def worker(self) -> Path:
        """Snapshots of the worker."""
        return self.folder / "worker"

    @property
    def reports(self) -> Path:
        """Where pages go."""
        return self.folder / "reports"

    @property
    def segments(self) -> FileSegments:
        """Who is in which segment."""
        return FileSegments(self.folder / SEGMENTS)

    @property
    def monitor(self) -> Path:
        """Which alarms have been told to whom."""
        return self.folder / "monitor"

    @property
    def dead_letters(self) -> Path:
        """Where refused records go."""
        return self.folder / "dead-letters"

    @property
    def truth(self) -> Path:
        """Where a synthetic bank keeps what its feed does not tell; empty for a real one."""
        return self.folder / "truth"

    @contextmanager
    def importing(self, *, replace: bool) -> Iterator[Home]:
        """An empty home in which an import is built, and which takes the place of this one's data in the end.

        If the block fails nothing has changed. Raises ConfigError where there are data and replace is off,
        StorageError where the home cannot be written or another command is writing in it.
        """
        if self.holds_data and not replace:
            raise ConfigError(
                f"{self.folder} already holds data from {self.deployment.source}",
                mend="choose another --home, or pass --replace to put the new data in its place",
            )
        if self.database.exists() and not self.synthetic:
            raise ConfigError(
                f"{self.folder} holds decisions on its data, and they are to be kept", mend="choose another --home"
            )
        new = not self.folder.exists()
        lock, draft = self.folder / ".lock", Home(self.folder / ".importing")
        with storage_errors(f"cannot write {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with alone(lock) as mine, ExitStack() as busy:
                _require_alone(self.folder, mine)
                _require_alone(self.log(), busy.enter_context(nobody_holds(self.log() / LOCK)))
                try:
                    _remove(draft.folder)
                    draft.folder.mkdir()
                    yield draft
                    self._adopt(draft)
                except BaseException:
                    shutil.rmtree(draft.folder, ignore_errors=True)
                    if new:
                        _remove_if_empty(self.folder, lock)
                    raise

    def found(self, deployment: Deployment) -> None:
        """Write down what this deployment is about."""
        content = msgspec.json.format(msgspec.json.encode(checked(deployment)), indent=2)
        write_whole(self.folder / "deployment.json", content + b"\n")

    # ---- inside

    def _beginning(self, topic: str) -> Beginning:
        """Where a log begins that is not there yet: stream and archive count their events together."""
        return Beginning(self.archive.next_offset, self.archive.received_us) if topic == STREAM else Beginning()

    @property
    def _adopting(self) -> Path:
        return self.folder / ".adopting"

    def _adopt(self, draft: Home) -> None:
        for name in FOLDERS:
            (draft.folder / name).mkdir(exist_ok=True)
        sync_folder(draft.folder)
        draft.folder.rename(self._adopting)
        sync_folder(self.folder)
        self._move_in()

    def _move_in(self) -> None:
        """Put what .adopting still holds in its place. May be cut short anywhere, and done again."""
        for name in RECORDS:
            _remove(self.folder / name)
        for name in DATA:
            if (self._adopting / name).exists():
                _remove(self.folder / name)
                (self._adopting / name).rename(self.folder / name)
        _remove(self._adopting)
        sync_folder(self.folder)
        self.__dict__.pop("deployment", None)
        self.__dict__.pop("archive", None)

    def _finish_adopting(self) -> None:
        with storage_errors(f"cannot write {self.folder}"):
            if self._adopting.exists():
                with alone(self.folder / ".lock") as mine:
                    _require_alone(self.folder, mine)
                    self._move_in()


def checked(deployment: Deployment) -> Deployment:
    """The deployment itself. Raises ConfigError if what its feed cannot tell is nothing that a feed tells."""
    if unknown := sorted(set(deployment.unsupported) - set(WORDS)):
        raise ConfigError(
            f"unsupported = {unknown}: no measure has that name", mend=f"the names are: {', '.join(WORDS)}"
        )
    return deployment


def _require_alone(folder: Path, mine: bool) -> None:
    if not mine:
        raise StorageError(f"another command is writing in {folder}", mend="wait until it has ended")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_if_empty(folder: Path, lock: Path) -> None:
    """Leave no trace of a home that came to nothing."""
    lock.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


_RESTORE = "restore it from a backup, or import the data again with --replace"
