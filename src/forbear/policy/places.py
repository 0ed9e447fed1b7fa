"""Where in a TOML text a key stands: a parsed document has forgotten its lines, and a refusal should name one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys from the root down; a number picks one of an array, from 0."""


class Places:
    """The lines of every key of a TOML text that parses.

    Raises tomllib.TOMLDecodeError for a text that does not: such an error bears its own line.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._spans: dict[KeyPath, range] = {(): range(1, 2)}
        tomllib.loads(text)
        entries: dict[KeyPath, int] = {}
        table: KeyPath = ()
        for span, parsed in self._statements():
            if self._lines[span.start - 1].lstrip().startswith("["):
                table = _header(parsed, entries)
                for depth in range(1, len(table) + 1):
                    self._spans.setdefault(table[:depth], span)
            else:
                for path in _paths(parsed, table):
                    self._spans.setdefault(path, span)

    def line(self, path: KeyPath, word: str = "") -> int:
        """The line, from 1, on which a key stands; of a key that is not there, the line of its table.

        word: a text inside the value, whose own line is wanted where the value runs over several.
        """
        while path not in self._spans:
            path = path[:-1]
        span = self._spans[path]
        quoted = re.compile(rf"([\"']){re.escape(word)}\1") if word else None
        found = (number for number in span if quoted and quoted.search(self._lines[number - 1]))
        return next(found, span.start)

    def _statements(self) -> Iterator[tuple[range, dict[str, Any]]]:
        """Lines and content of each header and each key. A statement has ended when it parses by itself."""
        start = 0
        for end in range(1, len(self._lines) + 1):
            try:
                parsed = tomllib.loads("\n".join(self._lines[start:end]))
            except tomllib.TOMLDecodeError:
                continue
            if parsed:
                yield range(start + 1, end + 1), parsed
            start = end


def _header(parsed: dict[str, Any], entries: dict[KeyPath, int]) -> KeyPath:
    """The path of [a.b] or [[a.b]]; `entries` counts how many of each array have begun."""
    path: KeyPath = ()
    node: Any = parsed
    while isinstance(node, dict) and node:
        ((key, node),) = node.items()
        path = (*path, key)
        if isinstance(node, list):
            entries[path] = entries.get(path, 0) + 1
        if path in entries:
            path = (*path, entries[path] - 1)
    return path


def _paths(node: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Every path in a value, its own first."""
    yield path
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inside:
        yield from _paths(value, (*path, key))
