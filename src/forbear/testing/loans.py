"""Made-up mortgages with a boom and a bust: a panel whose defaults follow from value, score and chance alone."""

from __future__ import annotations

import csv
import io

import numpy as np

from forbear.models.credit.panel import NEVER, Economy, End, LoanPanel
from forbear.models.dataset import Ints
from forbear.models.logistic import sigmoid
from forbear.models.results import Floats

MINOR = 100.0
_TERM, _RATE = 120, 0.06


def boom_and_bust(quarters: int) -> Economy:
    """House prices that rise for half of the time, fall for a quarter, and rise again, and what goes with them."""
    at = np.arange(quarters) / quarters
    growth = np.where(at < 0.5, 0.02, np.where(at < 0.75, -0.04, 0.015))
    prices = 100.0 * np.exp(np.cumsum(growth))
    return Economy(5.0 - 40.0 * np.minimum(growth, 0.0), 100.0 * growth, prices)


def loan_panel(*, loans: int = 400, quarters: int = 30, seed: int = 0) -> LoanPanel:
    """A panel of loans, equal for equal arguments. Losses are higher the less a home is worth beside its loan."""
    chance = np.random.default_rng(seed)
    economy = boom_and_bust(quarters)
    opened = chance.integers(-6, quarters - 2, size=loans)
    score, loan_to_value = chance.normal(680.0, 60.0, size=loans), chance.uniform(0.6, 1.0, size=loans)
    value = np.rint(chance.uniform(1e5, 4e5, size=loans)) * MINOR
    index = economy.house_prices[np.maximum(opened - 1, 0)]
    running, rows = np.ones(loans, dtype=np.bool_), []
    for quarter in range(1, quarters + 1):
        seen = np.flatnonzero(running & (np.maximum(opened, 1) <= quarter))
        age = quarter - opened[seen]
        balance = np.rint(value[seen] * loan_to_value[seen] * _share_left(age))
        ltv = balance / value[seen] * index[seen] / economy.house_prices[quarter - 1]
        defaults = chance.random(len(seen)) < sigmoid(-3.8 + 4.0 * (ltv - 0.85) - (score[seen] - 680.0) / 100.0)
        leaves = ~defaults & (chance.random(len(seen)) < 0.03)
        lgd = np.clip(0.4 + 0.6 * (ltv - 0.8) + chance.normal(0.0, 0.15, size=len(seen)), 0.0, 1.2)
        over = quarter + chance.geometric(0.25, size=len(seen))
        end = np.where(defaults, End.DEFAULT, np.where(leaves, End.PAYOFF, End.RUNNING))
        resolved = np.where(defaults & (over <= quarters), over, NEVER)
        rows.append((seen, np.full(len(seen), quarter), balance, end, np.where(defaults, lgd, np.nan), resolved))
        running[seen[end != End.RUNNING]] = False
    loan, quarter_of, balance, end, lgd, resolved = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    order = np.lexsort((quarter_of, loan))
    loan = loan[order]
    return LoanPanel(
        loan=loan,
        quarter=quarter_of[order],
        opened=opened[loan],
        matures=opened[loan] + _TERM,
        balance_minor=balance[order],
        rate=np.full(len(loan), _RATE),
        credit_score=score[loan],
        value_minor=value[loan],
        price_index=index[loan],
        investor=loan % 7 == 0,
        end=end[order],
        lgd=lgd[order],
        resolved=resolved[order],
        economy=economy,
    )


def as_dcr(panel: LoanPanel) -> str:
    """The panel as a CSV text with the columns of the Deep Credit Risk file that are read."""
    at = panel.quarter - 1
    known = panel.resolved != NEVER
    columns: dict[str, list[object]] = {
        "id": panel.loan.tolist(),
        "time": panel.quarter.tolist(),
        "orig_time": panel.opened.tolist(),
        "mat_time": panel.matures.tolist(),
        "res_time": [quarter if is_known else "" for quarter, is_known in zip(panel.resolved, known, strict=True)],
        "balance_time": (panel.balance_minor / MINOR).tolist(),
        "interest_rate_time": (100.0 * panel.rate).tolist(),
        "hpi_time": panel.economy.house_prices[at].tolist(),
        "gdp_time": panel.economy.gdp_growth[at].tolist(),
        "uer_time": panel.economy.unemployment[at].tolist(),
        "investor_orig_time": panel.investor.astype(int).tolist(),
        "balance_orig_time": (panel.value_minor / MINOR).tolist(),
        "FICO_orig_time": panel.credit_score.tolist(),
        "LTV_orig_time": [100.0] * len(panel),
        "hpi_orig_time": panel.price_index.tolist(),
        "status_time": panel.end.tolist(),
        "lgd_time": ["" if np.isnan(lgd) else float(lgd) for lgd in panel.lgd],
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _share_left(age: Ints) -> Floats:
    """Share of an annuity that is still owed at an age in quarters."""
    growth = (1.0 + _RATE / 4.0) ** -np.clip(_TERM - age, 0, _TERM).astype(np.float64)
    left: Floats = (1.0 - growth) / (1.0 - (1.0 + _RATE / 4.0) ** -_TERM)
    return left
