# `make` or `make help` is the first screen. Every target installs what it needs into .venv.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?=
PYTEST_ARGS ?=
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help

help:  ## this screen
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Davy needs Python 3.11: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp per set of extras: pip runs only when pyproject.toml or a C kernel has changed.
KERNELS := $(shell find shared services -name '*.c')

$(VENV)/.mine: $(BIN)/python pyproject.toml hatch_build.py $(KERNELS)
	$(BIN)/pip install --quiet --editable '.[mine]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml hatch_build.py $(KERNELS)
	$(BIN)/pip install --quiet torch==2.13.0 && $(BIN)/pip install --quiet --no-deps torchvision==0.28.0
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.mine

setup: $(VENV)/.dev  ## install everything into .venv

mine: $(VENV)/.mine  ## run the simulated mine; SECONDS=30 ends by itself
	$(BIN)/davy mine $(if $(SECONDS),--seconds $(SECONDS))

test: $(VENV)/.dev  ## the whole test suite
	$(BIN)/pytest $(PYTEST_ARGS)

unit: $(VENV)/.dev  ## the tests without brokers, browsers and processes
	$(BIN)/pytest -m 'not system' $(PYTEST_ARGS)

check: $(VENV)/.dev  ## linters, types, layers, generated code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy shared/davy services/davy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python infra/proto.py --check

format: $(VENV)/.dev  ## format the code, sort the imports
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

proto: $(VENV)/.dev  ## generate shared/davy/v1 from proto/davy/v1
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python infra/proto.py

compose-test: $(VENV)/.dev  ## docker compose up, look at it from outside, down
	$(BIN)/pytest -m slow tests/system/test_compose.py $(PYTEST_ARGS)

clean:  ## remove .venv and everything built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
	find shared services -name '*.so' -delete

.PHONY: help setup mine test unit check format proto compose-test clean
