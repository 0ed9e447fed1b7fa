"""What an approved text may say: placeholders of a closed list, no threats, no unsafe links, no long SMS."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

PLACEHOLDERS = {
    "greeting": 100,
    "bank": 30,
    "bank_phone": 20,
    "bank_url": 60,
    "advice": 40,
    "advice_phone": 20,
    "advice_url": 60,
    "stop_word": 10,
}
"""All that may ever be filled in, with the most characters of each. Nothing here is written by a customer."""
URLS = ("bank_url", "advice_url")
HELP = ("bank_phone", "bank_url", "advice_phone", "advice_url")
"""Where help is to be found: every text names one at least."""
MOST_PARTS = 2
"""Of an SMS."""

THREATS: dict[str, tuple[str, ...]] = {
    "en": (
        *("legal action", "legal proceedings", "court", "lawsuit", "sue", "solicitor", "attorney", "prosecut*"),
        *("bailiff*", "seize*", "seizure*", "repossess*", "garnish*", "evict*", "enforcement", "blacklist*"),
        *("final notice", "final warning", "final demand", "last warning", "last chance", "or else", "must pay"),
        *("pay now", "pay immediately", "failure to pay", "debt collector*", "collection agency", "penalty"),
        *("penalties", "police", "prison", "jail", "arrest*", "consequences", "credit bureau", "terminate*"),
    ),
    "de": (
        *("rechtliche schritte", "rechtlichen schritte*", "gericht*", "klage*", "verklag*", "anwalt*", "anwält*"),
        *("pfänd*", "zwangsvollstreck*", "vollstreck*", "mahnbescheid*", "mahnung*", "inkasso*", "räumung*"),
        *("letzte warnung", "letzte chance", "schwarze liste", "kündig*", "sperr*", "strafe*", "polizei*"),
        *("gefängnis*", "konsequenz*", "sofort zahlen", "sofort bezahlen", "müssen zahlen", "schufa*"),
    ),
    "fr": (
        *("action en justice", "actions en justice", "justice", "poursuite*", "poursuivre", "huissier*", "saisie*"),
        *("saisir", "liste noire", "dernier avis", "dernier rappel", "dernier avertissement", "derniere chance"),
        *("mise en demeure", "tribunal*", "avocat*", "pénalité*", "sanction*", "police", "prison", "expulsion*"),
        *("recouvrement", "conséquences", "payez immédiatement", "payez maintenant", "devez payer", "fichage"),
    ),
    "es": (
        *("acciones legales", "acción legal", "demanda*", "juzgado*", "tribunal*", "embarg*", "lista negra"),
        *("último aviso", "aviso final", "última advertencia", "última oportunidad", "abogad*", "penalizaci*"),
        *("sanción*", "sanciones", "policía", "cárcel", "prisión", "desahuci*", "consecuencias", "moros*", "asnef"),
        *("pague inmediatamente", "pague ahora", "debe pagar", "recobro*", "cobrador*"),
    ),
}
"""What is never said, by language; * for any ending. A language without a list is not spoken."""

_BRACES = re.compile(r"\{([^{}]*)\}")
_LINK = re.compile(r"\b([a-z][a-z0-9+.-]*):/?/?[^\s{]|\bwww\.", re.IGNORECASE)
_SCHEMES = ("http", "ftp", "file", "javascript", "data", "tel", "mailto", "sms")
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")


def sms_parts(text: str) -> int:
    """How many parts an SMS has: 160 or 153 a part in the GSM 7-bit alphabet, 70 or 67 in UCS-2 (3GPP TS 23.038)."""
    if all(c in _GSM or c in _GSM_TWICE for c in text):
        length = len(text) + sum(c in _GSM_TWICE for c in text)
        whole, part = 160, 153
    else:
        length = len(text.encode("utf-16-be", errors="surrogatepass")) // 2
        whole, part = 70, 67
    return 1 if length <= whole else -(-length // part)


def placeholders_of(text: str) -> list[str]:
    """What stands in braces, in order; a brace that is left over counts as one without a name."""
    found = _BRACES.findall(text)
    return [*found, ""] if "{" in _BRACES.sub("", text) or "}" in _BRACES.sub("", text) else found


def threats_in(text: str, language: str) -> list[str]:
    """Entries of THREATS that a text says, however it is written: case, accents, blanks and hidden characters aside."""
    plain = _plain(text)
    return [entry for entry in THREATS[language] if re.search(_pattern(entry), plain)]


def unsafe_links(text: str) -> bool:
    """Whether a text has a link that is not https."""
    for found in _LINK.finditer(text):
        scheme = (found[1] or "www").lower()
        if scheme == "www":
            if not text[: found.start()].lower().endswith("https://"):
                return True
        elif scheme != "https" and (scheme in _SCHEMES or "//" in found[0]):
            return True
    return False


def faults_of(channel: str, language: str, subject: str, text: str) -> Iterator[tuple[str, str]]:
    """What is wrong with one text in one language, each with its mend."""
    both = f"{subject}\n{text}"
    found = placeholders_of(both)
    if unknown := sorted({name for name in found if name not in PLACEHOLDERS}):
        yield f"{', '.join(repr(name) for name in unknown)} is no placeholder", f"use {', '.join(PLACEHOLDERS)}"
    if not text.strip():
        yield "it says nothing", "write what is sent"
    if any(not c.isprintable() and c not in "\n\u00a0\u202f" for c in both) or "\n" in subject:
        yield "it has characters that cannot be seen", "write plain text"
    if said := threats_in(both, language):
        yield f"it says {said[0].rstrip('*')!r}, which threatens", "say what helps instead"
    if unsafe_links(both):
        yield "it has a link that is not https", "write https://"
    if "bank" not in found:
        yield "it does not say who writes", "name {bank}"
    if not set(found) & set(HELP):
        yield "it does not say where there is help", "name {bank_phone}, {bank_url} or {advice_url}"
    if channel == "sms":
        yield from _of_an_sms(subject, text, found)


def _of_an_sms(subject: str, text: str, found: list[str]) -> Iterator[tuple[str, str]]:
    if subject:
        yield "an SMS has no subject", 'set subject = ""'
    if "greeting" in found:
        yield "an SMS greets nobody by name", "leave {greeting} out: others may read a screen"
    if "stop_word" not in found:
        yield "an SMS says how to leave", "name {stop_word}"
    longest = _BRACES.sub(lambda one: "x" * PLACEHOLDERS.get(one[1], 0), text)
    if (parts := sms_parts(longest.strip())) > MOST_PARTS:
        yield f"an SMS of up to {parts} parts", f"let it have {MOST_PARTS} at most, however long what is filled in"


def _plain(text: str) -> str:
    seen = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if unicodedata.category(c) not in _UNSEEN)
    return " ".join(re.sub(r"[\W_]+", " ", seen).split())


_UNSEEN = ("Cf", "Mn", "Me")


def _pattern(entry: str) -> str:
    words = _plain(entry)
    return rf"\b{re.escape(words)}{'' if entry.endswith('*') else chr(92) + 'b'}"
