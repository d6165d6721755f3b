# Every target uses .venv and does nothing that is done already.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.product-is-installed
TEST_STAMP := $(VENV)/.tests-are-installed
TRAIN_STAMP := $(VENV)/.training-is-installed
# Where torch comes from: https://download.pytorch.org/whl/cpu for the build without CUDA; empty for the
# package index's own build, which on PyPI brings CUDA and some 5 GB to Linux.
TORCH_INDEX :=
HOMES := .dynosaur .dynosaur/demo
SEEDS := 1 2 3
FAULTS := 500

.DEFAULT_GOAL := help
.PHONY: help setup train demo up stop clean test check lint types bench chaos

help: ## Show the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: $(STAMP) ## Make .venv with everything in it

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.txt constraints.txt pyproject.toml | $(BIN)/python
	$(if $(TORCH_INDEX),$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --index-url $(TORCH_INDEX) "$$(grep '^torch==' constraints.txt)")
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(TRAIN_STAMP): requirements-train.txt constraints.txt $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-train.txt -c constraints.txt
	@touch $@

train: $(TRAIN_STAMP) ## Add the extra [train]: fine-tuning, evaluation and experiments

# The tests of training run in `make test`, on models of random weights: the extra is installed for
# them here. Only an environment of one's own without it skips them, and says so.
$(TEST_STAMP): requirements-dev.txt requirements-s3-server.txt constraints.txt $(TRAIN_STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	$(PYTHON) -m venv $(VENV)/s3
	$(VENV)/s3/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-s3-server.txt
	@touch $@

demo: $(STAMP) ## Grow three days from the sample Hub through Airflow, and show the result
	@$(BIN)/python -m demo.run

up: $(STAMP) ## Start the system against the real Hub and LLM, with the settings of .env
	@test -f .env || { echo "make up needs the file .env: cp .env.example .env, then set OPENAI_API_KEY in it" >&2; exit 2; }
	@$(BIN)/dynosaur --env-file .env up

stop: ## Stop everything that demo and up have started
	@test ! -x $(BIN)/python || $(BIN)/python -m dynosaur_etl.local.stop $(HOMES)

clean: stop ## Remove all local state: databases, snapshots, logs, passwords
	rm -rf .dynosaur

test: check ## Check style and types, and run every test
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup --ignore tests/airflow
	$(BIN)/python -m pytest tests/airflow

check: lint types

lint: $(TEST_STAMP) ## Check style and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_STAMP) ## Check the types
	$(BIN)/mypy
	MYPYPATH=plugins $(BIN)/mypy -p dynosaur_airflow

bench: $(TEST_STAMP) ## Run every benchmark, and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

chaos: $(TEST_STAMP) ## Shake installations by SEEDS, FAULTS times each, and compare with the truth
	for seed in $(SEEDS); do $(BIN)/python -m tests.chaos --seed $$seed --faults $(FAULTS) || exit 1; done
