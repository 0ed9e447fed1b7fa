"""How long the past of one customer takes over Kafka: from archive and topic as they lie, and from the copies.

So many days of transactions: all but the last week in the archive of the home, that week in a real topic, from which
nothing was archived yet. The baseline is what is at hand without the copies, both together: DuckDB over the archive's
Parquet files, and a plain consumer over the customer's partition, which looks at the key of each message.

Usage: python bench/past_stream.py [--customers 100000] [--events 12000000] [--days 100] [--week 7] [--partitions 3]
                                   [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import duckdb
import numpy as np
from past import ASKED, segments, timed

from forbear.adapters.archive import FileArchive
from forbear.adapters.by_customer import ByCustomer
from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.messages import message_of
from forbear.adapters.kafka.partitioner import partition_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.source import KafkaSource
from forbear.adapters.kafka.tail import forwards
from forbear.adapters.kafka.topics import TRANSACTIONS, apply
from forbear.apps.api.past_copies import Copies, LogOfPartition
from forbear.features.columns import events_of
from forbear.features.hashing import key_of
from forbear.features.local_time import DAY_US, local_time
from forbear.testing.servers.kafka import KafkaServer

SCANNED = 3
"""Customers who are asked for without the copies."""


def build(folder: Path, cluster: Cluster, asked: argparse.Namespace) -> None:
    """Archive all but the last week, and publish that."""
    archive = FileArchive(folder / "archive")
    streamed = asked.events * asked.week // asked.days
    done = 0
    with closing(Publisher(cluster)) as publisher:
        for columns in segments(asked.events, asked.days, asked.customers):
            rest = max(0, min(len(columns), asked.events - streamed - done))
            if rest and done >= archive.next_offset:
                archive.append(columns.take(slice(0, rest)))
            for event in events_of(columns.take(slice(rest, len(columns)))) if rest < len(columns) else ():
                publisher.send(TRANSACTIONS, *message_of(event))
            done += len(columns)
        publisher.flush()


def scanned(archive: FileArchive, customer: str, since_us: int) -> int:
    """Events of a customer since an instant by a query over the archive's files."""
    files = [str(archive.folder / one.file) for one in archive.segments if one.received_to_us >= since_us]
    query = "SELECT * FROM read_parquet(?) WHERE customer_key = ? AND epoch_us(booked_at) >= ?"
    with duckdb.connect() as connection:
        return len(connection.sql(query, params=[files, key_of(customer), since_us]).to_arrow_table())


def consumed(cluster: Cluster, customer: str, partitions: int) -> int:
    """Messages of a customer by reading the customer's partition."""
    (partition,) = partition_of([customer.encode()], partitions).tolist()
    with closing(Reader(cluster, TRANSACTIONS, partition)) as reader:
        return sum(message.key() == customer.encode() for message in forwards(reader))


def copies_of(folder: Path, cluster: Cluster, partitions: int) -> list[Copies]:
    """Of each partition what the interface would keep."""
    zone, archive = local_time("Europe/Berlin"), FileArchive(folder / "archive")

    def live(partition: int) -> ByCustomer:
        return ByCustomer(
            folder / "copies" / str(partition),
            lambda: FileArchive(folder / "stream" / str(partition), gaps=True),
            lambda: LogOfPartition(KafkaSource(cluster, TRANSACTIONS, partition, zone)),
            share=partitions,
        )

    before = ByCustomer(folder / "copies" / "before", lambda: FileArchive(archive.folder), None)
    return [Copies(live(one), before, archive.next_offset) for one in range(partitions)]


def resident_mb() -> int:
    """Memory of this process [MB]."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1)) // 1_000


def followed(copy: ByCustomer) -> Iterator[int]:
    """Follow a copy to the end; memory at each step."""
    while copy.follow():
        yield resident_mb()


def measured(folder: Path, cluster: Cluster, asked: argparse.Namespace) -> dict[str, object]:
    """Everything, as one document."""
    archive, partitions = FileArchive(folder / "archive"), asked.partitions
    since_us = archive.received_us - (90 - asked.week) * DAY_US
    names = [f"C{number:07d}" for number in range(0, asked.customers, max(1, asked.customers // ASKED))]
    by_key = {key_of(name): name for name in names}
    (home, topic) = (
        timed(lambda one: scanned(archive, by_key[one], since_us), list(by_key)[:SCANNED]),
        timed(lambda one: consumed(cluster, by_key[one], partitions), list(by_key)[:SCANNED]),
    )
    rss, copies, begun = resident_mb(), copies_of(folder, cluster, partitions), time.perf_counter()
    peak = [mb for one in (copies[0].before, *(each.live for each in copies)) if one for mb in followed(one)]
    seconds = time.perf_counter() - begun
    place = dict(zip(names, partition_of([one.encode() for one in names], partitions).tolist(), strict=True))
    for name in names[:SCANNED]:
        found = len(copies[place[name]].of(key_of(name), since_us, 2**62).rows)
        assert found == scanned(archive, name, since_us) + consumed(cluster, name, partitions)
    told = timed(lambda one: copies[place[by_key[one]]].of(one, since_us, 2**62), list(by_key))
    rows = np.mean([len(copies[place[one]].of(key_of(one), since_us, 2**62).rows) for one in names])
    for each in copies:
        each.live.close()
    return {
        "customers": asked.customers,
        "events_archived": archive.next_offset,
        "events_in_the_topic": sum(each.live.position for each in copies),
        "rows_of_90_days": round(float(rows), 1),
        "duckdb_over_the_archive": home,
        "consumer_over_the_partition": topic,
        "copies": {"seconds": round(seconds, 1), "mb_before": rss, "mb_most": max(peak)},
        "from_the_copies": told,
        "times_as_fast_as_duckdb_and_consumer": {
            name: round((home[name] + topic[name]) / told[name], 1) for name in ("ms_p50", "ms_processor_p50")
        },
    }


def main() -> None:
    """Measure, and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    defaults = {"customers": 100_000, "events": 12_000_000, "days": 100, "week": 7, "partitions": 3}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, help="Where the archive is, or is to be; default: a temporary folder.")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, KafkaServer() as kafka:
        cluster = Cluster(kafka.bootstrap)
        apply(cluster)
        folder = asked.folder or Path(temporary)
        # In a process of its own, whose memory is not counted.
        building = get_context("spawn").Process(target=build, args=(folder, cluster, asked))
        building.start()
        building.join()
        assert building.exitcode == 0
        print(json.dumps(measured(folder, cluster, asked)))


if __name__ == "__main__":
    main()
