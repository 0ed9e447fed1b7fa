"""What the processes of a deployment load as they start: each of them holds it for as long as it runs."""

from __future__ import annotations

import json
import subprocess
import sys

PROCESSES = (
    "forbear.apps.api.serving",
    "forbear.apps.api.opening",
    "forbear.apps.jobs.running",
    "forbear.apps.stream.router",
    "forbear.apps.stream.scorer",
    "forbear.apps.stream.intervenor",
    "forbear.apps.stream.closer",
)
ONLY_TO_LEARN = {"sklearn", "xgboost", "pandas", "scipy.stats", "scipy.optimize", "matplotlib"}
LOOK = "import json, sys\nfrom importlib import import_module\nfor name in sys.argv[1:]: import_module(name)\n"


def test_whoever_only_scores_loads_nothing_to_learn_by() -> None:
    """Interface and workers start without the libraries that train, judge and draw: they are slow, and large."""
    script = f"{LOOK}print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script, *PROCESSES], capture_output=True, text=True, check=True)
    loaded = set(json.loads(ended.stdout))

    assert loaded >= {*PROCESSES, "numpy", "numba"}
    assert not loaded & ONLY_TO_LEARN
