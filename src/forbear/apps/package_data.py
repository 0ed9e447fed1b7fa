"""TOML documents: those that are shipped in the package, and files of one's own in their place."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from forbear.adapters.disk import storage_errors
from forbear.domain.errors import ConfigError


def shipped(name: str) -> dict[str, Any]:
    """A TOML document of forbear/data. Raises ConfigError where the package lacks it or it cannot be read."""
    try:
        return tomllib.loads(text_of(name))
    except ValueError as error:
        raise ConfigError(f"{name} of the package cannot be read: {error}", mend="install forbear again") from error


def text_of(name: str) -> str:
    """The text of a document of forbear/data. Raises ConfigError where the package lacks it."""
    try:
        return files("forbear.data").joinpath(name).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{name} of the package cannot be read: {error}", mend="install forbear again") from error


def toml_of(path: Path, what: str) -> dict[str, Any]:
    """A TOML document of a file. what: it is to hold, in words.  Raises ConfigError where it is none."""
    try:
        return tomllib.loads(text_in(path, what))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}", mend="write it as TOML, in UTF-8") from error


def text_in(path: Path, what: str) -> str:
    """The text of a file. what: it is to hold, in words.  Raises ConfigError where there is none."""
    with storage_errors(f"cannot read {path}"):
        if not path.is_file():
            raise ConfigError(f"{path} is no file", mend=f"name a TOML file of {what}")
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path} is no text: {error}", mend="save it as UTF-8") from error
