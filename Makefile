# `make demo` and `make test` set up everything: they need Python 3.11+, Java 17 or 21 and make.
PYTHON ?= python3
OUT ?= build
PROCESSES ?= 2
BIN := .venv/bin
LOCK := requirements.lock

.PHONY: demo test compiled bench lint clean
.DEFAULT_GOAL := demo

demo: .venv/.installed
	$(BIN)/biomedica demo --out "$(OUT)" $(if $(SOURCE),--source "$(SOURCE)") $(if $(IDS),--ids "$(IDS)")

# The tests of a file stay in one process: `make test PROCESSES=0` runs all of them in this one.
# They test plain Python, which is what a wheel brings, and compare with it what `make compiled` makes of it.
test: .venv/.installed
	rm -rf udfs/jats/_compiled
	$(BIN)/pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

# The extractor as machine code, which gives the same rows; without a C compiler it stays plain Python.
compiled: .venv/.installed
	$(BIN)/python -m jobs.compile_extractor

bench: compiled
	$(BIN)/python -m jobs.bench --out "$(OUT)"

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The project itself is installed editable; everything else comes from the lock, version by version.
.venv/.installed: pyproject.toml $(LOCK)
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	@echo "Installing the locked dependencies into .venv (about 7.5 GB with PyTorch, a few minutes)"
	$(BIN)/pip install --quiet --disable-pip-version-check -r $(LOCK)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf build dist udfs/jats/_compiled
