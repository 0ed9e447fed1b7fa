"""Laws of every Objects. Subclass ObjectsContract in a test file and define its methods. Needs pytest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from forbear.domain.errors import ConfigError
from forbear.engine.ports import Objects


class ObjectsContract:
    """What holds of objects wherever they are."""

    def make(self) -> Objects:
        """A place without objects."""
        raise NotImplementedError

    def again(self, objects: Objects) -> Objects:
        """The same place as another process sees it."""
        raise NotImplementedError

    def test_what_was_put_is_there(self) -> None:
        """Any bytes come back as they were, in another process too."""
        objects = self.make()
        contents = {"a/empty.json": b"", "a/every-byte_1": bytes(range(256)) * 40, "b.json": b"\n"}
        for name, content in contents.items():
            assert objects.put(name, content)
        found = self.again(objects)

        assert {name: found.get(name) for name in contents} == contents
        assert all(found.exists(name) for name in contents)

    def test_nothing_is_written_twice(self) -> None:
        """A second put, of the same or of other bytes, says that it is not new and changes nothing."""
        objects = self.make()
        objects.put("one", b"first")

        assert not objects.put("one", b"first")
        assert not self.again(objects).put("one", b"second")
        assert objects.get("one") == b"first"

    def test_of_many_writers_one_is_first(self) -> None:
        """Of eight that put other bytes under one name at once, one is new, and its bytes are there whole."""
        objects = self.make()
        contents = [bytes([n]) * 100_000 for n in range(8)]
        with ThreadPoolExecutor(8) as pool:
            new = list(pool.map(lambda content: objects.put("one", content), contents))

        assert new.count(True) == 1
        assert objects.get("one") == contents[new.index(True)]

    def test_names_are_listed_in_order(self) -> None:
        """All names, or those that begin so, sorted, and none that is not there."""
        objects = self.make()
        assert list(objects.list()) == []
        for name in ("b/2", "a/1", "b/10", "c"):
            objects.put(name, b"x")

        assert list(self.again(objects).list()) == ["a/1", "b/10", "b/2", "c"]
        assert list(objects.list("b/")) == ["b/10", "b/2"]
        assert list(objects.list("d")) == []

    def test_many_names_are_listed(self) -> None:
        """More than a page of them."""
        objects = self.make()
        names = [f"n/{n:04d}" for n in range(1_050)]
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lambda name: objects.put(name, b""), names))

        assert list(objects.list("n/")) == names

    def test_what_is_not_there_is_said(self) -> None:
        """Nothing under a name is ConfigError, and does not exist."""
        objects = self.make()

        assert not objects.exists("a/1")
        with pytest.raises(ConfigError):
            objects.get("a/1")

    @pytest.mark.parametrize(
        "name", ["", "/", "..", "../a", "a/../b", "/a", "a/", "a//b", ".hidden", "a b", "a\n", "ä"]
    )
    def test_no_name_leads_out(self, name: str) -> None:
        """What is no name of an object is ConfigError, before anything is asked."""
        objects = self.make()
        for asked in (objects.get, objects.exists, lambda one: objects.put(one, b"x")):
            with pytest.raises(ConfigError):
                asked(name)
