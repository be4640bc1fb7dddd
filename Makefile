# Leadwire. `make` alone lists what can be done.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help up test test-containers test-compose bench proof-reader chaos fuzz steady hostile check lint format schemas lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-16s %s\n", $$1, $$2 }'

up: $(READY) ## start everything on this machine; Ctrl-C stops it, ARGS="--help" shows options
	@$(BIN)/leadwire up $(ARGS)

test: check ## check, then every test on real engines; ARGS="tests/leads" picks some
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-containers: $(READY) ## the very same tests, on engines from containers (needs Docker)
	@LEADWIRE_TEST_ENGINES=containers $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-compose: $(READY) ## the main job on containers: one of each, replicas, a rolling restart (needs Docker)
	@LEADWIRE_TEST_COMPOSE=1 $(BIN)/python -m pytest -v -rP tests/compose $(ARGS)

bench: $(READY) ## speed against raw floors and hand-written minima, about 6 minutes; ARGS="intake" picks a part
	@$(BIN)/python -m tests.bench $(ARGS)

proof-reader: $(READY) ## the reader against 200 histories of faults; ARGS="--help" shows options
	@$(BIN)/python -m tests.proof $(ARGS)

chaos: $(READY) ## kill, pause, cut and fill everything under load; ARGS="--help" shows options
	@$(BIN)/python -m tests.chaos $(ARGS)

steady: $(READY) ## figures over time; ARGS=idle, outage, memory, restore, ringing or sizes, each with --help
	@$(BIN)/python -m tests.steady $(ARGS)

fuzz: $(READY) ## every parser for SECONDS (60), every property EXAMPLES (20) times as often as usual
	@LEADWIRE_FUZZ_SECONDS=$(or $(SECONDS),60) $(BIN)/python -m pytest tests/connectors/conformance/test_fuzz.py -q $(ARGS)
	@LEADWIRE_EXAMPLES=$(or $(EXAMPLES),20) $(BIN)/python -m pytest $$(grep -rl "hypothesis import" tests --include=test_*.py | grep -v test_fuzz) --timeout=1800 -q $(ARGS)

hostile: $(READY) ## every attack and schemathesis on a hub of its own; ARGS="--help" shows options
	@$(BIN)/python -m tests.hostile $(ARGS)

check: lint ## lint, types and the import rules
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports

lint: $(READY) ## style and formatting, changing nothing
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .

format: $(READY) ## repair style and formatting
	@$(BIN)/python -m ruff check --fix .
	@$(BIN)/python -m ruff format .

schemas: $(READY) ## write JSON Schemas, AsyncAPI and the reference pages from the code
	@$(BIN)/python -m contracts.generate
	@$(BIN)/python -m docs.generator

lock: $(READY) ## resolve uv.lock and both requirements.lock; ARGS=--upgrade takes newer releases
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9'
	@UV_DEFAULT_INDEX=https://pypi.org/simple $(BIN)/uv lock --no-config $(ARGS)
	@$(BIN)/uv export --quiet --locked --all-extras --no-hashes --no-emit-project \
	  --no-header --no-annotate --output-file requirements.lock
	@$(BIN)/uv export --quiet --locked --extra s3 --no-hashes --no-emit-project \
	  --no-header --no-annotate --output-file deploy/requirements.lock

clean: ## remove .venv and caches; what you stored under var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find contracts services tests docs -name __pycache__ -type d -prune -exec rm -rf {} +

# Made again only when the locked or declared dependencies change. Some systems split ensurepip
# off from Python; there the environment is made without pip and filled by the pip that is there.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'Leadwire needs Python 3.11 or newer. Name one: make PYTHON=/path/to/python3.11'; exit 1; }
	@echo 'Installing into .venv; the first time takes a minute or two.'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv >/dev/null 2>&1 || $(PYTHON) -m venv --without-pip .venv
	@pip="$(BIN)/python -m pip"; $$pip --version >/dev/null 2>&1 || pip="$(PYTHON) -m pip --python $(BIN)/python"; \
	  $$pip install --quiet --disable-pip-version-check --requirement requirements.lock && \
	  $$pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
