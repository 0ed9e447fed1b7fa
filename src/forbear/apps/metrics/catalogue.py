"""Every metric there is: its name, its labels, its unit and what it says. What is not listed here is told by nobody.

Labels are words of the code, of the policy or of the settings, never of a customer: a test scrapes and looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]

QUICK = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Buckets of what takes less than a second where all is well [s]."""
LOOKED = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 20.0)
"""Buckets of what a person waits for: a page is meant to be there within 2 s, and with many at once within 4 s."""
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0)
"""Buckets of what may wait for a tick, or for a worker to come back [s]."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """One metric, the same only as itself.

    name: as Prometheus has it, of a counter with `_total`.  meaning: one sentence.

    told_by: processes that tell it.  labels: in their order.  buckets: upper bounds of a histogram.
    """

    name: str
    kind: Kind
    meaning: str
    told_by: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


_EACH, _WORK = "every process", "run, scorer, intervenor"
_API, _BANK, _UP, _PAGES = "serve", "serve, up, stream", "up, stream", "dashboard"
_PATH = "router, scorer, intervenor, sink, closer"

BUILD = Metric("forbear_build_info", "gauge", "1; what is installed.", _EACH, ("version", "python"))
FAILED = Metric(
    "forbear_collect_failed", "gauge", "1 where a part could not be read for this scrape, else 0.", _EACH, ("part",)
)

STAGE = Metric(
    "forbear_stage_seconds",
    "histogram",
    "Time of one stage of the work on a stretch of events.",
    _WORK,
    ("stage",),
    QUICK,
)
BATCH = Metric(
    "forbear_batch_seconds", "histogram", "From reading a stretch of the log to its commit.", "run", (), QUICK
)
END_TO_END = Metric(
    "forbear_end_to_end_seconds",
    "histogram",
    "From the receipt of an event to the commit of what follows from it: a score, or a decision. What was received "
    "over a day before, as a history is, does not count.",
    _WORK,
    ("what",),
    LONG,
)
EVENTS = Metric(
    "forbear_events_total",
    "counter",
    "Events that came to the ledgers, by what became of them.",
    "run, scorer",
    ("fate",),
)
PREDICTIONS = Metric("forbear_predictions_total", "counter", "Scores recorded.", "run, intervenor", ("trigger",))
DECISIONS = Metric(
    "forbear_decisions_total",
    "counter",
    "Decisions recorded, by outcome and action.",
    "run, intervenor",
    ("outcome", "action"),
)
DEAD_LETTERS = Metric(
    "forbear_dead_letters_total", "counter", "Events that no ledger took, by reason.", "run, intervenor", ("reason",)
)
COMMITS = Metric("forbear_commits_total", "counter", "Commits of what was found.", "run, intervenor")
COMMITS_FAILED = Metric(
    "forbear_commit_failures_total", "counter", "Commits that failed, by kind of error.", "run, intervenor", ("error",)
)
WATERMARK = Metric(
    "forbear_watermark_timestamp_seconds",
    "gauge",
    "The latest instant at which an event was received that the ledgers have.",
    "run, scorer",
    ("partition",),
)
OPEN_DAY = Metric(
    "forbear_open_day_timestamp_seconds",
    "gauge",
    "The beginning of the open day, in the bank's own time zone.",
    "run, scorer",
    ("partition",),
)
POSITION = Metric(
    "forbear_position", "gauge", "The offset of the next event that the process takes.", _WORK, ("partition",)
)
BEHIND = Metric(
    "forbear_behind_events",
    "gauge",
    "Messages between the process and the end of what it reads, as it saw them last.",
    _PATH + ", run",
    ("partition",),
)
STATE = Metric("forbear_process_state", "gauge", "1 for the state that the process is in, else 0.", _PATH, ("state",))
COUNTED = Metric(
    "forbear_worker_total",
    "counter",
    "What a worker has counted: messages, refused, published and so on.",
    _PATH,
    ("what",),
)
BREAKER = Metric(
    "forbear_breaker_open",
    "gauge",
    "1 while a system that failed again and again is left alone, 0.5 while it is tried, else 0.",
    _PATH + ", outreach",
    ("system",),
)
ROUNDS = Metric("forbear_rounds_total", "counter", "Rounds of the process.", "outreach, cases")
ROUND = Metric("forbear_round_timestamp_seconds", "gauge", "When its last round ended.", "outreach, cases")
ROUND_REST = Metric(
    "forbear_round_rest_seconds", "gauge", "How long it rests between two rounds at most.", "outreach, cases"
)
MOVES = Metric(
    "forbear_moves_total", "counter", "Interventions that the sender has led on.", "outreach", ("state", "channel")
)

REQUESTS = Metric(
    "forbear_http_requests_total", "counter", "Requests answered.", _API, ("operation", "method", "status")
)
REQUEST = Metric(
    "forbear_http_request_seconds",
    "histogram",
    "From a request's head to the end of its answer.",
    _API,
    ("operation",),
    QUICK,
)
LISTENERS = Metric("forbear_feed_listeners", "gauge", "Who listens to the live feed.", _API)
FEED_TROUBLE = Metric("forbear_feed_stands_still", "gauge", "1 while nothing new comes to the live feed.", _API)
BOARD = Metric(
    "forbear_board_behind_events",
    "gauge",
    "How far the newest scores in memory stand behind what is recorded.",
    _API,
    ("partition",),
)
LEDGERS = Metric(
    "forbear_ledgers_behind_events",
    "gauge",
    "How far the interface's own ledgers stand behind the log.",
    _API,
    ("partition",),
)
LEDGERS_STILL = Metric(
    "forbear_ledgers_stand_still",
    "gauge",
    "1 while the interface's ledgers cannot follow the log.",
    _API,
    ("partition",),
)

SESSIONS = Metric("forbear_dashboard_sessions", "gauge", "Tabs of browsers in which the dashboard is open.", _PAGES)
LOOKS = Metric(
    "forbear_dashboard_looks_total",
    "counter",
    "Runs of a page: `shown`; `login` asked for, `refused` to a role; `cut_short` by the next touch; `problem`, which "
    "the page says in place of itself; `failed` by an error of its own.",
    _PAGES,
    ("page", "outcome"),
)
LOOK = Metric(
    "forbear_dashboard_look_seconds",
    "histogram",
    "From the beginning of a page's run to its end, of pages that were shown.",
    _PAGES,
    ("page",),
    LOOKED,
)
CALLS = Metric(
    "forbear_dashboard_calls_total",
    "counter",
    "Questions to the interface, each attempt by itself. status: 0 where nothing was answered.",
    _PAGES,
    ("operation", "status"),
)
CALL = Metric(
    "forbear_dashboard_call_seconds",
    "histogram",
    "From a question to the interface to its answer, or to the head of one that is read line by line.",
    _PAGES,
    ("operation",),
    LOOKED,
)
FEEDS = Metric(
    "forbear_dashboard_feeds",
    "gauge",
    "Live pages that listen, by whether they hear the interface just now.",
    _PAGES,
    ("state",),
)

LOG_END = Metric("forbear_log_end", "gauge", "The offset that the next event of the log gets.", _BANK, ("partition",))
RECORDED = Metric("forbear_recorded", "gauge", "Up to which offset the log is recorded.", _BANK, ("partition",))
LAG = Metric("forbear_lag_events", "gauge", "Events of the log that are not recorded yet.", _BANK, ("partition",))
LAG_SECONDS = Metric(
    "forbear_lag_seconds",
    "gauge",
    "For how long the oldest event that is not recorded is known to be in the log; 0 where there is none.",
    _BANK,
    ("partition",),
)
CUSTOMERS = Metric("forbear_customers", "gauge", "Customers that the store knows.", _BANK)
ROWS = Metric("forbear_rows", "gauge", "Rows of the store, as good as it knows without counting.", _BANK, ("table",))
CLOSED = Metric(
    "forbear_closed_day_end_timestamp_seconds",
    "gauge",
    "When the last closed day ended, in the bank's time zone.",
    _BANK,
)
CLOSE_CUSTOMERS = Metric("forbear_close_customers", "gauge", "Customers in the book at the last close.", _BANK)
CLOSE_SCORED = Metric("forbear_close_scored", "gauge", "Customers scored at the last close.", _BANK)
CLOSE_EXPECTED = Metric(
    "forbear_close_expected_misses", "gauge", "Sum of the PDs of the last close: customers expected to miss.", _BANK
)
CLOSE_BAND = Metric(
    "forbear_close_band_customers",
    "gauge",
    "Customers by band at the last close, `none` outside of all.",
    _BANK,
    ("band",),
)
CLOSE_VERDICT = Metric(
    "forbear_close_verdicts", "gauge", "What the policy said to each score at the last close.", _BANK, ("verdict",)
)
CLOSE_EVENTS = Metric(
    "forbear_close_events", "gauge", "Events of the last closed day by what became of them.", _BANK, ("fate",)
)
WEEK = Metric(
    "forbear_week_decisions",
    "gauge",
    "Decisions that count for the last seven closed days.",
    _BANK,
    ("outcome", "action", "channel"),
)
HELP = Metric(
    "forbear_help", "gauge", "Help in numbers, as `forbear help-report` counts it.", _BANK, ("section", "name", "of")
)
CASES_OPEN = Metric("forbear_cases_open", "gauge", "Cases that are open.", _BANK, ("kind",))
CASES_OVERDUE = Metric("forbear_cases_overdue", "gauge", "Open cases past their time.", _BANK)
CASES_ESCALATED = Metric("forbear_cases_escalated", "gauge", "Open cases that were escalated.", _BANK)
PROMISES = Metric("forbear_promises", "gauge", "Promises to pay, by what became of them.", _BANK, ("state",))
INTERVENTIONS = Metric(
    "forbear_interventions", "gauge", "Interventions by where they are.", _BANK, ("state", "channel")
)
STOPPED = Metric("forbear_outreach_stopped", "gauge", "1 while a person has stopped all outreach.", _BANK)
HOLD_OUT = Metric("forbear_holdout_share_ratio", "gauge", "Share of customers held out by the policy in force.", _BANK)
MODEL = Metric("forbear_model_info", "gauge", "1; the model in force.", _BANK, ("kind", "digest"))
MODEL_LABELS = Metric(
    "forbear_model_labels_end_timestamp_seconds",
    "gauge",
    "The day of the newest label that the model in force has learnt from; absent for the expert scorecard.",
    _BANK,
)
POLICY = Metric("forbear_policy_info", "gauge", "1; the policy in force.", _BANK, ("version", "digest"))
POLICY_KEPT = Metric(
    "forbear_policy_kept_timestamp_seconds", "gauge", "When the policy in force was put into the home.", _BANK
)
AUDIT = Metric("forbear_audit_records", "gauge", "Length of the audit chain.", _BANK, ("partition",))
CHECKPOINT = Metric("forbear_checkpoint_timestamp_seconds", "gauge", "When the last checkpoint was made.", _BANK)
CHECKPOINT_RECORDS = Metric("forbear_checkpoint_records", "gauge", "Records under the last checkpoint.", _BANK)
STORE = Metric("forbear_store_bytes", "gauge", "Size of the files of the store in a home.", _BANK, ("file",))
FREE = Metric("forbear_home_free_bytes", "gauge", "Room that is left where the home lies.", _BANK)
SIZE = Metric("forbear_home_size_bytes", "gauge", "Size of the file system where the home lies.", _BANK)
REPORT = Metric("forbear_report_timestamp_seconds", "gauge", "When a report was written.", _BANK, ("report",))
MONITOR = Metric(
    "forbear_monitor_status", "gauge", "1 for what the written monitor report says, else 0.", _BANK, ("status",)
)
ALARMS = Metric("forbear_monitor_alarms", "gauge", "Alarms of the written monitor report.", _BANK, ("kind", "severity"))
DRIFT = Metric(
    "forbear_drift_psi",
    "gauge",
    "Population stability index of a feature or of the score, as the written monitor report has it.",
    _BANK,
    ("kind", "name"),
)
PERFORMANCE = Metric(
    "forbear_performance",
    "gauge",
    "A figure of the model in use with its 95 % interval, of the written monitor report: `matured` by labels that are "
    "known, `estimated` as the PDs promise.",
    _BANK,
    ("basis", "figure", "bound"),
)
EFFECT = Metric(
    "forbear_experiment_effect_ratio",
    "gauge",
    "Effect of help against the hold-out with its 95 % interval, of the newest reading of an experiment.",
    _BANK,
    ("experiment", "bound"),
)
WORKER_UP = Metric("forbear_supervised_up", "gauge", "1 while the supervisor's process runs.", _UP, ("worker",))
RESTARTS = Metric(
    "forbear_supervised_restarts_total", "counter", "Starts of a supervised process behind its first.", _UP, ("worker",)
)

METRICS: tuple[Metric, ...] = tuple(one for one in dict(globals()).values() if isinstance(one, Metric))
"""All of them, in the order of this file."""
