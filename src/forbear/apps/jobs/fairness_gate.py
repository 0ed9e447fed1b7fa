"""Whether a retrained model is fair, for its gate: on the rows of the hold-out, by who the customers are."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path

import numpy as np

from forbear.apps.home import Home
from forbear.apps.jobs.fairness import FairnessRequest, terms_of
from forbear.apps.jobs.fairness_people import PeopleRequest, people_of
from forbear.apps.jobs.rehearsing import policy_of
from forbear.apps.jobs.retraining import Examiner
from forbear.domain.stated import canonical_json
from forbear.models.artefact import Artefact
from forbear.models.dataset import Dataset
from forbear.models.fairness import FairnessInputs, examine
from forbear.models.gate import Fairness


def gate_examiner(home: Home, groups: Path | None, jurisdiction: str, now: datetime) -> Examiner | None:
    """By the limits of a jurisdiction, of every attribute of a file; None where no jurisdiction is named."""
    if not jurisdiction:
        return None
    people = PeopleRequest(file=groups, attributes=(), against=(), now=now)
    return examiner_of(home, FairnessRequest(people=people, jurisdiction=jurisdiction))


def examiner_of(home: Home, request: FairnessRequest) -> Examiner:
    """What a gate asks. Whoever lies in a band of the policy counts as chosen; help is not looked at.

    The file of groups is read for each candidate, and each reading is on record where the home has an office. Raises
    ConfigError for terms or a policy that are none; the examiner itself as `people_of` does.
    """
    terms, cut_off = terms_of(request), min(band.enter for band in policy_of(home, request.policy).bands)

    def examined(candidate: Artefact, rows: Dataset) -> Fairness:
        keys = rows.customers.view(np.uint64)
        pd = candidate.predict(rows.features)
        inputs = FairnessInputs(
            pd=pd,
            label=rows.labels.astype(np.int64),
            chosen=pd >= cut_off,
            customers=rows.customers,
            groupings=people_of(home, request.people, np.unique(keys)).groupings(keys),
            weights=rows.row_weights,
        )
        report = examine(inputs, terms)
        return Fairness(report.verdict, sha256(canonical_json(report.as_dict())).hexdigest())

    return examined
