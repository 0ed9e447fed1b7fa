"""How fast audit records are sealed and an export of them is verified, on one core; and whether tampering is found.

    python bench/audit.py [--records N] [--ciphertext BYTES] [--tamper N]

To seal is to chain a record and to take it into the Merkle tree; to verify is to check every byte of an export: chain,
tree, checkpoints, signatures. `sealed_per_s` and `verified_per_s` are of records as the chain has them. Where an export
has ciphertexts, as of decisions, every byte of those is hashed as well: `with_ciphertext` says how fast that is,
and how large they are. --tamper: so many times an export of 1,000 records is tampered with at random.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from forbear.adapters.signing import FileSigner, checked_by
from forbear.engine.audit import Link, chain
from forbear.engine.audit_export import exported
from forbear.engine.audit_locate import Broken, located
from forbear.engine.audit_verify import Whole, verify_export
from forbear.engine.checkpoint import extended, sealed_by
from forbear.engine.merkle import Frontier
from forbear.engine.outputs import AuditRecord
from forbear.testing.outputs import decision
from forbear.testing.tampering import tampered

SHA = "5" * 64


def body_of(number: int) -> dict[str, Any]:
    """What the chain says of a decision."""
    return {
        "decision_id": f"{number:032x}",
        "day": 19_500,
        "outcome": "capacity",
        "band": "medium",
        "action": "reminder_app",
        "propensity": 0.8123456789,
        "expires_day": 19_507,
        "prediction": [number, 12],
        "model_sha": SHA,
        "policy_sha": SHA,
        "reasons_sha": SHA,
    }


def sealed(records: int, ciphertext: bytes) -> tuple[list[AuditRecord], float]:
    """So many records, and how many a second were sealed."""
    bodies = [body_of(number) for number in range(records)]
    tree, made, head = Frontier(), list[AuditRecord](), None
    begun = time.process_time()
    for number, body in enumerate(bodies):
        head = chain(head, "decision", number, body, ciphertext)
        tree.add(bytes.fromhex(head.digest))
        made.append(head)
    return made, records / (time.process_time() - begun)


def lines_of(made: list[AuditRecord], ciphertext: bytes, signer: FileSigner) -> list[bytes]:
    """The export of some records."""
    own = replace(decision(0, 0, 0), sealed=ciphertext) if ciphertext else None
    point = sealed_by(signer, extended(None, made, 0, {}))
    return list(exported((Link(record, own) for record in made), len(made), [point.line], signer.public))


def verified(lines: list[bytes], records: int) -> float:
    """How many records a second were verified."""
    begun = time.process_time()
    found = verify_export(iter(lines), checked_by)
    seconds = time.process_time() - begun
    assert isinstance(found, Whole), found
    return records / seconds


def figures(records: int, ciphertext: bytes, signer: FileSigner) -> dict[str, float]:
    """The best of three, so that a busy machine counts less."""
    best = {"sealed_per_s": 0.0, "verified_per_s": 0.0}
    for _ in range(3):
        made, rate = sealed(records, ciphertext)
        best["sealed_per_s"] = max(best["sealed_per_s"], rate)
        best["verified_per_s"] = max(best["verified_per_s"], verified(lines_of(made, ciphertext, signer), records))
    return {name: round(value) for name, value in best.items()}


def found_out(times: int, signer: FileSigner) -> dict[str, Any]:
    """How many of so many tamperings are found, and at the very place."""
    ciphertext = bytes(Random(1).randbytes(200))
    made, _ = sealed(1_000, ciphertext)
    lines, random = lines_of(made, ciphertext, signer), Random(20_250_101)
    counts, ways = Counter[str](), Counter[str]()
    for _ in range(times):
        one = tampered(random, lines)
        found = verify_export(iter(one.lines), checked_by, signer.public)
        ways[one.how] += 1
        counts["detected"] += not isinstance(found, Whole)
        broken = located(lambda kept=one.lines: iter(kept), checked_by, signer.public)
        counts["located"] += isinstance(broken, Broken) and (broken.line, broken.record) == (one.line, one.record)
    return {"tampered": times, **counts, "ways": dict(sorted(ways.items()))}


def main() -> None:
    """Print the figures; the last line is JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--records", type=int, default=100_000)
    asked.add_argument("--ciphertext", type=int, default=6_000, help="bytes of each, as large as a home's are")
    asked.add_argument("--tamper", type=int, default=0)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        signer = FileSigner(Path(folder) / "signing.key")
        told: dict[str, Any] = {"records": given.records, **figures(given.records, b"", signer)}
        some = max(given.records // 10, 1)
        large = figures(some, os.urandom(given.ciphertext), signer)
        told["with_ciphertext"] = {"bytes": given.ciphertext, "records": some, **large}
        if given.tamper:
            told["tampering"] = found_out(given.tamper, signer)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
