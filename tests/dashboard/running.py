"""The demo as somebody starts it: the command, its processes, and the keys that it shows."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forbear.client import Client
from forbear.testing.servers.starting import free_ports

READY_SECONDS = 600.0
_KEY = re.compile(r"^ {2}(\w+) +(fb_\w+_[\w-]+)$")


@dataclass(frozen=True)
class Demo:
    """A demo that runs. url, interface: of the dashboard and of the HTTP interface.  keys: by role."""

    home: Path
    url: str
    interface: str
    keys: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def client(self, role: str) -> Client:
        """Asks the interface with the key of a role."""
        return Client(self.interface, self.keys[role])


@contextmanager
def demo_of(home: Path, *options: str) -> Iterator[Demo]:
    """`forbear dashboard --demo` over a home, ready; ended with the block as Ctrl-C ends it."""
    port, interface_port = free_ports(2)
    process = started(home, port, interface_port, *options)
    try:
        keys = dict(_keys_until_open(process))
        yield Demo(home, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{interface_port}", keys, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)


def started(home: Path, port: int, interface_port: int, *options: str) -> subprocess.Popen[bytes]:
    """The command, just started."""
    ports = ("--port", str(port), "--interface-port", str(interface_port))
    command = [sys.executable, "-P", "-m", "forbear.apps.cli", "dashboard", "--demo", "--home", str(home)]
    # A folder of its own: Streamlit looks for settings in the one it is started in.
    return subprocess.Popen(
        [*command, *ports, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        bufsize=0,
        start_new_session=True,
        cwd=home.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("FORBEAR_")},
    )


def children_of(process: int) -> list[int]:
    """The processes that one has started."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(pid) for pid, parent in (line.split() for line in listed.splitlines()) if int(parent) == process]


def process_of(demo: Demo, command: str) -> int:
    """The process of a demo that runs a command of `forbear`."""
    for one in children_of(demo.process.pid):
        said = subprocess.run(["ps", "-o", "args=", "-p", str(one)], capture_output=True, text=True, check=False).stdout
        if f" forbear.apps.cli {command} " in said:
            return one
    raise AssertionError(f"nothing runs `forbear {command}`")


def alive(process: int) -> bool:
    """Whether a process is there and more than its status to be asked for."""
    said = subprocess.run(["ps", "-o", "state=", "-p", str(process)], capture_output=True, text=True, check=False)
    return said.stdout.strip()[:1] not in {"", "Z"}


def _keys_until_open(process: subprocess.Popen[bytes]) -> Iterator[tuple[str, str]]:
    said, rest, until = list[str](), b"", time.monotonic() + READY_SECONDS
    assert process.stdout is not None
    while True:
        # Asked of the pipe itself: what a buffer holds already would not be heard of.
        heard, _, _ = select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))
        content = os.read(process.stdout.fileno(), 65_536) if heard else b""
        if not content:
            process.kill()
            raise AssertionError(f"the demo did not come up:\n{''.join(said)}")
        *lines, rest = (rest + content).split(b"\n")
        for line in map(bytes.decode, lines):
            said.append(f"{line}\n")
            if found := _KEY.match(line):
                yield found[1], found[2]
            if line.startswith("Open "):
                return
