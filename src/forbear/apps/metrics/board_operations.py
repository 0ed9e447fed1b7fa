"""The dashboard of whoever keeps it running."""

from __future__ import annotations

from forbear.apps.metrics.board import Board, Panel, quantiles

_BY_OPERATION = "sum by (operation, le) (rate(forbear_http_request_seconds_bucket[5m]))"
_SLOWEST = f"topk(5, histogram_quantile(0.99, {_BY_OPERATION}))"
OPERATIONS = Board(
    "forbear-operations",
    "forbear: operations",
    "Whether everything runs, how far it is, how long it takes, and what is refused.",
    {
        "At a glance": (
            Panel(
                "Processes that do not answer",
                {"down": 'count(up{job="forbear"} == 0) or vector(0)'},
                "Each left its file in the home, and cannot be scraped.",
                kind="stat",
                alarm=1,
            ),
            Panel(
                "Lag",
                {"behind": "max(forbear:lag_seconds:max)"},
                "For how long the oldest event waits that is not recorded.",
                "s",
                "stat",
                60,
                300,
            ),
            Panel(
                "End to end, p99",
                {"{{what}}": "forbear:end_to_end_seconds:p99"},
                "From the receipt of an event to what is recorded of it.",
                "s",
                "stat",
                10,
                60,
            ),
            Panel(
                "Errors of the interface",
                {"share": "forbear:http_errors:ratio5m"},
                "Share of requests answered with 5xx.",
                "percentunit",
                "stat",
                0.001,
                0.0144,
            ),
            Panel(
                "Free on the disk",
                {"free": "min(forbear_home_free_bytes / forbear_home_size_bytes)"},
                "Of the file system where the home lies.",
                "percentunit",
                "stat",
            ),
        ),
        "How far": (
            Panel(
                "Events that wait",
                {"partition {{partition}}": "forbear:lag_events:max"},
                "In the log, and not recorded.",
                alarm=10_000,
            ),
            Panel(
                "Behind",
                {"partition {{partition}}": "forbear:lag_seconds:max"},
                "By when the end of the log was first seen past what is recorded.",
                "s",
                warn=60,
                alarm=300,
            ),
            Panel(
                "Recorded",
                {"partition {{partition}}": "sum by (partition) (rate(forbear:recorded:max[5m]))"},
                "Events of the log a second.",
                "cps",
            ),
            Panel(
                "Behind the records",
                {
                    "board {{partition}}": "forbear_board_behind_events",
                    "ledgers {{partition}}": "forbear_ledgers_behind_events",
                },
                "How far what the interface answers from stands behind.",
            ),
        ),
        "How long": (
            Panel("Stages, p95", {"{{stage}}": "forbear:stage_seconds:p95"}, "Of one stretch of events.", "s"),
            Panel("Stages, p99", {"{{stage}}": "forbear:stage_seconds:p99"}, "Of one stretch of events.", "s"),
            Panel(
                "From reading to commit",
                {"p99": "histogram_quantile(0.99, sum by (le) (rate(forbear_batch_seconds_bucket[5m])))"},
                "Of one stretch of the log.",
                "s",
            ),
            Panel(
                "Share of the time",
                {"{{stage}}": "sum by (stage) (rate(forbear_stage_seconds_sum[5m]))"},
                "Seconds of each stage in a second.",
                "percentunit",
            ),
            Panel(
                "End to end",
                quantiles("end_to_end_seconds", "what"),
                "From the receipt of an event to the commit.",
                "s",
            ),
        ),
        "The interface": (
            Panel(
                "Requests",
                {"{{operation}} {{status}}": "forbear:http_requests:rate5m"},
                "By operation and status.",
                "reqps",
            ),
            Panel("Answers", quantiles("http_request_seconds"), "From a request's head to the end of its answer.", "s"),
            Panel(
                "Slowest operations",
                {"{{operation}}": _SLOWEST},
                "p99 by operation.",
                "s",
            ),
            Panel("Live feed", {"listeners": "sum(forbear_feed_listeners)"}, "Who listens."),
        ),
        "The dashboard": (
            Panel(
                "Looks at pages",
                {"{{outcome}}": "sum by (outcome) (rate(forbear_dashboard_looks_total[5m]))"},
                "Runs of pages, by what became of them.",
                "ops",
            ),
            Panel(
                "Pages, p95",
                {"{{page}}": "forbear:dashboard_look_seconds:p95"},
                "From the beginning of a page's run to its end.",
                "s",
                warn=2,
                alarm=4,
            ),
            Panel(
                "What pages ask",
                {"{{status}}": "sum by (status) (rate(forbear_dashboard_calls_total[5m]))"},
                "Questions to the interface by status; 0: nothing was answered.",
                "reqps",
            ),
            Panel(
                "Who looks",
                {
                    "tabs": "sum(forbear_dashboard_sessions)",
                    "live, {{state}}": "sum by (state) (forbear_dashboard_feeds)",
                },
                "Tabs that are open, and live pages by whether they hear.",
            ),
        ),
        "What is refused": (
            Panel(
                "Dead letters in an hour",
                {"{{reason}}": "sum by (reason) (increase(forbear_dead_letters_total[1h]))"},
                "Events that no ledger took.",
            ),
            Panel(
                "Fates",
                {"{{fate}}": "forbear:events:rate5m"},
                "What became of events: late and duplicate ones among them.",
                "cps",
            ),
            Panel(
                "Failed commits",
                {"{{error}}": "sum by (error) (rate(forbear_commit_failures_total[5m]))"},
                "Each is tried again.",
                "cps",
            ),
            Panel(
                "Unread parts",
                {"{{process}} {{part}}": "forbear_collect_failed == 1"},
                "Parts that a process could not read for the scrape.",
                kind="table",
            ),
        ),
        "Upkeep": (
            Panel(
                "Audit chain",
                {
                    "records": "sum(max by (partition) (forbear_audit_records))",
                    "under a checkpoint": "max(forbear_checkpoint_records)",
                },
                "What the last checkpoint covers.",
            ),
            Panel(
                "Since the last checkpoint",
                {"age": "time() - max(forbear_checkpoint_timestamp_seconds)"},
                "While the chain grows, it should be made daily.",
                "s",
                "stat",
                93_600,
            ),
            Panel("Store", {"{{file}}": "max by (file) (forbear_store_bytes)"}, "Files of the store.", "bytes"),
            Panel(
                "Memory",
                {"{{process}}": 'process_resident_memory_bytes{job="forbear"}'},
                "Resident, by process.",
                "bytes",
            ),
            Panel(
                "Processor",
                {"{{process}}": 'rate(process_cpu_seconds_total{job="forbear"}[5m])'},
                "Cores in use, by process.",
                "percentunit",
            ),
        ),
    },
)
