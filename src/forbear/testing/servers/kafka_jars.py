"""The jars of an Apache Kafka broker, resolved by Maven once and kept; no network is needed after that."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from forbear.domain.errors import BackendUnavailable, ConfigError

KAFKA_VERSION = "4.3.1"
_BINDING_VERSION = "2.25.4"
"""Of log4j, which that broker logs by: without its binding nothing is logged."""

_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>forbear</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{_BINDING_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


class Jars(NamedTuple):
    """What a broker is started from. folder: holds the jars.  java, keytool: the programs."""

    folder: Path
    java: str
    keytool: str

    @property
    def classes(self) -> Path:
        """Where the classes that a broker loads may lie ready to be mapped; it starts in half the time with them."""
        return self.folder / "classes.jsa"


def kafka_jars() -> Jars:
    """The jars, from the cache or else by Maven.

    The cache is FORBEAR_CACHE, or ~/.cache/forbear. Raises ConfigError where Java or Maven is missing,
    BackendUnavailable where Maven cannot resolve them.
    """
    java, keytool = _program("java", "17 or newer"), _program("keytool", "of the same Java")
    cache = Path(os.environ.get("FORBEAR_CACHE") or Path.home() / ".cache" / "forbear")
    folder = cache / f"kafka-{KAFKA_VERSION}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests that run side by side resolve them once
        if not folder.is_dir():
            _resolve(folder)
    return Jars(folder, java, keytool)


def _resolve(folder: Path) -> None:
    maven = _program("mvn", "Apache Maven")
    with tempfile.TemporaryDirectory(dir=folder.parent) as draft:
        (Path(draft) / "pom.xml").write_text(_POM, encoding="utf-8")
        copy = ["dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=jars"]
        done = subprocess.run([maven, "-B", "-q", *copy], cwd=draft, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-600:]
            raise BackendUnavailable(f"Maven cannot resolve the jars of Kafka {KAFKA_VERSION}: {said}")
        (Path(draft) / "jars").rename(folder)


def _program(name: str, which: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ConfigError(f"a Kafka broker needs {name} ({which}), which is not there", mend="install it")
    return found
