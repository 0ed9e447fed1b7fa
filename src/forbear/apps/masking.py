"""What may stand in a log line or a span: figures, ids of our own making, and words that the program itself says.

Free text (an error, a library's line) is let through word by word: a word passes if it stands in the texts and names of
the program's own compiled code, a number if it is short. Names, addresses, account numbers, secrets and whatever else
came with data are in no code, so they are masked without anybody having foreseen their form.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from importlib.abc import InspectLoader
from pathlib import Path
from threading import Event, Lock, Thread
from types import CodeType

from forbear.domain.errors import ConfigError, ForbearError, StorageError

MASK = "***"
PERSONAL = re.compile(
    r"customer|account|counterparty|name|iban|mail|phone|address|event$|payload|sealed|key|secret|password|token"
    r"|purpose|words|text|subject|body|birth",
    re.IGNORECASE,
)
"""Fields that are never written as they are, whoever writes them."""
PLAIN = frozenset(
    {
        *(
            "operation",
            "route",
            "page",
            "method",
            "role",
            "who",
            "trouble",
            "error",
            "code",
            "level",
            "process",
            "version",
        ),
        *("state", "before", "after", "system", "worker", "instance", "kind", "report", "topic", "day", "outcome"),
        *("band", "channel", "action", "provider", "template", "logger", "place", "customer_ref", "order", "stage"),
    }
)
"""Fields whose words are ours or the bank's policy's, and no person's: written if they look like such a word."""
_DIGITS_OUR_OWN = frozenset({"day", "who"})
"""Of them, those whose digits are ours: days, and ids of keys."""
OPAQUE = frozenset(
    {"request_id", "look_id", "decision_id", "intervention", "event_id", "job_id", "root", "digest", "model", "policy"}
)
"""Fields for ids of our own making: written as they are where they look like chance or a digest."""
LONGEST = 1_000
"""Characters of a text that are looked at; what comes behind them is left out."""

_OWN_WORD = re.compile(r"[A-Za-z0-9 _.,:/{}@+*-]{0,200}")
_CHANCE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?=[0-9]*[a-f])(?:[0-9a-f]{32}|[0-9a-f]{64})|[a-p]{12}|[a-p]{16}"
)
"""A UUID, a digest, or 12 or 16 of our own letters; 16 digits are no digest but a card."""
_LONG_NUMBER = re.compile(r"\d(?:[\s().,:/_+-]{0,2}\d){5,}")
"""Six digits or more, however they are parted: accounts, phones, days of birth."""
_MASKS = re.compile(r"\*{3,}")
_LETTERS = re.compile(r"[a-p]{12}")
_PHRASE = re.compile(r"[a-z][a-z _-]{0,60}")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,30}(?:\.[a-z_]{1,30}){0,3}")
_ENDS = "\"'`()[]{}<>,;:.!?*"
_PARTS = re.compile(r"[-_.:/='()\[\]]+")
_MIXED = re.compile(r"[A-Za-z0-9]+")
_DIGITS_PASS = 3
_STRANGERS = ("forbear.simulation", "forbear.testing", "forbear.apps.cli", "forbear.apps.jobs.model_story")
"""Their texts and examples name people, if made-up ones."""
_ALSO = "connection connect refused reset closed broken pipe peer host server timed out timeout read write network SSL"
"""Words of networks, which speak through errors of libraries: by standing here they are the program's own."""
_SYSTEM = frozenset(word.strip("()") for code in errno.errorcode for word in os.strerror(code).split())
"""Words of the operating system's errors: no room, no permission, is a directory. They name nobody."""


class Vocabulary:
    """The words of the program: of texts and names in the compiled code of its modules that are loaded.

    What a module holds at run time is not looked at, only what its file was compiled to. Prose for readers of the code,
    which ends with a full stop, is no text of the program.
    """

    def __init__(self, package: str = "forbear") -> None:
        self._package, self._lock = package, Lock()
        self._words: frozenset[str] = frozenset(_ALSO.split()) | _SYSTEM
        self._read: set[str] = set()
        self._modules = 0

    def knows(self, word: str, *, first: bool = False) -> bool:
        """Whether the program says a word, in these very letters. first: of a text, where it may be capitalised."""
        if self._has(word, first):
            return True
        if len(sys.modules) == self._modules:
            return False
        # A module that was loaded since may have said it. Who answers requests waits for no other thread's reading.
        if self._lock.acquire(blocking=not _on_a_loop()):
            try:
                self._catch_up()
            finally:
                self._lock.release()
        return self._has(word, first)

    def learn_beside(self) -> None:
        """Read what is loaded by now in a thread: it is a second's work where nothing was compiled before."""
        begun = Event()

        def read() -> None:
            with self._lock:
                begun.set()
                self._catch_up()

        Thread(target=read, name="words", daemon=True).start()
        begun.wait()

    # ---- inside

    def _has(self, word: str, first: bool) -> bool:
        return word in self._words or (first and word[:1].lower() + word[1:] in self._words)

    def _catch_up(self) -> None:
        count, head = len(sys.modules), f"{self._package}."
        loaded = [name for name in list(sys.modules) if name.startswith(head) and not name.startswith(_STRANGERS)]
        found: set[str] = set()
        for name in loaded:
            if name not in self._read:
                self._read.add(name)
                found.update(_words_of(name))
        if found:
            self._words |= found
        self._modules = count


