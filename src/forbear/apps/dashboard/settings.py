"""What a running dashboard was told when it was started, through its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite

from forbear.domain.errors import ConfigError

URL, SOLE_KEY, IDLE_MINUTES = "FORBEAR_URL", "FORBEAR_DASHBOARD_KEY", "FORBEAR_DASHBOARD_IDLE_MINUTES"
DEFAULT_URL = "http://127.0.0.1:8470"
DEFAULT_IDLE_MINUTES = 15.0
_LONGEST_IDLE_MINUTES = 24 * 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """url: of the interface.  sole_key: of the only user there is, who then need not log in; "" for none.

    idle_seconds: without anything done after which somebody is logged out, > 0.
    """

    url: str = DEFAULT_URL
    sole_key: str = field(default="", repr=False)
    idle_seconds: float = DEFAULT_IDLE_MINUTES * 60


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that a process was started with. Raises ConfigError for minutes that are none."""
    said = environment.get(IDLE_MINUTES, "") or str(DEFAULT_IDLE_MINUTES)
    try:
        minutes = float(said)
    except ValueError:
        minutes = float("nan")
    if not (isfinite(minutes) and 0 < minutes <= _LONGEST_IDLE_MINUTES):
        mend = f"give minutes from above 0 to {_LONGEST_IDLE_MINUTES:g}"
        raise ConfigError(f"{IDLE_MINUTES} is {said!r}", mend=mend)
    return Settings(
        url=environment.get(URL) or DEFAULT_URL, sole_key=environment.get(SOLE_KEY, ""), idle_seconds=minutes * 60
    )
