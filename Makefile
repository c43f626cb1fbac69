# make demo   set up everything in .venv and run a competition end to end on the embedded data
# make test   the same environment with test extras: ruff, mypy, all tests

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PROJECTS := pyproject.toml $(wildcard competitions/*/pyproject.toml plugins/*/pyproject.toml)

.PHONY: demo test lint types quick-tests slow-tests clean

demo: .venv/demo.done
	$(BIN)/ctk run aml-retrieval

test: lint types quick-tests slow-tests

lint: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test.done
	$(BIN)/mypy

quick-tests: .venv/test.done
	$(BIN)/python -m pytest -m "not slow"

slow-tests: .venv/test.done
	$(BIN)/python -m pytest -m slow

.venv/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ctk needs Python 3.11 or later; set PYTHON=python3.x")'
	$(PYTHON) -m venv .venv
	touch $@

.venv/demo.done: .venv/created constraints.txt $(PROJECTS)
	@echo "Installing ctk, the aml-retrieval plugin and their libraries into .venv (several GB with torch)"
	$(INSTALL) --editable . --editable competitions/aml_retrieval
	touch $@

.venv/test.done: .venv/demo.done
	@echo "Installing the test extras into .venv"
	$(INSTALL) --editable '.[test]' --editable 'competitions/aml_retrieval[encoders,offline-encoders]' \
		--editable plugins/open_clip
	touch $@

clean:
	rm -rf .venv build dist runs
