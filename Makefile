# Two commands matter on a fresh machine: `make run` and `make test`. Both set everything up first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
HOME_DIR ?= forbear-home
STREAM_DIR ?= forbear-stream
DASHBOARD_DIR ?= forbear-dashboard
# Whole files in as many processes as tests/conftest.py says, and in its order.
SIDE_BY_SIDE := --numprocesses auto --dist loadfile --no-loadscope-reorder

# Where no bytecode is kept every process compiles all source anew as it starts, and the tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE
# As each command has it: matrices are small, and more threads would spend their time on waiting for each other.
export OPENBLAS_NUM_THREADS := 1
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup run serve dashboard stream test check format lint types docs bench drill chaos poison fuzz laws lock clean

help:  ## List the tasks
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## Make .venv with the locked versions

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "forbear needs Python 3.11 or newer; try: make setup PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: $(STAMP)  ## The main job on a small synthetic bank: simulate, train, backtest, report
	$(BIN)/forbear demo --home $(HOME_DIR)

serve: $(STAMP)  ## The HTTP interface at 127.0.0.1:8470, over a small synthetic bank unless there is one; shows a key
	$(BIN)/forbear serve --demo --home $(HOME_DIR)

dashboard: $(STAMP)  ## The dashboard at 127.0.0.1:8501 over a synthetic bank, with its API, worker and live events
	$(BIN)/forbear dashboard --demo --home $(DASHBOARD_DIR)

stream: $(STAMP)  ## The production path on this machine: Kafka, PostgreSQL, workers, 100,000 synthetic customers
	$(BIN)/forbear stream --home $(STREAM_DIR)

test: $(STAMP)  ## All tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: $(STAMP) format lint types test  ## What CI runs: format, lint, types, tests, documents

format: $(STAMP)  ## Is every file formatted? (mend: .venv/bin/ruff format)
	$(BIN)/ruff format --check .

lint: $(STAMP)  ## Lint (mend: .venv/bin/ruff check --fix)
	$(BIN)/ruff check .

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

docs: $(STAMP)  ## Write docs/features.md, docs/api-access.md, docs/metrics.md and Grafana's dashboards anew
	$(BIN)/python -m forbear.apps.feature_page docs/features.md
	$(BIN)/python -m forbear.apps.api.access docs/api-access.md
	$(BIN)/python -m forbear.apps.metrics.page docs/metrics.md
	$(BIN)/python -m forbear.apps.metrics.boards deploy/grafana/dashboards

bench: $(STAMP)  ## Every figure that the README quotes, and how fast the running system is
	$(BIN)/python bench/features.py
	$(BIN)/python bench/explain.py
	$(BIN)/python bench/simulate.py
	$(BIN)/python bench/pipeline.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/stream.py

drill: $(STAMP)  ## Kill the worker 200 times, and fill the disk: is anything lost or doubled?
	$(BIN)/python bench/drill.py --kills 200 --full 8

chaos: $(STAMP)  ## Kill and restart workers, broker and database 100 times: is anything lost or doubled?
	$(BIN)/python bench/chaos.py --rounds 100
	$(BIN)/python bench/chaos.py --rounds 20 --shuffle

poison: $(STAMP)  ## 1,000 poison messages among 100,000 good ones
	FORBEAR_LONG=1 $(BIN)/python -m pytest tests/stream/test_dead_letters.py

fuzz: $(STAMP)  ## More than 10,000 generated requests against the HTTP interface over a real home
	FORBEAR_LONG=1 $(BIN)/python -m pytest tests/apps/api/real/test_schemathesis.py

laws: $(STAMP)  ## All tests, every law on examples drawn anew
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --hypothesis-profile=anew

lock:  ## Resolve requirements.lock anew (needs uv)
	uv pip compile --universal --python-version 3.11 --no-header --no-annotate --generate-hashes --upgrade --all-extras --group dev pyproject.toml -o requirements.lock

clean:  ## Remove what the build made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
