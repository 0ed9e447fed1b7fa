"""Objects in a folder: a file an object, written whole and once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from forbear.adapters.disk import storage_errors, write_new
from forbear.domain.errors import ConfigError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}){0,7}\Z")


def checked_name(name: str) -> str:
    """The name itself. Raises ConfigError for one that no object has: letters, digits and `._-` between `/`."""
    if not _NAME.match(name):
        raise ConfigError(f"{name[:80]!r} is no name of an object", mend="use letters, digits, `.`, `_` and `-`")
    return name


class FileObjects:
    """The port Objects over a folder, which need not be there yet. What begins with a dot is no object."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def where(self, name: str) -> str:
        """The path of an object."""
        return str(self.folder / name) if name else str(self.folder)

    def put(self, name: str, content: bytes) -> bool:
        """Keep an object, whole or not at all; answer whether it is new. What is there already stays as it is."""
        return write_new(self.folder / checked_name(name), content)

    def get(self, name: str) -> bytes:
        """The bytes that were put. Raises ConfigError where there are none of that name."""
        path = self.folder / checked_name(name)
        with storage_errors(f"cannot read {path}"):
            if not path.is_file():
                raise ConfigError(f"{path} is not there", mend="restore it from a backup")
            return path.read_bytes()

    def exists(self, name: str) -> bool:
        """Whether there is an object of a name."""
        with storage_errors(f"cannot read {self.folder}"):
            return (self.folder / checked_name(name)).is_file()

    def list(self, prefix: str = "") -> Sequence[str]:
        """Names that begin so, in their order."""
        with storage_errors(f"cannot read {self.folder}"):
            files = (path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())
            return sorted(name for name in files if name.startswith(prefix) and _NAME.match(name))
