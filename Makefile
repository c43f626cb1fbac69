# make demo   set up everything in .venv and run a competition end to end on the embedded data
# make test   the same environment with test extras: ruff, mypy, all tests but those that only a release needs
# make test-release   those: other versions of torch, builds as pip makes them; they fetch several GB
# make docs   the documentation's site, into build/site
# make bench  the hot paths beside their peers, which it installs; some ten minutes
# make sanitize   the tests of all that is compiled under address and undefined-behaviour sanitizers, and on a GPU under
#                 compute-sanitizer

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt
COMPETITIONS := $(wildcard competitions/*/pyproject.toml)
PLUGINS := $(wildcard plugins/*/pyproject.toml)
NATIVE := setup.py pyproject.toml $(shell find csrc -type f -not -name '*.md' -not -name '*.pyc')

# Two processes with one thread each; whoever is done first takes over from the other.
PYTEST := $(BIN)/python -m pytest -n 2 --dist worksteal --benchmark-disable

.PHONY: demo test test-release lint types tests quick-tests docs bench sanitize sanitize-cuda clean

demo: .venv/demo.done
	$(BIN)/ctk run aml-retrieval

test: lint types tests

lint: .venv/test.done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/test.done
	$(BIN)/mypy

tests: .venv/test.done .venv/cuda.done
	$(PYTEST) -m "not release"

quick-tests: .venv/test.done .venv/cuda.done
	$(PYTEST) -m "not slow and not release"

test-release: .venv/test.done
	$(BIN)/python -m pytest -m release

docs: .venv/test.done
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/bench.done
	$(BIN)/ctk bench

# A copy of the package with checking kernels goes before the installed one. Python itself is not instrumented, so the
# sanitizer's library is preloaded, and libstdc++ with it: else it finds no __cxa_throw. Python's own leaks are not ours,
# and its -fwrapv would hide overflows.
SANITIZED := $(CURDIR)/build/sanitize
CHECKS := -fsanitize=address,undefined -fno-sanitize-recover=all
sanitize: .venv/test.done sanitize-cuda
	CTK_BUILD=cpu CXXFLAGS='$(CHECKS) -fno-wrapv -O1 -g -fno-omit-frame-pointer' LDFLAGS='$(CHECKS)' \
		$(BIN)/python setup.py --quiet build --build-lib $(SANITIZED) build_ext --build-temp $(SANITIZED)-objects
	PYTHONPATH=$(SANITIZED) ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
		LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libstdc++.so)" \
		$(BIN)/python -m pytest --capture=no -p no:cacheprovider tests/ops tests/blend

# torch's own pool of memory would hide what runs over the end of a tensor.
sanitize-cuda: .venv/test.done
	@if nvidia-smi -L 2>/dev/null | grep -q GPU && command -v compute-sanitizer; then \
		PYTORCH_NO_CUDA_MEMORY_CACHING=1 compute-sanitizer --error-exitcode 9 \
			$(BIN)/python -m pytest tests/ops tests/blend -k 'cuda and not emulation'; \
	else echo "no GPU or no compute-sanitizer here: the CUDA kernels are not checked"; fi

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

# The CUDA kernels too where there is an nvcc, GPU or not, so that a test run finds what does not compile.
.venv/cuda.done: .venv/native.done
	CTK_BUILD=all $(BIN)/python setup.py --quiet build_ext --inplace
	touch $@

# The core and one competition, so that the first command stays as quick as it is however many competitions come.
.venv/demo.done: .venv/build.done competitions/aml_retrieval/pyproject.toml | .venv/native.done
	$(INSTALL) --no-build-isolation --editable competitions/aml_retrieval
	touch $@

.venv/test.done: .venv/demo.done pyproject.toml $(COMPETITIONS) $(PLUGINS) | .venv/native.done
	@echo "Installing the test extras, every competition and every plugin into .venv"
	$(INSTALL) --no-build-isolation 'competition-toolkit[test,docs]' $(patsubst %/pyproject.toml,--editable '%[test]',$(COMPETITIONS)) \
		$(patsubst %/pyproject.toml,--editable %,$(PLUGINS))
	touch $@

# AutoGluon's own requirements forbid the pandas that we are tested with; its ensemble selection runs with it.
.venv/bench.done: .venv/demo.done pyproject.toml | .venv/native.done
	@echo "Installing the benchmarks' peers into .venv"
	$(INSTALL) 'competition-toolkit[bench]'
	$(INSTALL) --no-deps autogluon.common autogluon.core autogluon.features
	touch $@

clean:
	rm -rf .venv build dist runs toolkit/ctk/*/_*.so toolkit/ctk/ops/_build.json
