"""The shapes of figures about nobody: the book in numbers, closed days, and what was put in force."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from forbear.client.models import Told
from forbear.client.records import Digest, Probability, Recorded


class BandFigures(Told):
    """Customers of one band, "" for those outside of all. mean_pd: None for nobody.  expected_misses: sum of PDs."""

    band: str
    customers: int
    mean_pd: Probability | None
    expected_misses: float


class BookFigures(Told):
    """The newest score of everybody, in numbers; bands with the most urgent first."""

    customers: int
    mean_pd: Probability | None
    expected_misses: float
    bands: tuple[BandFigures, ...]


class DayFigures(Told):
    """One closed day of all partitions in numbers. partitions: how many have closed it.  scored: eligible customers.

    expected_misses: sum of the PDs.  hurdles, bands, verdicts, events: counts by word, "" outside of all bands.
    """

    day: date
    partitions: int
    customers: int
    scored: int
    expected_misses: float
    hurdles: dict[str, int]
    bands: dict[str, int]
    verdicts: dict[str, int]
    events: dict[str, int]


class InForce(Told):
    """What is in force of a kind. number: from 1, in order of promotion.  by: who promoted it."""

    kind: str = Field(examples=["model", "policy", "reasons"])
    number: int
    digest: Digest
    by: str


class Statistics(Recorded):
    """The book in numbers. rows: of the records, by name.  decisions: by outcome, of all days.

    last_day: the last that every partition has closed, None before the first.  currency, time_zone: of the bank, ""
    where nobody has said.  synthetic: the bank is made up, and with it every figure.  lag: events of the log that are
    not recorded yet, None where nobody follows the log.  now: the time at the bank, by which deadlines go: a made-up
    bank may live on days of its own.
    """

    customers: int
    rows: dict[str, int]
    in_force: tuple[InForce, ...]
    last_day: DayFigures | None
    decisions: dict[str, int]
    book: BookFigures
    currency: str = Field(default="", examples=["EUR"])
    time_zone: str = Field(default="", examples=["Europe/Berlin"])
    synthetic: bool = False
    lag: int | None = None
    now: datetime


class Bar(Told):
    """Customers whose PD lies in [low, high); the last bar has its upper end too."""

    low: float
    high: float
    customers: int


class Portfolio(Recorded):
    """How the newest PDs are spread. not_held: what this version cannot tell of a portfolio, by name."""

    book: BookFigures
    histogram: tuple[Bar, ...]
    not_held: tuple[str, ...] = Field(examples=[["exposure_at_default", "expected_credit_loss"]])


class DaysPage(Recorded):
    """Closed days, oldest first."""

    items: tuple[DayFigures, ...]


class TallyShown(Told):
    """How many decisions of a day came to the same. cost_minor: of their choices, offered or not."""

    day: date
    outcome: str
    action: str
    channel: str
    decisions: int
    cost_minor: int


class TalliesPage(Recorded):
    """Decisions by day, outcome, action and channel, in that order."""

    items: tuple[TallyShown, ...]


class ModelShown(Told):
    """A model that was put in force. offset: from which event on.  expected: log-odds that everybody starts from."""

    number: int
    digest: Digest
    kind: str = Field(examples=["scorecard"])
    expected: float
    features: tuple[str, ...]
    offset: int
    by: str
    in_force: bool


class ModelsPage(Recorded):
    """Models that were put in force, newest first."""

    items: tuple[ModelShown, ...]


class PolicyBrief(Told):
    """A policy that was put in force. offset: from which event on.  bands: the most urgent first."""

    number: int
    version: str = Field(examples=["2026-1"])
    digest: Digest
    currency: str
    bands: tuple[str, ...]
    offset: int
    by: str
    in_force: bool


class PoliciesPage(Recorded):
    """Policies that were put in force, newest first."""

    items: tuple[PolicyBrief, ...]


class PolicyShown(Recorded, PolicyBrief):
    """The policy in force, with its document. text: TOML; the digest is of its content, and is the answer's ETag."""

    reasons: tuple[str, ...]
    text: str
