"""Files that are wrong in every way we could think of: each has its answer, and none is a traceback."""

from __future__ import annotations

import gzip
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from forbear.domain.errors import ConfigError
from forbear.domain.events import Transaction

Imports = Callable[..., Any]
HEADER = b"id,customer,account,booked,amount,currency,direction\n"
GOOD = b"1,K,A,2024-01-02T10:00:00Z,12.50,EUR,debit\n"
AFTER = b"9,K,A,2024-01-03T10:00:00Z,1,EUR,credit\n"


def with_field(place: int, value: bytes) -> bytes:
    """The good line with another value in one field."""
    cells = GOOD.rstrip(b"\n").split(b",")
    cells[place] = value
    return b",".join(cells) + b"\n"


REFUSED = {
    "too few fields": (b"1,K,A\n", "field_count"),
    "too many fields": (GOOD.rstrip(b"\n") + b",x\n", "field_count"),
    "not UTF-8": (with_field(1, b"K\xff"), "bad_encoding"),
    "NUL byte": (with_field(1, b"K\0"), "nul_byte"),
    "stray quote": (with_field(1, b'"K'), "bad_quoting"),
    "text after a quote": (with_field(1, b'"K"x'), "bad_quoting"),
    "huge field in quotes": (with_field(1, b'"' + b"K" * 200_000 + b'"'), "bad_quoting"),
    "line over a megabyte": (with_field(1, b"K" * 1_100_000), "line_too_long"),
    "long id": (with_field(0, b"1" * 65), "mistyped"),
    "id with a blank": (with_field(0, b"1 2"), "mistyped"),
    "empty id": (with_field(0, b""), "missing_value"),
    "negative amount": (with_field(4, b"-1"), "negative_amount"),
    "empty amount": (with_field(4, b""), "missing_value"),
    "word for an amount": (with_field(4, b"ten"), "bad_amount"),
    "exponent": (with_field(4, b"1e3"), "bad_amount"),
    "not a number": (with_field(4, b"NaN"), "bad_amount"),
    "other digits": (with_field(4, "١٢".encode()), "bad_amount"),
    "decimal comma": (with_field(4, b'"1,50"'), "bad_amount"),
    "three decimals": (with_field(4, b"1.505"), "too_many_decimals"),
    "five thousand digits": (with_field(4, b"9" * 5_000), "bad_amount"),
    "more than a bank has": (with_field(4, b"9" * 20), "mistyped"),
    "another currency": (with_field(5, b"USD"), "wrong_currency"),
    "no currency": (with_field(5, b"euro"), "wrong_currency"),
    "no direction": (with_field(6, b""), "missing"),
    "unknown direction": (with_field(6, b"sideways"), "mistyped"),
    "no date": (with_field(3, b"yesterday"), "bad_date"),
    "30 February": (with_field(3, b"2024-02-30"), "bad_date"),
    "the year 3024": (with_field(3, b"3024-01-01T00:00:00Z"), "absurd_date"),
    "the year 1890": (with_field(3, b"1890-01-01"), "absurd_date"),
    "the first instant there is": (with_field(3, b"0001-01-01T00:00:00+14:00"), "absurd_date"),
    "the last instant there is": (with_field(3, b"9999-12-31T23:59:59-14:00"), "absurd_date"),
    "after today": (with_field(3, b"2025-01-01"), "in_future"),
    "before the opening": (with_field(3, b"2023-12-31"), "before_opening"),
    "no offset": (with_field(3, b"2024-01-02T10:00:00"), "naive_time"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_bad_line_is_a_dead_letter_and_the_rest_is_taken(imports: Imports, case: str) -> None:
    """A bad line is refused with file, line and code; the lines around it are accepted."""
    bad, code = REFUSED[case]
    made = imports(HEADER + GOOD.replace(b"1,K", b"0,K", 1) + bad + AFTER)

    assert [(code, "t.csv", 3)] == [(r.code, r.file, r.line) for r in made.refusals]
    assert len(made.refusals[0].raw.encode()) <= 2_048
    assert made.refusals[0].message
    assert [event.transaction_id for event in made.of(Transaction)] == ["0", "9"]


STOPPED = {
    "empty": (b"", "the file is empty"),
    "other delimiter": (HEADER.replace(b",", b";") + GOOD, r'the delimiter looks like .;.; set delimiter = ";"'),
    "missing column": (HEADER.replace(b"amount", b"sum"), "there is no column 'amount'"),
    "column twice": (HEADER.rstrip(b"\n") + b",id\n", r"columns \['id'\] stand twice"),
    "binary junk": (bytes(range(256)) * 64, "no header"),
    "UTF-16": ((HEADER + GOOD).decode().encode("utf-16"), "UTF-16"),
    "header over a megabyte": (b"x" * 3_000_000, "longer than"),
    "gzip cut short": (gzip.compress(HEADER + GOOD * 1_000)[:60], "cut short"),
    "gzip damaged": (gzip.compress(HEADER + GOOD)[:12] + b"\x13" * 40, "broken"),
    "gzip with a tail": (gzip.compress(HEADER + GOOD) + b"tail", "broken"),
    "Parquet cut short": (b"PAR1" + b"\0" * 40, "not whole Parquet"),
}


@pytest.mark.parametrize("case", STOPPED, ids=str)
def test_unusable_file_stops_the_import(imports: Imports, case: str) -> None:
    """A file that cannot be used raises ConfigError with its name, what was found and the mend."""
    content, message = STOPPED[case]

    with pytest.raises(ConfigError, match=message) as caught:
        imports(content)
    assert "t.csv" in str(caught.value)
    assert "; " in str(caught.value)


def test_name_without_file_folder_and_false_gzip(
    imports: Imports, folder_imports: Imports, mapping_text: Imports, tmp_path: Path
) -> None:
    """A missing file, a folder in place of a file, and a .gz that is none are named."""
    (tmp_path / "tfolder").mkdir()
    with pytest.raises(ConfigError, match="no such file"):
        folder_imports(["tnone.csv"], mapping_text({}))
    with pytest.raises(ConfigError, match="tfolder"):
        folder_imports(["tfolder"], mapping_text({}))
    with pytest.raises(ConfigError, match="is not gzip"):
        imports(HEADER, name="t.csv.gz")


def test_header_only_imports_nothing(imports: Imports) -> None:
    """No row is no event, no close, and no error."""
    made = imports(HEADER)

    assert (made.events, made.refusals, made.report.summary()["rows"]) == ([], [], {"t.csv": 0})


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_line_ends_marks_and_gzip(imports: Imports, end: bytes, mark: bytes, pack: Callable[[bytes], bytes]) -> None:
    """LF, CR LF and CR, with or without a byte order mark, a last line end, blank lines or gzip, read the same."""
    made = imports(pack(mark + (HEADER + b"\n" + GOOD + AFTER.rstrip(b"\n")).replace(b"\n", end)))

    assert [event.amount_minor for event in made.of(Transaction)] == [1_250, 100]


def test_cr_lf_across_the_edge_of_a_block(imports: Imports) -> None:
    """A CR at the very end of a block of 1 MiB and the LF after it are one line end."""
    filler = (1 << 20) - len(HEADER) - 1
    lines = HEADER + b"x" * filler + b"\r\n" + GOOD
    made = imports(lines)

    assert (made.codes, made.report.rows["t.csv"]) == (["field_count"], 2)


def test_file_cut_inside_a_row(imports: Imports) -> None:
    """The row at which the file ends is refused if it is not whole."""
    assert imports(HEADER + AFTER + GOOD[:20]).codes == ["field_count"]


def test_gigantic_line_is_read_in_bounded_memory(imports: Imports) -> None:
    """A line of 200 MB costs a few megabytes, and the line after it is read."""
    packed = gzip.compress(HEADER, 1) + gzip.compress(b"y" * 10_000_000, 1) * 20 + gzip.compress(b"\n" + GOOD, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = imports(packed, name="t.csv.gz")
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert (made.codes, len(made.of(Transaction))) == (["line_too_long"], 1)
    assert grown < 100_000


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_never_escape_as_another_error(imports: Imports, seed: int) -> None:
    """Random damage is accepted, refused or named, and every row is accounted for."""
    random = Random(seed)
    content = bytearray(HEADER + b"".join(GOOD.replace(b"1,K", b"%d,K" % n, 1) for n in range(20)))
    for _ in range(random.randint(1, 30)):
        content[random.randrange(len(content))] = random.randrange(256)
    with suppress(ConfigError):
        made = imports(bytes(content))
        found = len(made.of(Transaction)) + made.report.duplicates + len(made.refusals)
        assert made.report.rows["t.csv"] == found


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", "not_json"),
        (b"[]", "mistyped"),
        (b'{"type":"transaction"}', "missing"),
        (b'{"type":"rocket"}', "mistyped"),
        (b'{"type":"\xc3\x28"}', "mistyped"),
        (b'{"type":"transaction","customer_id":' + b"[" * 100_000, "mistyped"),
        (b"null", "mistyped"),
        (b" " * 2_000_000, "line_too_long"),
    ],
)
def test_bad_json_line_is_a_dead_letter(imports: Imports, line: bytes, code: str) -> None:
    """Whatever stands in a line of JSON Lines is refused as that one line."""
    made = imports(line + b"\n", name="t.jsonl")

    assert [code] == made.codes
