"""Reading a catalogue of reasons: strict, so that no sentence can be told that nobody could have meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from string import Formatter
from typing import Annotated, Any

import msgspec

from forbear.domain.errors import ConfigError, ModelMismatch
from forbear.domain.protected import is_protected
from forbear.domain.stated import canonical_json
from forbear.models.dataset import FeatureSpec
from forbear.models.reasons.catalogue import (
    Catalogue,
    Change,
    Comparison,
    Form,
    Move,
    Passing,
    Reason,
    Sentence,
    Text,
)
from forbear.models.reasons.language import KINDS, Language

CATALOGUE_FORMAT = 1
OUTCOMES = ("enough", "not_enough", "nothing", "below")
MOST_CHANGES = 8
"""Every subset of the changes is tried: more than this would take too long."""

_FEATURE_KINDS = {
    "days": "count",
    "days of spending": "count",
    "debits": "count",
    "payments": "count",
    "share": "percent",
}
"""How features of a unit are quoted; those of other units mean nothing to a reader and are not."""
_COMPARISON = re.compile(r"(\w+) (<=|>=|<|>) (?:(-?\d+(?:\.\d+)?)(?: \* ([a-z]\w*))?|([a-z]\w*))")
_MEND = "mend the catalogue of reasons"


class _Sentence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: tuple[str, ...]
    say: dict[str, str]
    when: tuple[str, ...] = ()


class _Passing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    days: int
    say: dict[str, str]


class _Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    features: tuple[str, ...]
    fallback: dict[str, str]
    sentences: tuple[_Sentence, ...] = ()
    source: str = ""
    passes: _Passing | None = None


class _Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    feature: str
    form: Form
    scale: str


class _Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: str
    quantity: str
    toward: str
    moves: tuple[_Move, ...]
    say: dict[str, str]
    none: dict[str, str] | None = None
    keeps: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] = 0.0


class _NeverTold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    features: tuple[str, ...]
    why: str


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    version: str
    languages: dict[str, Language]
    reasons: tuple[_Reason, ...]
    changes: tuple[_Change, ...] = ()
    outcomes: dict[str, dict[str, str]] = {}
    never_told: tuple[_NeverTold, ...] = ()


def read_catalogue(document: Mapping[str, Any], specs: Sequence[FeatureSpec], figures: Mapping[str, str]) -> Catalogue:
    """The catalogue of a parsed document over these features and figures.

    figures: kind by name.  Raises ConfigError for a document that cannot be read, lacks a language or quotes what
    is not there; ModelMismatch where it and the feature set disagree: an unknown feature, one in no reason or in
    two, or a protected one.
    """
    try:
        parsed = msgspec.convert(document, _Document)
    except msgspec.ValidationError as error:
        raise ConfigError(f"catalogue of reasons: {error}", mend="compare it with the shipped reasons.toml") from error
    if parsed.format != CATALOGUE_FORMAT:
        raise ConfigError(f"catalogue of reasons: format {parsed.format}, this version reads {CATALOGUE_FORMAT}")
    reader = _Reader(frozenset(parsed.languages), {spec.name: spec for spec in specs}, figures)
    reader.check_features(parsed)
    reader.check_languages(parsed.languages)
    _once([*(one.code for one in parsed.reasons), *(one.code for one in parsed.changes)], "code")
    return Catalogue(
        version=parsed.version,
        digest=sha256(canonical_json(document)).hexdigest(),
        languages=parsed.languages,
        reasons=tuple(reader.reason(one) for one in parsed.reasons),
        changes=reader.changes(parsed.changes),
        outcomes=reader.outcomes(parsed.outcomes),
        never_told={name: one.why for one in parsed.never_told for name in one.features},
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    languages: frozenset[str]
    specs: Mapping[str, FeatureSpec]
    figures: Mapping[str, str]

    def check_features(self, parsed: _Document) -> None:
        groups = (*(one.features for one in parsed.reasons), *(one.features for one in parsed.never_told))
        covered = [name for features in groups for name in features]
        if strangers := sorted(set(covered) - self.specs.keys()):
            raise ModelMismatch(f"catalogue {parsed.version} names unknown features {strangers}", mend="remove them")
        if uncovered := sorted(self.specs.keys() - set(covered)):
            raise ModelMismatch(
                f"catalogue {parsed.version} has no reason for {uncovered}",
                mend="put each under one reason, or under never_told with why",
            )
        if protected := sorted(filter(is_protected, covered)):
            raise ModelMismatch(
                f"catalogue {parsed.version} speaks of protected attributes: {protected}",
                mend="take them out of the feature set: no reason may rest on them",
            )
        _once(covered, "feature")

    def check_languages(self, languages: Mapping[str, Language]) -> None:
        if not languages:
            raise ConfigError("catalogue of reasons: no language", mend=_MEND)
        for name, language in languages.items():
            if len(language.months) != 12:
                raise ConfigError(f"language {name}: {len(language.months)} months", mend=_MEND)

    def reason(self, one: _Reason) -> Reason:
        sentences = tuple(self._sentence(one, place, said) for place, said in enumerate(one.sentences, 1))
        fallback = Sentence(f"{one.code}/0", one.features, (), self.text(f"{one.code}: fallback", one.fallback, {}))
        passes = None
        if one.passes is not None:
            said = self.text(f"{one.code}: passes", one.passes.say, {"passes_on": "date"})
            passes = Passing(one.passes.days, said)
        return Reason(one.code, one.features, sentences, fallback, one.source, passes)

    def changes(self, parsed: Sequence[_Change]) -> tuple[Change, ...]:
        if len(parsed) > MOST_CHANGES:
            raise ConfigError(f"catalogue of reasons: {len(parsed)} changes, at most {MOST_CHANGES}", mend=_MEND)
        _once([move.feature for one in parsed for move in one.moves], "feature that changes")
        return tuple(self._change(one) for one in parsed)

    def outcomes(self, parsed: Mapping[str, Mapping[str, str]]) -> dict[str, Text]:
        if parsed.keys() != set(OUTCOMES):
            raise ConfigError(f"catalogue of reasons: outcomes {sorted(parsed)}, needed are {sorted(OUTCOMES)}")
        return {name: self.text(f"outcomes.{name}", say, {}) for name, say in parsed.items()}

    def text(self, where: str, say: Mapping[str, str], also: Mapping[str, str]) -> Text:
        """A sentence in every language, with the same placeholders in each; also: names that only it may quote."""
        if say.keys() != self.languages:
            raise ConfigError(f"{where}: said in {sorted(say)}, the languages are {sorted(self.languages)}", mend=_MEND)
        quoted = {language: sorted(set(_placeholders(where, sentence))) for language, sentence in say.items()}
        if len({tuple(names) for names in quoted.values()}) > 1:
            raise ConfigError(f"{where}: the languages quote different figures: {quoted}", mend=_MEND)
        names: dict[str, str] = {}
        plain = {language: Formatter().vformat(sentence, (), _Plain()) for language, sentence in say.items()}
        for name, style in next(iter(quoted.values()), []):
            if name in names:
                raise ConfigError(f"{where}: {name} is quoted in two styles", mend=_MEND)
            names[name] = self._kind(where, name, style, also)
        return Text(plain, names)

    def _kind(self, where: str, name: str, style: str, also: Mapping[str, str]) -> str:
        own = {**self.figures, **also}.get(name)
        if own is None and name in self.specs:
            own = _FEATURE_KINDS.get(self.specs[name].unit)
            if own is None:
                raise ConfigError(f"{where}: nobody can read {name} in {self.specs[name].unit}", mend=_MEND)
        if own is None:
            raise ConfigError(f"{where}: there is no feature or figure {name!r}", mend=_MEND)
        if style and style not in KINDS:
            raise ConfigError(f"{where}: {{{name}:{style}}}: write it as one of {sorted(KINDS)}", mend=_MEND)
        return style or ("count" if own == "days" else own)

    def _sentence(self, reason: _Reason, place: int, said: _Sentence) -> Sentence:
        where = f"{reason.code}/{place}"
        if not said.about or not set(said.about) <= set(reason.features):
            raise ConfigError(f"{where}: about {list(said.about)}, which must be features of its reason", mend=_MEND)
        when = tuple(self._comparison(where, text) for text in said.when)
        return Sentence(where, said.about, when, self.text(where, said.say, {}))

    def _comparison(self, where: str, text: str) -> Comparison:
        found = _COMPARISON.fullmatch(text)
        if found is None:
            raise ConfigError(f"{where}: {text!r} is no condition", mend='write it like "days_of_cover < 7"')
        left, sign, factor, of, alone = found.groups()
        other = of or alone
        self._require(where, [left, *([other] if other else [])])
        return Comparison(left, sign, 1.0 if factor is None else float(factor), other)

    def _change(self, one: _Change) -> Change:
        if one.toward not in ("more", "less") or not one.moves:
            raise ConfigError(
                f'{one.code}: toward {one.toward!r} is not "more" or "less", or nothing moves', mend=_MEND
            )
        self._require(one.code, [one.quantity, *(move.scale for move in one.moves)], self.figures)
        self._require(one.code, [move.feature for move in one.moves], self.specs)
        also = dict.fromkeys(("now", "target"), self.figures[one.quantity])
        text = self.text(one.code, one.say, also)
        return Change(
            code=one.code,
            quantity=one.quantity,
            toward=1 if one.toward == "more" else -1,
            keeps=one.keeps,
            moves=tuple(Move(move.feature, move.form, move.scale) for move in one.moves),
            text=text,
            none=text if one.none is None else self.text(f"{one.code}: none", one.none, also),
        )

    def _require(self, where: str, names: Iterable[str], among: Iterable[str] | None = None) -> None:
        known = {*self.specs, *self.figures} if among is None else set(among)
        if strangers := sorted(set(names) - known):
            raise ConfigError(f"{where}: there is no {strangers}", mend=_MEND)


class _Plain(dict[str, Any]):
    """Puts every placeholder back without its style, which has become the kind it is written as."""

    def __missing__(self, name: str) -> _Placeholder:
        return _Placeholder(name)


class _Placeholder:
    def __init__(self, name: str) -> None:
        self._name = name

    def __format__(self, style: str) -> str:
        return f"{{{self._name}}}"


def _placeholders(where: str, sentence: str) -> Iterator[tuple[str, str]]:
    try:
        parts = list(Formatter().parse(sentence))
    except ValueError as error:
        raise ConfigError(f"{where}: {sentence!r}: {error}", mend=_MEND) from error
    if "{{" in sentence or "}}" in sentence:
        raise ConfigError(f"{where}: {sentence!r}: braces are for figures", mend=_MEND)
    for _, name, style, conversion in parts:
        if name is None:
            continue
        if conversion or not name.isidentifier():
            raise ConfigError(f"{where}: {{{name}}} is no name", mend=_MEND)
        yield name, style or ""


def _once(names: Sequence[str], what: str) -> None:
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise ConfigError(f"catalogue of reasons: {what} stated more than once: {twice}", mend=_MEND)
