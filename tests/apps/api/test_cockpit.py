"""The policy cockpit over a home: figures of its book, and the life of a draft from an idea until it is in force."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forbear.apps.api.app import create_app
from forbear.apps.api.keys import KeyWish, fresh_key
from forbear.apps.api.opening import Opening, open_parts
from forbear.apps.api.parts import ApiParts
from forbear.apps.console import Console
from forbear.apps.home import Home
from forbear.apps.jobs.policy_what_if import Basis, Wish, as_it_is, moved
from forbear.apps.jobs.thresholds import ThresholdsRequest, thresholds
from forbear.apps.jobs.thresholds_section import plan_of
from forbear.client.cockpit import PolicyDraftTold, PolicySupposition
from forbear.domain.credit import EarlyPd
from forbear.engine.audit import first_break
from forbear.engine.office import Role
from forbear.features.columns import day_of
from forbear.models.intervals import Bootstrap
from forbear.models.thresholds import ScoredBook
from forbear.policy.reading import parse_policy

from .conftest import QUICK, Visitor

BOOK = (Role.ANALYST, Role.APPROVER, Role.ADMIN, Role.SERVICE)
WHY = "More help for the same money."


@dataclass
class Cockpit:
    """An application over a home, and keys by the names of those who have them."""

    parts: ApiParts
    client: Visitor
    keys: dict[str, str]

    def key(self, name: str, role: Role) -> str:
        """A new key for somebody."""
        text, record = fresh_key(KeyWish(name=name, role=role, days=90, rate=None), self.parts.now_us())
        self.parts.office.keyring.add(record)
        return text

    def get(self, path: str, who: str = "anna", status: int = 200, **query: Any) -> Any:
        """The JSON of an answer of that status."""
        answer = self.client.get(path, headers={"X-API-Key": self.keys[who]}, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: Any, who: str = "anna", status: int = 200) -> Any:
        """The same of something that is sent."""
        answer = self.client.post(path, headers={"X-API-Key": self.keys[who]}, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ask(self, who: str = "anna", **question: Any) -> Any:
        """What a question comes to."""
        return self.post("/v1/policy/what-if", question, who)

    def draft(self, who: str = "anna", status: int = 201, **question: Any) -> Any:
        """A draft with what is moved."""
        basis = self.get("/v1/policy", who)["digest"]
        asked = {"title": "Another line", "why": WHY, "basis": basis, "question": question}
        return self.post("/v1/policy-drafts", asked, who, status)

    def judge(self, draft: Any, who: str, verdict: str = "approve", status: int = 201) -> Any:
        """What somebody says of a draft."""
        path = f"/v1/policy-drafts/{draft['draft_id']}/verdict"
        return self.post(path, {"verdict": verdict, "why": "Seen."}, who, status)


PEOPLE = {"anna": Role.ANALYST, "bert": Role.APPROVER, "carl": Role.APPROVER, "dora": Role.ADMIN, "crm": Role.SERVICE}


@contextmanager
def opened(home: Path) -> Iterator[Cockpit]:
    """The application over a home, with what it keeps up read once."""
    with ExitStack() as open_ones:
        parts = open_ones.enter_context(open_parts(Opening(home=home, environment={}, writer="test")))
        assert parts.board is not None
        assert parts.trails is not None
        assert parts.cockpit is not None
        parts.board.refresh()
        parts.trails.refresh()
        parts.cockpit.refresh()
        client = Visitor(create_app(replace(parts, warm=None, settings=QUICK)))
        open_ones.callback(client.close)
        found = Cockpit(parts, client, {})
        found.keys |= {name: found.key(name, role) for name, role in PEOPLE.items()}
        yield found


@pytest.fixture(scope="module")
def cockpit(worked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cockpit]:
    """Over a copy of the home, for what leaves no policy in force but its own."""
    with opened(Path(shutil.copytree(worked, tmp_path_factory.mktemp("cockpit") / "home"))) as found:
        yield found


def pds(cockpit: Cockpit) -> Any:
    """The newest PDs of the book."""
    assert cockpit.parts.board is not None
    return cockpit.parts.board.now.standings.pd


# ---- what if


def test_a_policy_without_its_text_is_not_weighed(worked: Path, tmp_path: Path) -> None:
    """Where the text of the policy in force was not kept nothing is moved, and the answer names the command."""
    home = Path(shutil.copytree(worked, tmp_path / "home"))
    for change in ("json_remove(document, '$.text')", "json_set(document, '$.text', '')"):
        with closing(sqlite3.connect(Home(home).database)) as store:
            store.execute(f"UPDATE parts SET document = {change} WHERE kind = 'policy'")
            store.commit()
        with opened(home) as cockpit:
            assert cockpit.get("/v1/policy")["text"] == ""
            refused = cockpit.post("/v1/policy/what-if", {}, status=422)
            assert "without its text" in refused["detail"]
            assert "forbear promote --policy" in refused["mend"]


def test_nothing_moved_is_no_difference(cockpit: Cockpit) -> None:
    """Asked without a word, or with its own lines, the policy in force comes to the same on both sides, to the bit."""
    for question in ({}, {"lines": cockpit.ask()["now"]["lines"]}):
        found = cockpit.ask(**question)
        assert found["same"]
        assert found["now"] == found["then"]
        assert found["best_now"] == found["best_then"]
        figures = found["difference"]
        assert {value for one in figures.values() for value in (one.values() if isinstance(one, dict) else [one])} == {
            0
        }


def test_figures_are_of_the_book_as_it_is_listed(cockpit: Cockpit) -> None:
    """Customers, expected misses, those above a line and in a band are those that the other routes tell."""
    line = float(np.median(pds(cockpit)))
    found = cockpit.ask(lines={"critical": None, "high": None, "medium": line})
    book = cockpit.get("/v1/statistics")
    listed = cockpit.get("/v1/high-risk", min_pd=line, limit=1_000)["items"]

    assert found["as_of"] == book["as_of"]
    assert found["customers"] == book["book"]["customers"] == len(pds(cockpit))
    assert found["expected_misses"] == pytest.approx(book["book"]["expected_misses"])
    assert found["then"]["above"] == len(listed) == sum(one["score"]["pd"] >= line for one in listed)
    assert [band["customers"] for band in found["then"]["bands"]] == [0, 0, len(listed)]
    assert found["now"]["loss_before_minor"] == pytest.approx(
        found["expected_misses"] * found["inputs"]["loss_of_a_miss_minor"]
    )
    assert found["now"]["loss_after_minor"]["value"] == pytest.approx(
        found["now"]["loss_before_minor"] - found["now"]["benefit_minor"]["value"]
    )
    assert found["difference"]["above"] == found["then"]["above"] - found["now"]["above"]
    assert found["inputs"]["policy"] == cockpit.get("/v1/policy")["digest"]


def test_figures_are_those_of_thresholds(worked: Path) -> None:
    """Over the book that `forbear thresholds` has scored, the policy and the recommended plan come to what it says."""
    home = Home(worked)
    request = ThresholdsRequest(kind="expert", closes=2, chance=Bootstrap(0, 20))
    said = thresholds(home, request, Console(quiet=True))
    pd = np.repeat(said.totals.levels, np.diff(said.totals.above))
    book = ScoredBook(EarlyPd(pd), np.arange(len(pd), dtype=np.int64))
    basis = Basis(said.policy, said.economics, book, ())
    wish = Wish(lines={}, capacity={}, more_agents={}, calls_per_agent_day=1)
    everything = dict.fromkeys(band.name for band in said.policy.bands)
    for plan in said.plans:
        lines = everything | said.lines(plan)
        found, told = basis.weighed(moved(said.policy, replace(wish, lines=lines))), plan_of(said, plan)
        assert found.outcomes.above[0] == told["above"]
        assert {name: pytest.approx(value) for name, value in told["net_minor"].items()} == {
            "value": found.net.value,
            "low": found.net.low,
            "high": found.net.high,
        }
        for name, column in (("spent_minor", "spent"), ("cost_minor", "cost"), ("misses_avoided", "avoided")):
            assert float(getattr(found.outcomes, column)[0]) == pytest.approx(told[name])
        for channel, load in told["channels"].items():
            assert float(found.loads[channel].first[0]) == pytest.approx(load["first"])


def test_arrivals_are_of_the_closes_that_are_recorded(cockpit: Cockpit) -> None:
    """Days, and offers a day by channel, follow from the PDs of the last closes as the store has them."""
    found, desk = cockpit.ask(), cockpit.parts.desk
    days = desk.of(0).days(0, 2**31 - 1).value[-14:]
    closes = [desk.of(0).day_close(row.day).value for row in days]
    lines = found["now"]["lines"]
    share = 1.0 - found["inputs"]["hold_out_share"]
    seen: dict[str, set[int]] = {name: set() for name in lines}
    a_day: dict[str, list[float]] = {one["channel"]: [] for one in found["now"]["bands"]}
    for close in closes:
        assert close is not None
        today = dict.fromkeys(a_day, 0.0)
        for band in found["now"]["bands"]:
            above = set(close.customer[close.pd >= np.float64(lines[band["band"]])].tolist())
            today[band["channel"]] += len(above - seen[band["band"]]) * share * bool(band["customers"])
            seen[band["band"]] |= above
        for channel, offers in today.items():
            a_day[channel].append(offers)

    assert found["arrivals"]["known"]
    assert (found["arrivals"]["closes"], len(days)) == (14, 14)
    closed = [day_of(days[nth].day).isoformat() for nth in (0, -1)]
    assert [found["arrivals"][name] for name in ("first", "last")] == closed
    for one in found["now"]["channels"]:
        if one["channel"] in a_day:
            offers = a_day[one["channel"]][1:]
            assert one["a_day"] == pytest.approx(sum(offers) / len(offers))
            assert one["busiest_day"] == pytest.approx(max(offers))


def test_more_agents_are_more_places(cockpit: Cockpit) -> None:
    """So many agents bring so many places, as a stated number of conversations a day; and the best plan is no worse."""
    found = cockpit.ask(capacity={"phone": 1}, more_agents={"phone": 20}, calls_per_agent_day=15)
    places = {one["channel"]: one["places"] for one in found["then"]["channels"]}
    fewer = cockpit.ask(capacity=dict.fromkeys(places, 0))

    assert places["phone"] == 301
    assert found["inputs"]["calls_per_agent_day"] == 15
    assert fewer["best_then"] is None
    assert not fewer["then"]["fits"]
    assert {said.partition(":")[0] for said in fewer["then"]["binds"]} == {
        one["channel"] for one in fewer["then"]["bands"] if one["customers"]
    }


def test_the_interval_of_chance_is_given_where_it_is_asked_for(cockpit: Cockpit) -> None:
    """It is that of `forbear thresholds` under the same seed; unasked there is none."""
    assert cockpit.ask()["now"]["net_with_chance_minor"] is None
    told = cockpit.ask(chance=True)["now"]
    assert cockpit.parts.cockpit is not None
    basis = cockpit.parts.cockpit.stand().basis
    drawn = basis.weighed(as_it_is(basis.policy), Bootstrap(0, 500)).by_chance

    assert drawn is not None
    assert told["net_with_chance_minor"] == {"value": drawn.value, "low": drawn.low, "high": drawn.high}


def test_small_groups_are_not_told_of(cockpit: Cockpit) -> None:
    """In a bank of sixty no group has a hundred: names are there, no count, no share, no verdict but doubt."""
    found = cockpit.ask(lines={"medium": 0.001})["groups"]

    assert (found["known"], found["least_customers"], found["above_then"]) == (True, 100, 0)
    assert found["rows"]
    for row in found["rows"]:
        assert (
            row["customers"] is row["share_now"] is row["share_then"] is row["ratio_now"] is row["ratio_then"] is None
        )
        assert row["verdict_then"] in {"cannot tell", ""}


def test_who_asks_is_recorded(cockpit: Cockpit) -> None:
    """Who people are is read for an answer, so each question stands in the chain of accesses, which is whole."""
    before = len(cockpit.parts.office.accesses.chain("test", 0, 10_000))
    cockpit.ask("crm")
    records = cockpit.parts.office.accesses.chain("test", 0, 10_000)
    body = json.loads(records[-1].body)

    assert len(records) == before + 1
    assert (body["route"], body["role"]) == ("policy_what_if", "service")
    assert first_break(records) is None


HOSTILE: list[dict[str, Any]] = [
    {"lines": {"high": 0}},
    {"lines": {"high": -0.1}},
    {"lines": {"high": 1.01}},
    {"lines": {"high": "0.5"}},
    {"lines": {"high": True}},
    {"lines": {"high": 1e999}},
    {"lines": {"high": 0.9}},
    {"lines": {"urgent": 0.5}},
    {"lines": {"High": 0.5}},
    {"lines": {"critical": None, "high": None, "medium": None}},
    {"lines": {f"b{nth}": 0.5 for nth in range(17)}},
    {"lines": [["high", 0.5]]},
    {"capacity": {"phone": -1}},
    {"capacity": {"phone": 1.5}},
    {"capacity": {"phone": 10**9 + 1}},
    {"capacity": {"fax": 1}},
    {"capacity": {"phone": None}},
    {"more_agents": {"phone": 10_001}},
    {"more_agents": {"'; DROP TABLE parts; --": 1}},
    {"calls_per_agent_day": 0},
    {"calls_per_agent_day": True},
    {"budget_minor": -1},
    {"budget_minor": 10**16},
    {"chance": "yes"},
    {"then_20_more": 1},
]


@pytest.mark.parametrize("question", HOSTILE, ids=lambda one: json.dumps(one)[:40])
def test_what_makes_no_policy_is_refused(question: dict[str, Any], cockpit: Cockpit) -> None:
    """422, with what is wrong; and no draft comes of it."""
    content = json.dumps(question).replace("Infinity", "1e999")
    answer = cockpit.client.post(
        "/v1/policy/what-if",
        headers={"X-API-Key": cockpit.keys["anna"], "Content-Type": "application/json"},
        content=content,
    )
    said = answer.json()

    assert answer.status_code == 422, answer.text
    assert said["faults"] or said["detail"]
    if "1e999" not in content:
        cockpit.draft(status=422, **question)
    assert cockpit.get("/v1/policy-drafts")["items"] == []


def test_without_a_policy_or_a_book_it_says_so(house: Callable[..., Any], visitor: Callable[[Any], Visitor]) -> None:
    """A server that weighs no policies is not possible at the moment, and says so; nothing is made up."""
    made = house()
    answer = visitor(made).post("/v1/policy/what-if", headers={"X-API-Key": made.key()}, json={})

    assert (answer.status_code, answer.json()["detail"]) == (503, "this server weighs no policies")


# ---- drafts


@pytest.fixture
def fresh(worked: Path, tmp_path: Path) -> Iterator[Cockpit]:
    """Over a copy of the home that is the test's own."""
    with opened(Path(shutil.copytree(worked, tmp_path / "home"))) as found:
        yield found


