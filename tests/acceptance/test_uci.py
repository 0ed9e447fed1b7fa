"""The model layer alone, on the table that papers quote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forbear.apps import cli


def test_boosting_on_uci_ranks_as_well_as_published(
    real_uci_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five folds of boosting on UCI 350, protected attributes left out, reach an AUC of 0.775."""
    label = "default.payment.next.month"
    asked = ["forbear", "train", "--table", str(real_uci_file), "--label", label, "--model", "boosting", "--json"]
    monkeypatch.setattr("sys.argv", asked)
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found["rows"] == 30_000
    assert found["positives"] == 6_636
    assert {"SEX", "MARRIAGE", "AGE", "ID"} <= found["left_out"].keys()
    assert found["models"]["boosting"]["auc"]["value"] >= 0.775
