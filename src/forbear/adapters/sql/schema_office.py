"""The tables of an office. What each holds is told by the value of the same name in `engine`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Double, Index, Integer, LargeBinary, Table, Text

from forbear.adapters.sql.schema import META, Key, column, entry

API_KEYS = Table(
    "api_keys",
    META,
    column("key_id", Text, key=True),
    column("name", Text),
    column("role", Text),
    column("secret_sha", Text),
    column("made_us", BigInteger),
    column("expires_us", BigInteger, erasable=True),
    column("revoked_us", BigInteger, erasable=True),
    column("rate", Double, erasable=True),
)

ACCESSES = Table(
    "accesses",
    META,
    column("writer", Text, key=True),
    column("sequence", BigInteger, key=True),
    column("offset", BigInteger),
    column("kind", Text),
    column("body", Text),
    column("sealed_sha", Text),
    column("previous", Text),
    column("digest", Text),
    column("customer", Key, erasable=True),
    column("at_us", BigInteger),
    Index("accesses_customer", "customer", "at_us"),
    sqlite_with_rowid=False,
)
"""An audit record each, and beside it whom the access was about. NULL: nobody in particular, or erased."""

REPLIES = Table(
    "replies",
    META,
    column("who", Text, key=True),
    column("key", Text, key=True),
    column("request_sha", Text),
    column("status", Integer),
    column("body", LargeBinary),
    column("at_us", BigInteger),
    Index("replies_at_us", "at_us"),
)

ASKED_SCORES = Table(
    "asked_scores",
    META,
    column("score_id", Text, key=True),
    column("customer", Key, erasable=True),
    column("as_of_us", BigInteger),
    column("partition", Integer),
    column("offset", BigInteger),
    column("pd", Double),
    column("model", Text),
    column("policy", Text),
    column("document", LargeBinary),
    Index("asked_scores_customer", "customer"),
    Index("asked_scores_as_of_us", "as_of_us"),
)

OUTGOING = Table(
    "outgoing",
    META,
    entry(),
    column("topic", Text),
    column("key", Text),
    column("value", LargeBinary),
    sqlite_autoincrement=True,
)
"""Of an entry that is gone SQLite would give the number again: it is told to count on for good."""

JOBS = Table(
    "jobs",
    META,
    column("job_id", Text, key=True),
    column("who", Text),
    column("kind", Text),
    column("made_us", BigInteger),
    column("state", Text),
    column("done", Integer),
    column("total", Integer),
    column("file", Text),
    column("error", Text),
    Index("jobs_made_us", "made_us"),
)

POLICY_DRAFTS = Table(
    "policy_drafts",
    META,
    column("draft_id", Text, key=True),
    column("who", Text),
    column("by", Text),
    column("made_us", BigInteger),
    column("title", Text),
    column("why", Text),
    column("basis", Text),
    column("basis_version", Text),
    column("digest", Text),
    column("version", Text),
    column("text", Text),
    column("question", LargeBinary),
    column("figures", LargeBinary),
    column("sealed_sha", Text),
    column("state", Text),
    column("judged_who", Text, erasable=True),
    column("judged_by", Text, erasable=True),
    column("judged_us", BigInteger, erasable=True),
    column("judged_why", Text, erasable=True),
    Index("policy_drafts_made_us", "made_us", "draft_id"),
)
"""A draft is about nobody in particular. What is judged is NULL while it is open."""

ABOUT_CUSTOMERS = {ACCESSES: ("customer",), ASKED_SCORES: ()}
"""What names a customer: columns that an erasure leaves empty; whole rows where none are listed."""
