"""Whether a home's model and its help are fair: rows that the model has not seen, records of help, who people are.

Protected attributes are read last, for these comparisons alone: nothing here trains, promotes or decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.fairness_help import Mix, Recorded, recorded_help
from forbear.apps.jobs.fairness_people import People, PeopleRequest, people_of
from forbear.apps.jobs.modelling import CUTS, dataset_of, last_as_of, replay_rows
from forbear.apps.jobs.rehearsing import policy_of
from forbear.apps.jobs.relearning import recorded_draws
from forbear.apps.jobs.scoring import chosen_model
from forbear.apps.package_data import shipped, toml_of
from forbear.apps.report.foreseen import MOST_CLOSES
from forbear.domain.errors import NotEnoughData
from forbear.features.compute import FeatureSet
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset
from forbear.models.expert import ExpertScorecard
from forbear.models.fairness import UNKNOWN, FairnessInputs, FairnessReport, examine
from forbear.models.fairness_help import HelpFound, examine_help
from forbear.models.fairness_proxy import Proxy, ProxyInputs, ProxyTest, pairs_of, proxies
from forbear.models.fairness_terms import Terms, parse_fairness
from forbear.models.results import Floats
from forbear.models.untreated import untreated
from forbear.policy.document import Policy

TERMS = "fairness.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessRequest:
    """What is asked. kind: of model, None for the leading one.  policy: as `policy_of` takes it.

    as_of: the last day that rows are of, None for the last one whose outcomes are known.  every: "month" or "week".
    terms: a file in the place of the shipped one.  proxies: whether to ask what features tell.
    """

    people: PeopleRequest
    jurisdiction: str
    kind: str | None = None
    policy: str = ""
    as_of: date | None = None
    every: str = "month"
    terms: Path | None = None
    proxies: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FairnessFound:
    """What was found. model: its kind.  sha256: of the artefact, "" for the expert scorecard.

    days: that rows are of, the first and the last.  unknown: rows whose outcome help may have changed, and is not used.
    cut_off: least PD of any band of the policy; who has it is chosen.  helped: None where nothing is recorded, for
    the reason of no_help.  mixes: what each group was offered.  waiting: customers who came to the draw, and whose 30
    days are not over.
    """

    model: str
    sha256: str
    policy: Policy
    cut_off: float
    days: tuple[date, date]
    dates: int
    rows: int
    customers: int
    positives: int
    unknown: int
    report: FairnessReport
    helped: HelpFound | None
    no_help: str
    mixes: tuple[Mix, ...]
    waiting: int
    proxies: tuple[Proxy, ...]
    people: People
    synthetic: bool


@dataclass(frozen=True, slots=True)
class _Book:
    """Rows that the model was not trained on, their PDs, and their outcomes: -1 where help may have changed them.

    weights: (n,) rows that each stands for where its outcome is used.
    """

    dataset: Dataset
    pd: Floats
    label: np.typing.NDArray[np.int64]
    weights: Floats

    @property
    def keys(self) -> np.typing.NDArray[np.uint64]:
        """(n,) of the customers."""
        return self.dataset.customers.view(np.uint64)


def fairness(home: Home, request: FairnessRequest, console: Console) -> FairnessFound:
    """Compare the groups of a home's customers. The home stays as it is, but for a line in the chain of accesses.

    Raises ConfigError for terms, a policy or a file of groups that is none, NotEnoughData where no day behind the
    model's training has known outcomes; else as the model does.
    """
    terms = terms_of(request)
    policy = policy_of(home, request.policy)
    model, kind = chosen_model(home, request.kind)
    cut_off = min(band.enter for band in policy.bands)
    book = _book(home, model, request, console)
    recorded, no_help = _recorded(home, console)
    among = book.keys if recorded is None else np.concatenate([book.keys, recorded.customers])
    people = people_of(home, request.people, np.unique(among))
    inputs = FairnessInputs(
        pd=book.pd,
        label=book.label,
        chosen=book.pd >= cut_off,
        customers=book.dataset.customers,
        groupings=people.groupings(book.keys),
        weights=book.weights,
    )
    report, helped, mixes = examine(inputs, terms), None, tuple[Mix, ...]()
    if recorded is not None:
        groupings = people.groupings(recorded.customers)
        helped = examine_help(recorded.inputs(groupings), terms)
        mixes = recorded.mixes(groupings, terms.sizes.least_customers)
        report = report.joined(helped.compared)
    days = book.dataset.as_of
    return FairnessFound(
        model=kind,
        sha256=model.digest() if isinstance(model, Artefact) else "",
        policy=policy,
        cut_off=cut_off,
        days=(days.min().item(), days.max().item()),
        dates=len(np.unique(days)),
        rows=len(days),
        customers=len(np.unique(book.dataset.customers)),
        positives=int((book.label == 1).sum()),
        unknown=int((book.label == UNKNOWN).sum()),
        report=report,
        helped=helped,
        no_help=no_help,
        mixes=mixes,
        waiting=0 if recorded is None else len(recorded.drawn.every) - len(recorded.drawn.ripe),
        proxies=_proxies(book, people, terms, console) if request.proxies else (),
        people=people,
        synthetic=home.synthetic,
    )


def terms_of(request: FairnessRequest) -> Terms:
    """What holds where the lender lends. Raises ConfigError for a file that says nothing of it."""
    document = shipped(TERMS) if request.terms is None else toml_of(request.terms, "terms like fairness.toml")
    return parse_fairness(document).terms(request.jurisdiction)


def _book(home: Home, model: Artefact | ExpertScorecard, request: FairnessRequest, console: Console) -> _Book:
    """Rows behind everything that the model has learnt from, up to the last day asked for."""
    deployment = home.deployment
    first = deployment.first_asked
    if isinstance(model, Artefact):
        first = max(first, date.fromisoformat(model.provenance.window.labels_end))
    last = last_as_of(home, None)
    last = last if request.as_of is None else min(last, request.as_of)
    cuts = CUTS[request.every](first, last)
    rows = replay_rows(home, cuts, console, until=None).rows if cuts else None
    if rows is None or not len(rows.customer):
        raise NotEnoughData(
            f"no {request.every} begins from {first} to {last} that the model has not learnt of and whose outcomes are "
            "known",
            mend=f"train again with an earlier --until, ask for every week, or bring outcomes after {last}",
        )
    features = FeatureSet.standard(deployment.unsupported)
    dataset = dataset_of(rows, features)
    without = untreated(dataset, recorded_draws(home))
    label, weights = np.full(len(dataset), UNKNOWN, dtype=np.int64), np.ones(len(dataset))
    label[without.kept] = dataset.labels[without.kept]
    weights[without.kept] = without.dataset.row_weights
    return _Book(dataset, model.predict(dataset.features), label, weights)


def _recorded(home: Home, console: Console) -> tuple[Recorded | None, str]:
    """What is recorded of help, or why there is nothing."""
    try:
        with console.progress("Help", MOST_CLOSES) as progress:
            return recorded_help(home, progress), ""
    except NotEnoughData as error:
        return None, error.args[0]


def _proxies(book: _Book, people: People, terms: Terms, console: Console) -> tuple[Proxy, ...]:
    """What the newest row of each customer tells."""
    newest = np.lexsort((book.dataset.as_of, book.dataset.customers))
    last = np.flatnonzero(np.append(np.diff(book.dataset.customers[newest]) != 0, [True]))
    rows = np.sort(newest[last])
    inputs = ProxyInputs(
        features=np.ascontiguousarray(book.dataset.features[rows]),
        names=book.dataset.names,
        pd=book.pd[rows],
        label=book.label[rows],
        customers=book.dataset.customers[rows],
        groupings=people.groupings(book.keys[rows]),
    )
    test = ProxyTest(least_customers=terms.sizes.least_customers)
    with console.progress("Proxies", pairs_of(inputs, test)) as progress:
        return proxies(inputs, test, progress)
