"""Which messages meet which filters: many filters, thousands of messages a second.

Equal filters are one group. A filter asks for the sort of a message, of which there are few: what it makes of each is
kept. So a group without customers costs a look-up in an array for a whole batch, and one with customers nothing but
for messages about these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from forbear.apps.api.feed.messages import Message, Sort, View
from forbear.client.feed_models import Wanted

T = TypeVar("T")


class Group(NamedTuple):
    """What its members have in common."""

    wanted: Wanted
    view: View


def meets(wanted: Wanted, message: Message) -> bool:
    """Whether a filter lets a message pass."""
    return (
        accepts(wanted, message.sort)
        and not message.pd < wanted.min_pd  # lets NaN pass: a decision has no PD
        and (not wanted.customers or message.customer_id in wanted.customers)
    )


def accepts(wanted: Wanted, sort: Sort) -> bool:
    """Whether a filter lets messages of a sort pass, whoever they are about and whatever their PD."""
    return (
        (not wanted.kinds or sort.kind in wanted.kinds)
        and (not wanted.partitions or sort.partition in wanted.partitions)
        and (not wanted.bands or sort.band in wanted.bands)
        and (not wanted.outcomes or not sort.outcome or sort.outcome in wanted.outcomes)
        and (not wanted.actions or not sort.outcome or sort.action in wanted.actions)
    )


class _Kept(Generic[T]):
    """A group with its members. accepted: (sorts,) bool, what the filter makes of each sort that was met."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.members: set[T] = set()
        self.accepted: NDArray[np.bool_] = np.empty(0, dtype=np.bool_)

    def accepts(self, sorts: Mapping[Sort, int]) -> NDArray[np.bool_]:
        """The same, for all sorts."""
        if len(self.accepted) < len(sorts):
            new = islice(sorts, len(self.accepted), None)
            more = np.array([accepts(self.group.wanted, sort) for sort in new], dtype=np.bool_)
            self.accepted = np.concatenate([self.accepted, more])
        return self.accepted


class Matching(Generic[T]):
    """Members in groups. Law: a member hears of a message exactly if its filter `meets` it."""

    def __init__(self) -> None:
        self._groups: dict[Group, _Kept[T]] = {}
        self._general: set[_Kept[T]] = set()
        self._of_customer: defaultdict[str, set[_Kept[T]]] = defaultdict(set)
        self._sorts: dict[Sort, int] = {}

    def add(self, group: Group, member: T) -> None:
        """Let somebody hear."""
        kept = self._groups.get(group)
        if kept is None:
            kept = self._groups[group] = _Kept(group)
            for customer in group.wanted.customers:
                self._of_customer[customer].add(kept)
            if not group.wanted.customers:
                self._general.add(kept)
        kept.members.add(member)

    def remove(self, group: Group, member: T) -> None:
        """Let somebody hear no more."""
        kept = self._groups[group]
        kept.members.remove(member)
        if kept.members:
            return
        del self._groups[group]
        self._general.discard(kept)
        for customer in group.wanted.customers:
            self._of_customer[customer].remove(kept)
            if not self._of_customer[customer]:
                del self._of_customer[customer]

    def matched(self, messages: Sequence[Message]) -> Iterator[tuple[View, Sequence[T], Sequence[int]]]:
        """For each group that some messages meet: its view, its members, and the places of these messages, rising."""
        codes = np.array(
            [self._sorts.setdefault(message.sort, len(self._sorts)) for message in messages], dtype=np.intp
        )
        pd = np.array([message.pd for message in messages])
        found: dict[_Kept[T], list[int]] = {}
        for kept in self._general:
            met = kept.accepts(self._sorts)[codes]
            if kept.group.wanted.min_pd:
                met &= ~(pd < kept.group.wanted.min_pd)
            if places := np.flatnonzero(met).tolist():
                found[kept] = places
        for place, message in enumerate(messages):
            for kept in self._of_customer.get(message.customer_id or "", ()):
                if kept.accepts(self._sorts)[codes[place]] and not message.pd < kept.group.wanted.min_pd:
                    found.setdefault(kept, []).append(place)
        for kept, places in found.items():
            yield kept.group.view, tuple(kept.members), places
