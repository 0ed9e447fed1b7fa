"""IFRS 9 stages: significant increase in credit risk since origination, default, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forbear.domain.credit import Cause, DefaultPd, EarlyPd, Stage
from forbear.models.credit.parameters import Default, Staging
from forbear.models.credit.quantities import default_pd, early_pd
from forbear.models.dataset import Bools, Ints
from forbear.models.results import Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of n exposures at a date, (n,) each.

    pd, pd_at_origination: 12-month default PDs now and at initial recognition.
    days_past_due: NaN where the source does not tell.  in_default: by whatever else than days past due.
    watch_list: a person has put it there.  early_warning: the early-warning score, forward-looking information that
    IFRS 9 B5.5.17 asks for and past-due status is not (BC5.190); None where there is none.
    """

    pd: DefaultPd[Floats]
    pd_at_origination: DefaultPd[Floats]
    days_past_due: Floats
    in_default: Bools
    watch_list: Bools
    early_warning: EarlyPd[Floats] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Stages of n exposures at a date, (n,) each.

    stages: values of Stage.  causes: bits of Cause, 0 in stage 1.
    calm_months: since anything but default last spoke for stage 2; sound_months: since default. Infinite: never did.
    """

    stages: Ints
    causes: Ints
    calm_months: Floats
    sound_months: Floats

    def rows(self, which: Ints) -> Standing:
        """The exposures that an index selects, in that order; -1 stands for one that is new."""
        new = which < 0
        return Standing(
            np.where(new, Stage.PERFORMING, self.stages[which]),
            np.where(new, 0, self.causes[which]),
            np.where(new, np.inf, self.calm_months[which]),
            np.where(new, np.inf, self.sound_months[which]),
        )


def unassessed(exposures: int) -> Standing:
    """The standing of exposures that were never assessed."""
    never = np.full(exposures, np.inf)
    nothing = np.zeros(exposures, dtype=np.int64)
    return Standing(nothing + Stage.PERFORMING, nothing, never, never.copy())


def triggers(evidence: Evidence, rules: Staging, default: Default) -> Ints:
    """(n,) bits of Cause that the evidence of this date alone speaks for. An unknown days past due speaks for none.

    Raises TypeError where a PD is of the wrong event, ValueError for one outside [0, 1].
    """
    pd, origin = default_pd(evidence.pd), default_pd(evidence.pd_at_origination)
    risen = (pd >= rules.relative_pd_at_least * origin) & (pd - origin >= rules.pd_rise_at_least)
    warned = np.zeros(len(pd), dtype=np.bool_)
    if evidence.early_warning is not None:
        warned = early_pd(evidence.early_warning) >= rules.early_warning_pd_at_least
    found = {
        Cause.RELATIVE_PD: risen,
        Cause.ABSOLUTE_PD: pd >= rules.pd_at_least,
        Cause.PAST_DUE: evidence.days_past_due > rules.backstop_days,
        Cause.WATCH_LIST: evidence.watch_list,
        Cause.EARLY_WARNING: warned,
        Cause.DEFAULT: evidence.in_default | (evidence.days_past_due >= default.days_past_due),
    }
    causes: Ints = np.sum([np.where(holds, int(cause), 0) for cause, holds in found.items()], axis=0, dtype=np.int64)
    return causes


def assess(causes: Ints, before: Standing, rules: Staging, *, months: Floats | float) -> Standing:
    """The standing `months` after another, given what speaks at this date.

    causes: (n,) as `triggers` gives them.  months: of all, or (n,) of each.
    Default: stage 3. Any other trigger: stage 2. Stage 3 is left, into stage 2, after `default_probation_months`
    without default; stage 2 after `probation_months` without a trigger, those behind a default included.
    """
    defaulted = (causes & Cause.DEFAULT) != 0
    increased = (causes & ~int(Cause.DEFAULT)) != 0
    sound = np.where(defaulted, 0.0, before.sound_months + months)
    calm = np.where(increased, 0.0, before.calm_months + months)
    impaired = defaulted | (sound < rules.default_probation_months)
    way_back = (calm < rules.probation_months) | (sound < rules.default_probation_months + rules.probation_months)
    stages = np.where(impaired, Stage.IMPAIRED, np.where(increased | way_back, Stage.INCREASED, Stage.PERFORMING))
    held = (impaired & ~defaulted) | (way_back & ~increased & ~impaired)
    return Standing(stages.astype(np.int64), causes | np.where(held, int(Cause.PROBATION), 0), calm, sound)
