"""Who gets a place when places are short: prices by channel at which everybody, asked alone, wants what there is.

The problem is an assignment with unit demand: n customers, at most one place each, c channels with some places each,
the largest sum of values. Its dual has one price a channel. Prices rise from 0, on a smallest set of channels that more
customers want than it has places, as far as it takes for that to end (Demange, Gale, Sotomayor, "Multi-item auctions",
J. Polit. Econ. 94, 1986, in one step where they take many). What is left is the least price vector at which no set is
wanted by too many. By Hall's theorem there are places then for all who want one, and the sum of their values is what
the dual bounds it by: there is no better one. All sums are exact for values on the grid of `policy.value`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forbear.policy.hashing import Floats

Ints = NDArray[np.int64]

NOTHING = -1
NOT_AT_MARGIN = -2


class Assigned(NamedTuple):
    """Who got what. channel: (n,) or NOTHING.  price_minor: (c,) least prices; 0 where there is room for all.

    margin: (n,) the same channel where the customer was as well off with another or with nothing, so that the prices
    alone do not say; NOT_AT_MARGIN for all others.
    """

    channel: Ints
    price_minor: Floats
    margin: Ints


def assign(values: Floats, capacity: Ints, order: NDArray[np.intp]) -> Assigned:
    """Places for customers so that the sum of the values is the largest that there is.

    values: (n, c) of a place on each channel, above 0; -inf where it is not to be had.  capacity: (c,) places >= 0.
    order: (n,) the rows from first to last: among equals the first gets the place. The same rows in the same `order`
    get the same, however they lie. Exact for values on the grid of `policy.value`.
    """
    price = np.zeros(values.shape[1])
    scarce = np.flatnonzero((values > 0.0).sum(axis=0) > capacity)
    outside = np.maximum(np.delete(values, scarce, axis=1).max(axis=1, initial=0.0), 0.0)
    wanted, room = values[:, scarce], capacity[scarce]
    price[scarce] = least_prices(wanted, outside, room)
    channel, _ = best_of(values, price)
    if len(scarce):
        ranked = order[_is_wanted(wanted, outside, price[scarce])[order]]
        given = _given(wanted[ranked] - price[scarce], outside[ranked], room, price[scarce] > 0.0)
        free = values.copy()
        free[:, scarce] = -np.inf
        channel[ranked] = np.where(given == NOTHING, best_of(free[ranked], price)[0], scarce[given])
    return Assigned(channel, price, np.where(tied(values, price), channel, NOT_AT_MARGIN))


def best_of(values: Floats, price_minor: Floats) -> tuple[Ints, Floats]:
    """(n,) the first channel of the highest value less price, NOTHING where none is above 0; and (n,) that surplus.

    values: (n, c).  price_minor: (c,), or (n, c) by row.
    """
    surplus = values - price_minor
    best = surplus.argmax(axis=1)
    most = surplus[np.arange(len(values)), best]
    return np.where(most > 0.0, best, NOTHING).astype(np.int64), np.maximum(most, 0.0)


def tied(values: Floats, price_minor: Floats) -> NDArray[np.bool_]:
    """(n,) whether two things, nothing among them, leave a customer as well off at these prices."""
    surplus = values - price_minor
    most = np.maximum(surplus.max(axis=1), 0.0)
    ways: NDArray[np.bool_] = (surplus == most[:, np.newaxis]).sum(axis=1) + (most == 0.0) > 1
    return ways


def least_prices(values: Floats, outside: Floats, capacity: Ints) -> Floats:
    """(c,) the least prices at which no set of channels is wanted by more customers than it has places.

    values: (n, c).  outside: (n,) >= 0, what each has without a place.  capacity: (c,).
    """
    channels = values.shape[1]
    sets = np.arange(1 << channels)
    by_size = np.lexsort((sets, np.bitwise_count(sets)))
    room = np.zeros(len(sets), dtype=np.int64)
    room[1 << np.arange(channels)] = capacity
    room = _over_subsets(room)
    price = np.zeros(channels)
    while True:
        surplus = values - price
        kept = surplus.max(axis=1, initial=-np.inf) > outside  # prices only rise: who has left stays away
        values, outside, surplus = values[kept], outside[kept], surplus[kept]
        wants = _masks(surplus == surplus.max(axis=1, initial=-np.inf)[:, np.newaxis])
        over = _over_subsets(np.bincount(wants, minlength=len(sets))) > room
        if not over.any():
            return price
        smallest = int(by_size[over[by_size]][0])
        inside = np.array([bool(smallest >> bit & 1) for bit in range(channels)])
        willing = surplus[:, inside].max(axis=1) - np.maximum(outside, surplus[:, ~inside].max(axis=1, initial=-np.inf))
        at = len(willing) - 1 - int(room[smallest])
        price[inside] += np.partition(willing, at)[at]


def _masks(wants: NDArray[np.bool_]) -> Ints:
    """(n,) rows of (n, c) as words: bit j for column j."""
    masks: Ints = wants @ (1 << np.arange(wants.shape[1], dtype=np.int64))
    return masks


def _over_subsets(counts: Ints) -> Ints:
    """(2^c,) for each set of channels the sum of (2^c,) counts over all sets within it."""
    sums: Ints = counts.astype(np.int64)
    for bit in range(len(sums).bit_length() - 1):
        halves = sums.reshape(-1, 2, 1 << bit)
        halves[:, 1] += halves[:, 0]
    return sums


def _is_wanted(values: Floats, outside: Floats, price: Floats) -> NDArray[np.bool_]:
    """(n,) who is at least as well off with a place as without."""
    wanted: NDArray[np.bool_] = (values - price).max(axis=1) >= outside
    return wanted


def _given(surplus: Floats, outside: Floats, room: Ints, priced: NDArray[np.bool_]) -> Ints:
    """(n,) the channel of each, NOTHING for none, of customers in order who are at least as well off with a place.

    Whoever is better off gets one; every channel with a price gets full. Customers who want the same are a group.
    """
    most = surplus.max(axis=1)
    masks = _masks(surplus == most[:, np.newaxis])
    optional = most == outside
    groups, group = np.unique(np.column_stack([masks, optional]), axis=0, return_inverse=True)
    group = group.reshape(-1)
    places = _Places(groups[:, 0], np.bincount(group, minlength=len(groups)), room.copy())
    places.place([g for g in range(len(groups)) if not groups[g, 1]])
    places.place([g for g in range(len(groups)) if groups[g, 1]])
    places.fill(priced)
    given = np.full(len(surplus), NOTHING, dtype=np.int64)
    for number in range(len(groups)):
        rows, channels = np.flatnonzero(group == number), np.repeat(np.arange(len(room)), places.taken[number])
        given[rows[: len(channels)]] = channels
    return given


class _Places:
    """A flow from groups of customers to channels. taken: (groups, c) places by group.  left: groups' unplaced."""

    def __init__(self, masks: Ints, counts: Ints, room: Ints) -> None:
        self.wants = (masks[:, np.newaxis] >> np.arange(len(room)) & 1).astype(np.bool_)
        self.left, self.room = counts.astype(np.int64), room
        self.taken = np.zeros(self.wants.shape, dtype=np.int64)

    def place(self, groups: list[int]) -> None:
        """Place as many of some groups as there are ways, moving others about; nobody placed loses a place."""
        for group in groups:
            while self.left[group] and (path := self._path(np.flatnonzero(self.wants[group]).tolist(), self.room > 0)):
                amount = min(int(self.left[group]), int(self.room[path[-1][1]]), *self._moves(path))
                self.taken[group, path[0][1]] += amount
                self.left[group] -= amount
                self._move(path, amount)

    def fill(self, priced: NDArray[np.bool_]) -> None:
        """Fill the channels with a price from those without one, where customers are as well off on either."""
        for start in np.flatnonzero(~priced).tolist():
            while path := self._path([start], priced & (self.room > 0)):
                amount = min(int(self.room[path[-1][1]]), *self._moves(path))
                self.room[start] += amount
                self._move(path, amount)

    def _path(self, starts: list[int], goal: NDArray[np.bool_]) -> list[tuple[int, int]]:
        """The shortest chain of moves from some channels to a goal: pairs of group and channel; none: no chain.

        The first pair has no group (-1). Each later one moves customers of its group from the channel before.
        """
        came: dict[int, tuple[int, int]] = dict.fromkeys(starts, (-1, -1))
        queue = list(starts)
        for at in queue:
            if goal[at]:
                return list(self._back(came, at))[::-1]
            for group, to in self._steps(at):
                if to not in came:
                    came[to] = (group, at)
                    queue.append(to)
        return []

    def _steps(self, channel: int) -> Iterator[tuple[int, int]]:
        for group in np.flatnonzero(self.taken[:, channel]).tolist():
            for to in np.flatnonzero(self.wants[group]).tolist():
                yield group, to

    def _back(self, came: dict[int, tuple[int, int]], at: int) -> Iterator[tuple[int, int]]:
        while at >= 0:
            group, before = came[at]
            yield group, at
            at = before

    def _moves(self, path: list[tuple[int, int]]) -> list[int]:
        """How many can make each move of a chain."""
        return [int(self.taken[path[step][0], path[step - 1][1]]) for step in range(1, len(path))]

    def _move(self, path: list[tuple[int, int]], amount: int) -> None:
        for step in range(1, len(path)):
            group, to = path[step]
            self.taken[group, path[step - 1][1]] -= amount
            self.taken[group, to] += amount
        self.room[path[-1][1]] -= amount
