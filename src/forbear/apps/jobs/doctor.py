"""Examine a home, and say what to do about what was found."""

from __future__ import annotations

from dataclasses import asdict

from forbear.adapters.disk import storage_errors
from forbear.apps.console import EXIT_CODES, Console
from forbear.apps.home import Home
from forbear.apps.jobs.examining import CHECKS, Examination, Grade, Noticed
from forbear.domain.errors import CorruptState, ForbearError, StorageError

_WORST_FIRST = (EXIT_CODES[CorruptState], EXIT_CODES[StorageError])
"""Damage comes before what the disk will not do, and both before whatever else must be mended."""
_GRADES = list(Grade)


def show_examination(home: Home, console: Console, asked: Examination) -> None:
    """Say what was found, worst first. Ends with the status of who must act on the worst; attention alone gives 0."""
    found = examine(home, asked)
    status = found[0].status
    console.result({"status": status, "findings": [asdict(one) for one in found]})
    console.table(
        f"Examination of {home.folder}",
        ["what", "how it stands", "found", "what to do"],
        [[one.what, str(one.grade), one.said, one.mend] for one in found],
    )
    if status:
        raise SystemExit(status)


def examine(home: Home, asked: Examination) -> list[Noticed]:
    """Every check of a home, worst first, equals in the order of the checks. Without a deployment no other is made."""
    if (home.folder / ".adopting").exists():
        return [Noticed("data", Grade.ATTENTION, "an import was cut short", "run another command: it finishes it")]
    found: list[Noticed] = []
    for what in CHECKS:
        found += _checked(what, home, asked)
        if found[0].status:
            break
    return sorted(found, key=_rank)


def _checked(what: str, home: Home, asked: Examination) -> list[Noticed]:
    """What one check gives; what it raises is a finding too."""
    found: list[Noticed] = []
    try:
        with storage_errors(f"cannot read the {what} of {home.folder}"):
            found += CHECKS[what](home, asked)
    except ForbearError as error:
        status = next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)
        found.append(Noticed(what, Grade.BROKEN, error.args[0], error.mend, status))
    return found


def _rank(one: Noticed) -> tuple[int, int]:
    worst = _WORST_FIRST.index(one.status) if one.status in _WORST_FIRST else len(_WORST_FIRST)
    return _GRADES.index(one.grade), worst
