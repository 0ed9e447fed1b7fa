"""`forbear replay`: the past decided again beside a home that nobody touches, and what differs from what was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import msgspec
import pytest

from forbear.adapters.replays import read_replay
from forbear.adapters.sql.store import open_store
from forbear.adapters.vault import FileVault
from forbear.apps.home import Home
from forbear.apps.jobs.rehearsing import in_force
from forbear.engine.erase import Request, erase

Cli = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]
LAW = 'name = "slower"\n[contact]\ncool_down_days = 30\n[channels.app]\ncool_down_days = 40\n'


@pytest.fixture(scope="module")
def ran(cli: Cli, promoted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The promoted home once its worker has worked through the log, under a bound that lets offers pass."""
    home = Path(shutil.copytree(promoted, tmp_path_factory.mktemp("replayed") / "home"))
    policy = Home(home).policies / f"{in_force(Home(home))['policy']}.toml"
    wide = home.parent / "wide.toml"
    wide.write_text(policy.read_text().replace("abnormal_share = 0.1", "abnormal_share = 1.0"), encoding="utf-8")
    assert cli("promote", "--policy", wide, "--home", home).code == 0
    assert cli("run", "--once", "--home", home).code == 0
    return home


def replayed(cli: Cli, home: Path, *more: object) -> Any:
    """What a replay says to a script."""
    return cli("replay", "--home", home, *more, "--json").document


def named(home: Path) -> tuple[object, ...]:
    """All that is in force in a home, by name."""
    known = in_force(Home(home))
    policy = Home(home).policies / f"{known['policy']}.toml"
    return ("--model", known["model"][:16], "--policy", policy, "--capacity", "phone=200,sms=5000")


def test_unchanged_is_identical(cli: Cli, ran: Path) -> None:
    """With the model, the policy and the capacity as they were, named or not, no decision and no close differs."""
    said = replayed(cli, ran)
    first = said["difference"]["first"]

    assert (said["identical"], said["against"], said["difference"]["differences"]) == (True, "recorded", 0)
    assert (said["replay"], said["synthetic"]) == (True, True)
    assert first["offers"] > 20
    assert {"offer", "hold_out"} <= first["outcomes"].keys()
    by_name = replayed(cli, ran, *named(ran))
    assert (by_name["identical"], by_name["against"], by_name["unlike_record"]) == (True, "as it was", 0)
    assert "identical: " in cli("replay", "--home", ran).out


def test_it_begins_where_customers_stood(cli: Cli, ran: Path) -> None:
    """From the middle on, contacts and cool-downs of before hold: what was recorded of these days is decided again."""
    days = ("--from", "2023-06-03", "--to", "2023-06-09")
    whole, part = replayed(cli, ran), replayed(cli, ran, *days)

    assert (part["identical"], part["from"], part["to"]) == (True, "2023-06-03", "2023-06-09")
    assert 0 < part["decisions"] < whole["decisions"]
    assert replayed(cli, ran, *days, *named(ran))["identical"]


def test_what_people_told_the_home_was_so(cli: Cli, promoted: Path, tmp_path: Path) -> None:
    """A kill switch that stood holds in a replay as well, and --outreach asks what there had been without it."""
    home = Path(shutil.copytree(promoted, tmp_path / "home"))
    assert cli("run", "--once", "--home", home).code == 0
    assert cli("outreach", "stop", "--home", home).code == 0
    assert cli("sweep", "--force", "--by", "M. Muster", "--home", home).code == 0
    assert cli("run", "--once", "--home", home).code == 0
    as_it_was, other = replayed(cli, home), replayed(cli, home, "--outreach")

    assert as_it_was["identical"]
    assert as_it_was["difference"]["second"]["outcomes"]["kill_switch"] > 0
    assert "kill_switch" not in other["difference"]["second"]["outcomes"]
    assert not other["identical"]


