"""The documents that are shipped in the package: expert scorecard, catalogue of reasons, policy."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

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
