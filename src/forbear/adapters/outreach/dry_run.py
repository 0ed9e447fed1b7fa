"""What would have been sent: one line of JSON each, in a file or in memory, and nothing leaves this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

from forbear.adapters.disk import storage_errors
from forbear.engine.outreach import Absent, Delivery, Message, Sent


class DryRun:
    """Counts messages by key, once each. path: of the file, None to keep nothing but the count.

    A line has the key, the channel, the language, the template and digests of what was said; no address and no text.
    """

    name = "dry_run"
    reconciles = True

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._keys: set[str] | None = None if path is not None else set()

    def __repr__(self) -> str:
        return f"DryRun({self._path})"

    def send(self, message: Message) -> Delivery:
        """Write it down, and call it sent. Raises StorageError where it cannot."""
        with self._lock:
            keys = self._known()
            if message.key not in keys:
                self._write(message)
                keys.add(message.key)
        return Sent("dry run")

    def look_up(self, key: str) -> Delivery | Absent:
        """Whether it was written down."""
        with self._lock:
            return Sent("dry run") if key in self._known() else Absent()

    @property
    def count(self) -> int:
        """How many messages there were."""
        with self._lock:
            return len(self._known())

    def _known(self) -> set[str]:
        if self._keys is None:
            self._keys = set(_keys_in(self._path)) if self._path is not None else set()
        return self._keys

    def _write(self, message: Message) -> None:
        if self._path is None:
            return
        said = hashlib.sha256(f"{message.subject}\n{message.text}".encode(errors="surrogatepass")).hexdigest()
        line = {
            "key": message.key,
            "intervention_id": message.intervention_id,
            "channel": message.channel,
            "language": message.language,
            "template": message.template,
            "content_sha": said,
        }
        with storage_errors(f"cannot write {self._path}"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def _keys_in(path: Path) -> list[str]:
    """Keys of a file; a last line that a crash cut short is not one."""
    with storage_errors(f"cannot read {path}"):
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = []
    for line in lines:
        try:
            found.append(str(json.loads(line)["key"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found
