"""The dashboard of the production path."""

from __future__ import annotations

from forbear.apps.metrics.board import Board, Panel

STREAM = Board(
    "forbear-stream",
    "forbear: stream",
    "The production path: workers between Kafka and the store, and what carries messages to customers.",
    {
        "Workers": (
            Panel(
                "Running", {"{{worker}}": "min by (worker) (forbear_supervised_up)"}, "By the supervisor.", kind="stat"
            ),
            Panel(
                "Restarts in an hour",
                {"{{worker}}": "sum by (worker) (increase(forbear_supervised_restarts_total[1h]))"},
                "Starts behind the first.",
                kind="bargauge",
            ),
            Panel(
                "State", {"{{process}} {{state}}": "forbear_process_state == 1"}, "As each says itself.", kind="table"
            ),
        ),
        "How far": (
            Panel(
                "Messages before each worker",
                {"{{process}} {{partition}}": "forbear_behind_events"},
                "To the end of what it reads.",
            ),
            Panel(
                "Not recorded",
                {"partition {{partition}}": "forbear:lag_events:max"},
                "Events of the stream that the store does not hold yet.",
            ),
            Panel(
                "Watermark",
                {"{{process}} {{partition}}": "time() - forbear_watermark_timestamp_seconds"},
                "Age of the newest event that the ledgers have.",
                "s",
            ),
            Panel(
                "Open day",
                {"{{process}} {{partition}}": "time() - forbear_open_day_timestamp_seconds"},
                "Since the open day began.",
                "s",
            ),
        ),
        "How much": (
            Panel("Events", {"{{fate}}": "forbear:events:rate5m"}, "Folded, by what became of them.", "cps"),
            Panel("Scores", {"{{trigger}}": "forbear:predictions:rate5m"}, "Recorded, by what asked for them.", "cps"),
            Panel(
                "Counted by workers",
                {"{{process}} {{what}}": "rate(forbear_worker_total[5m])"},
                "Messages, refused, published.",
                "cps",
            ),
            Panel("Commits", {"{{process}}": "rate(forbear_commits_total[5m])"}, "A second.", "cps"),
        ),
        "To customers": (
            Panel(
                "Breakers",
                {"{{process}} {{system}}": "forbear_breaker_open"},
                "1: a system is left alone.",
                kind="stat",
                warn=0.5,
                alarm=1,
            ),
            Panel(
                "Interventions",
                {"{{state}} {{channel}}": "max by (state, channel) (forbear_interventions)"},
                "Where they are.",
                kind="table",
            ),
            Panel(
                "Led on",
                {"{{state}} {{channel}}": "sum by (state, channel) (rate(forbear_moves_total[5m]))"},
                "Moves of the sender.",
                "cps",
            ),
            Panel(
                "Last round",
                {"{{process}}": "time() - forbear_round_timestamp_seconds"},
                "Of the sender, and of the one that settles cases.",
                "s",
            ),
        ),
    },
)
