"""A customer's partition is the same for our readers, our writers and a bank's Java producers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from forbear.adapters.kafka.cluster import Cluster
from forbear.adapters.kafka.member import Reader
from forbear.adapters.kafka.partitioner import partition_of
from forbear.adapters.kafka.publisher import Publisher
from forbear.adapters.kafka.tail import forwards


def test_keys_go_where_the_client_puts_them(cluster: Cluster, fresh: Callable[..., str]) -> None:
    """Keys of every length from one letter on stand in the partition that is computed for them."""
    topic = fresh(partitions=7)
    keys = [b"%d" % (number**3) for number in range(300)] + [bytes([33 + n]) * (n + 1) for n in range(64)]
    with closing(Publisher(cluster)) as publisher:
        for key in keys:
            publisher.send(topic, key, b"")
        publisher.flush()
    stands = {}
    for partition in range(7):
        with closing(Reader(cluster, topic, partition)) as reader:
            stands |= {message.key(): partition for message in forwards(reader)}

    assert [stands[key] for key in keys] == partition_of(keys, 7).tolist()
    assert len(set(stands.values())) == 7


def test_hashes_are_those_of_java() -> None:
    """The hash of a text is what Kafka's own unit test of murmur2 says: 21 gives -973932308, a-little-bit-long-string
    gives -985981536, lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8 gives -58897971.
    """
    keys = {b"21": -973932308, b"a-little-bit-long-string": -985981536}
    keys[b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"] = -58897971

    assert partition_of(list(keys), 2**31).tolist() == [value & 0x7FFFFFFF for value in keys.values()]
