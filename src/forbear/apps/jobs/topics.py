"""Make the topics, and say what was different."""

from __future__ import annotations

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.topics import Difference, apply, difference
from forbear.apps.console import Console


def show_topics(cluster: Cluster, console: Console, *, dry_run: bool, add_partitions: bool) -> None:
    """Put the topics right, or with `dry_run` only say what would be done. Raises BackendUnavailable, ConfigError."""
    found = difference(cluster) if dry_run else apply(cluster, add_partitions=add_partitions)
    # What was not made is left as it is: another number of partitions is made by those who ask for it.
    done = [] if dry_run else [one for one in found if one.step != "refuse" and _is_asked(one, add_partitions)]
    left = [one for one in found if one not in done]
    console.result({"done": [one._asdict() for one in done], "left": [one._asdict() for one in left]})
    if not found:
        console.say("The topics are as they are to be")
    for title, differences in (("Done", done), ("Would be done" if dry_run else "Left as it is", left)):
        if differences:
            rows = [(one.topic, one.what, one.found, one.wanted, one.step) for one in differences]
            console.table(title, ("topic", "what", "is", "is to be", "step"), rows)


def _is_asked(one: Difference, add_partitions: bool) -> bool:
    return one.step != "add partitions" or add_partitions
