"""The gate before a retrained model: laws of its comparison, and each check made to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import msgspec
import numpy as np
import pytest

from forbear.apps.package_data import shipped
from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.models.artefact import Artefact, ModelTarget, Provenance, TrainingWindow
from forbear.models.calibration import Identity
from forbear.models.dataset import Dataset
from forbear.models.expert import ExpertScorecard, Reference
from forbear.models.explanation import Explanation
from forbear.models.gate import Champion, Fairness, GateReport, Question, compared, judge, outcome_of
from forbear.models.gate_checks import Check
from forbear.models.gate_terms import GateTerms, Verdict, parse_terms
from forbear.models.results import Floats

PASSED, FAILED, PERSON = Verdict.PASSED, Verdict.FAILED, Verdict.A_PERSON_DECIDES
STRESS, COVER = Reference(-2.0, 4.0, 7.2), Reference(2.0, -4.0, 6.6)
"""Near what the bank's outcomes are drawn from, over most of the range."""
BASE = 0.0002


@pytest.fixture(scope="module")
def terms() -> GateTerms:
    """The terms as shipped, with fewer resamples, fairness let pass, and room for a model of two features."""
    stated = parse_terms(shipped("gate.toml"))
    evidence = msgspec.structs.replace(stated.evidence, resamples=60, fairness_not_examined="passed")
    sanity = msgspec.structs.replace(stated.explanation, most_share=0.6)
    return msgspec.structs.replace(stated, evidence=evidence, explanation=sanity)


@pytest.fixture(scope="module")
def halves(make_bank: Callable[..., Dataset]) -> tuple[Dataset, Dataset]:
    """A year of a bank: eight months to learn from, and the last three."""
    whole = make_bank(seed=5, customers=900)
    return whole.rows(whole.as_of < np.datetime64("2023-09-01")), whole.rows(whole.as_of >= np.datetime64("2023-10-01"))


def model_of(training: Dataset, base_pd: float = BASE, **references: Reference) -> Artefact:
    """An artefact whose scores are stated, not learnt."""
    provenance = Provenance(
        target=ModelTarget(1, 30, "a scheduled payment missed"),
        feature_set_hash="f" * 64,
        specs=training.specs,
        window=TrainingWindow("2023-01-01", "2023-08-01", "2023-08-31"),
        data_fingerprint=training.fingerprint(),
        rows=len(training),
        positives=training.positives,
        metrics={},
        seed=0,
        versions={"forbear": "0"},
    )
    model = ExpertScorecard(training.names, "1", base_pd, references or {"stress": STRESS, "cover": COVER})
    return Artefact(model, Identity(), provenance)


def champion_of(artefact: Artefact, labels_end: str = "2023-08-31") -> Champion:
    """That artefact in force."""
    return Champion(artefact.digest(), artefact, labels_end)


def check_of(report: GateReport, name: str) -> Check:
    """One check of a report."""
    [found] = [check for check in report.checks if check.name == name]
    return found


def changed(dataset: Dataset, column: str, values: Floats) -> Dataset:
    """The rows with another column."""
    features = dataset.features.copy()
    features[:, dataset.names.index(column)] = values
    return replace(dataset, features=features)


# ---- laws of the comparison


