"""Training rows in Polars: the features of forbear, written as expressions.

Taken for granted, and true of the benchmark's archives: no event is refused (a conflict, another currency, an
account that changes its kind), none arrives more than 119 days late, and no two transactions of an account share
millisecond and sequence. Late arrivals, early ones, exact duplicates and reversals are dealt with.
There are at most 127 cuts.

Plans tried, CPU seconds of one thread, best of four interleaved runs on one archive (5,000 customers, 500 days,
3.4 million events, 12 cuts):
  8.7  a grid of views x days: running sums of every measure, windows read from it by `gather`
  7.8  the same, but most measures on a coarser grid, of panes between the days on which windows end: kept
For the flows alone, a join of days to cuts with masked sums took 2.1 against the 1.2 of both grids together.
A scatter onto the grid took 0.6 instead of the 1.5 of a left join, grouping the flows in the streaming engine 0.7
instead of 2.1. Reading local times: 0.31 s with convert_time_zone, 0.08 with a chain of comparisons, kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from baseline_request import Request
from equal import TrainingRows

DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
HORIZON = 120
FINAL = -1
_WINDOW_ENDS = (0, 14, 30, 90, 120)
_STRIDE = 2**20
_REGULAR = ["salary", "pension", "benefit"]
_ESSENTIAL = [
    "rent", "mortgage", "loan_repayment", "card_repayment", "utilities", "insurance", "tax", "groceries",
    "health", "transport", "childcare", "household",
]  # fmt: skip
_DISCRETIONARY = ["dining", "entertainment", "shopping", "travel", "subscription"]
_BANKS_OWN = ["interest", "fee", "overdraft_interest"]
_OUT_OF_MONEY = ["insufficient_funds", "limit_reached"]
_OWED = pl.Struct({"due_on": pl.String, "ends_on": pl.String, "frequency": pl.String, "amount_minor": pl.Int64})

MONEY = ("income", "salary", "lending", "spending", "essential", "discretionary", "gambling", "cash", "savings_out")
COUNTS = ("transactions", "nights", "withdrawals", "failed")


@dataclass(frozen=True)
class Cuts:
    """The cuts of a request as the log closed them, and the grids that their windows are read from.

    days, closes: (n,) cut days, rising, and the log offsets of their closes.  shifts: the zone's (since, offset).
    """

    days: tuple[int, ...]
    closes: tuple[int, ...]
    shifts: list[tuple[int, int]]

    @property
    def origin(self) -> int:
        """The first day of the grid of days."""
        return self.days[0] - HORIZON

    @property
    def span(self) -> int:
        """How many days the grid of days has for each view."""
        return self.days[-1] - self.origin + 1

    @cached_property
    def edges(self) -> list[int]:
        """The days with which panes end."""
        return sorted({day - ago for day in self.days for ago in _WINDOW_ENDS})

    @property
    def panes(self) -> int:
        """How many panes there are; the last holds no day and stands for none."""
        return len(self.edges) + 1

    def pane(self, day: pl.Expr) -> pl.Expr:
        """The pane that a day of the grid lies in."""
        places = np.searchsorted(self.edges, np.arange(self.origin, self.days[-1] + 1))
        return pl.lit(pl.Series(places, dtype=pl.Int64)).gather(day - self.origin)

    def pane_row(self, ago: int) -> pl.Expr:
        """The row in the grid of panes up to which everything is at least so many days before the cut."""
        return pl.col("number") * self.panes + self.pane(pl.col("cut_day") - ago)

    def seen(self, offset: pl.Expr) -> pl.Expr:
        """The first cut before whose close a row was received."""
        return _count_reached(offset, self.closes)

    def first(self, day: pl.Expr) -> pl.Expr:
        """The first cut on or after a day."""
        return _count_reached(day, [cut + 1 for cut in self.days])

    def local_us(self, instant: pl.Expr) -> pl.Expr:
        """Local wall-clock microseconds since 1970."""
        utc = instant.to_physical()
        (_, shift), *changes = self.shifts
        local: pl.Expr = utc + shift
        for since, later in changes:
            local = local + (utc >= since) * (later - shift)
            shift = later
        return local


def _count_reached(value: pl.Expr, thresholds: Sequence[int]) -> pl.Expr:
    return pl.sum_horizontal((value >= at).cast(pl.Int8) for at in thresholds)


def training_rows(parts: Sequence[Path], request: Request, threads: int = 1) -> TrainingRows:
    """customer_key (n,) uint64, cut_day (n,) int32 and values (n, features), as the archive's log tells them.

    parts: the Parquet files of an archive.  threads: as many as POLARS_MAX_THREADS said when polars was imported;
    raises ValueError otherwise, because it cannot be changed afterwards.
    """
    if pl.thread_pool_size() != threads:
        raise ValueError(f"polars has {pl.thread_pool_size()} threads, not {threads}: set POLARS_MAX_THREADS")
    archive = pl.scan_parquet(list(parts))
    cuts = find_cuts(archive, request)
    archive = archive.filter(pl.col("offset") < cuts.closes[-1])
    again = repeated(archive)
    moved = movements(archive, again, cuts)
    late = late_pairs(moved)
    spine = known_pairs(archive, moved, late, cuts)
    flows = by_day(moved, spine, cuts)
    wide = (
        spine.hstack(windows(flows, spine, cuts))
        .hstack(balance_windows(flows.balances, spine["row"]))
        .join(payments(archive, again, cuts), on=["customer", "cut"], how="left")
        .join(dues(archive, cuts, request), on=["customer", "cut"], how="left")
    )
    wide = wide.join(regular_income(flows.days, wide, cuts, request), on="row", how="left")
    rows = features(wide)
    values = rows.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in request.features)
    return rows["customer"].to_numpy(), rows["cut_day"].to_numpy(), values.to_numpy()


def find_cuts(archive: pl.LazyFrame, request: Request) -> Cuts:
    """The wanted cuts that the log closes, and the zone's offsets over the log's span."""
    closed = (
        archive.filter(pl.col("kind") == "day_closed")
        .select(pl.col("day").to_physical(), "offset")
        .filter(pl.col("day").is_in(request.cut_days))
        .group_by("day")
        .agg(pl.col("offset").min())
        .sort("day")
        .collect()
    )
    booked = pl.col("booked_at").to_physical()
    first, last = archive.select(booked.min().alias("first"), booked.max().alias("last")).collect().row(0)
    return Cuts(tuple(closed["day"]), tuple(closed["offset"]), request.offsets(first, last))


def repeated(archive: pl.LazyFrame) -> pl.DataFrame:
    """Offsets of the second and later arrivals of an event."""
    keys = archive.select(pl.col("event_key").sort()).collect()["event_key"]
    twice = keys.filter(keys == keys.shift(1))
    return (
        archive.select("offset", "kind", "customer_key", "event_key")
        .filter(pl.col("event_key").is_in(twice.implode()))
        .filter(pl.col("kind").is_in(["transaction", "outcome"]))
        .filter(~pl.struct("customer_key", "event_key").is_first_distinct())
        .select("offset")
        .collect()
    )


def movements(archive: pl.LazyFrame, again: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """One row a transaction, classified as features/measures.py does it, the amount beside its classes."""
    category, reversal, booked = pl.col("category"), pl.col("reverses").is_not_null(), pl.col("booked")
    kind = pl.col("account_kind")
    flow = booked & (kind != "loan") & (category != "own_transfer")
    spent = flow & pl.col("debit")
    came = flow & ~pl.col("debit") & (kind != "card") & (category != "refund")
    own = flow & ~reversal & ~category.is_in(_BANKS_OWN)
    hour = pl.col("within") // HOUR_US
    cash = spent & ((category == "cash") | (pl.col("channel") == "atm"))
    reason = pl.col("failure_reason")
    return (
        archive.filter(pl.col("kind") == "transaction")
        .filter(~pl.col("offset").is_in(again["offset"].implode()))
        .with_columns(
            booked=pl.col("status") == "booked",
            debit=(pl.col("direction") == "debit") != reversal,
            local=cuts.local_us(pl.col("booked_at")),
        )
        .with_columns(day=(pl.col("local") // DAY_US).cast(pl.Int32), within=pl.col("local") % DAY_US)
        .select(
            pl.col("customer_key").alias("customer"),
            pl.col("account_key").alias("account"),
            "day",
            cuts.seen(pl.col("offset")).alias("seen"),
            cuts.first(pl.col("day")).alias("due_cut"),
            pl.when(kind.is_in(["current", "savings"])).then(pl.col("balance_after_minor")).alias("balance"),
            ((pl.col("within") // 1000) * 2**36 + pl.col("sequence")).alias("order"),
            pl.when(reversal).then(-pl.col("amount_minor")).otherwise("amount_minor").alias("amount"),
            (came & (category != "lending")).alias("income"),
            (came & category.is_in(_REGULAR)).alias("salary"),
            (came & (category == "lending")).alias("lending"),
            spent.alias("spending"),
            (spent & category.is_in(_ESSENTIAL)).alias("essential"),
            (spent & category.is_in(_DISCRETIONARY)).alias("discretionary"),
            (spent & (category == "gambling")).alias("gambling"),
            cash.alias("cash"),
            (booked & (category == "own_transfer") & (kind == "savings") & pl.col("debit")).alias("savings_out"),
            own.alias("transactions"),
            (own & ((hour < 5) | (hour >= 23))).alias("nights"),
            (cash & ~reversal).alias("withdrawals"),
            (~booked & pl.col("debit") & ~reversal & (reason.is_null() | reason.is_in(_OUT_OF_MONEY))).alias("failed"),
        )
        .collect(engine="streaming")
    )


def late_pairs(moved: pl.DataFrame) -> pl.DataFrame:
    """The (customer, cut) for which something came late across the cut: what it knew is not the final ledger."""
    return (
        moved.lazy()
        .filter(pl.col("seen") > pl.col("due_cut"))
        .select("customer", pl.int_ranges("due_cut", "seen", dtype=pl.Int8).alias("cut"))
        .explode("cut")
        .unique()
        .collect()
    )


def known_pairs(archive: pl.LazyFrame, moved: pl.DataFrame, late: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """Every customer known at a cut with its days of history, the view to take it from and its row in the grid.

    A view is the final ledger of a customer, or (for late pairs) its ledger as one cut knew it.
    """
    local_day = (cuts.local_us(pl.col("booked_at")) // DAY_US).cast(pl.Int32)
    others = (
        archive.filter(pl.col("kind").is_in(["outcome", "customer"]))
        .select(
            pl.col("customer_key").alias("customer"),
            cuts.seen(pl.col("offset")).alias("seen"),
            pl.coalesce(pl.col("day").to_physical(), local_day).alias("day"),
        )
        .group_by("customer", "seen")
        .agg(pl.col("day").min())
    )
    firsts = pl.concat([moved.lazy().group_by("customer", "seen").agg(pl.col("day").min()), others])
    table = pl.LazyFrame({"cut": range(len(cuts.days)), "cut_day": cuts.days}, {"cut": pl.Int8, "cut_day": pl.Int32})
    return (
        firsts.join_where(table, pl.col("seen") <= pl.col("cut"))
        .group_by("customer", "cut", "cut_day")
        .agg(pl.col("day").min())
        .join(late.lazy().with_columns(view=pl.col("cut")), on=["customer", "cut"], how="left")
        .with_columns(
            view=pl.col("view").fill_null(FINAL),
            history=(pl.col("cut_day") - pl.col("day") + 1).clip(0).cast(pl.Float64),
        )
        .with_columns(number=pl.struct("customer", "view").rank("dense").cast(pl.Int64) - 1)
        .with_columns(row=pl.col("number") * cuts.span + (pl.col("cut_day") - cuts.origin))
        .collect()
    )


@dataclass(frozen=True)
class Flows:
    """Running sums by pane, daily measures and liquid balances by day: one row a view and pane, or view and day."""

    panes: pl.DataFrame
    days: pl.DataFrame
    balances: pl.DataFrame


def by_day(moved: pl.DataFrame, spine: pl.DataFrame, cuts: Cuts) -> Flows:
    """The measures and the liquid balances on a grid of views x days, one row each, flows as running sums.

    What lies before the grid is no part of any window, but its balances stand: they fall to the first day.
    """
    views = spine.lazy().select("customer", "view", "number").unique()
    final = moved.lazy().filter(pl.col("due_cut") < len(cuts.days))
    final = final.join(views.filter(pl.col("view") == FINAL), on="customer")
    again = moved.lazy().join(views.filter(pl.col("view") != FINAL), on="customer")
    again = again.filter((pl.col("seen") <= pl.col("view")) & (pl.col("due_cut") <= pl.col("view")))
    place = pl.col("number") * _STRIDE + pl.col("day")
    viewed = pl.concat([final, again]).with_columns(place=place).collect(engine="streaming")
    count = views.select(pl.col("number").max()).collect().item() + 1
    return Flows(
        panes=pane_flows(viewed, count, cuts),
        days=day_flows(viewed, count, cuts),
        balances=day_balances(viewed, count * cuts.span, cuts),
    )


def _row(cuts: Cuts) -> pl.Expr:
    """The row of the grid of a view and day."""
    return pl.col("place") // _STRIDE * cuts.span + (pl.col("place") % _STRIDE - cuts.origin).clip(0)


def _on_grid(days: pl.DataFrame, size: int) -> pl.LazyFrame:
    """Days put in their rows of the grid, 0 in the others. A scatter is a third of the price of a left join."""
    rows = days["row"]
    columns = (column for column in days.get_columns() if column.name != "row")
    return pl.LazyFrame(
        [pl.zeros(size, column.dtype, eager=True).scatter(rows, column).alias(column.name) for column in columns]
    )


def pane_flows(viewed: pl.DataFrame, views: int, cuts: Cuts) -> pl.DataFrame:
    """Running sums of every measure over a grid of views x panes, between whose edges no window ends."""
    pane = cuts.pane(pl.col("day"))
    sums = (
        viewed.lazy()
        .filter(pl.col("day") > cuts.origin)
        .group_by((pl.col("number") * cuts.panes + pane).alias("row"))
        .agg(
            *((pl.col("amount") * pl.col(name)).sum().alias(name) for name in MONEY),
            *(pl.col(name).sum().cast(pl.Int64).alias(name) for name in COUNTS),
        )
        .collect(engine="streaming")
    )
    return _on_grid(sums, views * cuts.panes).select(pl.all().cum_sum()).collect()


def day_flows(viewed: pl.DataFrame, views: int, cuts: Cuts) -> pl.DataFrame:
    """On the grid of days: what single days must be told apart for."""
    money = ["income", "salary", "spending", "cash"]
    sums = (
        viewed.lazy()
        .filter(pl.col("day") > cuts.origin)
        .group_by("place")
        .agg(
            *((pl.col("amount") * pl.col(name)).sum().alias(name) for name in money),
            pl.col("transactions").sum().cast(pl.Int64),
        )
        .with_columns(row=_row(cuts))
        .drop("place")
        .collect(engine="streaming")
    )
    return (
        _on_grid(sums, views * cuts.span)
        .select(
            pl.col("income", "salary").name.suffix("_day"),
            pl.col("spending").cum_sum(),
            (pl.col("cash") != 0).cast(pl.Int64).cum_sum().alias("cash_days"),
            (pl.col("transactions") != 0).cast(pl.Int64).cum_sum().alias("active"),
            pl.col("cash").rolling_max(30, min_samples=1).alias("highest_cash_30"),
        )
        .collect()
    )


def day_balances(viewed: pl.DataFrame, size: int, cuts: Cuts) -> pl.DataFrame:
    """Liquid money at the end of every day of the grid and at its lowest; null before any is known."""
    account_days = (
        viewed.lazy()
        .filter(pl.col("balance").is_not_null())
        .group_by("place", "account")
        .agg(pl.col("balance").max_by("order"), pl.col("balance").min().alias("low"))
        .collect(engine="streaming")
    )
    view = pl.col("place") // _STRIDE
    same = (pl.col("account") == pl.col("account").shift(1)) & (view == view.shift(1))
    before = pl.when(same).then(pl.col("balance").shift(1)).otherwise(0)
    moves = (
        account_days.lazy()
        .sort("account", "place")
        .select(
            _row(cuts).alias("row"),
            (pl.col("balance") - before).alias("moved"),
            (pl.col("low") - before).alias("dipped"),
        )
        .group_by("row")
        .agg(pl.col("moved", "dipped").sum(), pl.lit(1).alias("told"))
        .collect(engine="streaming")
    )
    start = pl.int_range(pl.len()) // cuts.span * cuts.span
    running, told = pl.col("moved").cum_sum(), pl.col("told").cum_sum()
    before_view, told_before = running - pl.col("moved"), told - pl.col("told")
    return (
        _on_grid(moves, size)
        .with_columns(
            closing=pl.when(told > told_before.gather(start)).then(running - before_view.gather(start)),
            dip=pl.col("dipped") - pl.col("moved"),
        )
        .with_columns(lowest=pl.col("closing") + pl.col("dip"))
        .select(
            pl.col("closing", "lowest").cast(pl.Float64),
            pl.col("lowest").rolling_min(14, min_samples=1).cast(pl.Float64).alias("lowest_14"),
            pl.col("lowest").rolling_min(90, min_samples=1).cast(pl.Float64).alias("lowest_90"),
        )
        .collect()
    )


def windows(flows: Flows, spine: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """The sums over every window that a feature asks for; "base" is the 90 days before the last 30."""
    rows = spine["row"]
    until = {ago: spine.select(cuts.pane_row(ago)).to_series() for ago in _WINDOW_ENDS}

    def total(name: str, days: int, ago: int = 0) -> pl.Expr:
        return (pl.col(name).gather(until[ago]) - pl.col(name).gather(until[ago + days])).cast(pl.Float64)

    def daily(name: str, days: int, ago: int = 0) -> pl.Expr:
        return (pl.col(name).gather(rows - ago) - pl.col(name).gather(rows - ago - days)).cast(pl.Float64)

    recent = [name for name in (*MONEY, *COUNTS) if name not in ("salary", "withdrawals")]
    base = ["income", "spending", "discretionary", "cash", "savings_out", *COUNTS]
    by_pane = flows.panes.select(
        *(total(name, 14).alias(f"{name}_14") for name in ("spending", "withdrawals", "transactions")),
        *(total(name, 30).alias(f"{name}_30") for name in recent),
        *(total(name, 90, 30).alias(f"{name}_base") for name in base),
        *(total(name, 120).alias(f"{name}_120") for name in ("spending", "income", "salary")),
        total("income", 90).alias("income_90"),
    )
    by_day = flows.days.select(
        *(daily("spending", 7, 7 * week).alias(f"week_{week}") for week in range(16)),
        daily("active", 14).alias("active_14"),
        daily("cash_days", 90, 30).alias("cash_days_base"),
        pl.col("highest_cash_30").gather(rows).clip(0).cast(pl.Float64),
    )
    return by_pane.hstack(by_day)


def balance_windows(balances: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """Closing balances and lowest ones of the last 31 days, and the lowest of 14 and 90."""
    return balances.select(
        pl.col("lowest_14", "lowest_90").gather(rows),
        *(pl.col("closing").gather(rows - ago).alias(f"closing_{ago}") for ago in range(31)),
        *(pl.col("lowest").gather(rows - ago).alias(f"lowest_ago_{ago}") for ago in range(30)),
    )


def payments(archive: pl.LazyFrame, again: pl.DataFrame, cuts: Cuts) -> pl.DataFrame:
    """Scheduled payments of 90 days, each on the day on which it was due, as far as the cut had heard of them."""
    status = pl.col("outcome_status")
    settled = status.is_in(["paid", "cured"])
    late = (pl.col("paid_on").to_physical() - pl.col("due")).clip(0, 32_767)
    day_cuts = pl.LazyFrame(
        [(day - age, cut, age) for cut, day in enumerate(cuts.days) for age in range(90)],
        {"due": pl.Int32, "cut": pl.Int8, "age": pl.Int64},
        orient="row",
    )
    return (
        archive.filter(pl.col("kind") == "outcome")
        .filter(~pl.col("offset").is_in(again["offset"].implode()))
        .with_columns(due=pl.col("day").to_physical())
        .select(
            pl.col("customer_key").alias("customer"),
            "due",
            cuts.seen(pl.col("offset")).alias("seen"),
            (status.is_in(["paid", "missed"]).cast(pl.Int64) - (status == "waived")).alias("payments"),
            ((status == "missed").cast(pl.Int64) - status.is_in(["cured", "waived"])).alias("unpaid"),
            pl.when(settled).then(late).otherwise(0).fill_null(0).cast(pl.Int64).alias("days_late"),
        )
        .join(day_cuts, on="due")
        .filter(pl.col("seen") <= pl.col("cut"))
        .group_by("customer", "cut")
        .agg(
            pl.col("payments", "unpaid", "days_late").sum(),
            (pl.col("days_late") > 0).sum().cast(pl.Int64).alias("late_payments"),
            (pl.col("unpaid") * pl.col("age")).sum().alias("unpaid_age"),
        )
        .collect()
    )


def dues(archive: pl.LazyFrame, cuts: Cuts, request: Request) -> pl.DataFrame:
    """What falls due by the newest update that each cut knew; a schedule that many share is worked out once."""
    day = (cuts.local_us(pl.col("booked_at")) // DAY_US).cast(pl.Int32)
    updates = archive.filter(pl.col("kind") == "customer").select(
        pl.col("customer_key").alias("customer"),
        "offset",
        "payload",
        pl.max_horizontal(cuts.seen(pl.col("offset")), cuts.first(day)).alias("from_cut"),
        (pl.col("booked_at").to_physical() // 1000).alias("booked_ms"),
        (pl.col("event_key") // 2**43).alias("tie"),
    )
    known = updates.collect()
    table = pl.LazyFrame({"cut": range(len(cuts.days)), "cut_day": cuts.days}, {"cut": pl.Int8, "cut_day": pl.Int32})
    newest = (
        known.lazy()
        .drop("payload")
        .join_where(table, pl.col("from_cut") <= pl.col("cut"))
        .sort("booked_ms", "tie")
        .group_by("customer", "cut", "cut_day")
        .agg(pl.col("offset").last())
    )
    owed = (
        known.lazy()
        .select("offset", pl.col("payload").str.json_decode(pl.Struct({"obligations": pl.List(_OWED)})))
        .select("offset", pl.col("payload").struct.field("obligations"))
        .explode("obligations")
        .unnest("obligations")
        .filter(pl.col("amount_minor").is_not_null())
        .select(
            "offset",
            pl.col("amount_minor").alias("amount"),
            pl.col("frequency").fill_null("monthly"),
            pl.col("due_on").str.to_date().to_physical().alias("due"),
            pl.col("ends_on").str.to_date().to_physical().alias("ends"),
        )
    )
    schedule = ["frequency", "due", "ends"]
    times = _times_due(owed.select(schedule).unique().join(table, how="cross"), request)
    amount, frequency = pl.col("amount"), pl.col("frequency")
    monthly = pl.when(frequency == "monthly").then(amount).when(frequency == "weekly").then(amount * 13 // 3)
    runs = (pl.col("due") <= pl.col("cut_day") + 31) & (pl.col("ends").is_null() | (pl.col("ends") > pl.col("cut_day")))
    return (
        newest.join(owed, on="offset", how="left")
        .join(times, on=[*schedule, "cut"], how="left", nulls_equal=True)
        .group_by("customer", "cut")
        .agg(
            (amount * pl.col("times")).sum().alias("due_next"),
            pl.when(runs).then(monthly.otherwise(0)).otherwise(0).sum().alias("due_month"),
        )
        .collect()
    )


def _times_due(schedules: pl.LazyFrame, request: Request) -> pl.LazyFrame:
    """How often each schedule falls due in the 14 days after each cut, holidays moving it on."""
    business = pl.lit(pl.Series(request.next_business_days()))
    cut_day, due, ahead = pl.col("cut_day"), pl.col("due"), pl.col("ahead")
    month = cut_day.cast(pl.Date).dt.month_start()
    month = pl.concat_list(month.dt.offset_by(f"{n}mo") for n in (-1, 0, 1, 2)).list.get(ahead)
    dom = due.cast(pl.Date).dt.day().cast(pl.Int32)
    monthly = pl.min_horizontal(month.to_physical() + dom - 1, month.dt.month_end().to_physical())
    weekly = due + 7 * ((cut_day - 7 - due).floordiv(7).clip(0) + ahead)
    frequency = pl.col("frequency")
    falls = pl.when(frequency == "monthly").then(monthly).when(frequency == "weekly").then(weekly).otherwise(due)
    within = (due <= pl.col("falls")) & (pl.col("falls") <= pl.col("ends").fill_null(2**31 - 1))
    return (
        schedules.join(pl.LazyFrame({"ahead": [0, 1, 2, 3]}), how="cross")
        .filter(
            pl.when(frequency == "once").then(ahead == 0).when(frequency == "monthly").then(ahead < 3).otherwise(True)
        )
        .with_columns(falls=falls.cast(pl.Int32))
        .with_columns(paid=business.gather(pl.col("falls")))
        .filter((frequency == "once") | within)
        .filter((pl.col("paid") > cut_day) & (pl.col("paid") <= cut_day + 14))
        .group_by("frequency", "due", "ends", "cut")
        .agg(pl.len().cast(pl.Int64).alias("times"))
    )


def regular_income(flows: pl.DataFrame, wide: pl.DataFrame, cuts: Cuts, request: Request) -> pl.DataFrame:
    """The regular income of 120 days: features/income_pattern.py states the rule."""
    business = pl.lit(pl.Series(request.next_business_days()))
    pays = _pay_days(_large_pays(flows, wide, cuts))
    middle = (pl.len() - 1) // 2
    gap, usual = pl.col("gap"), pl.col("usual_gap")
    found = pays.group_by("pair", "cut_day").agg(
        pl.len().alias("count"),
        gap.drop_nulls().sort().get(middle).alias("usual_gap"),
        pl.col("expected").drop_nulls().sort().get(pl.min_horizontal(pl.len(), 4) // 2).alias("monthly"),
        pl.col("day", "pay").last().name.prefix("last_"),
        pl.col("pay").head(pl.len() - 1).sort().get(middle).cast(pl.Float64).alias("usual_pay"),
        pl.col("pay").sum().cast(pl.Float64).alias("regular_pay"),
    )
    near = (
        pays.join(found.select("pair", "usual_gap"), on="pair")
        .group_by("pair")
        .agg((4 * (gap - usual).abs() <= pl.max_horizontal(usual, 8)).sum().cast(pl.Int64).alias("near"))
    )
    expected = pl.when(usual.is_between(26, 35)).then("monthly").otherwise(pl.col("last_day") + usual)
    return (
        found.join(near, on="pair")
        .filter((usual >= 5) & (3 * pl.col("near") >= 2 * (pl.col("count").cast(pl.Int64) - 1)))
        .select(
            pl.col("pair").alias("row"),
            (pl.col("cut_day") - business.gather(expected)).clip(0).alias("delay"),
            pl.col("last_pay").cast(pl.Float64),
            "usual_pay",
            "regular_pay",
        )
        .collect()
    )


def _large_pays(flows: pl.DataFrame, wide: pl.DataFrame, cuts: Cuts) -> pl.LazyFrame:
    """The days of each pair's horizon with at least half of its third largest pay: (pair, cut_day, day, pay)."""
    paid = (
        flows.lazy()
        .select(pl.int_range(pl.len(), dtype=pl.Int64).alias("at"), "income_day", "salary_day")
        .filter((pl.col("income_day") > 0) | (pl.col("salary_day") > 0))
        .with_columns(number=pl.col("at") // cuts.span)
    )
    pairs = wide.lazy().select("number", "cut_day", pl.col("row").alias("pair"), named=pl.col("salary_120") > 0)
    age = pl.col("pair") - pl.col("at")
    pays = (
        paid.join(pairs, on="number")
        .filter(age.is_between(0, HORIZON - 1))
        .with_columns(pay=pl.when("named").then("salary_day").otherwise("income_day"))
        .filter(pl.col("pay") > 0)
        .select("pair", "cut_day", (pl.col("cut_day") - age).cast(pl.Int32).alias("day"), "pay")
    )
    thirds = pays.group_by("pair").agg(pl.len().alias("days"), pl.col("pay").top_k(3).min().alias("third"))
    large = (pl.col("days") >= 3) & (2 * pl.col("pay") >= pl.col("third"))
    return pays.join(thirds, on="pair").filter(large).select("pair", "cut_day", "day", "pay")


def _pay_days(pays: pl.LazyFrame) -> pl.LazyFrame:
    """Pay days of the pairs that have three, those within three days of each other joined.

    gap: days since the pay day before.  expected: where one of the last four puts the next pay of a month.
    """
    day, follows = pl.col("day"), pl.col("pair") == pl.col("pair").shift(1)
    starts = ~(follows & (pl.col("day").diff() <= 3)).fill_null(False)
    back = pl.col("count").cast(pl.Int64) - 1 - pl.col("place")
    date = day.cast(pl.Date)
    month = pl.coalesce(pl.when(back == n).then(date.dt.month_start().dt.offset_by(f"{n + 1}mo")) for n in range(4))
    dom = date.dt.day().cast(pl.Int32)
    return (
        pays.sort("pair", "day")
        .with_columns(session=starts.cast(pl.Int64).cum_sum())
        .group_by("session", maintain_order=True)
        .agg(pl.col("pair", "cut_day", "day").first(), pl.col("pay").sum())
        .with_columns(
            gap=pl.when(follows).then(day.diff()),
            count=pl.len().over("pair"),
            place=pl.int_range(pl.len(), dtype=pl.Int64).over("pair"),
        )
        .filter(pl.col("count") >= 3)
        .with_columns(expected=pl.min_horizontal(month.to_physical() + dom - 1, month.dt.month_end().to_physical()))
        .drop("session", "count", "place")
    )


def ratio(part: pl.Expr, whole: pl.Expr) -> pl.Expr:
    """The quotient; null where the whole is not above zero."""
    return pl.when(whole > 0).then(part / whole)


def a_day(total: str, days: int, ago: int = 0) -> pl.Expr:
    """Mean of a sum over the days of its window on which the customer was known; null if under half of it."""
    known = (pl.col("history") - ago).clip(0, days)
    return pl.when(2 * known >= days).then(pl.col(total) / known)


def features(wide: pl.DataFrame) -> pl.DataFrame:
    """The feature columns of every pair, beside its customer and cut day."""
    told = [pl.col(name).fill_null(0) for name in ("payments", "unpaid", "late_payments", "days_late", "unpaid_age")]
    wide = wide.with_columns(*told, spent=a_day("spending_120", 120), pay=pl.min_horizontal("last_pay", "usual_pay"))
    monthly = (pl.col("delay") < 3) & (pl.col("income_90") >= 1.5 * pl.col("pay"))
    of_month = monthly & (pl.col("income_30") < 0.5 * pl.col("pay"))
    of_quarter = monthly & (pl.col("income_90") < 2.5 * pl.col("pay"))
    wide = wide.with_columns(
        pay_of_month=pl.when(of_month).then("pay").otherwise(0),
        usual_income=30 * a_day("income_90", 90) + pl.when(of_quarter).then("pay").otherwise(0) / 3,
    )
    groups = _income() | _savings() | _spending() | _payments() | _cash_and_patterns() | _stress()
    return wide.select("customer", "cut_day", **groups)


def _income() -> dict[str, pl.Expr]:
    total = pl.when(pl.col("salary_120") > 0).then("salary_120").otherwise("income_120")
    return {
        "salary_delay_days": pl.col("delay"),
        "salary_amount_change_ratio": ratio(pl.col("last_pay"), pl.col("usual_pay")) - 1,
        "income_regularity": pl.col("regular_pay") / total.clip(1),
    }


def _savings() -> dict[str, pl.Expr]:
    spent, closing = pl.col("spent"), pl.col("closing_0")
    weighted = pl.sum_horizontal((pl.col(f"closing_{ago}") * (29 - 2 * ago) for ago in range(30)), ignore_nulls=False)
    below = pl.sum_horizontal(
        (pl.col(f"lowest_ago_{ago}") < 7 * spent).fill_null(False).cast(pl.Int64) for ago in range(30)
    )
    drawn = pl.col("savings_out_30") - 30 * a_day("savings_out_base", 90, 30)
    return {
        "balance_change_ratio_30d": ratio(closing - pl.col("closing_30"), 30 * spent),
        "balance_slope_30d": ratio(2 * weighted / 8990, spent),
        "lowest_balance_ratio_14d": ratio(pl.col("lowest_14"), spent),
        "lowest_balance_ratio_90d": ratio(pl.col("lowest_90"), spent),
        "days_below_buffer_30d": pl.when((spent > 0) & closing.is_not_null()).then(below),
        "savings_withdrawal_change_ratio": ratio(drawn, 30 * spent),
        "days_of_cover": ratio(closing, spent),
    }


def _spread(weeks: range) -> pl.Expr:
    columns = [pl.col(f"week_{week}") for week in weeks]
    mean = pl.sum_horizontal(columns) / len(columns)
    return (pl.sum_horizontal((week - mean) ** 2 for week in columns) / len(columns)).sqrt()


def _share_change(part: str, whole: str) -> pl.Expr:
    return ratio(pl.col(f"{part}_30"), pl.col(f"{whole}_30")) - ratio(pl.col(f"{part}_base"), pl.col(f"{whole}_base"))


def _rate_change(name: str) -> pl.Expr:
    return ratio(a_day(f"{name}_14", 14), a_day(f"{name}_base", 90, 30)) - 1


def _spending() -> dict[str, pl.Expr]:
    spending, usual_income = pl.col("spending_30"), pl.col("usual_income")
    uneven = ratio(_spread(range(4)), _spread(range(4, 16)))
    return {
        "spending_change_ratio_14d": _rate_change("spending"),
        "discretionary_share_change": _share_change("discretionary", "spending"),
        "essential_share_30d": ratio(pl.col("essential_30"), spending),
        "spending_to_income_30d": ratio(spending, usual_income),
        "spending_volatility_ratio": pl.when(pl.col("history") >= 75).then(uneven),
        "gambling_share_30d": ratio(pl.col("gambling_30"), spending),
        "lending_app_inflow_ratio_30d": ratio(pl.col("lending_30"), usual_income),
    }


def _payments() -> dict[str, pl.Expr]:
    due, closing = pl.col("due_next"), pl.col("closing_0")
    return {
        "failed_debits_30d": pl.col("failed_30"),
        "failed_debit_change": pl.col("failed_30") - 30 * a_day("failed_base", 90, 30),
        "late_payments_90d": pl.col("late_payments") + pl.col("unpaid"),
        "average_lateness_days_90d": ratio(pl.col("days_late") + pl.col("unpaid_age"), pl.col("payments")),
        "obligations_due_to_balance_14d": ratio(due, due + closing.clip(0)),
        "obligations_to_income_30d": ratio(pl.col("due_month"), pl.col("usual_income")),
    }


def _cash_and_patterns() -> dict[str, pl.Expr]:
    usual_cash = ratio(pl.col("cash_base"), pl.col("cash_days_base"))
    return {
        "cash_share_change": _share_change("cash", "spending"),
        "cash_withdrawals_change_ratio_14d": _rate_change("withdrawals"),
        "largest_cash_withdrawal_ratio_30d": ratio(pl.col("highest_cash_30"), usual_cash),
        "transactions_change_ratio_14d": _rate_change("transactions"),
        "night_share_change": _share_change("nights", "transactions"),
        "inactive_days_14d": pl.when(pl.col("history") >= 14).then(14 - pl.col("active_14")),
    }


def _stress() -> dict[str, pl.Expr]:
    recent = a_day("spending_30", 30) - (a_day("income_30", 30) + pl.col("pay_of_month") / 30)
    before = a_day("spending_base", 90, 30) - a_day("income_base", 90, 30)
    return {
        "net_flow_30d_to_income": ratio(
            pl.col("income_30") + pl.col("pay_of_month") - pl.col("spending_30"), pl.col("usual_income")
        ),
        "stress_acceleration": ratio(recent - before, pl.col("spent")),
    }
