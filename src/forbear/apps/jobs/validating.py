"""Validate a model on everything later than it learned from: figures, baselines, stability, sensitivity, and lights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.backtesting import evaluated
from forbear.apps.jobs.explaining import teller_of
from forbear.apps.jobs.fairness import FairnessRequest, fairness
from forbear.apps.jobs.fairness_people import can_tell
from forbear.apps.jobs.modelling import target_of
from forbear.apps.jobs.validating_rows import Subject, ValidationRequest, gather, months_of, one_column
from forbear.apps.package_data import shipped
from forbear.domain.errors import NotEnoughData
from forbear.models.artefact import make_artefact
from forbear.models.dataset import Dataset
from forbear.models.evaluate import Scored
from forbear.models.expert import build_expert
from forbear.models.fairness_verdicts import FairnessReport, Verdict
from forbear.models.intervals import Bootstrap
from forbear.models.reasons.selection import Limits, find_reasons
from forbear.models.results import Evaluation, Figure, Floats, Weight
from forbear.models.training import TrainedKind, TrainingSpec, train
from forbear.models.validation import lights
from forbear.models.validation.breakdown import Part, auc_lead, best_alone, by_part, whole
from forbear.models.validation.lights import Light
from forbear.models.validation.sensitivity import Importances, Shock, Walked, importances_of, shocks_of, walked
from forbear.models.validation.stability import Kept, Moved, Refits, kept_order, moved, moved_features, refits_of
from forbear.models.validation.terms import ValidationTerms, parse_validation

EXPERT, ALONE = "expert scorecard", "single feature"
"""Names of the baselines."""
TOP_SHARE = 0.05
"""The riskiest share whose lowest PD is the cut-off of the sensitivity, and to whom reasons are told."""
EVERYBODY = "all rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoned:
    """What the explanations are worth. rows: whose scores were held against the sum of their attributions.

    largest_error: the most by which one missed it [log-odds].  riskiest, told: customers of the last date among the
    riskiest 5 %, and those of them who can be told at least one reason.
    """

    rows: int
    largest_error: float
    riskiest: int
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """How steady the model is. score: against training.  months: each date's scores against training."""

    score: Moved
    months: tuple[Moved, ...]
    features: tuple[Moved, ...]
    order: tuple[Kept, ...]
    refits: Refits


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """What inputs do. cut_off: PD of the riskiest 5 % of the unseen rows.  nothing: PD of whom nothing is known."""

    cut_off: float
    shocks: tuple[Shock, ...]
    walked: Walked
    nothing: float
    importances: Importances


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """Everything that the documents say. evaluations: the model, the expert scorecard, the single feature.

    alone: the feature of the last.  leads: AUC of the model less that of each baseline.  trained_months: base rate by
    date of training.  same_model: trained again from the archive it is the same to the last bit.
    fairness: None where nobody says who the customers are.
    """

    subject: Subject
    request: ValidationRequest
    terms: ValidationTerms
    evaluations: tuple[Evaluation, ...]
    alone: str
    leads: Mapping[str, Figure]
    everybody: Part
    months: tuple[Part, ...]
    trained_months: tuple[tuple[str, int, int], ...]
    segments: Mapping[str, tuple[Part, ...]]
    steady: Steady
    sensitive: Sensitive
    reasoned: Reasoned
    same_model: bool
    fairness: FairnessReport | None
    lights: Mapping[str, Light]

    @property
    def digest(self) -> str:
        """Of the model."""
        return self.subject.artefact.digest()

    @property
    def light(self) -> Light:
        """The worst of all."""
        return lights.worst(self.lights.values())


