"""Protected attributes live apart: no module that trains, scores or decides can name one, or reach what tells of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from forbear.domain.protected import is_protected
from forbear.features.compute import FeatureSet

PACKAGE = Path(__file__).parents[1] / "src" / "forbear"
DECIDING = ("features", "models", "policy", "engine", "adapters")
"""Layers that train, score, decide, or keep what was decided."""
SOURCES = [path for layer in DECIDING for path in sorted((PACKAGE / layer).rglob("*.py"))]
OF_A_LOAN = {"models/credit/mortgage.py", "models/credit/movements.py"}
"""Where "age" is that of a loan."""
READERS = {
    *("apps/jobs/comparing.py", "apps/jobs/fairness_people.py", "apps/jobs/policy_groups.py"),
    *("apps/api/cockpit_source.py", "apps/api/report_table.py"),
}
"""Modules that may open a file of groups, or look whether there is one: who asks about fairness, who compares replays
and policies by group, and what tells the interface whether that can be asked."""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_deciding_module_names_a_protected_attribute(path: Path) -> None:
    """No name, argument, field or text of a module speaks of one; what is written for people may."""
    inside = path.relative_to(PACKAGE).as_posix()
    spoken = {word for word in words_in(ast.parse(path.read_text(encoding="utf-8"))) if is_protected(word)}
    if inside in OF_A_LOAN:
        spoken -= {"age", "_AGE", "age_quarters"}

    assert not spoken


def test_no_feature_is_a_protected_attribute() -> None:
    """None of the names that models are trained on speaks of one."""
    assert not [name for name in FeatureSet.standard().names if is_protected(name)]


def test_groups_are_read_by_those_who_ask_about_them_alone() -> None:
    """Only who asks about fairness imports what reads a file of groups."""
    readers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "forbear.apps.jobs.groups" in path.read_text(encoding="utf-8")
    }

    assert readers == READERS


def test_a_name_is_seen_however_it_is_written() -> None:
    """The rule itself: names, attributes, arguments, keywords and texts are seen, docstrings are not."""
    source = 'def f(customer_sex):\n    """Of age."""\n    g(maritalStatus=row["ethnicity"]).religion\n'
    found = {word for word in words_in(ast.parse(source)) if is_protected(word)}

    assert found == {"customer_sex", "maritalStatus", "ethnicity", "religion"}


def words_in(tree: ast.Module) -> Iterator[str]:
    """Every word that a program is made of, texts included, docstrings not."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                yield word
            case ast.FunctionDef(name=word) | ast.ClassDef(name=word) | ast.alias(name=word):
                yield word
            case ast.keyword(arg=str(word)):
                yield word
            case ast.Constant(value=str(word)) if id(node) not in told:
                yield word
