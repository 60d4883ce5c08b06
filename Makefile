# Everything from nothing: `make run`, `make test`. uv is used where it is installed, pip elsewhere.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= 2
UV := $(shell command -v uv 2>/dev/null)
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Without cached bytecode every process that imports TensorFlow takes twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install run test test-slow chaos check bench peers clean lock signatures

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## set up the environment in .venv from the lock file

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
ifdef UV
	$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python -r requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
else
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
endif
	@$(BIN)/python -m compileall -q dlrun hydra_plugins
	@touch $@

run: install ## sweep learning rate x dropout x seed of an MLP on digits, and rank the trials
	$(BIN)/dlrun -m experiment=digits_rate_and_dropout

test: install check ## run the tests (under 12 minutes on two cores)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not slow"

test-slow: install ## run the tests that take longer
	$(BIN)/python -m pytest -m slow -rP

chaos: install ## kill sweeps at random, and let trials crash, hang and eat memory; shows its log
	$(BIN)/python -m pytest tests/chaos -m slow -rP

check: install ## lint, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install ## measure against plain Keras and other tools; prints ratios
	$(BIN)/python -m tests.benchmarks

peers: install ## install what the benchmarks measure dlrun against, apart from the environment
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target .peers \
		-r tests/benchmarks/peers.txt

lock: ## resolve the lock file anew (needs uv)
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --no-header --group dev \
		pyproject.toml --output-file requirements.lock

signatures: install ## read anew what the installed Keras takes (after an update of it)
	$(BIN)/python -m dlrun.config.signatures

clean: ## remove the environment, caches and built files; runs and results stay
	rm -rf $(VENV) .peers build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
