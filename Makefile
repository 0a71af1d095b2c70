# Every target sets up what it needs; see .ci/setup for the variables it understands (PYTHON, VENV, PETSC_DIR, ...).
.PHONY: demo test test-all lint bench docs clean
BIN = $(or $(if $(VENV),$(VENV)/bin,),$(if $(CONDA_PREFIX),$(CONDA_PREFIX)/bin,),.venv/bin)
JOBS = bigbath/studies/jobs
PYTEST = $(BIN)/python -m pytest --numprocesses 3 --dist worksteal  # a worker waits for SLURM while others compute

demo:        ## Fig. 1 of the entropy paper: N = 15 ring, job file -> figures, in demo/
	@.ci/setup
	@mkdir -p demo
	$(BIN)/bigbath run $(JOBS)/entropy_fig1.toml -o demo/entropy_fig1.h5
	$(BIN)/bigbath show demo/entropy_fig1.h5
	$(BIN)/bigbath plot demo/entropy_fig1.h5 -o demo/entropy_fig1.png
	$(BIN)/bigbath reproduce entropy --figure 1 --keep demo

test:        ## the test suite
	@.ci/setup test
	$(PYTEST)

test-all:    ## the test suite with its long versions
	@.ci/setup test
	BIGBATH_LONG=1 $(PYTEST)

lint:        ## ruff, its formatter, and mypy
	@.ci/setup lint
	$(BIN)/ruff check bigbath tests
	$(BIN)/ruff format --check bigbath tests
	$(BIN)/mypy

# QMBED installs modules named quspin: it and DACP have environments of their own
bench/%/bin/python:
	$(BIN)/python -m venv bench/$*
	-bench/$*/bin/pip install --quiet $*

bench:       ## tables of the benchmarks, docs/img/engines.png
	@.ci/setup bench
	@$(MAKE) --no-print-directory bench/qmbed/bin/python bench/pydacp/bin/python
	$(BIN)/python tests/benchmarks/kernels.py
	$(BIN)/python tests/benchmarks/filter.py kernel --spins 12 14 16
	$(BIN)/python tests/benchmarks/ranked.py --sites 16 18 20
	$(BIN)/python tests/benchmarks/methods.py
	$(BIN)/python tests/benchmarks/magnetisation.py --L 12 14 --W 1 5 --limit 120 --json bench/magnetisation.jsonl \
		--rust-python bench/qmbed/bin/python --dacp-python bench/pydacp/bin/python
	$(BIN)/python tests/benchmarks/magnetisation.py --table bench/magnetisation.jsonl
	$(BIN)/python tests/benchmarks/ensemble.py tasks
	$(BIN)/python tests/benchmarks/ensemble.py job --L 14 --realizations 20
	$(BIN)/python tests/benchmarks/engines.py --spins 12 13 14 --json bench/engines.jsonl
	$(BIN)/python tests/benchmarks/engines_figure.py bench/engines.jsonl docs/img/engines.png

docs:        ## the documentation as a web site in site/
	@.ci/setup docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict -f .mkdocs.yml

clean:       ## remove what the targets made, but not the environment
	rm -rf demo site dist