def test_a_draft_is_sealed_with_what_it_came_to(fresh: Cockpit) -> None:
    """Its document is the policy with what was moved; figures, question and reason come back as they were."""
    asked = {"lines": {"high": fresh.ask()["now"]["lines"]["high"] * 0.99}, "more_agents": {"phone": 3}}
    figures, draft = fresh.ask(**asked), fresh.draft(**asked)
    policy, before = parse_policy(draft["text"]), parse_policy(fresh.get("/v1/policy")["text"])
    again = fresh.get(f"/v1/policy-drafts/{draft['draft_id']}", "bert")

    assert draft["figures"] == figures
    assert PolicySupposition.model_validate(draft["figures"]) == PolicyDraftTold.model_validate(again).figures
    assert {one.name: one.enter for one in policy.bands} == figures["then"]["lines"]
    assert {one.name: one.capacity_per_day for one in policy.channels} == {
        one["channel"]: one["places"] for one in figures["then"]["channels"]
    }
    assert (policy.contact, policy.hold_out, policy.actions) == (before.contact, before.hold_out, before.actions)
    assert (policy.digest, policy.version) == (draft["digest"], draft["version"])
    assert (draft["state"], draft["by"], draft["why"], draft["command"]) == ("open", "anna", WHY, "")
    assert again == draft
    assert [one["draft_id"] for one in fresh.get("/v1/policy-drafts")["items"]] == [draft["draft_id"]]
    assert fresh.get("/v1/policy")["digest"] == draft["basis"]


