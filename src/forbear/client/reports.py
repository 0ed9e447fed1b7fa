"""The shapes of written reports: what commands have found and left as documents."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field, JsonValue

from forbear.client.models import Told


class ReportBrief(Told):
    """One report, written or not. name: what it is asked for by.  says: what it tells, in a sentence.

    made_at: when it was written, None where it never was.  about: the last day that it speaks of, None where it is
    about no day or cannot be read.  synthetic: whether a simulated bank is behind it, None where it does not say.
    bytes: size of its file, 0 without one.  trouble: why it cannot be read, "" if it can.
    command: the line that writes it anew.  job: whether `submit_job(kind="report")` does, for whoever may submit jobs.
    why_not: why it does not, "" if it does.
    """

    name: str = Field(examples=["monitor"])
    says: str
    made_at: datetime | None
    about: date | None
    synthetic: bool | None
    bytes: int
    trouble: str
    command: str = Field(examples=["forbear monitor"])
    job: bool
    why_not: str


class ReportsPage(Told):
    """All reports that there are or could be. as_of: when it was looked."""

    as_of: datetime
    items: tuple[ReportBrief, ...]


class ReportShown(Told):
    """One written report. document: as its command wrote it; of a part, what stands under that key.

    made_at, about, synthetic: as in the list.  part: "" for the whole.  parts: the keys of the document.
    """

    name: str
    made_at: datetime
    about: date | None
    synthetic: bool | None
    part: str
    parts: tuple[str, ...]
    document: JsonValue
