"""Colours that everybody can tell apart, figures with their units, files that spreadsheets do not run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime, timedelta
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forbear.apps.dashboard import colours, formats, layout
from forbear.apps.dashboard.export import csv_of
from forbear.apps.dashboard.rules import rules_of
from forbear.apps.dashboard.states import plain
from forbear.apps.package_data import text_of
from forbear.client.figures import PolicyShown
from forbear.client.records import Mark

# Machado, Oliveira, Fernandes (2009), severity 1.0.
SIGHTS = {
    "normal": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
LEAST_APART = 20.0
"""Distance in CIELAB; about 2.3 can just be told apart beside each other."""
NOW = datetime(2026, 11, 22, tzinfo=UTC)
BANDS = (*colours.URGENT, colours.CALM)


def lab(colour: str, sight: str) -> np.ndarray:
    """A colour in CIELAB (D65), as it is seen."""
    parts = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(SIGHTS[sight]) @ linear, 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    )
    ratio = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    bent = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * bent[1] - 16, 500 * (bent[0] - bent[1]), 200 * (bent[1] - bent[2])])


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(("one", "other"), list(combinations(BANDS, 2)))
def test_bands_can_be_told_apart(sight: str, one: str, other: str) -> None:
    """Whoever sees fewer colours still sees that two bands are two."""
    assert float(np.linalg.norm(lab(one, sight) - lab(other, sight))) >= LEAST_APART


@pytest.mark.parametrize("sight", SIGHTS)
def test_good_and_bad_can_be_told_apart(sight: str) -> None:
    """What is better and what is worse never differ by red and green alone."""
    assert float(np.linalg.norm(lab(colours.GOOD, sight) - lab(colours.BAD, sight))) >= LEAST_APART


@pytest.mark.parametrize("background", [colours.LIGHT, colours.DARK])
@pytest.mark.parametrize("colour", [*BANDS, *colours.SERIES, colours.ACCENT])
def test_contrast_on_both_backgrounds(colour: str, background: str) -> None:
    """Every colour of a chart has 3 : 1 with light and with dark (WCAG 2.2, 1.4.11)."""
    assert colours.contrast(colour, background) >= 3.0


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize(
    ("scale", "ground"), [(colours.LIGHT_SCALE, colours.LIGHT), (colours.DARK_SCALE, colours.DARK)]
)
def test_a_scale_leads_away_from_the_page(scale: tuple[str, ...], ground: str, sight: str) -> None:
    """Little lies at the page's ground and much far from it, step by step, for whoever sees fewer colours too."""
    from_ground = [abs(lab(one, sight)[0] - lab(ground, sight)[0]) for one in scale]

    assert len(scale) == 10, "as many as Streamlit takes"
    assert from_ground[0] < 12
    assert from_ground[-1] > 60
    assert all(after - before > 3 for before, after in pairwise(from_ground))


@given(st.sampled_from([colours.LIGHT_SCALE, colours.DARK_SCALE]), st.integers(0, 8), st.floats(0, 1))
def test_text_on_every_cell_can_be_read(scale: tuple[str, ...], place: int, way: float) -> None:
    """Of black and white the better has 4.5 : 1 on whatever lies between two steps of a scale (WCAG 2.2, 1.4.3)."""
    ends = [[int(one[at : at + 2], 16) for at in (1, 3, 5)] for one in scale[place : place + 2]]
    cell = "#" + "".join(f"{round(low + (high - low) * way):02x}" for low, high in zip(*ends, strict=True))

    assert max(colours.contrast(cell, "#ffffff"), colours.contrast(cell, "#000000")) >= 4.5


@pytest.mark.parametrize("text", ["#17222d", "#e3e8ed"])
@pytest.mark.parametrize("colour", [*BANDS, colours.GOOD, colours.SOON])
def test_text_on_a_tinted_cell_can_be_read(colour: str, text: str) -> None:
    """The text of either theme has 4.5 : 1 on a table's cell with a ground of its own."""
    ground = colours.LIGHT if text == "#17222d" else colours.DARK
    part = int(layout.TINT, 16) / 255
    pairs = zip((colour[at : at + 2] for at in (1, 3, 5)), (ground[at : at + 2] for at in (1, 3, 5)), strict=True)
    cell = "#" + "".join(f"{round(int(one, 16) * part + int(other, 16) * (1 - part)):02x}" for one, other in pairs)

    assert colours.contrast(cell, text) >= 4.5


def test_contrast_of_black_and_white() -> None:
    """The formula is that of WCAG: 21 between black and white, 1 with itself."""
    assert colours.contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert colours.contrast("#0091cc", "#0091cc") == pytest.approx(1.0)


