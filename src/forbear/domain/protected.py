"""Which names speak of a protected attribute: no model is given one unasked, and no reason may ever name one."""

from __future__ import annotations

import re

_PROTECTED_WORDS = (
    "sex gender age birth birthdate birthday dob marriage marital race racial ethnicity ethnic colour color caste"
    " religion religious faith nationality citizenship national pregnancy pregnant maternity disability disabled"
    " orientation"
)
PROTECTED = frozenset(_PROTECTED_WORDS.split())
"""Words in a column's name that mark a protected attribute.

Source: ECOA / Regulation B 1002.2(z) and EU Charter of Fundamental Rights, article 21. Education is in neither.
"""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def words_of(name: str) -> list[str]:
    """The words that a column's name is made of, in lower case: "customerAge" is customer and age."""
    return [word.lower() for word in _WORDS.findall(name)]


def is_protected(name: str) -> bool:
    """Whether a column's name holds a word for a protected attribute: "AGE", "customerAge", "marital_status"."""
    return any(word in PROTECTED for word in words_of(name))