def validate(home: Home, request: ValidationRequest, console: Console) -> Validation:
    """Validate the home's newest model of a kind. Raises as `gather` does."""
    subject, terms = gather(home, request, console), parse_validation(shipped("validation.toml"))
    bootstrap = Bootstrap(request.seed, request.resamples)
    with console.progress("Validating", _STEPS) as progress:
        pd = subject.artefact.predict(subject.unseen.features)
        scored, alone = _baselines(subject, pd)
        evaluations = tuple(evaluated(one, bootstrap) for one in scored)
        leads = {one.model: auc_lead(pd, one.scores, subject.unseen, bootstrap) for one, _ in scored[1:]}
        progress(2)
        months = by_part(months_of(subject.unseen), pd, subject.unseen, bootstrap)
        segments = {name: by_part(codes, pd, subject.unseen, bootstrap) for name, codes in subject.segments.items()}
        progress(3)
        steady = _steady(subject, pd, terms)
        progress(4)
        sensitive = _sensitive(subject, pd, terms, request.seed)
        progress(5)
        reasoned, same_model = _reasoned(subject, pd), _same_model(subject)
        progress(_STEPS)
    groups = _fairness(subject, request, console)
    found = Validation(
        subject=subject,
        request=request,
        terms=terms,
        evaluations=evaluations,
        alone=alone,
        leads=leads,
        everybody=whole(EVERYBODY, pd, subject.unseen, bootstrap),
        months=months,
        trained_months=_rates(subject.trained),
        segments=segments,
        steady=steady,
        sensitive=sensitive,
        reasoned=reasoned,
        same_model=same_model,
        fairness=groups,
        lights={},
    )
    return replace(found, lights=_lights(found))


_STEPS = 6
_OF_VERDICT = {Verdict.FAIR: Light.GREEN, Verdict.DISPARITY: Light.RED}


def _baselines(subject: Subject, pd: Floats) -> tuple[list[tuple[Scored, Scored]], str]:
    """The model, the expert scorecard and the best single feature, on month starts and on Mondays; and that feature."""
    rows, artefact = (subject.unseen, subject.weekly), subject.artefact
    pairs = [(subject.kind, artefact.model.weights(), [pd, artefact.predict(subject.weekly.features)])]
    expert = build_expert(shipped("expert.toml"), subject.trained.specs)
    pairs.append((EXPERT, expert.weights(), [expert.predict(one.features) for one in rows]))
    column = best_alone(subject.trained)
    name = subject.trained.names[column]
    try:
        single = train(one_column(subject.trained, column), _spec("scorecard", artefact.provenance.seed))
    except NotEnoughData:  # the model had enough, so rows were lost since; the two others can still be compared
        return [_both(*pair, rows) for pair in pairs], name
    pds = [single.predict(np.ascontiguousarray(one.features[:, [column]])) for one in rows]
    pairs.append((ALONE, single.model.weights(), pds))
    return [_both(*pair, rows) for pair in pairs], name


def _both(
    name: str, weights: tuple[Weight, ...], pds: list[Floats], rows: tuple[Dataset, Dataset]
) -> tuple[Scored, Scored]:
    monthly, weekly = (Scored(name, pd, one, weights, pd) for pd, one in zip(pds, rows, strict=True))
    return monthly, weekly


def _spec(kind: str, seed: int) -> TrainingSpec:
    known: dict[str, TrainedKind] = {"scorecard": "scorecard", "boosting": "boosting"}
    return TrainingSpec(known[kind], seed)


def _steady(subject: Subject, pd: Floats, terms: ValidationTerms) -> Steady:
    trained, unseen = subject.trained, subject.unseen
    before = subject.artefact.predict(trained.features)
    seed = subject.artefact.provenance.seed
    specs = [_spec(subject.kind, seed + 1 + number) for number in range(terms.refits.number)]
    return Steady(
        score=moved("score", before, pd),
        months=tuple(moved(str(date), before, pd[unseen.as_of == date]) for date in np.unique(unseen.as_of)),
        features=moved_features(trained, unseen),
        order=kept_order(pd, unseen),
        refits=refits_of(trained, specs, pd, unseen),
    )


