"""Store and keys where there is no room: what fails is said, nothing is half there, and with room again it goes on.

Each law runs in a process of its own: on a small disk that is filled to the brim, and where no file may be written.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOM = """
import resource, subprocess, sys
from contextlib import contextmanager
from pathlib import Path
from forbear.domain.errors import StorageError

folder, way = Path(sys.argv[1]), sys.argv[2]
if way == "disk":
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=True)

@contextmanager
def no_room():
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    ballast = folder / "ballast"
    if way == "disk":
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, most[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    ballast.unlink(missing_ok=True)

def refused(what, named):
    try:
        what()
    except StorageError as error:
        assert named in str(error), error
        assert ("free some disk space" if way == "disk" else "check the disk") in str(error), error
    else:
        raise AssertionError("it was done")
"""
STORE = """
from contextlib import closing
from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_store
from forbear.engine.outputs import Outputs, Position
from forbear.testing.outputs import assert_same, days, joined, scores

url = f"sqlite:///{folder}/forbear.db"
with no_room():
    refused(lambda: open_store(url), "forbear.db")
store, first = open_store(url), days(1)[0]
store.commit(first)
many = Outputs(after=first.until, until=Position(30), predictions=scores(15, 1, tuple(range(1, 9_000))))

def recorded():
    with closing(open_queries(url)) as queries:
        return queries.recorded(20_000).value

for _ in range(2):
    with no_room():
        refused(lambda: store.commit(many), "forbear.db")
        assert_same(first, recorded())
        assert (store.position(), store.head()) == (first.until, first.audit[-1])
store.commit(many)
store.settle()
store.close()
assert_same(joined(first, many), recorded())
"""
KEYS = """
from forbear.adapters.vault import FileVault, keys_in

path = folder / "keys.db"
with no_room():
    refused(lambda: FileVault(path), "keys.db")
vault = FileVault(path)
one, many = [(1, b"plain", b"about")], [(customer, b"", b"") for customer in range(2, 30_000)]
sealed = vault.seal(one)
for _ in range(2):
    with no_room():
        refused(lambda: vault.seal(many), "keys.db")
        assert keys_in(path) == ({1}, set())
        assert vault.open(1, sealed[0], b"about") == b"plain"
        assert vault.seal(one) == sealed
vault.seal(many)
assert keys_in(path) == (set(range(1, 30_000)), set())
vault.erase(2)
vault.close()
assert FileVault(path).seal(one) == sealed
assert keys_in(path)[1] == {2}
"""
OWN_DISKS = ["unshare", "--user", "--map-root-user", "--mount", "--"]


def may_mount() -> bool:
    """Whether this machine lets a process have disks of its own."""
    if shutil.which(OWN_DISKS[0]) is None:
        return False
    mount = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run([*OWN_DISKS, *mount], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("law", [STORE, KEYS], ids=["store", "keys"])
@pytest.mark.parametrize("way", ["disk", "limit"])
def test_without_room_nothing_is_half_recorded(tmp_path: Path, way: str, law: str) -> None:
    """The error is ours and has its mend; all is as it was; with room again the same calls succeed."""
    if way == "disk" and not may_mount():
        pytest.skip("this machine lets nobody mount a small disk")
    command = [*(OWN_DISKS if way == "disk" else []), sys.executable, "-c", ROOM + law, str(tmp_path), way]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode == 0, ended.stderr
