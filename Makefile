# What a newcomer types. Every target sets up what it needs; nothing but Python 3.11 and make is
# expected on the machine.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP_INSTALL := PIP_REQUIRE_VIRTUALENV=1 $(PY) -m pip install --quiet --disable-pip-version-check
# PostgreSQL needs a driver besides; a URL in instance/config.py is not seen here: install it then.
RUNTIME := $(if $(filter postgresql%,$(SWITCHYARD_DATABASE_URL)),postgres,runtime)
# A job that runs make itself must not take our make for its parent.
CLEAN_ENV := env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u MAKEOVERRIDES

.PHONY: help serve test lint format bench faults clean

help:
	@echo 'make serve    install what is missing and run Switchyard'
	@echo 'make test     run the tests            (ARGS="-k name" is passed to pytest)'
	@echo 'make lint     check style, types and import rules'
	@echo 'make format   rewrite the code in the common style'
	@echo 'make bench    measure speed and memory, print the figures'
	@echo 'make faults   run only the tests that kill processes and fill disks'
	@echo 'make clean    remove the virtual environment and caches, never the instance'

# exec: signals that are sent to this step must reach the supervisor itself.
serve: $(VENV)/$(RUNTIME).stamp
	@exec $(CLEAN_ENV) $(PY) deploy/serve.py

test: $(VENV)/dev.stamp
	@$(CLEAN_ENV) $(PY) -m pytest -q -n auto --dist worksteal $(ARGS)

lint: $(VENV)/dev.stamp
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/dev.stamp
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: $(VENV)/dev.stamp
	@$(CLEAN_ENV) $(PY) -m bench $(ARGS)

faults: $(VENV)/dev.stamp
	@$(CLEAN_ENV) $(PY) -m pytest -q tests/faults $(ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Switchyard needs Python 3.11 or newer; name one with: make PYTHON=python3.11'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo 'This Python has no venv module (on Debian and Ubuntu: apt install python3-venv).'; exit 1; }
	@echo 'Creating $(VENV) ...'
	@$(PYTHON) -m venv --clear $(VENV)

# An interrupted `python -m venv` may leave a folder without pip, or without the file that makes it an
# environment: then its python is the machine's, and pip would install into that. Make it anew.
$(VENV)/%.stamp: $(PY)
	@$(PY) -c 'import pip, sys; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null || \
		$(PYTHON) -m venv --clear $(VENV)
	@echo 'Installing $(REQUIREMENTS) ...'
	@$(PIP_INSTALL) -r $(REQUIREMENTS)
	@touch $@

$(VENV)/runtime.stamp: REQUIREMENTS := requirements.txt
$(VENV)/runtime.stamp: requirements.txt
$(VENV)/dev.stamp: REQUIREMENTS := requirements/dev.txt
$(VENV)/dev.stamp: requirements.txt requirements/postgres.txt requirements/dev.txt
$(VENV)/postgres.stamp: REQUIREMENTS := requirements/postgres.txt
$(VENV)/postgres.stamp: requirements.txt requirements/postgres.txt
