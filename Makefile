# Two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.
# Needs Python 3.11 or newer, make and git; everything else goes into .venv, from the hash-pinned lock files.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo run test check lint lock bench docs clean

help: ## List what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(VENV)/.run ## Start the whole working world: broker, two demo identity providers, a demo app
	@$(BIN)/idbroker demo

run: $(VENV)/.run ## Start the server with the settings of the environment and .env
	@$(BIN)/idbroker serve

test: $(VENV)/.dev ## Run the tests; they bring their own PostgreSQL
	@$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadgroup -q

lint: $(VENV)/.dev ## Style, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint test ## All that CI runs

lock: ## Resolve the dependencies anew and pin them with their hashes (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra scale --group build pyproject.toml -o requirements.lock
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-strip-extras --extra scale --group dev -c requirements.lock pyproject.toml -o requirements-dev.lock

bench: $(VENV)/.dev ## Run the benchmarks behind the figures of the README
	@$(BIN)/python benchmarks/login.py

docs: $(VENV)/.run ## Build the documentation as a site of static pages, in var/docs
	@$(BIN)/python docs/site/build.py var/docs

clean: ## Remove what was made here
	rm -rf $(VENV) var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/.run: requirements.lock pyproject.toml
	@echo "setting up $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -e $(VENV)/.dev || $(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml
	@echo "setting up $(VENV) for development (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
