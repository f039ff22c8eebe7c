# The verbs of this house. `make demo` and `make test` install what they need into .venv first.
PYTHON ?= python3
BIN := .venv/bin
DEMO := .venv/.installed-demo
DEV := .venv/.installed-dev
SOURCES := pyproject.toml setup.py $(wildcard src/strandkeep/*/*.pyx src/strandkeep/*/*.pxd src/strandkeep/*/*.h)
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: install demo test check soak bench types lock clean

install: $(DEMO)

.venv/bin/pip:
	$(PYTHON) -m venv .venv

$(DEMO): .venv/bin/pip requirements/demo.lock $(SOURCES)
	$(INSTALL) --require-hashes -r requirements/demo.lock
	$(INSTALL) --no-deps --no-build-isolation --no-index -e .
	touch $@

$(DEV): $(DEMO) requirements/dev.lock
	$(INSTALL) --require-hashes -r requirements/dev.lock
	touch $@

demo: $(DEMO)
	$(BIN)/strandkeep demo $(if $(READS),$(READS))

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/rules

# A file of tests keeps its order, and its servers; files run side by side.
test: $(DEV)
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

# What takes long: kills and faults by the hundred. SOAK_SEEDS=17 runs a seed of its report again.
soak: $(DEV)
	$(BIN)/pytest -m soak

bench: $(DEV)
	$(BIN)/python -m bench

# The request and response types and the model's errors, from botocore's service model.
types: $(DEV)
	$(BIN)/python -m strandkeep.protocol.generate

lock: $(DEV)
	$(BIN)/python requirements/lock.py

clean:
	rm -rf .venv build src/*.egg-info src/strandkeep/*/_*.c src/strandkeep/*/*.so
