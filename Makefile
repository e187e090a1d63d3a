# One entry for everything a contributor does:
#   make check            before every commit, under a minute: linters, types, unit tests
#   make lint             linters, types, import order and sizes alone
#   make unit             unit tests alone
#   make test             the contract: what CI runs; needs root or sudo
#   make demo             from nothing to a running host
#   make docs             the reference pages that come from code
#   make bench            what docs/performance.md reports
#   make certify-THEME    a long proof, recorded in docs/certification/, whose README lists them
#   make setup-build      the Debian packages that building needs; setup-demo, setup-test: more
#   make clean            removes what all of these made in the checkout
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/pytest -q

.PHONY: help check lint unit test demo bench clean setup-build setup-demo setup-test docs

help:
	@sed -n '/^#   make/p' Makefile | sed 's/^# *//'

$(VENV)/.ready: pyproject.toml
	@echo "setting up Python packages in $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

setup-build:
	@tools/setup_host.sh build

setup-demo:
	@tools/setup_host.sh demo

setup-test: setup-build
	@tools/setup_host.sh test

check: lint unit

lint: $(VENV)/.ready
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/python tools/check_size.py

unit: $(VENV)/.ready
	@$(PYTEST) -n 2 tests/unit

test: setup-test check
	@$(PYTEST) --durations=15 tests/integration tests/acceptance

demo: setup-demo $(VENV)/.ready
	@$(BIN)/python tools/demo.py

bench: setup-build $(VENV)/.ready
	@for bench in build scenarios growth assemble package_app; do $(BIN)/python bench/$$bench.py; done

docs: $(VENV)/.ready
	@$(BIN)/python tools/gen_docs.py

clean:
	rm -rf $(VENV) dist build

.PHONY: certify-apps certify-cold certify-python-3.11 certify-properties certify-crash certify-damage certify-mirrors certify-rebuild certify-hostile

certify-apps: setup-test $(VENV)/.ready
	@nice $(BIN)/python tools/certify.py apps

certify-cold: setup-test $(VENV)/.ready
	@$(BIN)/python tools/certify.py cold

certify-python-3.11: setup-test $(VENV)/.ready
	@$(BIN)/python tools/certify.py python-3.11

certify-properties: $(VENV)/.ready
	@$(BIN)/python tools/certify.py properties

certify-crash: setup-test $(VENV)/.ready
	@nice $(BIN)/python tools/certify.py crash

certify-damage: setup-test $(VENV)/.ready
	@nice $(BIN)/python tools/certify.py damage

certify-mirrors: setup-test $(VENV)/.ready
	@$(BIN)/python tools/certify.py mirrors

certify-hostile: setup-build $(VENV)/.ready
	@$(BIN)/python tools/certify.py hostile

certify-rebuild: setup-build $(VENV)/.ready
	@$(BIN)/python tools/certify.py rebuild
