# One entry for everything a contributor does: `make help` lists it.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest -q

.PHONY: help check lint unit integration acceptance test demo bench clean setup-build setup-demo setup-test docs

help: ## this list
	@sed -n 's/^\([a-z0-9.-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r name does; do printf 'make %-21s%s\n' "$$name" "$$does"; done

$(VENV)/.ready: pyproject.toml
	@echo "setting up Python packages in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup-build: ## the Debian packages that building needs
	@tools/setup_host.sh build

setup-demo: ## those that the demo needs besides
	@tools/setup_host.sh demo

setup-test: setup-build ## those that the tests need besides
	@tools/setup_host.sh test

check: $(VENV)/.ready ## before every commit, under a minute: linters, types, unit tests
	@$(MAKE) --no-print-directory --jobs 2 lint unit

lint: $(VENV)/.ready ## linters, types, import order and sizes alone
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/python tools/check_size.py

# What unit tests write is in memory where there is room (they use 1 GB): on a disk, the kernel works
# as long for their files as Python does for all else. Paths are short, as those of sockets must be.
# Not so the others: they mount things, share trees with the user's store by hard links.
MEMORY := $(shell [ "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 8000000 ] 2>/dev/null && echo /dev/shm || echo /tmp)
IN_MEMORY := TMPDIR=$$(mktemp -d $(MEMORY)/XXXX) && chmod 1777 "$$TMPDIR" && export TMPDIR && \
	trap 'rm -rf "$$TMPDIR"' EXIT && \
	$(PYTEST) -n 2 --basetemp "$$TMPDIR/t" -o tmp_path_retention_policy=failed
SPREAD := --dist loadfile --no-loadscope-reorder --durations=15

unit: $(VENV)/.ready ## unit tests alone
	@$(IN_MEMORY) tests/unit

integration: setup-test $(VENV)/.ready ## tests of one real program each
	@$(PYTEST) -n 2 $(SPREAD) tests/integration

acceptance: setup-test $(VENV)/.ready ## tests of the whole pipeline, to real hosts
	@$(PYTEST) -n 2 $(SPREAD) tests/acceptance

test: setup-test check integration acceptance ## the contract: what CI runs; needs root or sudo

demo: setup-demo $(VENV)/.ready ## from nothing to a running host
	@$(BIN)/python tools/demo.py

bench: setup-build $(VENV)/.ready ## what docs/performance.md reports
	@for bench in build scenarios growth assemble package_app apps; do $(BIN)/python bench/$$bench.py; done

docs: $(VENV)/.ready ## the reference pages that come from code
	@$(BIN)/python tools/gen_docs.py

clean: ## removes what all of these made in the checkout
	rm -rf $(VENV) dist build

.PHONY: certify-apps certify-attacks certify-cold certify-interpreter certify-properties certify-publishers certify-crash certify-damage certify-mirrors certify-readers certify-rebuild certify-repair certify-hostile certify-managers certify-series certify-stacks

certify-apps: setup-test $(VENV)/.ready ## a long proof, recorded in docs/certification/: apps of the index, to a booted host
	@nice $(BIN)/python tools/certify.py apps

certify-attacks: setup-test $(VENV)/.ready ## the same: repositories that are tampered with
	@nice $(BIN)/python tools/certify.py attacks

certify-cold: setup-test $(VENV)/.ready ## the same: a fresh clone with an empty store
	@$(BIN)/python tools/certify.py cold

certify-interpreter: setup-test $(VENV)/.ready ## the same: CPython's own tests, with the packaged one
	@nice $(BIN)/python tools/certify.py interpreter

certify-series: setup-test $(VENV)/.ready ## the same: the other interpreters
	@$(BIN)/python tools/certify.py series

certify-properties: $(VENV)/.ready ## the same: property tests, with 500 examples each
	@$(BIN)/python tools/certify.py properties

certify-publishers: setup-test $(VENV)/.ready ## the same: fifty publishers at once, some killed
	@$(BIN)/python tools/certify.py publishers

certify-crash: setup-test $(VENV)/.ready ## the same: builds that are killed
	@nice $(BIN)/python tools/certify.py crash

certify-damage: setup-test $(VENV)/.ready ## the same: bits that flip in a store
	@nice $(BIN)/python tools/certify.py damage

certify-mirrors: setup-test $(VENV)/.ready ## the same: repositories as others mirror them
	@$(BIN)/python tools/certify.py mirrors

certify-readers: setup-test $(VENV)/.ready ## the same: hosts that read while others publish
	@nice $(BIN)/python tools/certify.py readers

certify-hostile: setup-build $(VENV)/.ready ## the same: hostile inputs
	@$(BIN)/python tools/certify.py hostile

certify-managers: setup-test $(VENV)/.ready ## the same: apk and opkg install; both are to be on PATH
	@$(BIN)/python tools/certify.py managers

certify-rebuild: setup-build $(VENV)/.ready ## the same: others build the same bytes elsewhere
	@$(BIN)/python tools/certify.py rebuild

certify-repair: $(VENV)/.ready ## the same: each file of a repository is damaged, and repaired
	@nice $(BIN)/python tools/certify.py repair

certify-stacks: setup-test $(VENV)/.ready ## the same: servers, libraries and services, compiled and on hosts
	@nice $(BIN)/python tools/certify.py stacks
