# `make` or `make help` lists the targets. Logic longer than a line lives in tools/.
PY := .venv/bin/python
JOBS ?= 2
ONCE ?=
ARGS ?=
export STELLWERK_PYTHON

.DEFAULT_GOAL := help
.PHONY: help install demo test check fmt generate verify lock bench bench-placement e2e-kind mutation testbed-build clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed ## fill .venv with the pinned packages (uv if present, else venv + pip)

.venv/.installed: constraints.txt pyproject.toml tools/install.py
	python3 tools/install.py

demo: install ## plan over files, then the real control plane; ONCE=1 ends by itself
	ONCE=$(ONCE) $(PY) -m tests.demo $(ARGS)

test: install ## unit, properties, and integration against the real control plane
	-$(PY) -m tests.testbed binaries  # with progress; without them, the tests that need them say so
	$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=15 --durations-min=20 $(ARGS)

check: install ## everything that needs no cluster: format, lint, types, layers, generated files
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m tools.verify
	$(PY) -m tools.stale
	$(PY) -m pytest -q tests/unit/test_house.py

fmt: install ## format and apply safe lint fixes
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

generate: install ## write crds/ and the references from the models
	$(PY) -m tools.generate

verify: install ## fail when a generated file differs from its source
	$(PY) -m tools.verify

lock: install ## resolve constraints.txt anew (needs uv; ARGS=--upgrade for the newest)
	$(PY) -m tools.lock $(ARGS)

bench: install ## print the figures of docs/performance.md as ratios of one run
	$(PY) -m tests.bench $(ARGS)

bench-placement: install ## packing, completion times, cost and speed of the engine (ARGS="openb --data DIR -- default")
	$(PY) -m tests.bench.placement $(ARGS)

e2e-kind: install ## the end-to-end suite against a kind cluster (needs Docker and kind)
	$(PY) -m tools.e2e_kind $(ARGS)

mutation: install ## change the placement code in thousands of ways, count what tests notice (hours; MODULES=packing.bins, ARGS="--sample 150")
	$(PY) -m tools.mutation $(MODULES) $(ARGS) --json build/mutation.json

testbed-build: install ## build the test bed's binaries from Go modules (most of an hour)
	$(PY) -m tests.testbed build

clean: ## remove .venv and caches of this folder
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
