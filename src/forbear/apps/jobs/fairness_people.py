"""Who the customers of a home are, from a file that lies apart: read for the question of fairness, and for no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from forbear.adapters.disk import storage_errors
from forbear.apps.home import Home
from forbear.apps.jobs.accessing import COMMAND_LINE, access, on_record
from forbear.apps.jobs.groups import WHO, groups_file, groups_in
from forbear.domain.errors import ConfigError
from forbear.engine.bystander import NOT_TOLD
from forbear.features.hashing import Keys
from forbear.models.fairness import LARGEST, REST, UNKNOWN, Grouping

AGAINST = {"largest": LARGEST, "rest": REST}
"""Whom groups are compared with, where no group is named."""
ROUTE = "read_groups"
"""What reading a file of groups is called in the chain of accesses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Groups of customers by attribute. members: of each attribute, the keys of each group, in the order of its name.

    against: of each attribute, whom its groups are compared with, as `Grouping` has it.  sha256: of the file.
    recorded: where the access stands in the chain of accesses, "" where the home has no office.
    """

    members: Mapping[str, Mapping[str, Keys]]
    against: Mapping[str, int]
    file: Path
    sha256: str
    recorded: str

    def groupings(self, keys: Keys) -> tuple[Grouping, ...]:
        """Of each attribute, the groups of these customers. keys: (n,), a customer may stand there many times."""
        return tuple(
            Grouping(attribute, _codes(list(groups.values()), keys), tuple(groups), self.against[attribute])
            for attribute, groups in self.members.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleRequest:
    """Which file, None for that of a synthetic bank; which of its columns, () for all; and whom to compare with.

    against: "largest" or "rest" for all, or "attribute=group" for one.  now: when it is read.
    """

    file: Path | None
    attributes: Sequence[str]
    against: Sequence[str]
    now: datetime


def can_tell(home: Home, file: Path | None) -> bool:
    """Whether some file says who the customers of a home are: the one that is named, or a synthetic bank's own."""
    return groups_file(home, file) is not None


def people_of(home: Home, request: PeopleRequest, among: Keys) -> People:
    """The groups of some customers. That they are read is recorded first, where the home has an office.

    Raises ConfigError where no file is named, or it lacks an attribute or a group that is; else as `groups_in` does.
    """
    path = groups_file(home, request.file)
    if path is None:
        raise ConfigError("no file says who the customers are", mend=f"name a CSV with --groups: {WHO} and attributes")
    asked = ", ".join(request.attributes) or "every column"
    recorded = _record(home, f"fairness: {asked} of {path.name}", request.now)
    found = groups_in(path, among)
    if absent := [name for name in request.attributes if name not in found]:
        raise ConfigError(f"{path} has no column {absent[0]!r}", mend=f"choose of {', '.join(found)}")
    kept = {
        name: {group: keys for group, keys in groups.items() if group != NOT_TOLD}
        for name, groups in found.items()
        if not request.attributes or name in request.attributes
    }
    if silent := [name for name, groups in kept.items() if not groups]:
        raise ConfigError(f"{path}: {silent[0]} tells nothing of these customers", mend="leave that column out")
    with storage_errors(f"cannot read {path}"):
        digest = sha256(path.read_bytes()).hexdigest()
    return People(members=kept, against=_against(kept, request.against), file=path, sha256=digest, recorded=recorded)


def _record(home: Home, why: str, now: datetime) -> str:
    """Have the reading recorded in the home's office; "" where there is none."""
    recorded = on_record(home, access(ROUTE, why, now))
    return f"chain of accesses of {COMMAND_LINE}" if recorded else ""


def _against(members: Mapping[str, Mapping[str, Keys]], asked: Sequence[str]) -> dict[str, int]:
    """Whom each attribute's groups are compared with: the last word that is said of it counts."""
    # The largest is settled here, once: scores and help are of different customers, and are read side by side.
    largest = {name: int(np.argmax([len(keys) for keys in groups.values()])) for name, groups in members.items()}
    found = largest
    for said in asked:
        attribute, _, group = said.partition("=")
        if said in AGAINST:
            found = dict(largest) if AGAINST[said] == LARGEST else dict.fromkeys(members, AGAINST[said])
        elif attribute in members and group in members[attribute]:
            found[attribute] = list(members[attribute]).index(group)
        else:
            named = ", ".join(f"{name}={group}" for name, groups in members.items() for group in groups)
            raise ConfigError(f"--against {said!r} is no group", mend=f"choose of largest, rest, {named}")
    return found


def _codes(groups: Sequence[Keys], keys: Keys) -> np.typing.NDArray[np.int64]:
    """(n,) place of each customer's group, -1 for none."""
    told = np.concatenate([np.empty(0, np.uint64), *groups])
    places = np.concatenate([np.empty(0, np.int64), *(np.full(len(one), at) for at, one in enumerate(groups))])
    if not len(told):
        return np.full(len(keys), UNKNOWN, dtype=np.int64)
    order = np.argsort(told, kind="stable")
    at = order[np.minimum(np.searchsorted(told, keys, sorter=order), len(told) - 1)]
    return np.where(told[at] == keys, places[at], UNKNOWN).astype(np.int64)
