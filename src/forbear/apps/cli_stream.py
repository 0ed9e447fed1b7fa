"""Commands of the streaming path: topics, dead letters, the feeder; `apps.cli` registers them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forbear.apps.commands import app, command
from forbear.apps.options import DEFAULT_HOME, HomeOption, JsonOption, day
from forbear.domain.errors import ConfigError

if TYPE_CHECKING:
    from forbear.apps.services import Services

topics = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make Kafka's topics, and put them right.")
app.add_typer(topics, name="topics")
letters = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Messages that were refused.")
app.add_typer(letters, name="dlq")

TopicOption = Annotated[str | None, typer.Option("--topic", help="Only those of this topic.")]
CodeOption = Annotated[str | None, typer.Option("--code", help="Only those that were refused for this reason.")]
AgainOption = Annotated[bool, typer.Option("--again", help="Also those that were put back before.")]


def services(home: Path) -> Services:
    """The services of a home. Raises ConfigError where the drivers are not installed, or for wrong settings."""
    import os

    try:
        from forbear.apps.services import services_of
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed", mend="pip install 'forbear[kafka,postgres]'") from error
    return services_of(home, os.environ)


@command(topics, "apply", "forbear topics apply --dry-run\nFORBEAR_KAFKA=localhost:9092 forbear topics apply")
def topics_apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    add_partitions: Annotated[
        bool, typer.Option("--add-partitions", help="Also to topics that have too few, if no order hangs on it.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Create the topics that are missing, alter those that differ, and print the difference."""
    from forbear.apps.console import Console

    cluster = services(home).cluster
    from forbear.apps.jobs.topics import show_topics

    show_topics(cluster, Console(json=json), dry_run=dry_run, add_partitions=add_partitions)


@command(
    letters,
    "list",
    """
    forbear dlq list
    forbear dlq list --topic transactions-stream --code mistyped --out letters.jsonl
    """,
)
def dlq_list(
    topic: TopicOption = None,
    code: CodeOption = None,
    again: AgainOption = False,
    out: Annotated[Path | None, typer.Option("--out", help="Write them to this file, to be mended there.")] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """List refused messages by topic and reason."""
    from forbear.apps.console import Console

    cluster = services(home).cluster
    from forbear.apps.jobs.dead_letters import Wanted, show_letters

    show_letters(cluster, Console(json=json), Wanted(topic=topic, code=code, again=again), out)


@command(
    letters,
    "replay",
    """
    forbear dlq replay --topic transactions-stream --code missing
    forbear dlq replay --mended letters.jsonl
    """,
)
def dlq_replay(
    topic: TopicOption = None,
    code: CodeOption = None,
    again: AgainOption = False,
    mended: Annotated[
        Path | None, typer.Option("--mended", help="Put back what stands in this file, and nothing else.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Put refused messages back on their topics, as they were or mended."""
    from forbear.apps.console import Console

    cluster = services(home).cluster
    from forbear.apps.jobs.dead_letters import Wanted, show_replay

    wanted = Wanted(topic=topic, code=code, again=again)
    show_replay(cluster, Console(json=json), wanted, mended, lambda: datetime.now(UTC))


@command(
    app,
    "feed",
    """
    forbear feed --home live-bank
    forbear feed --home live-bank --from 2024-05-01 --to 2024-05-31 --speed-up 3600
    forbear feed --from-database postgresql://bank@localhost/core --table bookings --total 100000
    forbear feed --home live-bank --loop --turns 0 --delay 0.1 --batch-size 500
    """,
)
def feed(
    database: Annotated[
        str, typer.Option("--from-database", help="URL of a database to read from; default: the home's history.")
    ] = "",
    table: Annotated[str, typer.Option("--table", help="With --from-database: table of transactions.")] = "",
    first: Annotated[date | None, typer.Option("--from", parser=day, help="Received from this day on.")] = None,
    last: Annotated[date | None, typer.Option("--to", parser=day, help="Received up to the end of this day.")] = None,
    batch_size: Annotated[int, typer.Option(min=1, max=100_000, help="Events that are confirmed together.")] = 1_000,
    delay: Annotated[float, typer.Option(min=0, help="Seconds to wait after each batch.")] = 0.0,
    total: Annotated[int | None, typer.Option(min=1, help="Events in all; default: all there are.")] = None,
    speed_up: Annotated[
        float, typer.Option(min=0, help="1: as fast as they were received; 0: as fast as it goes.")
    ] = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Tell it all again, later and under other ids.")] = False,
    turns: Annotated[int, typer.Option(min=0, help="With --loop: how often in all; 0: for ever.")] = 0,
    resume_at: Annotated[int, typer.Option(min=0, help="Position at which a feed before this one stopped.")] = 0,
    resume_turn: Annotated[int, typer.Option(min=0, help="With --loop: turn in which it stopped.")] = 0,
    wait: Annotated[bool, typer.Option(help="Wait at each day close until the router has copied it.")] = True,
    home: HomeOption = DEFAULT_HOME,
    json: JsonOption = False,
) -> None:
    """Stream history to Kafka, at the pace it came or faster."""
    from zoneinfo import ZoneInfo

    from forbear.apps.console import Console
    from forbear.apps.home import Home

    cluster = services(home).cluster
    from forbear.apps.jobs.feeding import Feed, Pace, show_feed
    from forbear.apps.jobs.history_sources import Between, Past, PastOfHome, PastOfTable

    if bool(database) != bool(table):
        raise typer.BadParameter("--from-database and --table go together")
    bank = Home(home)
    zone = ZoneInfo(bank.deployment.time_zone if not database or bank.holds_data else "UTC")
    between = Between(first=first, last=last, zone=zone)
    past: Past = PastOfTable(database, table, between) if database else PastOfHome(bank, between)
    pace = Pace(
        batch_size=batch_size,
        delay_seconds=delay,
        total=total,
        speed_up=speed_up,
        turns=(turns or None) if loop else 1,
    )
    show_feed(Feed(cluster, past, pace, waits=wait, at=(resume_at, resume_turn)), Console(json=json))
