"""A roll-out as a document: which model scores which share of the customers, and when it has to stop.

Who is in it is decided by a hash of the customer, as the hold-out is: the same on any machine, at any time.
"""

from __future__ import annotations

import json
from typing import Annotated, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from forbear.domain.errors import CorruptState
from forbear.domain.stated import canonical_json, digest_of
from forbear.policy.hashing import Keys, chained, seed_of, uniform

Bools: TypeAlias = NDArray[np.bool_]
Digest: TypeAlias = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]

ROLLOUT_FORMAT = 1


class Guard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a roll-out stops itself, judged at each close of a day by the scores of that close.

    least_customers: of each arm, below which no difference is judged.
    standard_errors: half the width of the interval about a difference. It is looked at every day, so it is wide: at 4,
    one look in 16,000 stops a challenger that is like the champion.
    in_band_points: the largest difference of the shares that lie in a band of the policy, [0, 1].
    mean_pd_share: the largest difference of the mean PDs, as a share of the champion's.
    The defaults are assumptions, for a bank to state anew.
    """

    least_customers: Annotated[int, Meta(ge=2, le=10**9)] = 200
    standard_errors: Annotated[float, Meta(gt=0.0, le=20.0)] = 4.0
    in_band_points: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.02
    mean_pd_share: Annotated[float, Meta(ge=0.0, le=100.0)] = 0.5


class Rollout(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A challenger and its share of the customers. challenger: digest of the model.  percent: [0, 100].

    salt: of the hash. Under one salt a customer who is in at some percentage is in at every higher one; another salt
    draws other customers.
    """

    challenger: Digest
    percent: Annotated[float, Meta(ge=0.0, le=100.0)]
    salt: Annotated[str, Meta(min_length=1, max_length=200)]
    guard: Guard = Guard()
    format: int = ROLLOUT_FORMAT

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal: what an instruction names it by."""
        return digest_of(self)

    def takes(self, customers: Keys) -> Bools:
        """(n,) whether the challenger scores each customer, by key."""
        drawn: Bools = uniform(chained(seed_of(f"rollout {self.salt}"), customers)) < self.percent / 100.0
        return drawn

    def encode(self) -> bytes:
        """Canonical JSON, whose SHA-256 is the digest."""
        return canonical_json(msgspec.to_builtins(self))


def read_rollout(raw: bytes, digest: str) -> Rollout:
    """The roll-out that `encode` wrote. Raises CorruptState for anything but the one of this digest."""
    try:
        found = msgspec.convert(json.loads(raw), Rollout)
    except (ValueError, RecursionError) as error:
        raise CorruptState(f"a roll-out: {error}", mend=_RESTORE) from error
    if found.format != ROLLOUT_FORMAT or found.digest != digest:
        raise CorruptState("it is not the roll-out that was told: its digest differs", mend=_RESTORE)
    return found


_RESTORE = "restore it from a backup: what was told must stay"