def test_nothing_moved_is_no_draft(fresh: Cockpit) -> None:
    """Neither an empty question nor a budget alone makes a policy; another basis than the policy in force neither."""
    fresh.draft(status=422)
    fresh.draft(status=422, budget_minor=1)
    asked = {"title": "Late", "why": WHY, "basis": "0" * 64, "question": {"capacity": {"phone": 1}}}
    fresh.post("/v1/policy-drafts", asked, status=409)

    assert fresh.get("/v1/policy-drafts")["items"] == []


def test_four_eyes(fresh: Cockpit) -> None:
    """Whoever makes a draft does not judge it, by no key of theirs; nor who may not approve; one verdict stands."""
    draft = fresh.draft("bert", capacity={"phone": 1})
    fresh.keys["bert again"] = fresh.key("bert", Role.ADMIN)
    for who in ("bert", "bert again", "anna", "crm"):
        fresh.judge(draft, who, status=403)
    fresh.judge(draft, "carl", "maybe", status=422)
    assert fresh.get(f"/v1/policy-drafts/{draft['draft_id']}")["state"] == "open"
    judged = fresh.judge(draft, "carl")
    fresh.judge(draft, "dora", "reject", status=409)

    assert (judged["state"], judged["verdict"]["by"], judged["verdict"]["why"]) == ("approved", "carl", "Seen.")
    assert judged["command"] == f"forbear promote --policy draft:{draft['draft_id']} --by NAME"
    assert fresh.get("/v1/policy-drafts", state="open")["items"] == []
    assert fresh.get("/v1/policy")["digest"] == draft["basis"]