def _on_a_loop() -> bool:
    """Whether this thread runs an event loop just now."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _words_of(module: str) -> Iterator[str]:
    spec = getattr(sys.modules.get(module), "__spec__", None)
    loader = getattr(spec, "loader", None)
    if not isinstance(loader, InspectLoader):
        return
    try:
        code = loader.get_code(module)
    except (ImportError, OSError, SyntaxError):  # its file is gone: fewer words are known, and more is masked
        return
    if code is not None:
        yield from _said_in(code)


def _said_in(code: CodeType) -> Iterator[str]:
    for name in code.co_names:
        yield from _words(name.replace("_", " "))
    for one in _constants(code.co_consts):
        yield from _said_in(one) if isinstance(one, CodeType) else _words(one)


def _constants(given: tuple[object, ...] | frozenset[object]) -> Iterator[CodeType | str]:
    for one in given:
        match one:
            case CodeType():
                yield one
            case str() if not one.endswith("."):
                yield one
            case tuple() | frozenset():
                yield from _constants(one)


def _words(text: str) -> Iterator[str]:
    return (word for word in _MIXED.findall(text) if len(word) > 1 or word == "a")


_VOCABULARY = Vocabulary()
learn_beside = _VOCABULARY.learn_beside


def phrase(text: str) -> str:
    """The name of an event, which is ours: small words as they are, and anything else as any text."""
    return text if _PHRASE.fullmatch(text) else said(text)


def said(text: str) -> str:
    """A text with every word masked that the program does not say itself, and every number of more than 3 digits."""
    cut = _LONG_NUMBER.sub(MASK, text[:LONGEST]).split()
    return _MASKS.sub(MASK, " ".join(_passed(word, first=not place) for place, word in enumerate(cut)))


def masked(facts: Mapping[str, object]) -> dict[str, object]:
    """Facts as they may be written: by their names, and by what they are."""
    return {name if _FIELD.fullmatch(name) else said(name): safe(name, value) for name, value in facts.items()}


def safe(name: str, value: object) -> object:
    """One fact as it may be written under its name."""
    if name == "customer_ref":
        return value if isinstance(value, str) and _LETTERS.fullmatch(value) else MASK
    if _personal(name):
        return MASK
    match value:
        case None | bool() | int() | float():
            return value
        case str() if name in OPAQUE and _CHANCE.fullmatch(value):
            return str(value)
        case str() if name in PLAIN and _OWN_WORD.fullmatch(value):
            return str(value) if name in _DIGITS_OUR_OWN else _LONG_NUMBER.sub(MASK, value)
        case str():
            return said(value)
        case Mapping():
            return {_name(str(inner)): safe(str(inner), own) for inner, own in value.items()}
        case list() | tuple() | set() | frozenset():
            return [safe(name, own) for own in value]
        case BaseException():
            return told_of(value)
        case date() | Path():
            return said(str(value))
    return MASK


def looks_like_chance(text: str) -> bool:
    """Whether a text is a UUID, a digest, or letters of our own: an id that says nothing of anybody."""
    return _CHANCE.fullmatch(text) is not None


def told_of(error: BaseException) -> str:
    """An error as it may be written: what kind it is, where it came from, and of its message our own words."""
    return f"{place_of(error)}: {said(str(error))}"


@contextmanager
def last_words() -> Iterator[None]:
    """Have what ends a process say no more on its way out than a log line may.

    What is wrong with a setting or a disk is said in full: it is the operator's, and about nobody else.
    """
    try:
        yield
    except (ConfigError, StorageError):
        raise
    except ForbearError as error:
        error.args = tuple(said(str(one)) for one in error.args)
        error.mend = said(error.mend)
        raise
    except Exception as error:
        if "FORBEAR_DEBUG" in os.environ:
            raise
        raise RuntimeError(told_of(error)) from None


def place_of(error: BaseException) -> str:
    """What kind of error it was and where it came from. Its message may name a person, and is left out.

    An error that was raised for another is followed to that one.
    """
    while error.__cause__ is not None:
        error = error.__cause__
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"


# ---- inside


@lru_cache(1_024)
def _personal(name: str) -> bool:
    return PERSONAL.search(name) is not None


def _name(name: str) -> str:
    """A key within a fact, which may be a value where facts are counts by something."""
    return name if name in PLAIN or name in OPAQUE or (name.isdigit() and len(name) <= _DIGITS_PASS) else said(name)


def _passed(word: str, *, first: bool) -> str:
    """A word between blanks: as it is, or masked but for the marks around it."""
    core = word.strip(_ENDS)
    if not core:
        return word
    parts = [part for part in _PARTS.split(core) if part]
    digits = sum(map(str.isdigit, core))
    if core.isascii() and digits <= _DIGITS_PASS and all(_passes(part, first=first) for part in parts):
        return word
    before, _, behind = word.partition(core)
    return f"{before}{MASK}{behind}"


def _passes(part: str, *, first: bool) -> bool:
    if part.isdigit():
        return True
    return _MIXED.fullmatch(part) is not None and _VOCABULARY.knows(part, first=first)
