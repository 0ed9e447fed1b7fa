"""Money as people write it: how many decimals a currency has, and whole minor units as an amount."""

from __future__ import annotations

_LISTED = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_DECIMALS = {code: decimals for decimals, codes in _LISTED.items() for code in codes.split()}


def decimals_of(currency: str) -> int:
    """Decimals of a currency's minor unit. Source: ISO 4217; 2 for all that it does not list otherwise."""
    return _DECIMALS.get(currency, 2)


def amount_text(amount_minor: int, currency: str, *, thousands: str = "", decimal: str = ".") -> str:
    """An amount in major units with all decimals of its currency, exact and without its name: "-1234.50".

    thousands: between groups of three digits.  decimal: before the decimals, if the currency has any.
    """
    decimals = decimals_of(currency)
    major, minor = divmod(abs(amount_minor), 10**decimals)
    whole = f"{major:,}".replace(",", thousands)
    fraction = f"{decimal}{minor:0{decimals}d}" if decimals else ""
    return f"{'-' if amount_minor < 0 else ''}{whole}{fraction}"