def test_steps_are_recorded_with_their_draft(fresh: Cockpit) -> None:
    """Making, refused verdicts and the one that stands are in the chain of accesses, each with whose and of which."""
    draft = fresh.draft(capacity={"phone": 1})
    fresh.keys["eve"] = fresh.key("anna", Role.APPROVER)
    fresh.judge(draft, "eve", status=403)
    fresh.judge(draft, "bert", "reject")
    chain = fresh.parts.office.accesses.chain("test", 0, 10_000)
    bodies = [json.loads(one.body) for one in chain]
    mine = [(one["route"], one["status"], one["why"]) for one in bodies if draft["draft_id"] in one["why"]]

    assert mine == [
        ("draft_policy", 201, f"draft {draft['draft_id']}"),
        ("judge_policy_draft", 403, f"approve draft {draft['draft_id']}"),
        ("judge_policy_draft", 201, f"reject draft {draft['draft_id']}"),
    ]
    assert first_break(chain) is None


def test_drafts_are_listed_newest_first_page_by_page(fresh: Cockpit) -> None:
    """Each once, whatever the length of a page; a cursor of another question is refused."""
    made = [fresh.draft(capacity={"phone": places})["draft_id"] for places in (1, 2, 3)]
    page = fresh.get("/v1/policy-drafts", limit=2)
    rest = fresh.get("/v1/policy-drafts", limit=2, cursor=page["further"])
    fresh.get("/v1/policy-drafts", status=404, state="open", cursor=page["further"])

    assert [one["draft_id"] for one in page["items"] + rest["items"]] == made[::-1]
    assert rest["further"] is None
    fresh.get("/v1/policy-drafts/" + "0" * 32, status=404)


