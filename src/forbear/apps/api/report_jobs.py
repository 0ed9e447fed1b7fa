"""Jobs that write a report anew: the report's own command, run beside the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from forbear.apps.api.errands import Ended, run_errand
from forbear.apps.api.report_table import ReportKind
from forbear.apps.api.shelf import Shelf
from forbear.apps.masking import MASK, masked
from forbear.features.hashing import key_of

KIND = "report"
"""The kind of such a job; `report:monitor` says which report it is about."""
Ids = Callable[[list[int]], dict[int, str]]
"""Customer ids by key, of those that are known."""
_WORD = re.compile(r"[!-~]{1,80}")
_AROUND = "\"'`.,:;()[]<>"


def job_kind(report: str) -> str:
    """What a job of one report is kept as."""
    return f"{KIND}:{report}"


def report_of(kind: str) -> str | None:
    """The report that a job of a kind writes; None for another job."""
    name, colon, report = kind.partition(":")
    return report if colon and name == KIND else None


@dataclass(frozen=True, slots=True)
class ReportWriter:
    """Writes reports of a home. ids: looks up who customers are, so that no error names one."""

    shelf: Shelf
    ids: Ids

    def write(self, name: str, *, stop: Callable[[], bool], moved: Callable[[int, int], None]) -> Ended:
        """Write one anew; what it says of an error names nobody. For one that cannot be written here it says why."""
        kind = self.shelf.kinds().get(name)
        if kind is None:
            return Ended(done=False, said="there is no such report any more")
        if why := kind.why_not(self.shelf.setting):
            return Ended(done=False, said=why)
        ended = run_errand(self._arguments(kind), stop=stop, moved=moved)
        return ended if ended.done else Ended(done=False, said=self._masked(ended.said))

    def _arguments(self, kind: ReportKind) -> tuple[str, ...]:
        return kind.command_in(self.shelf.setting)

    def _masked(self, said: str) -> str:
        """A text without places, customers and long numbers."""
        setting = self.shelf.setting
        said = said.replace(str(setting.home.folder.resolve()), "HOME").replace(str(setting.home.folder), "HOME")
        words = {one for found in _WORD.findall(said) for one in (found, found.strip(_AROUND)) if one}
        known = set(self.ids([key_of(one) for one in words]).values())
        for one in sorted(words & known, key=len, reverse=True):
            said = said.replace(one, MASK)
        return str(masked({"why": said})["why"])
