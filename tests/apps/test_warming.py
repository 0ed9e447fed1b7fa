"""What is compiled ahead is what is used afterwards."""

from __future__ import annotations

import pytest

from forbear.apps.warming import use_ledger, warm_up
from forbear.compiled import on_disk
from forbear.features.passes import gather_many, replay_block
from forbear.features.streaming import stream_block


def test_the_kernels_of_the_ledger_are_compiled_ahead() -> None:
    """After it has been used once, every pass over the ledgers is on disk, for one kind of arguments each."""
    use_ledger()

    assert on_disk("features")
    for kernel in (replay_block, stream_block, gather_many):
        assert len(kernel.signatures) == 1  # type: ignore[attr-defined]


def test_warm_kernels_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where kernels are on disk no process is started."""
    use_ledger()
    monkeypatch.setattr("forbear.apps.warming.subprocess.Popen", None)

    warm_up()