def test_a_draft_comes_into_force_by_a_persons_command(worked: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    """Only once approved, while its basis is in force, and whole; what rests on the policy before is stale then."""
    home = Path(shutil.copytree(worked, tmp_path / "home"))
    with opened(home) as cockpit:
        chosen = cockpit.draft(capacity={"phone": 7})
        other = cockpit.draft(capacity={"phone": 8})
        source = f"draft:{chosen['draft_id']}"
        assert "nobody has approved" in refused(cli, home, source)
        cockpit.judge(chosen, "bert")
        cockpit.judge(other, "bert")
    assert cli("promote", "--policy", source, "--shares", "1%,2%,3%", "--home", home).code == 2
    assert cli("promote", "--policy", source, "--by", "dora", "--home", home).code == 0
    assert cli("run", "--once", "--home", home).code == 0

    assert "in force already" in refused(cli, home, source)
    assert "another policy is in force by now" in refused(cli, home, f"draft:{other['draft_id']}")
    with opened(home) as cockpit:
        policy = cockpit.get("/v1/policy")
        assert (policy["digest"], policy["by"]) == (chosen["digest"], "dora")
        found = {one["draft_id"]: one for one in cockpit.get("/v1/policy-drafts")["items"]}
        for draft, in_force, stale in ((chosen, True, False), (other, False, True)):
            one = found[draft["draft_id"]]
            assert (one["in_force"], one["stale"], one["command"]) == (in_force, stale, "")
        chain = cockpit.parts.office.accesses.chain("command-line", 0, 100)
        assert json.loads(chain[-1].body)["why"] == f"draft {chosen['draft_id']}, by dora"
        late = cockpit.draft(capacity={"phone": 9})
        asked = {"title": "Late", "why": WHY, "basis": other["basis"], "question": {"capacity": {"phone": 9}}}
        cockpit.post("/v1/policy-drafts", asked, status=409)
        assert late["basis"] == chosen["digest"]


def refused(cli: Callable[..., Any], home: Path, source: str) -> str:
    """What is said where a draft cannot be put in force."""
    said = cli("promote", "--policy", source, "--home", home)
    assert said.code == 8
    error: str = said.err
    return error


def test_a_draft_that_somebody_changed_is_not_put_in_force(fresh: Cockpit) -> None:
    """What is not as its maker has sealed it is neither told nor judged: whoever runs the server must act."""
    draft = fresh.draft(capacity={"phone": 7})
    office: Any = fresh.parts.office
    with office.rooms.writing() as connection:
        connection.exec_driver_sql("UPDATE policy_drafts SET text = replace(text, '= 7', '= 700')")
    path = f"/v1/policy-drafts/{draft['draft_id']}"

    assert fresh.get(path, status=503)["type"].endswith("misconfigured")
    fresh.judge(draft, "bert", status=503)
    assert fresh.get("/v1/policy-drafts")["items"][0]["state"] == "open"
