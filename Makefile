# make demo        the main job on a small book of customers, in English and Chinese
# make test        the tests
# make coverage    the tests, and which lines they do not reach; it takes half as long again
# make check       everything that must hold before a change lands: lint, types, layers, tests
# make test-spark  the tests that run on Spark, which needs Java 17; the targets above leave them out
# make bench       speed against hand-written code
# make clean       removes what the targets above made
#
# Each works alone on a fresh clone: it makes its own virtual environment in .venv, with the versions of constraints.txt,
# from wherever your pip is configured to install. Another interpreter: make PYTHON=python3.12 demo

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Stamps: a second run does not ask pip again until the dependencies change.
READY := $(VENV)/.ready
TOOLS := $(VENV)/.ready-with-tools
SPARK := $(VENV)/.ready-with-spark

# The same examples on every run and every machine; `make test HYPOTHESIS_PROFILE=dev` draws new ones.
HYPOTHESIS_PROFILE ?= ci
export HYPOTHESIS_PROFILE

# The tests start many processes; none of them should compile the library anew.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: demo test coverage check test-spark bench clean

demo: $(READY)
	@$(BIN)/crm-rules demo

test: $(TOOLS)
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal

coverage: $(TOOLS)
	@$(BIN)/python -m pytest --numprocesses auto --dist worksteal --cov

# The tests come last, so that the output ends with pytest's own count.
check: $(TOOLS)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-spark: $(SPARK)
	@$(BIN)/python -m pytest -m spark

bench: $(TOOLS)
	@$(BIN)/python benchmarks/run.py
	@$(BIN)/python benchmarks/columns.py

clean:
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt | $(BIN)/pip
	@echo "setting up $(VENV) (once, under a minute)"
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

# pip itself comes first: Debian's is too old to read dependency groups.
$(TOOLS): pyproject.toml constraints.txt | $(BIN)/pip
	@echo "setting up $(VENV) with the tools and engines for tests (once, about two minutes)"
	@$(PIP) install --constraint constraints.txt --upgrade pip
	@$(PIP) install --constraint constraints.txt --editable '.[testing,prove,frames]' --group dev --group engines
	@$(PIP) install --constraint constraints.txt --editable '.[durable]' || \
		echo "durable-rules could not be built (it needs a C compiler and Python's headers): its tests will be skipped" >&2
	@touch $(READY) $@

$(SPARK): $(TOOLS)
	@echo "adding Spark to $(VENV) (once, about a minute)"
	@$(PIP) install --constraint constraints.txt --group spark
	@touch $@

# pip is the last thing that `venv` writes, so an interrupted set-up is begun again.
$(BIN)/pip:
	@command -v $(PYTHON) >/dev/null || \
		{ echo "there is no '$(PYTHON)' here: install Python 3.11 or newer, or name one with 'make PYTHON=...'" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "'$(PYTHON)' is too old: crm_rules needs Python 3.11 or newer; name one with 'make PYTHON=...'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "'$(PYTHON) -m venv' does not work here: install Python's venv package (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
