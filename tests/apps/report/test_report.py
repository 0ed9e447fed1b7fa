"""The report of a running system: its figures are the store's, its text is safe, and it claims what it knows."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from forbear.adapters.sql.queries import open_queries
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.report import ReportRequest, write_report
from forbear.apps.report.document import NOTHING_YET, render
from forbear.apps.report.foresight import UNKNOWN
from forbear.apps.report.gather import Report, gather
from forbear.apps.report.request import Sources
from forbear.apps.report.wording import MEANINGS, OFFER, PROPOSED, money
from forbear.domain.deployment import HORIZON_DAYS, MissDefinition
from forbear.domain.errors import NotEnoughData
from forbear.engine.audit import anchor
from forbear.engine.erase import Request as Erasure
from forbear.engine.erase import erase
from forbear.engine.outputs import Outputs, Position
from forbear.features.columns import day_of
from forbear.policy.proposals import HoldReason

Renamed = Callable[[str, str], AbstractContextManager[Sources]]
ALL = ReportRequest(created="21 November 2026")
HOSTILE = """<script src="http://evil.example/x.js">alert('1 & 2')</script>"""
MOST_BYTES = 600_000


class Text(HTMLParser):
    """What a person reads on a page, with plain spaces, and hyphens for dashes; and the tags of it."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self._words: list[str] = []
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Note a tag."""
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        """Keep what is read."""
        if self.tags[-1:] != ["style"]:
            self._words.append(data)

    @property
    def text(self) -> str:
        """All of it on one line."""
        plain = " ".join(self._words).replace("\N{EN DASH}", "-").replace("\N{MINUS SIGN}", "-")
        return " ".join(plain.split())


@pytest.fixture(scope="module")
def report(worked: Any) -> Report:
    """The figures of the whole small bank."""
    with closing(worked.queries()) as queries, closing(worked.vault()) as vault:
        found = gather(Sources(queries, vault, worked.deployment, {}), ALL)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    """Its page."""
    return render(report)


def recorded(worked: Any) -> Outputs:
    """All that the small bank's worker recorded."""
    with closing(worked.queries()) as queries:
        return queries.recorded(10**6).value  # type: ignore[no-any-return]


def test_the_figures_are_those_of_what_was_recorded(report: Report, worked: Any) -> None:
    """Bands, offers, cost, contacts and feed on the page are counts of the worker's own rows."""
    rows = recorded(worked)
    last = rows.days[-1]
    decisions = [one for one in rows.decisions if one.day <= last.day]
    offers = [one for one in decisions if one.outcome == OFFER]

    assert report.in_bands == sum(count for band, count in last.bands.items() if band) > 0
    assert report.summary()["decisions"] == dict(Counter(one.outcome for one in decisions))
    assert report.cost_minor == sum(one.cost_minor for one in offers) > 0
    contacts = Counter(one.customer for one in rows.contacts if one.kind == OFFER and one.day <= last.day)
    assert dict(report.contacts) == dict(Counter(contacts.values()))
    assert sum(report.events.values()) == sum(sum(row.events.values()) for row in rows.days)
    assert report.chain.records == len(rows.audit)
    assert report.chain.anchor == anchor(rows.audit[-1])
    assert report.additivity.rows == len(rows.predictions or ())


def test_the_page_says_its_figures(page: str, report: Report) -> None:
    """What was gathered stands on the page: risk, offers, cost, position, anchor, digests and who promoted them."""
    text, model = Text(page).text, report.status.model
    assert model is not None
    for said in (
        f"{report.in_bands} of {report.last.scored} customers",
        f"{report.last.expected_misses:.1f} of all scored are expected to miss",
        money(report.cost_minor, "EUR").replace("\N{NO-BREAK SPACE}", " "),
        f"offset {report.position.offset}",
        report.chain.anchor,
        f"whole, {report.chain.records:,} records",
        model.digest,
        "promoted by a tester on 10 April 2023",
        "start outreach",
        *(one.name for one in report.riskiest),
    ):
        assert said in text


def test_the_riskiest_are_the_queries_own(report: Report, sources: Sources) -> None:
    """The ten of the last close in their order, each with a band, a reason of the policy and a verdict."""
    asked = sources.queries.riskiest(report.last.day, 10).value
    assert [one.scored for one in report.riskiest] == list(asked)
    assert [one.name for one in report.riskiest] == [one.customer_id for one in asked]
    assert report.wording.policy is not None
    reasons = {reason.code.replace("_", " ") for reason in report.wording.policy.reasons}
    assert all(one.band and one.reason in reasons and one.verdict in MEANINGS for one in report.riskiest)


def test_reasons_count_everybody_in_a_band(report: Report) -> None:
    """Each customer of a band at the last close has one reason, or none."""
    assert sum(report.reasons.values()) == report.in_bands


