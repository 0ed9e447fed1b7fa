"""Which reports there are: where each lies, which command writes it, and what that command needs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forbear.apps.home import Home
from forbear.apps.jobs.groups import groups_file

# Said here once more: the commands that write them take seconds to import. A test holds them to these names.
MONITOR, FAIRNESS, PORTFOLIO = "monitor.json", "fairness_report.json", "portfolio.json"
CREDIT, THRESHOLDS = "credit_risk_report.json", "thresholds"
STRESS, HELP, REPLAY = "stress.json", "help_report.json", "replay.json"
EXPERIMENTS = "experiments"
DATA = "FORBEAR_DATA"
"""Names the folder of published data; the panel of the credit report is in `dcr` there."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a server knows of its deployment. apart: the records lie in a store of their own."""

    home: Home
    environment: Mapping[str, str] = field(repr=False)
    apart: bool = False


def _nothing_missing(_setting: Setting) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportKind:
    """One report. file: in the home's reports.  arguments: of `forbear`, HOME and REPORTS stand for those folders.

    about: the path in the document to the last day that it speaks of, () for none.
    section: the key of the file under which it stands, "" for all of it.  without: keys of the file that are others'.
    lacks: why its command cannot work here, "" if it can.
    """

    name: str
    says: str
    file: str
    arguments: tuple[str, ...]
    about: tuple[str, ...] = ()
    section: str = ""
    without: frozenset[str] = frozenset()
    lacks: Callable[[Setting], str] = _nothing_missing

    def why_not(self, setting: Setting) -> str:
        """Why a job of a server cannot write it, "" if it can."""
        if setting.apart:
            return "the records lie in a store of their own: run the command where they are"
        return self.lacks(setting)

    def command_in(self, setting: Setting) -> tuple[str, ...]:
        """The arguments of `forbear` that write it into a home."""
        places = {
            "HOME": str(setting.home.folder),
            "REPORTS": str(setting.home.reports),
            "DATA": str(Path(setting.environment.get(DATA, DATA)) / "dcr"),
            "REPLAY": str((setting.home.reports / REPLAY).with_suffix(".html")),
        }
        return tuple(places.get(one, one) for one in self.arguments)

    def line(self) -> str:
        """The command as a line to paste, with words for the folders: where they are is not everybody's to know."""
        words = {"REPORTS": "HOME/reports", "DATA": f"${DATA}/dcr", "REPLAY": "HOME/reports/replay.html"}
        told = (words.get(one, one) for one in self.arguments)
        return " ".join(["forbear", *(one if one.startswith("$") else shlex.quote(one) for one in told)])


def _records(setting: Setting) -> str:
    return "" if setting.home.database.exists() else "no worker has recorded anything yet"


def _people(setting: Setting) -> str:
    if groups_file(setting.home, None) is not None:
        return ""
    return "the server has no file of groups: run the command with --groups"


def _panel(setting: Setting) -> str:
    told = setting.environment.get(DATA)
    return "" if told and (Path(told) / "dcr").is_dir() else f"the server has no panel of loans: {DATA} names none"


def _elsewhere(why: str) -> Callable[[Setting], str]:
    return lambda _setting: why


