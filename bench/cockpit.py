"""The policy cockpit over HTTP: how soon is a line that is moved answered over 100,000 customers?

    .venv/bin/python bench/cockpit.py                           100,000 customers, 60 closes, four groupings
    .venv/bin/python bench/cockpit.py --customers 3000 --keep /tmp/cockpit      for trying it out

The bank is that of bench/book.py under the shipped policy, with a file of groups beside it. Each question moves lines,
places and budget, so that none is answered from the one before.

The last line is one JSON object:
  first_ms                of the first question, for which the sums over the book are made
  p50_ms, p95_ms, max_ms  of fifty questions one after another
  processor_ms            that the server takes for one of these, all its threads together
  chance_ms               of one that asks for the interval of chance too
  above, arrivals, groups  of the last answer: what was weighed
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from api_bank import Served
from api_load import processor_s
from book import begun, made_home

from forbear.apps.home import Home
from forbear.apps.package_data import text_of
from forbear.policy.document import to_toml
from forbear.policy.reading import parse_policy

TIMES = 50
GROUPINGS = {
    "sex": ("f", "m"),
    "age_band": ("18-29", "30-44", "45-64", "65+"),
    "region": tuple("NESW"),
    "club": ("y", "n"),
}


def prepared(home: Home, customers: int) -> None:
    """Have the shipped policy in force in the store, and a file that says who the customers are."""
    policy = parse_policy(text_of("policy.toml"))
    with closing(sqlite3.connect(home.database)) as store:
        for partition, number, document in store.execute(
            "SELECT partition, number, document FROM parts WHERE kind = 'policy'"
        ).fetchall():
            said = {**json.loads(document), "text": to_toml(policy), "version": policy.version}
            said |= {"bands": [band.name for band in policy.bands], "currency": policy.currency}
            place = (json.dumps(said), policy.digest, partition, number)
            change = "UPDATE parts SET document = ?, digest = ? WHERE kind = 'policy' AND partition = ? AND number = ?"
            store.execute(change, place)
        store.commit()
    chance = np.random.default_rng(11)
    columns = [chance.choice(names, customers).tolist() for names in GROUPINGS.values()]
    rows = "".join(f"C{nth:07d},{','.join(row)}\n" for nth, row in enumerate(zip(*columns, strict=True)))
    (home.folder / "groups.csv").write_text(f"customer_id,{','.join(GROUPINGS)}\n{rows}", encoding="utf-8")
    (home.folder / "services.toml").write_text('[api]\ngroups = "groups.csv"\n', encoding="utf-8")


def measured(server: Served) -> dict[str, Any]:
    """How soon questions are answered."""
    took, told, spent = list[float](), {}, 0.0
    for nth in range(TIMES + 1):
        spent = spent if nth != 1 else processor_s(server.process)
        question = {
            "lines": {"medium": 0.05 + 0.2 * (nth % 25) / 25, "high": 0.3 + 0.15 * (nth % 7) / 7},
            "more_agents": {"phone": nth - 20},
            "budget_minor": 10_000_000 + nth,
        }
        began = time.perf_counter()
        told = server.asked("POST", "/v1/policy/what-if", question)
        took.append(1_000.0 * (time.perf_counter() - began))
    spent = 1_000.0 * (processor_s(server.process) - spent) / TIMES
    began = time.perf_counter()
    server.asked("POST", "/v1/policy/what-if", {"lines": {"medium": 0.2}, "chance": True})
    chance = 1_000.0 * (time.perf_counter() - began)
    p50, p95 = np.percentile(took[1:], [50, 95]).tolist()
    figures = {"first": took[0], "p50": p50, "p95": p95, "max": max(took[1:]), "processor": spent, "chance": chance}
    return {
        **{f"{name}_ms": round(value, 1) for name, value in figures.items()},
        "above": told["then"]["above"],
        "arrivals": told["arrivals"],
        "groups": len(told["groups"]["rows"]),
    }


def main() -> None:
    """Measure."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--customers", type=int, default=100_000)
    asked.add_argument("--keep", type=Path, help="Where the bank is made, and found again.")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = made_home(given.keep or Path(scratch), given.customers)
        prepared(home, given.customers)
        with begun(home) as (server, _):
            time.sleep(5.0)  # the cockpit takes the closes in beside
            print(json.dumps({"customers": given.customers, **measured(server)}))


if __name__ == "__main__":
    main()