def test_early_is_counted_from_what_was_recorded(report: Report, worked: Any) -> None:
    """Each missed payment's lead is the days from the customer's first score in a band of the 30 days before."""
    rows, early = recorded(worked), report.earliness
    assert rows.predictions is not None
    assert early is not None
    scored = rows.predictions
    base, ahead = 0, []
    told = rows.days[-1].day - worked.deployment.miss.reporting_days
    missed = [one for one in rows.outcomes if one.status == "missed" and one.due_day <= told]
    for miss in {(one.customer, one.obligation, one.due_day) for one in missed}:
        inside = (scored.customer == np.uint64(miss[0])) & (scored.day < miss[2]) & (scored.day >= miss[2] - 30)
        base += bool(inside.any())
        in_band = scored.day[inside & (scored.band >= 0)]
        ahead += [int(miss[2] - in_band.min())] if len(in_band) else []

    assert (early.scored, sorted(early.by_score)) == (base, sorted(ahead))
    assert base > 0
    shares = [early.caught(early.by_score, days).value for days in range(1, 31)]
    assert shares == sorted(shares, reverse=True)


def test_sure_compares_what_was_expected_with_what_came(report: Report, worked: Any) -> None:
    """Of a ripe close expected is the day's own sum of PDs; observed are the scored who missed in the next 30 days."""
    rows, sure = recorded(worked), report.sureness
    assert sure is not None
    by_day = {row.day: row for row in rows.days}
    missed = [(one.customer, one.due_day) for one in rows.outcomes if one.status == "missed"]
    assert rows.predictions is not None
    for close in sure.closes:
        row = by_day[close.day]
        mine = rows.predictions.customer[rows.predictions.offset == row.offset].tolist()
        came = {customer for customer, due in missed if close.day < due <= close.day + HORIZON_DAYS} & set(mine)
        assert (len(close.pd), int(close.missed.sum())) == (row.scored, len(came))
        assert close.pd.sum() == pytest.approx(row.expected_misses)
    waits = HORIZON_DAYS + worked.deployment.miss.reporting_days
    assert max(close.day for close in sure.closes) == rows.days[-1].day - waits
    assert len(sure.closes) + sure.waiting <= len(sure.days)


def test_an_effect_is_not_claimed_too_early(page: str, report: Report) -> None:
    """With too few customers held out the page says how many are missing, and shows no difference."""
    held = report.hold_out
    assert held is not None
    assert held.effect is None
    text = Text(page).text
    assert f"still missing are {held.held_out.lacking} of the hold-out" in text
    assert "percentage points" not in text


@pytest.mark.parametrize("miss", ["balance", "days_past_due"])
def test_what_the_store_does_not_know_is_not_told(sources: Sources, miss: Any) -> None:
    """Where a miss is no payment outcome, nothing is said of foresight or effect."""
    other = replace_struct(sources.deployment, miss=MissDefinition(kind=miss))
    found = gather(replace(sources, deployment=other), ALL)
    assert found is not None
    assert (found.earliness, found.sureness, found.hold_out) == (None, None, None)
    assert Text(render(found)).text.count(UNKNOWN) == 2


def replace_struct(struct: Any, **stated: Any) -> Any:
    """A struct with some fields changed."""
    return msgspec.structs.replace(struct, **stated)


def test_a_period_is_kept_to(sources: Sources, report: Report) -> None:
    """Days, decisions and cost are of the days asked for alone; a period without a closed day is refused."""
    first, last = date(2023, 4, 20), date(2023, 4, 30)
    part = gather(sources, replace(ALL, first=first, last=last))
    assert part is not None
    assert [day_of(row.day) for row in (part.days[0], part.days[-1])] == [first, last]
    assert all(first <= day_of(one.day) <= last for one in part.tallies)
    assert 0 < part.cost_minor < report.cost_minor
    with pytest.raises(NotEnoughData, match="no day from 2031"):
        gather(sources, replace(ALL, first=date(2031, 1, 1)))


def test_days_before_anybody_was_scored_are_shown_as_such(sources: Sources) -> None:
    """A period before the first model has a page that says that nobody is scored, and draws nothing."""
    text = Text(page_of(sources, replace(ALL, last=date(2023, 3, 1)))).text
    assert "Nobody is scored yet." in text
    assert "Nothing was decided in this period" in text
    assert "Nobody was contacted in this period." in text


def page_of(sources: Sources, request: ReportRequest) -> str:
    """A page, through the front door."""
    return write_report(sources.queries, sources.vault, sources.deployment, sources.ids, request)


def test_an_empty_store_has_a_page_that_says_what_to_do(worked: Any, tmp_path: Path) -> None:
    """Without a closed day there is one sentence, with what comes next."""
    open_store(f"sqlite:///{tmp_path / 'forbear.db'}").close()
    url = f"sqlite:///{tmp_path / 'forbear.db'}"
    with closing(open_queries(url)) as queries, closing(FileVault(tmp_path / "keys.db")) as vault:
        text = Text(page_of(Sources(queries, vault, worked.deployment, {}), ALL)).text
    assert NOTHING_YET in text
    assert "Synthetic data." in text