FIXED: tuple[ReportKind, ...] = (
    ReportKind(
        name="monitor",
        says="Drift, data quality, and how well the model does.",
        file=MONITOR,
        arguments=("monitor", "--home", "HOME"),
        about=("as_of",),
    ),
    ReportKind(
        name="fairness",
        says="Whether scores and help are fair to groups of people.",
        file=FAIRNESS,
        arguments=("fairness", "--home", "HOME"),
        about=("rows", "last"),
        lacks=_people,
    ),
    ReportKind(
        name="portfolio",
        says="How the whole book moved between two days.",
        file=PORTFOLIO,
        arguments=("portfolio", "--home", "HOME"),
        about=("last",),
    ),
    ReportKind(
        name="thresholds",
        says="What every cut-off would cost and bring.",
        file=CREDIT,
        arguments=("thresholds", "--home", "HOME"),
        about=("on",),
        section=THRESHOLDS,
    ),
    ReportKind(
        name="credit",
        says="Expected credit loss, stages and their moves, on a published panel of mortgages.",
        file=CREDIT,
        arguments=("credit", "dcr", "--data", "DATA", "--into", "REPORTS"),
        without=frozenset({THRESHOLDS}),
        lacks=_panel,
    ),
    ReportKind(
        name="stress",
        says="The book as though its last days had been harder.",
        file=STRESS,
        arguments=("stress", "--home", "HOME"),
        about=("on",),
    ),
    ReportKind(
        name="help",
        says="What was offered, reached people, came back and was promised.",
        file=HELP,
        arguments=("outreach", "report", "--home", "HOME"),
        about=("last_day",),
        lacks=_records,
    ),
    ReportKind(
        name="replay",
        says="The past decided again, beside what was decided.",
        file=REPLAY,
        arguments=("replay", "--out", "REPLAY", "--home", "HOME"),
        about=("to",),
        lacks=_records,
    ),
)
"""Reports that every home has at most one of."""


def experiment_kind(name: str) -> ReportKind:
    """The read-out of an experiment of a home."""
    return ReportKind(
        name=f"experiment-{name}",
        says="Whether help helped, by the hold-out.",
        file=f"experiment-{name}.json",
        arguments=("experiment", "read", name, "--home", "HOME"),
        lacks=_records,
    )


def _backtest(days: str) -> ReportKind:
    first, last = days[:10], days[11:]
    return ReportKind(
        name=f"backtest-{days}",
        says="The models on days that they had not seen.",
        file=f"backtest-{days}.json",
        arguments=("backtest", "--from", first, "--to", last, "--home", "HOME"),
        about=("last",),
    )


def _gate(digest: str) -> ReportKind:
    return ReportKind(
        name=f"gate-{digest}",
        says="A candidate held against the champion at a gate.",
        file=f"gate-{digest}.json",
        arguments=("retrain", "--home", "HOME"),
        about=("hold_out", "last_as_of"),
        lacks=_elsewhere("a gate speaks when candidates are trained, and keeps them: a person runs that"),
    )


def _online(day: str) -> ReportKind:
    return ReportKind(
        name=f"online-{day}",
        says="Models that go on learning from outcomes.",
        file=f"online-{day}.json",
        arguments=("online", "update", "--until", day, "--home", "HOME"),
        lacks=_elsewhere("to learn on keeps candidates: a person runs that"),
    )


def _shadow(digest: str) -> ReportKind:
    return ReportKind(
        name=f"shadow-{digest}",
        says="What a challenger would have said.",
        file=f"shadow-{digest}.json",
        arguments=("models", "shadow", digest, "--home", "HOME"),
        about=("last",),
    )


_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_FAMILIES: tuple[tuple[re.Pattern[str], Callable[[str], ReportKind]], ...] = (
    (re.compile(r"experiment-([a-z][a-z0-9_-]{0,47})\.json"), experiment_kind),
    (re.compile(rf"backtest-({_DAY}-{_DAY})\.json"), _backtest),
    (re.compile(r"gate-([0-9a-f]{12})\.json"), _gate),
    (re.compile(rf"online-({_DAY})\.json"), _online),
    (re.compile(r"shadow-([0-9a-f]{12})\.json"), _shadow),
)
_EXPERIMENT = re.compile(r"([a-z][a-z0-9_-]{0,47})\.toml")


def kind_of_file(name: str) -> ReportKind | None:
    """The report that a file of a home's reports is, of those that a home may have many of; None for no report."""
    for pattern, made in _FAMILIES:
        if found := pattern.fullmatch(name):
            return made(found.group(1))
    return None


def experiments_of(home: Home) -> tuple[ReportKind, ...]:
    """The read-outs of the experiments that a home has defined, by name."""
    folder = home.folder / EXPERIMENTS
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return tuple(experiment_kind(found.group(1)) for name in names if (found := _EXPERIMENT.fullmatch(name)))
