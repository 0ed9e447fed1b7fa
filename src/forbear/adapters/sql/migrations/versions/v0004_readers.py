"""PostgreSQL keeps predictions in tables by month; views for readers who know nothing of partitions and places."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_HOLDS = (
    *("below_cutoff", "already_answered", "decided_today", "legal_stop", "no_eligible_action", "no_consent"),
    *("cool_down", "replay", "kill_switch", "hold_out", "superseded", "expired", "abnormal_volume", "capacity"),
)
_VERDICT = " ".join(
    [
        "CASE p.verdict WHEN -1 THEN 'proposed'",
        *(f"WHEN {code} THEN '{word}'" for code, word in enumerate(_HOLDS)),
        "END",
    ]
)
_NTH = (1, 2, 3)
_OUTCOME_DAYS = 30


def upgrade() -> None:
    """Make the table of predictions anew on PostgreSQL, which has never held a version before this; make the views."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_table("predictions")
        _by_month()
        op.execute(_risk_scores(_ON_POSTGRESQL))
        op.execute(_interventions("DATE '1970-01-01' + {}"))
    else:
        op.execute(_risk_scores(_ON_SQLITE))
        op.execute(_interventions("date({} * 86400, 'unixepoch')"))


def _by_month() -> None:
    op.create_table(
        "predictions",
        sa.Column("partition", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("offset", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("customer", sa.BigInteger(), nullable=True),
        sa.Column("as_of_us", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False, primary_key=True, autoincrement=False),
        sa.Column("trigger", sa.SmallInteger(), nullable=True),
        sa.Column("log_odds", sa.Double(), nullable=False),
        sa.Column("pd", sa.Double(), nullable=False),
        sa.Column("attributions", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.SmallInteger(), nullable=True),
        sa.Column("band", sa.SmallInteger(), nullable=False),
        sa.Column("verdict", sa.SmallInteger(), nullable=False),
        sa.Column("model", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Integer(), nullable=False),
        *_heaviest(),
        postgresql_partition_by="RANGE (day)",
    )
    op.create_index("predictions_customer", "predictions", ["customer"], postgresql_where=sa.text('"trigger" != 32'))


def _heaviest() -> list[sa.Column[int] | sa.Column[float]]:
    columns: list[sa.Column[int] | sa.Column[float]] = []
    for nth in _NTH:
        columns.append(sa.Column(f"feature_{nth}", sa.SmallInteger(), nullable=True))
        columns.append(sa.Column(f"impact_{nth}", sa.Double(), nullable=True))
    return columns


_ON_POSTGRESQL = {
    "parts": "SELECT partition, kind, number, digest, document::jsonb AS document FROM parts",
    "date": "DATE '1970-01-01' + p.day",
    "as_of": "to_timestamp(p.as_of_us / 1000000.0)",
    "kind": "m.document ->> 'kind'",
    "version": "r.document ->> 'version'",
    "level": "r.document -> 'bands' ->> p.band::integer",
    "feature": "m.document -> 'features' ->> p.feature_{nth}::integer",
    "impact": "p.impact_{nth}",
}
_ON_SQLITE = {
    "parts": "SELECT partition, kind, number, digest, document FROM parts",
    "date": "date(p.day * 86400, 'unixepoch')",
    "as_of": "strftime('%Y-%m-%dT%H:%M:%fZ', p.as_of_us / 1000000.0, 'unixepoch')",
    "kind": "json_extract(m.document, '$.kind')",
    "version": "json_extract(r.document, '$.version')",
    "level": "json_extract(r.document, '$.bands[' || p.band || ']')",
    "feature": "NULL",
    "impact": "NULL",
}


def _risk_scores(said: dict[str, str]) -> str:
    # Materialized: a document is read once, and not for each row.
    reasons = ", ".join(
        f"{said[what].format(nth=nth)} AS {what}_{nth}" for nth in _NTH for what in ("feature", "impact")
    )
    return f"""CREATE VIEW risk_scores AS
WITH put AS MATERIALIZED ({said["parts"]})
SELECT c.customer_id, p.customer, {said["date"]} AS date, {said["as_of"]} AS as_of, p.pd AS score,
    CASE WHEN p.band < 0 THEN '' ELSE {said["level"]} END AS level,
    {said["kind"]} || '-' || substr(m.digest, 1, 12) AS model_version, {said["version"]} AS policy_version,
    {reasons}, {_VERDICT} AS verdict
FROM predictions p
LEFT JOIN customers c ON c.customer = p.customer AND c.partition = p.partition
LEFT JOIN put m ON m.partition = p.partition AND m.kind = 'model' AND m.number = p.model
LEFT JOIN put r ON r.partition = p.partition AND r.kind = 'policy' AND r.number = p.policy"""  # noqa: S608  # our words


def _interventions(date: str) -> str:
    def first(what: str) -> str:
        return f"""(SELECT {what} FROM outcomes o WHERE o.customer = d.customer AND o.partition = d.partition
        AND o.due_day BETWEEN d.day AND d.day + {_OUTCOME_DAYS} ORDER BY o.due_day, o."offset" LIMIT 1)"""  # noqa: S608  # our words

    return f"""CREATE VIEW interventions AS
SELECT d.decision_id, c.customer_id, {date.format("d.day")} AS date, d.action AS type, d.wording AS message, d.channel,
    d.band AS priority, CASE d.outcome WHEN 'offer' THEN 'offered' ELSE d.outcome END AS status,
    {first("o.status")} AS outcome, {first(date.format("o.due_day"))} AS outcome_date
FROM decisions d
LEFT JOIN customers c ON c.customer = d.customer AND c.partition = d.partition"""  # noqa: S608  # our words
