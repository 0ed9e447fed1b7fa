"""The error tree: every error is named for who must act, and carries the mend.

The core knows no exit status and no HTTP status; `apps` holds those tables.
"""

from __future__ import annotations


class ForbearError(Exception):
    """Base of every error that forbear raises on purpose. `mend` says what to do about it."""

    def __init__(self, message: str, *, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message}; {self.mend}" if self.mend else message


class InvalidEvent(ForbearError):
    """The sender must mend a record: it goes to the dead-letter place and the run carries on.

    `field` names the offending field, `code` is a short stable word for counting.
    """

    def __init__(self, message: str, *, field: str = "", code: str = "invalid") -> None:
        super().__init__(message)
        self.field = field
        self.code = code


class ConfigError(ForbearError):
    """The operator must mend a setting, a path or a mapping."""


class NotEnoughData(ForbearError):
    """The modeller must widen a window or bring more history: nothing honest can be said from this much."""


class StorageError(ForbearError):
    """The operator must mend the disk or a permission; what was committed before is intact."""


class CorruptState(ForbearError):
    """The operator must rebuild a file whose checksum or format is not what was written."""


class ModelMismatch(ForbearError):
    """The model owner must retrain or pick another artefact: it and this feature set or ledger disagree."""


class ConflictError(ForbearError):
    """Another worker was first: stop, or read again and go on from where it is."""


class BackendUnavailable(ForbearError):
    """Nobody yet: a service does not answer. Try again, more slowly each time, then stop."""


class ErasedCustomer(ForbearError):
    """Nobody: this customer's key was destroyed at their request, and nothing is to be kept of them."""
