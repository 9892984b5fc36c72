# Two commands do everything: `make run` and `make test`. Each keeps an environment of its own,
# made from the locked requirements; nothing but Python (3.11 or newer) and make is needed.

PYTHON ?= python3
ARGS ?=
RUN := .venv-run
DEV := .venv-dev

.PHONY: run test lint check benchmark lock wheel clean

run: $(RUN)/.ready  ## the server on port 8000 with eight simulated beds
	$(RUN)/bin/beatwire serve --simulate 8 $(ARGS)

test: $(DEV)/.ready lint  ## everything: style, types, structure, tests (ARGS go to pytest)
	$(DEV)/bin/python -m stream.warm
	$(DEV)/bin/python -m pytest -n auto --dist loadgroup $(ARGS)

lint: $(DEV)/.ready
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports

benchmark: $(DEV)/.ready  ## the long figures: accuracy, load
	$(DEV)/bin/python benchmarks/run.py $(ARGS)

lock:  ## resolve the dependencies anew (needs uv)
	uv pip compile -q --universal --constraint requirements/constraints.txt --generate-hashes --python-version 3.11 pyproject.toml --extra records --extra postgres -o requirements/run.txt
	uv pip compile -q --universal --constraint requirements/constraints.txt --generate-hashes --python-version 3.11 pyproject.toml --extra train --extra postgres --group test --group lint -o requirements/dev.txt

wheel: $(DEV)/.ready
	$(DEV)/bin/python -m pip wheel --no-deps --wheel-dir dist .

clean:
	rm -rf $(RUN) $(DEV) build dist

$(RUN)/.ready: requirements/run.txt pyproject.toml
	$(PYTHON) -m venv $(RUN)
	$(RUN)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(RUN)/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

$(DEV)/.ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(DEV)/bin/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@
