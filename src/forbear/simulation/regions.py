"""Regions of the bank: which clock hangs there, how work is to be had, and what housing costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region.

    share: of the customers, in proportion to the other regions' shares.  time_zone: IANA name, "" for the bank's.
    job_loss, housing, income: factors around 1 on the chance of losing work, rent and mortgage, and pay.
    minority_share: of the people, [0, 1]; a protected attribute that no event and no profile carries.
    """

    name: str
    share: float
    time_zone: str = ""
    job_loss: float = 1.0
    housing: float = 1.0
    income: float = 1.0
    minority_share: float = 0.15


REGIONS = (
    Region(name="R01", share=0.18, housing=1.15, income=1.08, job_loss=0.9, minority_share=0.24),
    Region(name="R02", share=0.16, housing=1.05, income=1.03, job_loss=0.9),
    Region(name="R03", share=0.15, job_loss=1.1),
    Region(name="R04", share=0.13, housing=0.95, income=0.97, job_loss=1.2, minority_share=0.20),
    Region(name="R05", share=0.11, housing=0.90, income=0.95, minority_share=0.08),
    Region(name="R06", share=0.10, housing=0.85, income=0.88, job_loss=1.4, minority_share=0.06),
    Region(name="R07", share=0.10, time_zone="Europe/Lisbon", income=0.92, job_loss=1.2, minority_share=0.10),
    Region(name="R08", share=0.07, time_zone="Europe/Helsinki", housing=1.05, minority_share=0.08),
)
"""The default: five in six customers live by the clock of a bank in Central Europe. All figures are assumptions."""
