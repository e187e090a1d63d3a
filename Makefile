# One entry for everything a contributor does. `make check` before every commit,
# `make test` is the contract that CI runs, `make certify-<theme>` the long proofs.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: check lint unit test clean

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

check: lint unit

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(VENV)/.ready
	$(BIN)/pytest -q tests/unit

test: check
	$(BIN)/pytest -q tests/integration tests/acceptance

clean:
	rm -rf $(VENV) dist build