def _sensitive(subject: Subject, pd: Floats, terms: ValidationTerms, seed: int) -> Sensitive:
    artefact, unseen = subject.artefact, subject.unseen
    cut_off = float(np.quantile(pd, 1.0 - TOP_SHARE))
    nothing = np.full((1, len(unseen.specs)), np.nan)
    return Sensitive(
        cut_off=cut_off,
        shocks=shocks_of(artefact.predict, subject.trained, unseen, cut_off),
        walked=walked(artefact.predict, unseen),
        nothing=float(artefact.predict(nothing)[0]),
        importances=importances_of(artefact, unseen, seed=seed, repeats=terms.inputs.shuffles),
    )


def _reasoned(subject: Subject, pd: Floats) -> Reasoned:
    explained = subject.artefact.explain(subject.unseen.features)
    last = np.flatnonzero(subject.unseen.as_of == subject.unseen.as_of.max())
    riskiest = last[np.argsort(-pd[last], kind="stable")][: int(np.ceil(TOP_SHARE * len(last)))]
    teller = teller_of(subject.features, subject.artefact, Limits())
    told = sum(
        bool(find_reasons(teller, subject.unseen.features[row], explained.attributions[row], float(pd[row])))
        for row in riskiest.tolist()
    )
    return Reasoned(rows=len(pd), largest_error=float(explained.errors.max()), riskiest=len(riskiest), told=told)


def _same_model(subject: Subject) -> bool:
    """Whether training again on the rows that the archive gives makes the artefact to the last bit."""
    about = subject.artefact.provenance
    if not subject.same_rows:
        return False
    again = train(subject.trained, _spec(subject.kind, about.seed))
    target = target_of(subject.home.deployment)
    made = make_artefact(again, subject.trained, target, subject.features.hash, about.left_out)
    return made.digest() == subject.artefact.digest()


def _fairness(subject: Subject, request: ValidationRequest, console: Console) -> FairnessReport | None:
    """Groups of people compared, where somebody says who the customers are."""
    if request.people is None or not can_tell(subject.home, request.people.file):
        return None
    asked = FairnessRequest(people=request.people, jurisdiction=request.jurisdiction, kind=subject.kind, proxies=False)
    return fairness(subject.home, asked, console).report


def _rates(dataset: Dataset) -> tuple[tuple[str, int, int], ...]:
    """Date, rows and positives of each observation date."""
    return tuple(
        (str(date), int(mask.sum()), int(dataset.labels[mask].sum()))
        for date in np.unique(dataset.as_of)
        for mask in [dataset.as_of == date]
    )


def _lights(found: Validation) -> dict[str, Light]:
    """What every section comes to, by its name."""
    terms, unseen = found.terms, found.subject.unseen
    leading, calibration = found.evaluations[0], terms.calibration
    slope = lights.within(leading.figures["calibration_slope"], *calibration.slope)
    ratio = lights.within(found.everybody.ratio, *calibration.observed_over_expected)
    parts = lights.right_in_parts([part.ratio for part in found.months], *calibration.observed_over_expected)
    moves = [one.psi for one in (found.steady.score, *found.steady.months)]
    reasoned = found.reasoned
    enough = reasoned.told >= terms.reasons.least_share * reasoned.riskiest
    return {
        "data": Light.GREEN if found.subject.same_rows else Light.AMBER,
        "ranking": lights.enough(lights.above_zero(found.leads.values()), unseen.positives, terms.positives.least),
        "calibration": lights.enough(lights.worst([slope, ratio, parts]), unseen.positives, terms.positives.least),
        "stability": lights.steady(moves, found.steady.refits, terms.drift, terms.refits),
        "sensitivity": lights.sensible(
            found.sensitive.walked, found.sensitive.shocks, found.everybody.mean_pd, terms.inputs
        ),
        "explanations": Light.GREEN if enough else Light.AMBER,
        "fairness": Light.AMBER if found.fairness is None else _OF_VERDICT.get(found.fairness.verdict, Light.AMBER),
        "reproducibility": Light.GREEN if found.same_model else Light.AMBER,
    }
