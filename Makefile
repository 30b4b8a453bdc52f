# Everything a person or a machine does here. `make demo` starts a bank, `make test` proves it.
# Needs make and Python 3.11+; the rest is installed into .venv, pinned by the lock files in requirements/.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
# Flags for the command behind the target: make demo ARGS="--port 0 --info demo.json"
ARGS ?=
export VENV PYTHON MAKECMDGOALS
# Hundreds of processes start from this source: without its bytecode each compiles all of it again.
unexport PYTHONDONTWRITEBYTECODE

RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev

$(RUNTIME): requirements/runtime.lock requirements/build.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh runtime

$(DEV): requirements/dev.lock pyproject.toml scripts/setup.sh
	@scripts/setup.sh dev

.PHONY: help demo test lint types imports check format lock coverage bench torture install clean

help: ## list what make can do
	@echo 'usage: make <target> [ARGS="flags for the command behind it"]'
	@sed -n 's/^\([a-z][a-z]*\):[^#]*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-12s %s\n", $$1, $$2 }'

demo: $(RUNTIME) ## start a demo bank, with people and a year of history
	@exec $(BIN)/minibank demo $(ARGS)

test: lint types imports ## lint, types, import order and all tests, on SQLite and PostgreSQL
	$(BIN)/python -m pytest -n auto --dist worksteal --require-both-engines $(ARGS)

check: lint types imports ## what needs no database: lint, types, import order, tidy tests
	$(BIN)/python -m pytest -q tests/architecture

lint: $(DEV) ## ruff: rules and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## mypy --strict
	$(BIN)/mypy

imports: $(DEV) ## the order of packages
	$(BIN)/lint-imports --no-logo

format: $(DEV) ## rewrite the code in the one format, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

coverage: $(DEV) ## the tests with branch coverage, as text and in htmlcov/
	$(BIN)/python -m pytest -n auto --cov --cov-report=term --cov-report=html $(ARGS)

bench: $(DEV) ## how fast it is, next to limits of the same run; needs wrk and pgbench
	@exec $(BIN)/python -m benchmarks $(ARGS)

torture: $(DEV) ## kill banks and their PostgreSQL under load; ARGS="--rounds 300 --seed N"
	@exec $(BIN)/python -m tests.torture $(ARGS)

lock: ## choose new versions within the bounds of pyproject.toml and write requirements/*.lock
	@scripts/lock.sh $(ARGS)

install: $(DEV) ## make .venv with everything, and do nothing else

clean: ## remove .venv and what tools left behind
	rm -rf $(VENV) .make build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
