# make demo   set up everything in .venv and run a competition end to end on the embedded data
# make test   the same environment with test extras: ruff, mypy, all tests

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
PROJECTS := $(wildcard competitions/*/pyproject.toml plugins/*/pyproject.toml)
NATIVE := setup.py pyproject.toml $(shell find csrc -type f -not -name '*.md' -not -name '*.pyc')

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

# Without build isolation, so that the native part is compiled against this very torch and pip fetches none besides.
.venv/build.done: .venv/created constraints.txt
	@echo "Installing torch and what compiles ctk into .venv (several GB)"
	$(INSTALL) torch setuptools ninja pybind11
	touch $@

.venv/native.done: .venv/build.done $(NATIVE)
	@echo "Compiling ctk's native part and installing its libraries into .venv"
	$(INSTALL) --no-build-isolation --editable .
	@$(BIN)/python csrc/setup/record.py
	touch $@

.venv/demo.done: .venv/build.done $(PROJECTS) | .venv/native.done
	$(INSTALL) --no-build-isolation --editable competitions/aml_retrieval
	touch $@

.venv/test.done: .venv/demo.done pyproject.toml | .venv/native.done
	@echo "Installing the test extras into .venv"
	$(INSTALL) --no-build-isolation 'competition-toolkit[test]' \
		--editable 'competitions/aml_retrieval[encoders,offline-encoders]' --editable plugins/open_clip
	touch $@

clean:
	rm -rf .venv build dist runs