def test_a_broken_chain_is_told(worked: Any, tmp_path: Path) -> None:
    """Where a record was changed the page says broken, at which record, and why."""
    folder = Path(shutil.copytree(worked.folder, tmp_path / "copy"))
    store = open_store(f"sqlite:///{folder / 'forbear.db'}")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE audit SET body = '{}' WHERE sequence = 40")
    store.close()
    changed = replace(worked, folder=folder)
    with closing(changed.queries()) as queries, closing(changed.vault()) as vault:
        found = gather(Sources(queries, vault, worked.deployment, {}), ALL)
        assert found is not None
        text = Text(render(found)).text

    assert found.summary()["audit"] == {
        "records": found.status.rows["audit"],
        "whole": False,
        "anchor": found.chain.anchor,
    }
    assert "BROKEN at record 40: the record does not follow the one before it" in text
    assert "Audit chain broken" in text


def test_the_erased_are_not_named(worked: Any, tmp_path: Path) -> None:
    """Erased, the riskiest customer is still counted, and neither named nor explained; the chain is whole."""
    folder = Path(shutil.copytree(worked.folder, tmp_path / "copy"))
    changed = replace(worked, folder=folder)
    with closing(changed.queries()) as queries, closing(changed.vault()) as vault:
        sources = Sources(queries, vault, worked.deployment, {})
        before = gather(sources, ALL)
        assert before is not None
        first, *others = before.riskiest
        with closing(open_store(f"sqlite:///{folder / 'forbear.db'}")) as store:
            erase(first.scored.customer, Erasure(by="an officer", at_us=0), vault, store, alone=nullcontext(True))
        after = gather(sources, ALL)
        assert after is not None
        document = render(after)

    told = after.riskiest[0]
    assert (told.name, told.reason, told.scored.pd) == ("erased", "", first.scored.pd)
    assert [one.name for one in after.riskiest[1:]] == [one.name for one in others]
    assert first.name not in document
    assert (after.in_bands, after.chain.broken) == (before.in_bands, None)


@pytest.mark.parametrize("synthetic", [True, False])
def test_says_that_synthetic_figures_are_synthetic(sources: Sources, synthetic: bool) -> None:
    """The label is in the window title, at the top and at the foot; a real bank carries none of it."""
    source = "simulation" if synthetic else "a bank"
    named = replace(sources, deployment=replace_struct(sources.deployment, source=source))
    document = page_of(named, replace(ALL, first=date(2023, 5, 1)))
    assert document.count("Every figure on this page comes from a simulated bank.") == 2 * synthetic
    assert ("(synthetic data)" in document) == synthetic


def test_hostile_ids_stay_text(renamed: Renamed, most_decided: str) -> None:
    """Markup in customers' ids is shown, not obeyed."""
    with renamed(most_decided, HOSTILE) as sources:
        document = page_of(sources, replace(ALL, first=date(2023, 5, 20)))
        text = Text(document)
        assert text.text.count(HOSTILE) >= 10
        assert not {"script", "link", "img", "iframe"} & set(text.tags)


def test_needs_nothing_from_elsewhere(page: str) -> None:
    """No address, no script, no import; references stay inside the document, and its size is bounded."""
    assert not re.search(r"https?:|@import|url\((?!#)|\ssrc=|<script|<link", page)
    assert "default-src &#x27;none&#x27;" in page
    referred = set(re.findall(r'(?:href="|url\()#([^")]+)', page))
    identifiers = re.findall(r' id="([^"]+)"', page)
    assert referred <= set(identifiers)
    assert len(identifiers) == len(set(identifiers))
    assert len(page.encode()) < MOST_BYTES


def test_is_the_same_every_time(page: str, sources: Sources) -> None:
    """Equal stores give equal bytes."""
    assert page == page_of(sources, ALL)


def test_every_plot_can_be_heard(page: str) -> None:
    """Each plot has a label in words, and each table a caption."""
    labels = re.findall(r'<svg[^>]*role="img"[^>]*aria-label="([^"]*)"', page)
    assert len(labels) == 7
    assert all(len(label) > 30 for label in labels)
    assert page.count("<caption>") == page.count("<table>")
    assert "nan" not in re.findall(r"\w+", Text(page).text.lower())


def test_every_outcome_has_its_meaning() -> None:
    """Whatever the policy can say is told in words."""
    assert {str(word) for word in MEANINGS} == {OFFER, PROPOSED, *map(str, HoldReason)}


def test_a_store_that_moves_on_meanwhile_is_told(report: Report) -> None:
    """Where the worker recorded more while the page was made, both positions are named."""
    moved = replace(report, moved=Position(report.position.offset + 7))
    assert f"the store moved on to ({report.position.offset + 7}, 0) meanwhile" in Text(render(moved)).text
