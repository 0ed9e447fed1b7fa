"""The dashboard of whoever answers for the model, and for what is done by it."""

from __future__ import annotations

from forbear.apps.metrics.board import Board, Panel

_HELD = 'sum by (outcome) (max by (outcome, action, channel) (forbear_week_decisions{outcome!="offer"}))'
_FIGURES = "auc|precision_at_cut_off|recall_at_cut_off"
_PERFORMANCE = f'max by (basis, figure, bound) (forbear_performance{{figure=~"{_FIGURES}"}})'
BUSINESS = Board(
    "forbear-business",
    "forbear: model and business",
    "Who is at risk, what is done about it, whether it helps, and how the model does.",
    {
        "The book at the last close": (
            Panel(
                "Closed until",
                {"day": "max(forbear_closed_day_end_timestamp_seconds) * 1000"},
                "When the last closed day ended.",
                "dateTimeAsIso",
                "stat",
            ),
            Panel(
                "Customers",
                {"scored": "max(forbear_close_scored)", "in the book": "max(forbear_close_customers)"},
                "Who was scored, and who is there.",
                kind="stat",
            ),
            Panel("Expected misses", {"misses": "max(forbear_close_expected_misses)"}, "Sum of the PDs.", kind="stat"),
            Panel(
                "By band",
                {"{{band}}": "max by (band) (forbear_close_band_customers)"},
                "Customers in each band.",
                kind="bargauge",
            ),
            Panel(
                "Share proposed",
                {"share": "forbear:trigger_share:close"},
                "Proposals of the close to those scored at it.",
                "percentunit",
                "stat",
            ),
        ),
        "What was decided": (
            Panel(
                "Offers of seven days",
                {"{{action}} by {{channel}}": 'max by (action, channel) (forbear_week_decisions{outcome="offer"})'},
                "By action and channel.",
                kind="bargauge",
            ),
            Panel(
                "Held of seven days",
                {"{{outcome}}": _HELD},
                "By reason.",
                kind="bargauge",
            ),
            Panel(
                "Verdicts at the close",
                {"{{verdict}}": "max by (verdict) (forbear_close_verdicts)"},
                "What the policy said to each score.",
                kind="bargauge",
            ),
            Panel("Decisions", {"{{outcome}} {{action}}": "forbear:decisions:rate5m"}, "As they are recorded.", "cps"),
        ),
        "Does it help": (
            Panel(
                "Effect against the hold-out",
                {"{{experiment}} {{bound}}": "max by (experiment, bound) (forbear_experiment_effect_ratio)"},
                "With its 95 % interval, of the newest reading.",
                "percentunit",
            ),
            Panel(
                "Held out",
                {"share": "max(forbear_holdout_share_ratio)"},
                "Without a comparison nothing can be told.",
                "percentunit",
                "stat",
            ),
            Panel(
                "Answers",
                {"{{name}}": 'max by (name) (forbear_help{section="answers"})'},
                "What customers said.",
                kind="bargauge",
            ),
            Panel(
                "Promises", {"{{state}}": "max by (state) (forbear_promises)"}, "What became of them.", kind="bargauge"
            ),
            Panel(
                "Cases",
                {
                    "overdue": "max(forbear_cases_overdue)",
                    "escalated": "max(forbear_cases_escalated)",
                    "open {{kind}}": "max by (kind) (forbear_cases_open)",
                },
                "What agents have before them.",
            ),
        ),
        "Does the model do well": (
            Panel(
                "Monitor",
                {"{{status}}": "max by (status) (forbear_monitor_status) == 1"},
                "What the written report says.",
                kind="stat",
            ),
            Panel(
                "Alarms",
                {"{{kind}} {{severity}}": "max by (kind, severity) (forbear_monitor_alarms)"},
                "Of the written report.",
                kind="table",
            ),
            Panel(
                "Drift",
                {"{{kind}} {{name}}": "topk(10, max by (kind, name) (forbear_drift_psi))"},
                "Population stability index; the ten largest.",
                kind="bargauge",
                warn=0.1,
                alarm=0.25,
            ),
            Panel(
                "Performance",
                {"{{basis}} {{figure}} {{bound}}": _PERFORMANCE},
                "By labels that are known, and as the PDs promise.",
            ),
            Panel(
                "False positives",
                {"share": "forbear:false_positive_share:matured"},
                "Of those over the cut-off whose labels are known.",
                "percentunit",
                "stat",
            ),
        ),
        "What is in force": (
            Panel(
                "Model",
                {"{{kind}} {{digest}}": "max by (kind, digest) (forbear_model_info)"},
                "Kind and digest.",
                kind="table",
            ),
            Panel(
                "Age of its newest label",
                {"age": "time() - max(forbear_model_labels_end_timestamp_seconds)"},
                "What it has learnt last.",
                "s",
                "stat",
                15_552_000,
            ),
            Panel(
                "Policy",
                {"{{version}} {{digest}}": "max by (version, digest) (forbear_policy_info)"},
                "Version and digest.",
                kind="table",
            ),
            Panel(
                "Age of the policy",
                {"age": "time() - max(forbear_policy_kept_timestamp_seconds)"},
                "Since it was put into the home.",
                "s",
                "stat",
            ),
            Panel(
                "Outreach stopped",
                {"stopped": "max(forbear_outreach_stopped)"},
                "1 while nothing may be sent.",
                kind="stat",
                alarm=1,
            ),
        ),
    },
)