def test_a_band_has_a_sign_and_a_word() -> None:
    """Colour is never the only sign: each band of a policy of three has a shape of its own, and its name."""
    order = ("critical", "high", "medium")
    labels = [colours.band_label(one, order) for one in (*order, "", None)]

    assert len({label[0] for label in labels}) == 4
    assert labels[-1] == labels[-2] == "\u25cf outside"
    assert [label[2:] for label in labels[:3]] == list(order)
    assert len({colours.band_colour(one, order) for one in (*order, "")}) == 4


def test_a_policy_with_more_bands_than_colours() -> None:
    """The last colour serves all that are left, and none fails."""
    order = tuple("abcdef")
    assert colours.band_colour("f", order) == colours.URGENT[-1]
    assert colours.band_colour("unheard of", order) == colours.CALM


# ---- figures


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.money(1_234_567, "EUR"), "12\u202f345.67 EUR"),
        (formats.money(-5, "EUR"), "\u22120.05 EUR"),
        (formats.money(1_234, "JPY"), "1\u202f234 JPY"),
        (formats.money(None, "EUR"), "\u2013"),
        (formats.pd(0.0312), "3.1\u202f%"),
        (formats.pd(0.0042), "0.42\u202f%"),
        (formats.pd(0.0), "0.0\u202f%"),
        (formats.pd(None), "\u2013"),
        (formats.pd(float("nan")), "\u2013"),
        (formats.points(-0.034), "\u22123.4\u202fpp"),
        (formats.count(48_211), "48\u202f211"),
        (formats.days(1), "1 day"),
        (formats.days(1_200), "1\u202f200 days"),
        (formats.instant(datetime(2026, 11, 22, 16, 57, tzinfo=UTC)), "2026-11-22 16:57 UTC"),
        (formats.as_of(date(2026, 11, 22)), "as of the close of 2026-11-22"),
        (
            formats.as_of(None, [Mark(partition=0, offset=48_211, ordinal=0)]),
            "as of now (recorded up to event 48\u202f211 of partition 0)",
        ),
        (formats.lateness(NOW + timedelta(hours=5, minutes=59), NOW), "in 5 h"),
        (formats.lateness(NOW - timedelta(hours=47), NOW), "47 h late"),
        (formats.lateness(NOW - timedelta(days=10, hours=3), NOW), "10 days late"),
        (formats.sentence("not_enough_history"), "Not enough history"),
    ],
)
def test_figures_as_people_read_them(written: str, expected: str) -> None:
    """Each has its unit, thousands apart, a true minus, and a dash for what is not known."""
    assert written == expected


@given(st.integers(-(10**15), 10**15), st.sampled_from(["EUR", "JPY", "KWD"]))
def test_money_is_exact(minor: int, currency: str) -> None:
    """The digits of an amount are those of its minor units: no float comes between."""
    written = formats.money(minor, currency)
    digits = "".join(one for one in written.split(" ")[0] if one.isdigit())

    assert int(digits) == abs(minor)
    assert written.startswith("\u2212") == (minor < 0)


# ---- files and foreign text


@given(st.lists(st.fixed_dictionaries({"a": st.text(max_size=20), "b": st.integers()}), min_size=1, max_size=5))
def test_files_hold_what_is_shown(rows: list[dict[str, object]]) -> None:
    """Read back, a file has the rows; no cell can be taken for a formula."""
    read = list(csv.DictReader(io.StringIO(csv_of(rows).decode("utf-8-sig"), newline="")))

    assert [row["b"] for row in read] == [str(row["b"]) for row in rows]
    for row, wrote in zip(read, rows, strict=True):
        assert row["a"].removeprefix("'") == str(wrote["a"]).removeprefix("'")
        assert not row["a"].startswith(("=", "+", "-", "@", "\t", "\r"))


def test_unknown_is_empty_in_a_file() -> None:
    """What is not known is an empty cell, not a word."""
    assert csv_of([{"a": None, "b": 1}]).decode("utf-8-sig") == "a,b\r\n,1\r\n"
    assert csv_of([]) == b"\xef\xbb\xbf"


@pytest.mark.parametrize("text", ["**bold**", "[a](http://elsewhere)", "<script>x</script>", "$x$", ":red[x]", "`a`"])
def test_text_of_others_is_no_markup(text: str) -> None:
    """Whatever somebody is called, it is shown as it is written."""
    escaped = plain(text)

    assert escaped.replace("\\", "") == text
    for place, one in enumerate(escaped):
        if one in "*[]<>$:`":
            assert escaped[place - 1] == "\\"


def test_rules_are_read_from_the_document() -> None:
    """Lines and channels of the policy as shipped; of a document that is none, nothing."""
    shown = PolicyShown.model_construct(text=text_of("policy.toml"))
    rules = rules_of(shown)

    assert [(cut.band, cut.enter) for cut in rules.cuts] == [("critical", 0.7), ("high", 0.5), ("medium", 0.3)]
    assert rules.channels == ("app", "email", "phone", "sms")
    assert rules_of(PolicyShown.model_construct(text="not = [")).cuts == ()
