"""An export of the audit chain: whole it verifies, and whatever is done to it is found and its place named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest

from forbear.adapters.signing import FileSigner, checked_by
from forbear.domain.errors import CorruptState
from forbear.engine.audit import Link, anchor, chain
from forbear.engine.audit_export import exported, record_line
from forbear.engine.audit_locate import Broken, located
from forbear.engine.audit_verify import Whole, verify_export
from forbear.engine.checkpoint import Signed, extended, first_wrong, key_id, read_line, sealed_by
from forbear.testing.outputs import decision
from forbear.testing.tampering import WAYS, rewritten_from, tampered, with_new_digests

AT_US = 1_700_000_000_000_000


def links(count: int) -> list[Link]:
    """A chain in which every third record is of a decision with a ciphertext."""
    found: list[Link] = []
    for number in range(count):
        before = found[-1].record if found else None
        if number % 3:
            found.append(Link(chain(before, "cut", number, {"n": number, "word": "größe"}), None))
        else:
            made = decision(number, number, number)
            body = {"decision_id": made.decision_id, "outcome": made.outcome}
            found.append(Link(chain(before, "decision", number, body, made.sealed), made))
    return found


def signed_over(signer: FileSigner, chained: list[Link], sizes: list[int]) -> list[Signed]:
    """A checkpoint at each of some sizes."""
    found: list[Signed] = []
    for size in sizes:
        start = found[-1].checkpoint.size if found else 0
        records = [link.record for link in chained[start:size]]
        point = extended(found[-1] if found else None, records, AT_US + size, {"desk": "3-abc"})
        found.append(sealed_by(signer, point))
    return found


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    """A key of this test."""
    return FileSigner(tmp_path_factory.mktemp("keys") / "signing.key")


@pytest.fixture(scope="module")
def whole(signer: FileSigner) -> list[bytes]:
    """An export of 60 records under three checkpoints."""
    chained = links(60)
    points = [one.line for one in signed_over(signer, chained, [1, 37, 60])]
    return list(exported(iter(chained), 60, points, signer.public))


def verified(lines: list[bytes], public: bytes | None = None) -> Whole | Broken | str:
    """What an export is found to be."""
    found = verify_export(iter(lines), checked_by, public)
    return found if isinstance(found, Whole) else located(lambda: iter(lines), checked_by, public) or found


def test_a_whole_export_verifies(signer: FileSigner, whole: list[bytes]) -> None:
    """It is whole by the key that it names, and by the same key where that is given."""
    found = verified(whole)
    assert isinstance(found, Whole)
    assert (found.records, found.checkpoints, found.trusted) == (60, 3, False)
    assert found.anchor == anchor(links(60)[-1].record)
    assert verified(whole, signer.public) == Whole(
        records=60, checkpoints=3, anchor=found.anchor, key=found.key, trusted=True, signed_us=AT_US + 60
    )


def test_an_empty_chain_verifies(signer: FileSigner) -> None:
    """Of nothing there is an export too."""
    points = [one.line for one in signed_over(signer, [], [0])]
    found = verified(list(exported(iter([]), 0, points, signer.public)))

    assert isinstance(found, Whole)
    assert (found.records, found.anchor) == (0, "")


def test_what_was_written_anew_throughout_shows_between_two_checkpoints(whole: list[bytes]) -> None:
    """Where even the digests behind the records were made anew, the checkpoints tell between which two it happened."""
    for record, (since, past) in ((0, (0, 0)), (20, (1, 36)), (36, (1, 36)), (37, (37, 59)), (59, (37, 59))):
        lines = with_new_digests(rewritten_from(Random(3), list(whole), 5 + record))
        found = verified(lines)

        assert isinstance(found, Broken)
        assert (found.record, f"records {since} to {past}," in found.why) == (since, True)


@pytest.mark.parametrize("given", [False, True], ids=["key of the export", "given key"])
def test_every_tampering_is_found_and_its_place_named(signer: FileSigner, whole: list[bytes], given: bool) -> None:
    """A thousand tamperings of every kind: each is found, at the very line and record where it begins."""
    random, seen = Random(7 + given), Counter[str]()
    for _ in range(500):
        one = tampered(random, whole)
        found = verified(one.lines, signer.public if given else None)

        assert isinstance(found, Broken), (one.how, one.line, found)
        assert (found.line, found.record) == (one.line, one.record), (one.how, found)
        seen[one.how] += 1
    assert seen.keys() == WAYS.keys()


def test_every_byte_of_every_line_counts(signer: FileSigner, whole: list[bytes]) -> None:
    """No byte is free: whichever one is changed, its line is named. Of one line of each kind."""
    kinds = {line[:12]: place for place, line in reversed(list(enumerate(whole)))}
    for place in kinds.values():
        for byte in range(len(whole[place])):
            line = bytearray(whole[place])
            line[byte] ^= 0x01
            lines = b"".join([*whole[:place], bytes(line), *whole[place + 1 :]]).split(b"\n")
            found = verified([one + b"\n" for one in lines[:-1]] + [one for one in lines[-1:] if one], signer.public)

            assert isinstance(found, Broken), (place, byte)
            assert found.line == place + 1, (place, byte, found)


def test_another_export_by_another_key_is_found_by_the_key(whole: list[bytes], tmp_path: Path) -> None:
    """Somebody who makes all of it anew can sign it; whoever has the true key knows."""
    stranger = FileSigner(tmp_path / "other.key")
    chained = links(59)
    anew = list(exported(iter(chained), 59, [signed_over(stranger, chained, [59])[0].line], stranger.public))
    true = FileSigner(tmp_path / "true.key")

    assert isinstance(verified(anew), Whole)
    found = verified(anew, true.public)
    assert isinstance(found, Broken)
    assert (found.line, found.record) == (2, None)


def test_a_store_that_was_rewritten_between_two_checkpoints_shows(signer: FileSigner) -> None:
    """A chain that was made anew before a later checkpoint signed it contradicts the checkpoint before."""
    old, new = links(20), links(20)
    for place in range(5, 20):
        before = new[place - 1].record
        new[place] = Link(chain(before, "cut", place, {"n": -place}), None)
    first = signed_over(signer, old, [10])[0]
    forged = extended(None, [link.record for link in new], AT_US, {})
    previous = signed_over(signer, old, [10, 20])[1].checkpoint.previous
    last = sealed_by(signer, msgspec.structs.replace(forged, number=1, previous=previous))
    lines = list(exported(iter(new), 20, [first.line, last.line], signer.public))
    found = verified(lines, signer.public)

    assert isinstance(found, Broken)
    assert (found.line, "0 to 9" in found.why) == (3, True)


def test_an_anchor_that_was_kept_elsewhere_must_be_met(signer: FileSigner, whole: list[bytes]) -> None:
    """A chain that was cut off before it was exported is whole; an anchor of behind the cut tells."""
    marks = [anchor(link.record) for link in links(61)]

    assert isinstance(verify_export(iter(whole), checked_by, None, marks[:60]), Whole)
    found = verify_export(iter(whole), checked_by, None, marks)
    assert isinstance(found, str)
    assert marks[60] in found


def test_a_lost_decision_is_found(signer: FileSigner) -> None:
    """A store that has lost the ciphertext that a record commits to gives an export that is broken there."""
    chained = links(9)
    chained[6] = Link(chained[6].record, None)
    lines = list(exported(iter(chained), 9, [signed_over(signer, chained, [9])[0].line], signer.public))
    found = verified(lines)

    assert isinstance(found, Broken)
    assert found.record == 6


def test_a_checkpoint_is_not_made_of_a_broken_chain(signer: FileSigner) -> None:
    """What does not follow is not signed."""
    chained = links(5)
    del chained[3]

    with pytest.raises(CorruptState, match="record 3"):
        signed_over(signer, chained, [4])


def test_checkpoints_are_a_chain_of_their_own(signer: FileSigner) -> None:
    """A line taken out, doubled, changed or signed by another is named, and so is a chain that grew shorter."""
    points = [one.line for one in signed_over(signer, links(30), [3, 10, 10, 30])]
    check, key = checked_by(signer.public), key_id(signer.public)

    assert first_wrong(points, check, key) is None
    assert [place for place, _ in wrong_places([points[1:], [*points[:2], points[1]], points[::-1]], check, key)] == [
        0,
        2,
        0,
    ]
    assert read_line(points[0] + b" ") is None
    assert read_line(points[0].replace(b'"number":0', b'"number":1')) is not None
    changed = [points[0].replace(b'"size":3', b'"size":4')]
    assert wrong_places([changed], check, key) == [(0, "its signature does not fit")]


def wrong_places(many: list[list[bytes]], check: object, key: str) -> list[tuple[int, str]]:
    """Where each of some lists of lines is wrong."""
    found = [first_wrong(lines, check, key) for lines in many]  # type: ignore[arg-type]
    return [one for one in found if one is not None]


def test_a_record_line_never_has_a_plaintext(whole: list[bytes]) -> None:
    """Of a decision only the ciphertext leaves the home."""
    [line] = [line for line in whole if line.startswith(record_line(links(1)[0])[:40])]

    assert b"sealed 0" not in line
    assert b'"customer"' not in b"".join(whole)
