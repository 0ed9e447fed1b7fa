"""What the pages of the book, of written reports and of the policy say is what the interface says of them."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from tests.apps.api.real.conftest import Served, served
from tests.apps.dashboard.conftest import at_path, button, said, whole

from forbear.apps.dashboard import formats, telling
from forbear.apps.dashboard.charts.book import change_of
from forbear.apps.dashboard.pages.roi import steps_of
from forbear.client import Client
from forbear.client.cockpit import PolicyQuestion
from forbear.engine.office import Role

BOOK_ROLES = [Role.ANALYST, Role.APPROVER, Role.ADMIN]
PAGES = ["acceleration", "drift", "fairness", "roi", "credit-risk", "cockpit"]
TITLES = {
    "heat-map": "Risk heat map",
    "acceleration": "Acceleration",
    "drift": "Drift",
    "fairness": "Fairness",
    "roi": "ROI and experiments",
    "credit-risk": "Credit risk",
    "cockpit": "Policy cockpit",
}


@pytest.fixture(scope="module")
def written(lived: Path, cli: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that a worker has worked in, with every report of its own written by the command that writes it."""
    home = Path(shutil.copytree(lived, tmp_path_factory.mktemp("written") / "home"))
    terms = tmp_path_factory.mktemp("terms") / "fairness.toml"
    shipped = (files("forbear.data") / "fairness.toml").read_text(encoding="utf-8")
    terms.write_text(re.sub("least_(customers|events) = [0-9]+", r"least_\1 = 10", shipped), encoding="utf-8")
    for command in (
        ("monitor",),
        ("fairness", "--jurisdiction", "EU", "--terms", terms, "--no-proxies"),
        ("portfolio",),
        ("thresholds",),
        ("stress",),
        ("experiment", "define", "spring", "--hold-out", "0.05", "--expected", "0.1", "--least-effect", "0.02"),
    ):
        assert cli(*command, "--home", home).code == 0, command
    return home


