# Everything a developer or CI runs. `make run` and `make test` need Python 3.11+ and nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Of `make test`: one waits for brokers and stacks while the other computes. They hash alike, since they must name tests alike.
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup run test check format bench bench-causes soak plots pictures chaos fuzz lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Make .venv with the locked dependencies and this project

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Causeline needs Python 3.11 or newer: make PYTHON=python3.12 setup"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: setup ## Start everything embedded: broker, processors, server
	@$(BIN)/causeline up --free-ports

test: setup ## Run the whole suite (not the chaos runs and benchmarks)
	$(BIN)/python -m tests.servers
	$(BIN)/python -m tests.browser.chromium
	PYTHONHASHSEED=0 $(BIN)/python -m pytest -m "not chaos and not bench" --numprocesses $(WORKERS) --no-loadscope-reorder

check: setup ## Lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format and fix what can be fixed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure throughput and latency beside their aims and ceilings (about half an hour; VOLUME=1000000)
	$(BIN)/python -m tests.bench

bench-causes: setup ## Measure rankings of causes on simulated fleets beside baselines (some minutes; FIT=1 fits the weights first)
	$(BIN)/python -m tests.bench.causes $(if $(FIT),--fit)

soak: setup ## Hold half of the sustained rate for an hour and watch memory, handles and lag (MINUTES=60)
	$(BIN)/python -m tests.bench.soak $(or $(MINUTES),60)

plots: setup ## Draw docs/*.svg from the newest runs of bench and soak
	$(BIN)/python -m tests.bench.plots

pictures: setup ## Take docs/pictures/*.png of the demo's pages in a browser, light and dark
	$(BIN)/python -m tests.pictures

chaos: setup ## Every fault under load, about half an hour; ends with a table of what it cost and how it is seen
	$(BIN)/python -m pytest -m chaos tests/crash -s

fuzz: setup ## Hostile requests to every operation, longer than `make test` sends, and ten times too many
	$(BIN)/python -m pytest -m chaos tests/e2e -s

lock: setup ## Resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-annotate --no-header --quiet --extra dev --group generator pyproject.toml -o requirements.lock

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