def test_an_erased_customer_is_in_no_replay(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """Whoever was erased is left out of both, and all others are decided on as they were."""
    home = Path(shutil.copytree(ran, tmp_path / "home"))
    kept = tmp_path / "kept.parquet"
    assert cli("replay", "--home", home, "--keep", kept).code == 0
    key = int(read_replay(kept).decided.customer[0])
    with closing(FileVault(home / "keys.db")) as vault, closing(open_store(f"sqlite:///{home}/forbear.db")) as store:
        assert erase(key, Request(by="a tester", at_us=1), vault, store, alone=nullcontext(True)).decisions
    said = replayed(cli, home)

    assert said["identical"]
    assert said["decisions"] < replayed(cli, ran)["decisions"]
    assert sum(one["customers"] for one in said["groups"] if one["grouping"] == "segment") == 59


def test_the_home_stays_as_it_is(cli: Cli, ran: Path, contents_of: Contents, tmp_path: Path) -> None:
    """Whatever is replayed, every byte of the home is the same, nothing stands beside it, and nothing is to be sent."""
    before, beside = contents_of(ran), sorted(ran.parent.iterdir())
    replayed(cli, ran, "--model", "expert", "--policy", "shipped", "--shares", "5%,10%,20%", "--outreach")
    (tmp_path / "law.toml").write_text(LAW, encoding="utf-8")
    replayed(cli, ran, "--law", tmp_path / "law.toml")

    assert contents_of(ran) == before
    assert sorted(ran.parent.iterdir()) == beside
    refused = cli("replay", "--home", ran, "--keep", ran / "replay.parquet")
    assert (refused.code, "lies in the home" in refused.err) == (2, True)


@pytest.mark.parametrize("places", [0, 1, 2])
def test_a_channel_has_no_more_offers_a_day_than_places(cli: Cli, ran: Path, tmp_path: Path, places: int) -> None:
    """With fewer places on a channel no day has more offers on it, and who found none is held for that."""
    (tmp_path / "capacity.toml").write_text(f"app = {places}\nemail = {places}\n", encoding="utf-8")
    said = replayed(cli, ran, "--capacity", tmp_path / "capacity.toml")["difference"]

    assert said["first"]["most_a_day"]["app"] > places
    assert all(said["second"]["most_a_day"].get(channel, 0) <= places for channel in ("app", "email"))
    assert said["second"]["outcomes"]["capacity"] > 0
    assert said["second"]["cost_minor"] < said["first"]["cost_minor"]


def test_a_law_is_kept(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """Under a longer cool-down no customer has two offers within it, as some had before."""
    (tmp_path / "law.toml").write_text(LAW, encoding="utf-8")
    kept = [tmp_path / "before.parquet", tmp_path / "after.parquet"]
    assert cli("replay", "--home", ran, "--keep", kept[0]).code == 0
    assert cli("replay", "--home", ran, "--law", tmp_path / "law.toml", "--keep", kept[1]).code == 0
    times = []
    for decided in (read_replay(path).decided for path in kept):
        offers = decided.customer[decided.where("outcome", "offer")].tolist()
        times.append(max(map(offers.count, offers)))

    assert times[0] > 1
    assert times[1] == 1


def test_two_replays_are_compared(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """A replay that was kept is compared with the next one, as JSON and as a page; with itself it is identical."""
    kept, page = tmp_path / "kept.parquet", tmp_path / "page.html"
    assert cli("replay", "--home", ran, "--capacity", "app=1", "--keep", kept).code == 0
    same = replayed(cli, ran, "--capacity", "app=1", "--against", kept)
    other = replayed(cli, ran, "--against", kept, "--out", page)
    text = page.read_text(encoding="utf-8")

    assert (same["identical"], same["against"]) == (True, str(kept))
    assert (other["identical"], other["page"]) == (False, str(page))
    written = msgspec.json.decode(page.with_suffix(".json").read_bytes())
    assert written == {key: value for key, value in other.items() if key not in {"page", "seconds"}} | {
        "created": written["created"]
    }
    assert "Synthetic data." in text
    assert "What differs" in text
    assert text.count("<svg") >= 2
    again = cli("replay", "--home", ran, "--keep", kept)
    assert (again.code, "is there already" in again.err) == (2, True)
    wrong = cli("replay", "--home", ran, "--out", tmp_path / "page.json")
    assert (wrong.code, "name of the document" in wrong.err) == (2, True)


def test_groups_are_of_a_file_apart(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """Who is contacted is told by groups that no decision knows: of the bank's people, or of a file that is named."""
    said = replayed(cli, ran, "--to", "2023-05-26")["groups"]
    ages = [one for one in said if one["grouping"] == "age_band"]
    assert {"segment", "region", "sex", "age_band"} <= {one["grouping"] for one in said}
    assert sum(one["customers"] for one in ages) == 60
    assert sum(one["contacted"] for one in ages) > 0

    (tmp_path / "groups.csv").write_text("customer_id,club\nC0000000,red\nC0000001,\nnobody,red\n", encoding="utf-8")
    named_ones = replayed(cli, ran, "--to", "2023-05-26", "--groups", tmp_path / "groups.csv")["groups"]
    clubs = {one["group"]: one["customers"] for one in named_ones if one["grouping"] == "club"}
    assert clubs == {"red": 1, "not told": 1}
    (tmp_path / "none.csv").write_text("who,club\n", encoding="utf-8")
    refused = cli("replay", "--home", ran, "--to", "2023-05-26", "--groups", tmp_path / "none.csv")
    assert (refused.code, "holds no groups" in refused.err) == (2, True)


def test_a_home_that_was_never_live_can_be_replayed(cli: Cli, copied: Path, contents_of: Contents) -> None:
    """Where nothing was ever in force, days, model and policy are named; it is compared with nothing."""
    before = contents_of(copied)
    ended = cli("replay", "--home", copied)
    assert (ended.code, "--from" in ended.err) == (2, True)
    asked = ("--from", "2024-03-20", "--model", "expert")
    assert "no policy is in force" in cli("replay", "--home", copied, *asked).err
    said = replayed(cli, copied, *asked, "--policy", "shipped")

    assert (said["to"], said["against"], said["difference"]) == ("2024-03-31", "", None)
    assert contents_of(copied) == before


@pytest.mark.parametrize(
    ("asked", "code", "told"),
    [
        (("--model", "boosting"), 2, "train"),
        (("--model", "nowhere.json"), 2, "no such file"),
        (("--model", "0123456789ab"), 2, "no model 0123456789ab"),
        (("--policy", "nowhere.toml"), 2, "no file"),
        (("--law", "nowhere.toml"), 2, "no file"),
        (("--capacity", "phone=many"), 2, "no capacity"),
        (("--capacity", "fax=3"), 2, "no channel 'fax'"),
        (("--capacity", "nowhere.toml"), 2, "no file"),
        (("--against", "nowhere.parquet"), 2, "no file"),
        (("--from", "2023-06-10", "--to", "2023-06-01"), 2, "swap them"),
        (("--from", "2024-06-01"), 4, "nothing was received after"),
    ],
)
def test_what_cannot_be_replayed_is_said(cli: Cli, ran: Path, asked: tuple[object, ...], code: int, told: str) -> None:
    """What is not there, or not of this home, is refused with its mend."""
    ended = cli("replay", *asked, "--home", ran)

    assert (ended.code, told in ended.err) == (code, True), ended.err


def test_a_file_that_is_no_replay_is_refused(cli: Cli, ran: Path, tmp_path: Path) -> None:
    """Another file in the place of a replay, or of an artefact, is named as such."""
    (tmp_path / "other").write_bytes(b"PAR1 or not")
    for option in ("--against", "--model"):
        ended = cli("replay", "--home", ran, option, tmp_path / "other")
        assert (ended.code, "is no" in ended.err) == (2, True) or (option == "--model" and ended.code == 7), ended.err
