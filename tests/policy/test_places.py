"""The line of a key is found in whatever form TOML lets it be written."""

from __future__ import annotations

import tomllib

import pytest

from forbear.policy.places import KeyPath, Places

TEXT = '''# a comment
top = 1
dotted.inner = 2

[table] # with a remark
"odd key" = 3
text = """
[not.a.header]
key = 4
"""
list = [
  "first", # [not.a.header]
  "second",
]

[[rows]]
name = "one"
[rows.extra]
deep = 5
[[rows]]
name = "two"
inline = { a = 6, b = [7, 8] }
[rows.extra]
deep = 9
[late.table]
last = 10'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("dotted", "inner"), 3),
        (("dotted",), 3),
        (("table",), 5),
        (("table", "odd key"), 6),
        (("table", "text"), 7),
        (("table", "list"), 11),
        (("table", "list", 1), 11),
        (("rows", 0), 16),
        (("rows", 0, "name"), 17),
        (("rows", 0, "extra", "deep"), 19),
        (("rows", 1), 20),
        (("rows", 1, "inline", "b", 0), 22),
        (("rows", 1, "extra", "deep"), 24),
        (("late",), 25),
        (("late", "table", "last"), 26),
        (("rows", 1, "absent"), 20),
        (("absent",), 1),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_key_has_its_line(path: KeyPath, line: int, ending: str) -> None:
    """Headers, dotted and quoted keys, arrays of tables, values over several lines; an absent key: its table's."""
    assert Places(TEXT.replace("\n", ending)).line(path) == line


def test_a_word_has_its_own_line() -> None:
    """In a list over several lines the word itself is found; a word that is not there leaves the key's line."""
    places = Places(TEXT)
    assert [places.line(("table", "list"), word) for word in ("first", "second", "third")] == [12, 13, 11]


def test_every_value_of_the_shipped_document_is_where_it_says(policy_text: str) -> None:
    """Of each key of the shipped document the line found begins with that key, or with its header."""
    lines, places = policy_text.split("\n"), Places(policy_text)
    for path, value in leaves(tomllib.loads(policy_text), ()):
        line = lines[places.line(path) - 1]
        assert line.startswith(f"{path[-1]} = "), (path, value)


def leaves(node: object, path: KeyPath) -> list[tuple[KeyPath, object]]:
    """Every value that is no table, with its path."""
    if isinstance(node, dict):
        return [leaf for key, value in node.items() for leaf in leaves(value, (*path, key))]
    if isinstance(node, list) and node and isinstance(node[0], dict):
        return [leaf for index, value in enumerate(node) for leaf in leaves(value, (*path, index))]
    return [(path, node)]
