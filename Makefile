# Everything that people and CI call. Each target makes .venv when it is missing (scripts/setup.sh).

# Without bytecode every process would parse torch again.
unexport PYTHONDONTWRITEBYTECODE
# Threads that wait let others work: many small operations otherwise spend most of their processor
# time spinning, above all when something else is running.
export OMP_WAIT_POLICY ?= PASSIVE

PYTHON_BIN := .venv/bin/python
CODE := src tests benchmarks examples

.PHONY: help demo test test-all check format bench golden core dev

help:
	@echo "make demo      work on the example clips and write demo/index.html"
	@echo "make test      run the test suite (under 10 minutes on 2 cores)"
	@echo "make check     formatting, lint and types, as CI runs them"
	@echo "make test-all  every test, the slow ones too"
	@echo "make golden    compare with the stored outputs of the published systems"
	@echo "make bench     measure speed and memory, write benchmarks/*.md"
	@echo "make format    rewrite the code in the project's format"

core:
	@scripts/setup.sh core

dev:
	@scripts/setup.sh dev

demo: core
	@$(PYTHON_BIN) -m examples.make_demo

test: dev
	@$(PYTHON_BIN) -m pytest -m "not slow"

test-all: dev
	@$(PYTHON_BIN) -m pytest

check: dev
	@status=0; \
	$(PYTHON_BIN) -m ruff format --check $(CODE) || status=1; \
	$(PYTHON_BIN) -m ruff check $(CODE) || status=1; \
	$(PYTHON_BIN) -m mypy || status=1; \
	exit $$status

format: dev
	@$(PYTHON_BIN) -m ruff format $(CODE)
	@$(PYTHON_BIN) -m ruff check --fix $(CODE)

golden: dev
	@$(PYTHON_BIN) -m pytest tests/golden -v

bench: dev
	@$(PYTHON_BIN) -m benchmarks.run
	@$(PYTHON_BIN) -m benchmarks.davis
	@$(PYTHON_BIN) -m benchmarks.generate
