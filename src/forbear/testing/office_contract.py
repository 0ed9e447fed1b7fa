"""Laws of every Office. Subclass OfficeContract in a test file and define its two methods.

Needs pytest and hypothesis, development dependencies.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.domain.errors import ConflictError
from forbear.engine.audit import first_break
from forbear.engine.office import ASKED_TOPIC, Access, Asked, Job, JobState, KeyRecord, Reply, Role, Waiting
from forbear.testing.policy_drafts_contract import BIG, LAW, TEXTS, PolicyDraftsContract

KEY = KeyRecord(key_id="k1", name="desk", role=Role.AGENT, secret_sha="0" * 64, made_us=1)
ACCESS = Access(
    at_us=1, who="k1", role="agent", route="risk", customer=2**64 - 1, why="a call", status=200, request_id="r"
)
ASKED = Asked(
    score_id="0" * 32,
    customer=2**63,
    as_of_us=5,
    partition=1,
    offset=7,
    pd=0.25,
    model="m",
    policy="p",
    document=b'{"pd":0.25}',
)
JOB = Job(job_id="j1", who="k1", kind="book", made_us=1)
_MOST = 100
_ACCESSES = st.builds(
    Access,
    at_us=BIG,
    who=TEXTS,
    role=TEXTS,
    route=TEXTS,
    customer=st.none() | st.sampled_from([1, 2**63, 2**64 - 1]),
    why=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    status=st.integers(100, 599),
    request_id=TEXTS,
)
_KEYS = st.builds(
    KeyRecord,
    key_id=TEXTS,
    name=TEXTS,
    role=st.sampled_from(Role),
    secret_sha=TEXTS,
    made_us=BIG,
    expires_us=st.none() | BIG,
    revoked_us=st.none() | BIG,
    rate=st.none() | st.floats(0.0, 1e6),
)
_SCORES = st.builds(
    Asked,
    score_id=st.integers(0, 2**128 - 1).map("{:032x}".format),
    customer=st.none() | st.integers(1, 2**64 - 1),
    as_of_us=BIG,
    partition=st.integers(-1, 99),
    offset=st.integers(-1, 2**62),
    pd=st.floats(0.0, 1.0),
    model=TEXTS,
    policy=TEXTS,
    document=st.binary(max_size=40),
)


class OfficeContract(PolicyDraftsContract):
    """What holds of an office wherever it is kept."""

    # ---- keys

    @LAW
    @given(st.lists(_KEYS, max_size=5, unique_by=lambda key: key.key_id))
    def test_keys_read_back_oldest_first(self, keys: list[KeyRecord]) -> None:
        """Every key comes back as it was, alone and in the order of their making, in another process too."""
        office = self.make()
        for key in keys:
            office.keyring.add(key)

        other = self.again(office, "two").keyring
        assert [other.get(key.key_id) for key in keys] == keys
        assert list(other.keys()) == sorted(keys, key=lambda key: (key.made_us, key.key_id.encode()))
        assert other.get("another" * 3) is None

    def test_an_id_is_given_once(self) -> None:
        """A second key of one id is refused, and the first stands."""
        keyring = self.make().keyring
        keyring.add(KEY)
        with pytest.raises(ConflictError):
            keyring.add(replace(KEY, role=Role.ADMIN))

        assert keyring.get("k1") == KEY

    def test_a_key_is_revoked_once_and_for_good(self) -> None:
        """The first instant stands, whoever asks again; of an unknown key it is said that there is none."""
        office = self.make()
        office.keyring.add(KEY)

        assert office.keyring.revoke("k1", 7)
        assert self.again(office, "two").keyring.revoke("k1", 9)
        assert office.keyring.get("k1") == replace(KEY, revoked_us=7)
        assert not office.keyring.revoke("k2", 7)

    # ---- accesses

    @LAW
    @given(st.lists(st.lists(_ACCESSES, max_size=4), max_size=4))
    def test_accesses_are_one_chain_of_their_writer(self, commits: list[list[Access]]) -> None:
        """However many at a time, they are one whole chain that says all of them but for the customer."""
        office = self.make()
        for some in commits:
            office.accesses.record(some)
        accesses = [access for some in commits for access in some]
        records = self.again(office, "two").accesses.chain("one", 0, _MOST)

        assert first_break(records) is None
        assert [(one.kind, one.offset) for one in records] == [("access", nth) for nth in range(len(accesses))]
        said = [
            {**json.loads(one.body), "customer": access.customer} for one, access in zip(records, accesses, strict=True)
        ]
        assert said == [asdict(access) for access in accesses]
        assert list(office.accesses.writers()) == (["one"] if accesses else [])

    def test_a_chain_goes_on_in_the_next_process(self) -> None:
        """The next process of a writer follows on what the last one left; pages of the chain meet."""
        first = self.make()
        first.accesses.record([ACCESS, ACCESS])
        second = self.again(first, "one")
        second.accesses.record([ACCESS, ACCESS])
        pages = [second.accesses.chain("one", start, 2) for start in (0, 2, 4)]

        assert [len(page) for page in pages] == [2, 2, 0]
        assert first_break([*pages[0], *pages[1]]) is None

    def test_two_processes_of_one_name_are_refused_not_forked(self) -> None:
        """Whoever is not first under a name is refused from then on, and what was recorded is one chain."""
        one = self.make()
        other = self.again(one, "one")
        one.accesses.record([ACCESS])
        for _ in range(2):
            with pytest.raises(ConflictError):
                other.accesses.record([ACCESS])
        one.accesses.record([ACCESS])

        records = one.accesses.chain("one", 0, _MOST)
        assert (len(records), first_break(records)) == (2, None)

    def test_threads_of_one_process_share_a_chain(self) -> None:
        """What many threads record at once through one office is all there, in one whole chain."""
        office = self.make()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: office.accesses.record([ACCESS]), range(20)))
        records = office.accesses.chain("one", 0, _MOST)

        assert (len(records), first_break(records)) == (20, None)

    def test_accesses_to_a_customer_newest_first(self) -> None:
        """Whichever writer recorded them, those of one customer by their instants, as many as asked for."""
        one = self.make()
        two = self.again(one, "two")
        for nth in range(6):
            access = replace(ACCESS, at_us=nth, customer=None if nth == 4 else 2**64 - 1 - nth % 2)
            (one if nth < 3 else two).accesses.record([access])

        assert [access.at_us for access in one.accesses.of_customer(2**64 - 1, 9)] == [2, 0]
        assert [access.at_us for access in one.accesses.of_customer(2**64 - 2, 2)] == [5, 3]
        assert one.accesses.of_customer(2**64 - 2, 1)[0] == replace(ACCESS, at_us=5, customer=2**64 - 2)
        assert list(one.accesses.of_customer(12345, 9)) == []
        assert list(one.accesses.writers()) == ["one", "two"]

    # ---- replies

    def test_a_reply_is_given_once(self) -> None:
        """The first answer to a key stands, for whoever asked only, in another process too."""
        office = self.make()
        first, second = Reply("a" * 64, 202, b"\x00first"), Reply("b" * 64, 200, b"second")

        assert office.replies.put("k1", "again", first, 1)
        assert not self.again(office, "two").replies.put("k1", "again", second, 2)
        assert not office.replies.put("k1", "again", first, 1)
        assert office.replies.put("k2", "again", second, 2)
        assert (office.replies.get("k1", "again"), office.replies.get("k2", "again")) == (first, second)
        assert office.replies.get("k1", "other") is None

    def test_old_replies_are_forgotten(self) -> None:
        """What is older than an instant goes, and is counted; what is of that instant or younger stays."""
        replies = self.make().replies
        for at_us in (1, 2, 3):
            replies.put("k1", f"key {at_us}", Reply("", 200, b""), at_us)

        assert replies.forget_before(3) == 2
        assert [replies.get("k1", f"key {at_us}") is None for at_us in (1, 2, 3)] == [True, True, False]
        assert replies.forget_before(3) == 0

    # ---- scores that were asked for, and what waits

    @LAW
    @given(st.lists(_SCORES, max_size=4, unique_by=lambda one: one.score_id))
    def test_asked_scores_read_back_and_wait(self, asked: list[Asked]) -> None:
        """Each comes back as it was, and its document waits to be published, in their order."""
        office = self.make()
        office.asked.record(asked)
        other = self.again(office, "two")

        assert [other.asked.get(one.score_id) for one in asked] == asked
        waiting = other.outgoing.waiting(_MOST)
        assert [(one.topic, one.key, one.value) for one in waiting] == [
            (ASKED_TOPIC, "", one.document) for one in asked
        ]
        assert other.asked.get("f" * 33) is None

    def test_of_scores_one_of_which_is_there_none_is_kept(self) -> None:
        """A commit with an id that is taken leaves nothing, and nothing of it waits."""
        office = self.make()
        office.asked.record([ASKED])
        with pytest.raises(ConflictError):
            office.asked.record([replace(ASKED, score_id="1" * 32), ASKED])

        assert office.asked.get("1" * 32) is None
        assert office.outgoing.count() == 1

    @pytest.mark.parametrize("limit", [1, 3, 10])
    def test_what_waits_is_published_in_order(self, limit: int) -> None:
        """Taken page by page, each followed by its note, every message comes once and in the order of waiting."""
        office = self.make()
        entries = [office.outgoing.add("topic", f"customer {nth}", b"\x00%d" % nth) for nth in range(7)]
        publisher, seen = self.again(office, "two").outgoing, list[Waiting]()
        while page := publisher.waiting(limit):
            assert len(page) <= limit
            seen += page
            publisher.published(page[-1].entry)

        assert entries == sorted(set(entries)) == [one.entry for one in seen]
        assert [(one.key, one.value) for one in seen] == [(f"customer {nth}", b"\x00%d" % nth) for nth in range(7)]
        assert office.outgoing.count() == 0

    def test_a_note_that_comes_again_takes_nothing_new(self) -> None:
        """Entries rise for good: a publisher that notes one twice forgets no message that came since."""
        outgoing = self.make().outgoing
        last = [outgoing.add("topic", "", b"old") for _ in range(3)][-1]
        outgoing.published(last)
        later = outgoing.add("topic", "", b"new")
        outgoing.published(last)

        assert later > last
        assert [one.value for one in outgoing.waiting(_MOST)] == [b"new"]

    def test_nothing_that_waits_is_passed_by(self) -> None:
        """While many threads add and one publishes what it sees, every message is seen."""
        office = self.make()
        outgoing, seen = office.outgoing, set[bytes]()
        with ThreadPoolExecutor(4) as threads:
            added = [threads.submit(outgoing.add, "topic", "", b"%d" % nth) for nth in range(40)]
            while not all(one.done() for one in added) or outgoing.count():
                if page := outgoing.waiting(_MOST):
                    seen |= {one.value for one in page}
                    outgoing.published(page[-1].entry)

        assert seen == {b"%d" % nth for nth in range(40)}

    # ---- jobs

    def test_a_job_is_as_it_was_put_last(self) -> None:
        """Put again a job takes the place of what it was."""
        office = self.make()
        office.jobs.put(JOB)
        later = replace(JOB, state=JobState.FAILED, done=3, total=9, file="scores.csv", error="no room")
        office.jobs.put(later)

        assert self.again(office, "two").jobs.get("j1") == later
        assert list(office.jobs.jobs(_MOST)) == [later]
        assert office.jobs.get("j2") is None

    def test_jobs_are_listed_newest_first(self) -> None:
        """As many as asked for; those of one instant by their ids."""
        jobs = self.make().jobs
        for job_id, made_us in (("b", 1), ("a", 2), ("d", 2), ("c", 3)):
            jobs.put(replace(JOB, job_id=job_id, made_us=made_us))

        assert [job.job_id for job in jobs.jobs(9)] == ["c", "a", "d", "b"]
        assert [job.job_id for job in jobs.jobs(2)] == ["c", "a"]