def test_a_model_beside_itself_differs_by_nothing(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """The paired difference of a model and itself is 0 in every resample, and all that is compared passes."""
    artefact = model_of(halves[0])
    asked = Question(candidate=artefact, champion=champion_of(artefact), training=halves[0], hold_out=halves[1])
    figures = compared(asked, terms)
    report = judge(asked, terms)

    for name in ("auc_difference", "pr_auc_difference"):
        assert (figures[name].value, figures[name].low, figures[name].high) == (0.0, 0.0, 0.0)
    assert report.outcome is PASSED, [(c.name, c.verdict, c.reason) for c in report.checks if c.verdict is not PASSED]
    assert "1.000" in check_of(report, "rank_agreement").reason


def test_changing_sides_changes_the_sign(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Candidate less champion is minus champion less candidate, its bounds as well: both are drawn together."""
    one, other = model_of(halves[0]), model_of(halves[0], stress=STRESS)
    there, back = (
        compared(Question(candidate=a, champion=champion_of(b), training=halves[0], hold_out=halves[1]), terms)
        for a, b in ((one, other), (other, one))
    )

    for name in ("auc_difference", "pr_auc_difference"):
        assert there[name].value == pytest.approx(-back[name].value)
        assert (there[name].low, there[name].high) == pytest.approx((-back[name].high, -back[name].low))
        assert there[name].low <= there[name].value <= there[name].high


def test_the_order_of_rows_does_not_matter(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Shuffled rows give the same figures: customers are drawn, not places."""
    champion = champion_of(model_of(halves[0], stress=STRESS))
    order = np.random.default_rng(1).permutation(len(halves[1]))
    straight, shuffled = (
        compared(Question(candidate=model_of(halves[0]), champion=champion, training=halves[0], hold_out=rows), terms)
        for rows in (halves[1], halves[1].rows(order))
    )

    for name, figure in straight.items():
        assert (figure.value, figure.low, figure.high) == pytest.approx(
            (shuffled[name].value, shuffled[name].low, shuffled[name].high), abs=2e-6
        )


def test_equal_questions_have_equal_reports(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """A report is its arguments'; another seed draws other customers and keeps the point estimates."""
    asked = Question(
        candidate=model_of(halves[0]),
        champion=champion_of(model_of(halves[0], stress=STRESS)),
        training=halves[0],
        hold_out=halves[1],
    )
    other = replace(asked, seed=1)

    assert judge(asked, terms).document() == judge(asked, terms).document()
    one, two = compared(asked, terms)["auc_difference"], compared(other, terms)["auc_difference"]
    assert one.value == two.value
    assert one.low != two.low


@pytest.mark.parametrize("least", [-0.2, -0.02, 0.05])
@pytest.mark.parametrize("floor", [-1.0, -0.02])
def test_stricter_terms_are_never_kinder(
    terms: GateTerms, halves: tuple[Dataset, Dataset], least: float, floor: float
) -> None:
    """A higher threshold or floor gives the same verdict or a graver one."""
    asked = Question(
        candidate=model_of(halves[0], stress=STRESS),
        champion=champion_of(model_of(halves[0])),
        training=halves[0],
        hold_out=halves[1],
    )
    graver = [PASSED, PERSON, FAILED]
    found = []
    for add in (0.0, 0.03):
        margin = msgspec.structs.replace(terms.auc, least=least + add, floor=min(floor + add, least + add))
        report = judge(asked, msgspec.structs.replace(terms, auc=margin))
        found.append(graver.index(check_of(report, "auc_difference").verdict))

    assert found[0] <= found[1]


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [([], PASSED), ([PASSED, PASSED], PASSED), ([PASSED, PERSON], PERSON), ([PERSON, FAILED, PASSED], FAILED)],
)
def test_the_gravest_verdict_is_the_gates(verdicts: list[Verdict], outcome: Verdict) -> None:
    """One failed check fails the candidate; one that nobody can settle makes it a person's matter."""
    assert outcome_of(verdicts) is outcome


# ---- each check made to fail


def asked_of(halves: tuple[Dataset, Dataset], **changes: Any) -> Question:
    """A candidate that passes beside a champion that is itself, but for what is changed."""
    artefact = model_of(halves[0])
    asked: dict[str, Any] = {"candidate": artefact, "champion": champion_of(artefact)}
    asked |= {"training": halves[0], "hold_out": halves[1], **changes}
    return Question(**asked)


def test_a_worse_candidate_fails(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Half of the champion's knowledge gone is worse by more than the margin, in AUC and PR-AUC."""
    candidate = model_of(halves[0], cover=Reference(2.0, -4.0, 0.4))
    report = judge(asked_of(halves, candidate=candidate), terms)

    assert report.outcome is FAILED
    assert check_of(report, "auc_difference").verdict is FAILED
    assert check_of(report, "pr_auc_difference").verdict is FAILED


def test_a_candidate_that_the_rows_cannot_clear_is_a_persons_matter(
    terms: GateTerms, halves: tuple[Dataset, Dataset]
) -> None:
    """Not worse in the point estimate, but with a lower bound below the floor, nobody but a person lets it through."""
    few = halves[1].rows(np.isin(halves[1].customers, np.arange(60)))
    candidate = model_of(halves[0], stress=STRESS, cover=COVER, noise=Reference(-3.0, 3.0, 1.5))
    wide = msgspec.structs.replace(terms.auc, least=-0.5, floor=-0.001)
    report = judge(asked_of(halves, candidate=candidate, hold_out=few), msgspec.structs.replace(terms, auc=wide))

    assert check_of(report, "auc_difference").verdict is PERSON
    assert check_of(report, "evidence").verdict is PERSON


def test_a_champion_that_saw_the_answers_fails_nobody(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Against a champion that learnt from the hold-out a worse candidate is a person's matter, and it is said."""
    candidate = model_of(halves[0], cover=Reference(2.0, -4.0, 0.4))
    asked = asked_of(halves, candidate=candidate, champion=champion_of(model_of(halves[0]), "2023-12-31"))
    report = judge(asked, terms)

    assert asked.champion_saw
    assert report.document()["champion_saw_the_hold_out"] is True
    assert check_of(report, "auc_difference").verdict is PERSON
    assert "has seen answers" in check_of(report, "auc_difference").details[0]


@pytest.mark.parametrize(("base", "verdict"), [(BASE * 20, FAILED), (BASE, PASSED)])
def test_pds_that_are_off_fail(
    terms: GateTerms, halves: tuple[Dataset, Dataset], base: float, verdict: Verdict
) -> None:
    """Twenty times the odds is no calibration: far more misses are expected than are seen."""
    report = judge(asked_of(halves, candidate=model_of(halves[0], base)), terms)

    assert check_of(report, "observed_over_expected").verdict is verdict


def test_too_steep_scores_fail(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Log-odds that are spread three times too far have a slope of a third."""
    steep = {"stress": Reference(-2.0, 4.0, 21.6), "cover": Reference(2.0, -4.0, 18.0)}
    report = judge(asked_of(halves, candidate=model_of(halves[0], 1e-9, **steep)), terms)

    assert check_of(report, "calibration_slope").verdict is FAILED


def test_a_score_that_has_moved_fails(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Everybody under more stress in the newest months than ever before moves the score beyond the bound."""
    moved = changed(halves[1], "stress", halves[1].features[:, 0] + 2.0)
    found = check_of(judge(asked_of(halves, hold_out=moved), terms), "stability")

    assert found.verdict is FAILED
    assert len(found.details) == 3


@dataclass(frozen=True)
class Unfounded(ExpertScorecard):
    """A model that refuses to explain itself."""

    kind: ClassVar[str] = "expert"

    def explain(self, features: Floats) -> Explanation:  # noqa: ARG002  # the signature is the model's
        """Never."""
        raise ModelMismatch("the attributions of row 0 do not sum to its score")


def test_a_model_whose_attributions_do_not_sum_fails(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Where scores are not the sum of what is told of them nothing else matters."""
    whole = model_of(halves[0])
    assert isinstance(whole.model, ExpertScorecard)
    unfounded = Unfounded(whole.model.features, "1", BASE, whole.model.references)
    report = judge(asked_of(halves, candidate=replace(whole, model=unfounded)), terms)

    assert [check_of(report, name).verdict for name in ("attributions_sum", "directions")] == [FAILED, FAILED]


def test_a_feature_that_pushes_against_its_direction_fails(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """A model that takes less stress for more risk contradicts the definition of the feature."""
    turned = model_of(halves[0], stress=Reference(4.0, -2.0, 7.2), cover=COVER)
    found = check_of(judge(asked_of(halves, candidate=turned), terms), "directions")

    assert found.verdict is FAILED
    assert found.details[0].startswith("stress")


def test_a_model_of_one_feature_is_a_persons_matter(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """All attributions of one feature are more than its share."""
    found = check_of(judge(asked_of(halves, candidate=model_of(halves[0], stress=STRESS)), terms), "one_feature")

    assert found.verdict is PERSON
    assert "stress carries 100.0%" in found.reason


@pytest.mark.parametrize("fault", ["missing", "stuck"])
@pytest.mark.parametrize(("column", "verdict"), [("stress", FAILED), ("noise", PASSED)])
def test_inputs_that_fell_silent_fail(
    terms: GateTerms, halves: tuple[Dataset, Dataset], fault: str, column: str, verdict: Verdict
) -> None:
    """A feature in use that is unknown, or one value throughout, fails; one that carries nothing does not."""
    hold_out = changed(halves[1], column, np.full(len(halves[1]), np.nan if fault == "missing" else 0.25))
    found = check_of(judge(asked_of(halves, hold_out=hold_out), terms), "inputs")

    assert found.verdict is verdict


def test_a_feature_that_knows_the_outcome_fails(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """A column that is the label is no honest feature."""
    told = changed(halves[0], "noise", halves[0].labels.astype(np.float64))
    found = check_of(judge(asked_of(halves, training=told), terms), "leakage")

    assert found.verdict is FAILED
    assert found.details[0].startswith("noise alone")


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        (Fairness("fair", "a" * 64), PASSED),
        (Fairness("disparity", "a" * 64), FAILED),
        (Fairness("cannot tell", "a" * 64), PERSON),
        (None, PERSON),
    ],
)
def test_fairness_is_what_was_found_elsewhere(
    terms: GateTerms, halves: tuple[Dataset, Dataset], given: Fairness | None, verdict: Verdict
) -> None:
    """A verdict that was given is taken with its report; where none was, the terms decide, and the check says so."""
    evidence = msgspec.structs.replace(terms.evidence, fairness_not_examined="a person decides")
    report = judge(asked_of(halves, fairness=given), msgspec.structs.replace(terms, evidence=evidence))
    found = check_of(report, "fairness")

    assert found.verdict is verdict
    assert ("not examined" in found.reason) == (given is None)


def test_without_a_champion_the_terms_decide(terms: GateTerms, halves: tuple[Dataset, Dataset]) -> None:
    """Nobody to compare with makes it a person's matter as shipped; the candidate's own AUC is told."""
    found = check_of(judge(asked_of(halves, champion=None), terms), "auc_difference")

    assert found.verdict is PERSON
    assert found.figure is not None
    assert 0.6 < found.figure.value < 1.0


def test_rows_that_were_learnt_from_judge_nobody(halves: tuple[Dataset, Dataset]) -> None:
    """A hold-out that begins before the candidate's labels had closed is refused."""
    with pytest.raises(ValueError, match="has learnt from labels"):
        asked_of(halves, hold_out=halves[0])


# ---- the terms


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        (("auc", "floor"), 0.5, "auc"),
        (("slope", "low"), 9.0, "slope"),
        (("stability", "look"), 0.9, "stability"),
        (("window", "months"), 5, "months"),
        (("evidence", "without_champion"), "failed", "without_champion"),
        (("format",), 2, "format"),
        (("else",), 1, "else"),
    ],
)
def test_terms_with_a_fault_are_refused(where: tuple[str, ...], value: object, named: str) -> None:
    """What the terms contradict themselves in, or what no term is, is named."""
    document = shipped("gate.toml")
    place = document
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value

    with pytest.raises(ConfigError, match=named):
        parse_terms(document)