@pytest.fixture(scope="module")
def real(written: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server over a copy of it."""
    with served(written, tmp_path_factory.mktemp("reports") / "home") as running:
        yield running


@pytest.fixture
def client(real: Served) -> Iterator[Client]:
    """A client with the approver's key."""
    with Client(real.url, real.keys[Role.APPROVER]) as made:
        yield made


def tables(app: Any) -> list[list[dict[str, Any]]]:
    """The rows of each table of a page."""
    return [one.value.to_dict("records") for one in app.dataframe]


def table_with(app: Any, *columns: str) -> list[dict[str, Any]]:
    """The first table that has these columns."""
    return next(rows for rows in tables(app) if rows and set(columns) <= set(rows[0]))


def specs(app: Any) -> list[dict[str, Any]]:
    """The Vega-Lite of each chart of a page: `description` is what screen readers say, `rows` are all its rows."""
    charts = []
    for one in app.get("vega_lite_chart"):
        spec = json.loads(one.proto.spec)
        sent = [one.proto.data.data, *(each.data.data for each in one.proto.datasets)]
        rows = [row for each in sent if each for row in convert_arrow_bytes_to_pandas_df(each).to_dict("records")]
        inline = [row for layer in spec.get("layer", []) for row in layer.get("data", {}).get("values", [])]
        assert "description" not in spec, "Streamlit would warn, at each look, that it takes the other words"
        charts.append({**spec, "description": one.proto.alt, "rows": [*rows, *inline]})
    return charts


def _data(spec: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = spec["rows"]
    return rows


# ---- every page, for whoever sees it


@pytest.mark.parametrize("role", BOOK_ROLES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_draws(visit: Any, page: str, role: Role) -> None:
    """It begins with its title, says as of when it holds, has charts that say what they show, and fails nowhere."""
    app = whole(visit(page, role))

    assert app.title[0].value == TITLES[page]
    assert any(word in said(app).lower() for word in ("as of", "written on"))
    assert not app.error, [one.value for one in app.error]
    assert specs(app)
    assert all(spec["description"] for spec in specs(app))


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AGENT])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_book_is_not_for_everybody(visit: Any, page: str, role: Role) -> None:
    """Who may not see the book is told so, and no figure of it."""
    app = whole(visit(page, role))

    assert f"not for the role {role}" in said(app)
    assert not specs(app)


# ---- the heat map


@pytest.mark.parametrize("role", list(Role))
def test_the_heat_map_is_that_of_the_interface(visit: Any, client: Client, role: Role) -> None:
    """Each segment has the customers of the interface; whoever may not see lists is shown none."""
    app = whole(visit("heat-map", role, dimension="income", band="high"))
    told = client.segments("income")
    rows = table_with(app, "Segment", "Customers")

    assert [row["Segment"] for row in rows] == [row.name for row in told.rows]
    assert [row["Customers"] for row in rows] == [formats.count(row.customers) for row in told.rows]
    [chart] = specs(app)
    drawn = {(one["row"], one["column"][2:]): one["count"] for one in _data(chart)}
    assert drawn == {(row.name, one.band or "outside"): one.customers for row in told.rows for one in row.bands}
    may = role in {Role.ANALYST, Role.APPROVER, Role.ADMIN, Role.SERVICE}
    assert bool([one for one in tables(app) if one and "Customer" in one[0]]) == may
    assert ("Lists of customers are not for" in said(app)) != may


def test_a_cell_of_the_heat_map_leads_to_its_customers(visit: Any, client: Client) -> None:
    """A link to a cell shows whom the interface lists in it, and choosing another band by keyboard shows that one."""
    segment = max(client.segments("product").rows, key=lambda row: sum(one.customers for one in row.bands if one.band))
    band = next(one.band for one in segment.bands if one.band and one.customers)
    app = whole(visit("heat-map", Role.ANALYST, dimension="product", segment=segment.name, band=band))
    expected = [one.customer_id for one in client.high_risk(segment=f"product:{segment.name}", band=band)]

    assert [row["Customer"] for row in table_with(app, "Customer", "PD")] == expected
    app.selectbox(key="choose-segment").select("all").run()
    whole(app)
    everybody = [one.customer_id for one in client.high_risk(band=band)]
    assert [row["Customer"] for row in table_with(app, "Customer", "PD")] == everybody[:50]


# ---- acceleration


@pytest.mark.parametrize("days", [7, 30])
def test_who_gets_worse_is_whom_the_interface_names(visit: Any, client: Client, days: int) -> None:
    """The same customers in the same order, their PDs, and how many rise; filters are those of the interface."""
    app = whole(visit("acceleration", Role.ANALYST, days=str(days)))
    told = client.worsening(days, limit=50)
    figures = {one.label: one.value for one in app.metric}

    assert figures["Rising"] == formats.count(told.book.rising)
    assert figures["Falling"] == formats.count(told.book.falling)
    assert figures["Not known"] == formats.count(told.book.unknown)
    rows = table_with(app, "Customer", "How fast")
    assert [row["Customer"] for row in rows] == [one.customer_id for one in told.items]
    assert [row["PD"] for row in rows] == [telling.moved(one.pd_before, one.pd) for one in told.items]


def test_who_gets_worse_in_a_band(visit: Any, client: Client) -> None:
    """A link to one band shows those alone."""
    band = client.worsening(30, limit=1).items[0].band
    wanted = band or next(one.band for one in client.statistics().book.bands if one.band)
    app = whole(visit("acceleration", Role.ANALYST, days="30", band=wanted))
    told = client.worsening(30, limit=50, band=wanted)

    shown = [row["Customer"] for rows in tables(app) for row in rows if "How fast" in row]
    assert shown == [one.customer_id for one in told.items]


# ---- drift


def test_drift_says_what_the_report_says(visit: Any, client: Client) -> None:
    """The status, each figure of performance, and how many things were found of each kind."""
    app = whole(visit("drift", Role.ANALYST))
    found: Any = client.report("monitor").document
    text = said(app)

    assert {"steady": "Steady.", "cannot tell": "Cannot tell."}.get(found["status"], "Drifting.") in text
    assert ("Train again: yes" in text) == found["retrain_advised"]
    matured = found["performance"]["matured"]
    if matured is not None:
        first = table_with(app, "Figure", "By labels")[0]
        assert first["By labels"] == telling.estimate(matured["figures"]["auc"], telling.ratio)
    rows = table_with(app, "What", "Looked at")
    assert sum(int(row["Looked at"]) for row in rows) == len(found["findings"])
    for alarm in found["alarms"]:
        assert alarm["run_book"] in text


# ---- fairness


def test_fairness_shows_what_is_known_and_withholds_the_rest(visit: Any, client: Client) -> None:
    """Each comparison with a figure is told with its interval and verdict; of the others only why not."""
    app = whole(visit("fairness", Role.ANALYST))
    found: Any = client.report("fairness").document
    known = [one for one in found["compared"] if one["figure"]["value"] is not None]
    rows = [row for rows in tables(app) for row in rows if "Tolerated" in row]

    assert len(rows) == len(known) > 0
    assert sorted(row["Verdict"] for row in rows) == sorted(telling.verdict(one["verdict"]) for one in known)
    text = said(app)
    for reason in {one["why"] for one in found["compared"] if one["figure"]["value"] is None}:
        assert telling.capital(reason) in text
    binding = [one for one in found["compared"] if one["binding"]]
    figures = {one.label: one.value for one in app.metric}
    assert figures["Binding comparisons"] == str(len(binding))
    assert figures["Cannot tell"] == str(sum(one["verdict"] == "cannot tell" for one in binding))


def test_fairness_by_one_attribute(visit: Any, client: Client) -> None:
    """A link to one attribute shows no other."""
    found: Any = client.report("fairness").document
    attribute = found["compared"][0]["attribute"]
    app = whole(visit("fairness", Role.ANALYST, attribute=attribute))
    shown = [row["Groups"] for rows in tables(app) for row in rows if "Tolerated" in row]

    assert all(one.startswith(formats.words(attribute)) for one in shown)


# ---- help


def test_what_help_came_to_is_what_was_counted(visit: Any, client: Client) -> None:
    """The funnel has the counts of the interface, what was spent is their sum; an experiment is told of unread."""
    app = whole(visit("roi", Role.ANALYST))
    told = client.help_figures()
    steps = steps_of(told)
    offers = [one for one in told.counts if (one.section, one.name) == ("decisions", "offer")]

    assert steps[0].count == sum(one.count for one in offers) > 0
    funnel = next(spec for spec in specs(app) if spec["description"].startswith("Offers decided"))
    assert {one["step"]: one["count"] for one in _data(funnel)} == {one.name: one.count for one in steps}
    spent = formats.money(sum(one.amount_minor for one in offers), client.policy().currency)
    assert spent in said(app)
    assert "Experiment-spring is not written yet" in said(app)
    assert "forbear experiment read spring" in said(app)
    plan: Any = next(one for one in client.report("thresholds", part="plans").document if one["name"] == "policy")  # type: ignore[union-attr,index,call-overload]
    assert {one.label: one.value for one in app.metric}["Misses avoided"] == formats.number(plan["misses_avoided"])


# ---- credit risk


def test_the_book_moved_as_the_report_says(visit: Any, client: Client) -> None:
    """High risk, stress index and segments are those of the document, and are labelled as made up."""
    app = whole(visit("credit-risk", Role.ANALYST))
    found: Any = client.report("portfolio").document
    figures = {one.label: one.value for one in app.metric}

    assert figures["At high risk"] == formats.per_cent(found["high_risk"]["after"]["value"])
    assert figures["Stress index"] == formats.number(found["stress_index"]["last"]["value"], 0)
    known = [one for one in found["segments"] if one["high_risk"]["paired"]]
    rows = table_with(app, "Segment", "Mean PD")
    assert [row["Change"] for row in rows] == [telling.change(one["high_risk"]["change"]) for one in known]
    moves = next(spec for spec in specs(app) if "are where they were" in spec["description"])
    assert sum(one["count"] for one in _data(moves)) == sum(map(sum, found["moves"]["counts"]))
    assert "Synthetic" in said(app)
    assert {change_of(one["high_risk"]["change"]) for one in known} <= {"rose", "fell", "cannot tell"}


def test_days_past_due_are_those_of_the_report(visit: Any, client: Client) -> None:
    """Every move from month to month is in the matrix."""
    app = whole(visit("credit-risk", Role.ANALYST, view="arrears"))
    found: Any = client.report("portfolio", part="arrears").document
    matrix = specs(app)[0]

    assert [one["count"] for one in _data(matrix)] == [one for row in found["counts"] for one in row]


def test_stress_is_that_of_the_report(visit: Any, client: Client) -> None:
    """Each scenario with its stress index, and who moves band in the one that is chosen."""
    found: Any = client.report("stress").document
    last = found["scenarios"][-1]
    app = whole(visit("credit-risk", Role.ANALYST, view="stress", scenario=last["name"]))
    rows = table_with(app, "Scenario", "Stress index")

    assert [row["Stress index"] for row in rows] == [
        telling.estimate(one["stress_index"], lambda value: formats.number(value, 0)) for one in found["scenarios"]
    ]
    moves = next(spec for spec in specs(app) if "are where they were" in spec["description"])
    assert sum(one["count"] for one in _data(moves)) == sum(map(sum, last["moves"]["counts"]))


def test_the_panel_is_named_as_what_it_is(
    visit: Any, real: Served, client: Client, cli: Any, real_dcr_folder: Path
) -> None:
    """Stages of the published panel are those of its report, and the page says that they are no bank's."""
    reports = real.home / "reports"
    assert cli("credit", "dcr", "--data", real_dcr_folder, "--into", reports, "--every", "12").code == 0
    app = whole(visit("credit-risk", Role.ANALYST, view="panel"))
    quarters: Any = client.report("credit", part="quarters").document
    rows = table_with(app, "Stage", "Allowance")

    assert "not this bank's" in said(app)
    assert [row["Allowance"] for row in rows] == [formats.money(one, "USD") for one in quarters[-1]["allowance"]]
    assert [row["Loans"] for row in rows] == [formats.count(one) for one in quarters[-1]["loans"]]


# ---- the cockpit


def moved(client: Client) -> tuple[str, float]:
    """The least urgent band, and a line for it that lies above the one in force and below the next band's [%]."""
    lines = [(one.band, one.line) for one in client.policy_what_if().now.bands]
    (_, upper), (band, lower) = lines[-2:]
    assert upper is not None
    assert lower is not None
    return band, round(50 * (upper + lower), 2)


def test_a_moved_line_shows_at_once_what_it_comes_to(visit: Any, client: Client) -> None:
    """Customers, cost, misses avoided, loss and net are those of the interface; by keyboard as by a link."""
    band, per_cent = moved(client)
    app = whole(visit("cockpit", Role.ANALYST, **{f"line_{band}": str(per_cent)}))
    told = client.policy_what_if(PolicyQuestion(lines={band: per_cent / 100}))
    figures = {one.label: (one.value, one.delta) for one in app.metric}

    assert told.then.above < told.now.above
    assert figures["Customers above the lines"] == (
        formats.count(told.then.above),
        formats.count(told.difference.above),
    )
    currency = told.inputs.currency
    net = told.then.net_minor
    sure = net.low > 0 or net.high < 0
    ends = [formats.money(one, currency) for one in ((net.value,) if sure else (net.low, net.high))]
    assert figures["Net of help"][0] == " to ".join(ends)
    assert figures["Expected loss"][0] == formats.money(told.then.loss_after_minor.value, currency)
    app.number_input(key="cockpit-agents").set_value(20).run()
    more = client.policy_what_if(PolicyQuestion(lines={band: per_cent / 100}, more_agents={"phone": 20}))
    channels = {row["Channel"]: row["Places a day"] for row in table_with(whole(app), "Channel", "Places a day")}
    assert channels["Phone"] == formats.count(next(one.places for one in more.then.channels if one.channel == "phone"))
    assert app.query_params["agents"] in ("20", ["20"])


def test_lines_out_of_order_are_said_and_can_be_mended(visit: Any, client: Client) -> None:
    """The controls stay where they are, so that the line can be moved back."""
    band, _ = moved(client)
    app = whole(visit("cockpit", Role.ANALYST, **{f"line_{band}": "99"}))

    assert app.error
    assert not app.metric
    app.number_input(key=f"cockpit-line_{band}").set_value(moved(client)[1]).run()
    assert not whole(app).error
    assert app.metric


def test_a_draft_needs_two_people(visit: Any, client: Client) -> None:
    """What was moved is saved; whoever made a draft is not asked about it, another approver is, and agrees."""
    band, per_cent = moved(client)
    app = whole(visit("cockpit", Role.APPROVER, **{f"line_{band}": str(per_cent)}))
    [title] = [one for one in app.text_input if one.label == "Title"]
    [why] = [one for one in app.text_area if one.label == "Why"]
    title.input("Higher line")
    why.input("Reach those who need it most.")
    button(app, "Save as a draft").click().run()
    whole(app)
    [draft] = [one for one in client.list_policy_drafts() if one.title == "Higher line"]
    assert draft.state == "open"
    assert "You made this draft" in said(app)
    assert "Approve" not in [one.label for one in app.button]

    other = whole(visit("cockpit", Role.ADMIN, draft=draft.draft_id))
    [reason] = [one for one in other.text_area if one.label == "Why"]
    reason.input("It pays, and it is fair.")
    button(other, "Approve").click().run()
    whole(other)
    judged = client.policy_draft(draft.draft_id)
    assert judged.state == "approved"
    assert judged.verdict is not None
    assert judged.verdict.why == "It pays, and it is fair."


# ---- what was never written


def test_a_report_that_is_missing_is_written_from_the_page(visit: Any, real: Served, client: Client, cli: Any) -> None:
    """The page says by which command, and its button has a job do it; then its figures are there."""
    document = real.home / "reports" / "stress.json"
    document.unlink()
    time.sleep(5.1)  # for so long an answer serves everybody
    app = whole(visit("credit-risk", Role.ANALYST, view="stress"))
    assert "is not written yet" in said(app)
    assert "forbear stress" in said(app)

    button(app, "Write it now").click().run()
    for _ in range(120):
        if document.is_file() and not app.get("progress"):
            break
        time.sleep(1)
        app.run()
    at_path(app, "credit-risk", view="stress")
    assert table_with(whole(app), "Scenario", "Stress index")


def test_whoever_may_not_have_jobs_done_is_shown_no_button(visit: Any, real: Served) -> None:
    """The command is said to everybody; the button is there for those whom the interface lets submit jobs."""
    app = whole(visit("drift", Role.ANALYST))
    with Client(real.url, real.keys[Role.ANALYST]) as analyst:
        may = "submit_job" in analyst.whoami().operations

    assert ("Write it anew" in [one.label for one in app.button]) == may
