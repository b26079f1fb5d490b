# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

# One thread a test: on a machine that gives us less than its cores, threads that wait for each other take a hundredfold.
test slow browser: export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help demo test check slow gpu browser web bench answers docs format clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt hatch_build.py src/forepath/stats/_quick.c
	$(PYTHON) -c 'import sys; sys.exit("forepath needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $(READY)

demo: $(READY)  ## the main job on the bundled model, from nothing
	$(BIN)/forepath demo

test: $(READY)  ## the tests that need no accelerator and take minutes
	$(BIN)/python -m pytest

check: $(READY)  ## formatting, lint, strict types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_architecture.py

format: $(READY)  ## let ruff rewrite what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

slow: $(READY)  ## the slow tests
	$(BIN)/python -m pytest -m slow

gpu: $(READY)  ## the tests that need an accelerator
	$(BIN)/python -m pytest -m gpu

browser: $(READY)  ## the dashboard in a real browser (Debian: apt-get install chromium; npm for the axe check)
	$(BIN)/python -m pytest -m browser

web:  ## build the dashboard's page from web/ (needs Node 20 or newer; what it builds is committed)
	$(BIN)/python -m forepath.apps.dashboard.openapi > web/openapi.json
	cd web && npm ci && npm run types && npm run check && npm run build

bench: demo  ## every benchmark of speed and load, its peer in the same run (half an hour)
	set -e; for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file; done

answers: $(READY)  ## what is known beforehand, found again: fine-tunes, unlearning, steering (two hours)
	set -e; for file in benchmarks/answers/[a-z]*.py; do echo "== $$file"; $(BIN)/python $$file; done

docs: $(READY)  ## build the documentation into site/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,docs]'
	$(BIN)/zensical build --clean

clean:  ## remove the environment, caches and the demo's run
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis site runs/demo
