.DEFAULT_GOAL := help
.PHONY: help install demo test check serve lock clean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FRESH  ?=
# Every command reads the project's own instance, so that history survives a restart.
export DAGSTER_HOME ?= $(CURDIR)/dagster_home

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## Install the locked dependencies and the project into .venv

demo: $(STAMP) ## Play the story of credit_default on real servers and leave the UI open (FRESH=1 begins anew)
	$(BIN)/ml-assets demo $(if $(FRESH),--fresh)

check: $(STAMP) ## Lint, format, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check ## Everything: the checks above, then every test, a file per free core
	env -u DAGSTER_HOME $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

serve: $(STAMP) ## Start the Dagster UI with its daemon on what is there
	$(BIN)/dagster dev -h 127.0.0.1 -w workspace.yaml

lock: ## Resolve the dependencies again (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes --no-header --no-annotate --quiet -o requirements.lock pyproject.toml

clean: ## Remove the virtual environment and the instance's history
	rm -rf $(VENV) && git clean -fdXq dagster_home
