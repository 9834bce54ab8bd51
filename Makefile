# Everything a person types. `make help` lists it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Images of containers often set it. The tests start hundreds of processes, and each would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-rest test-full test-steer test-costs ci lab check lint bench bench-peers chaos lock sdks clean

help: ## Show what there is.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

# The base: what a server needs. The stamp is named after what was installed.
$(VENV)/base.stamp: requirements/base.lock requirements/build.lock src/safelight/detectors/models/catalogue.py pyproject.toml packages/lab/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Safelight needs Python 3.11 to 3.13; set PYTHON=python3.12, say."; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing what is locked in requirements/ ..."
	@$(PIP) install --no-compile --require-hashes -r requirements/base.lock
	@$(PIP) install --no-compile --require-hashes -r requirements/build.lock
	@$(PIP) install --no-compile --no-deps --no-build-isolation -e . -e packages/lab
	@# Without a model, its checks are a gap that is reported.
	@$(BIN)/safelight models pull all --shared || echo "Some models are missing: $(BIN)/safelight models list"
	@touch $@

$(VENV)/dev.stamp: $(VENV)/base.stamp requirements/dev.lock
	@$(PIP) install --no-compile --require-hashes -r requirements/dev.lock
	@# Children of the sandbox import modules where nothing can be written: without this they compile them every time.
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib src packages || true
	@touch $@

.venvs/%/stamp: requirements/%.lock
	@$(PYTHON) -m venv .venvs/$*
	@# The locks are complete; pip would ask for extras that a package of LiteLLM names and the lock has without them.
	@.venvs/$*/bin/python -m pip --disable-pip-version-check -q install --no-compile --no-deps --require-hashes -r $<
	@touch $@

%/node_modules/stamp: %/package-lock.json
	@if command -v npm >/dev/null; then cd $* && npm ci --silent --no-audit --no-fund && touch node_modules/stamp; \
	  else echo "npm is not installed: $* will be left out."; fi

run: $(VENV)/base.stamp ## Set up, make a first clip, seal it, verify it, and serve.
	@$(BIN)/safelight serve --demo

sdks: .venvs/openai2/stamp .venvs/openai3/stamp tests/sdk/node/node_modules/stamp tests/browser/node/node_modules/stamp tests/openid/node/node_modules/stamp examples/typescript/node_modules/stamp clients/node/node_modules/stamp ## Install the official SDKs, axe, an OpenID provider, and what builds the client for Node, for the tests.

# A record of the run for `make test-costs`, in the family of JUnit XML that names files.
PYTEST := $(BIN)/pytest -n auto --second-run -o junit_family=xunit1

test: $(VENV)/dev.stamp ## Run the tests; says what was left out.
	@$(PYTEST) -m "not rest" --junitxml=build/tests.xml
	@echo "Left to make test-rest: browsers, other SDKs, examples, packaging, PostgreSQL, packages/steer."

test-rest: $(VENV)/dev.stamp .venvs/steer/stamp sdks ## Run the tests that need a browser, other SDKs, packaging or PostgreSQL.
	@$(PYTEST) -m rest --junitxml=build/tests-rest.xml

test-full: test test-rest test-steer ## Run all tests.

test-costs: $(VENV)/dev.stamp ## Print where the time of the last runs went, by folder and file.
	@$(BIN)/python -m bench.suite_costs

ci: ## Run what CI runs, on the last commit, in a clean clone.
	@clone=$$(mktemp -d) && git clone -q . $$clone/safelight && cd $$clone/safelight && CI=true bash .ci/run; \
	  status=$$?; rm -rf $$clone; exit $$status

# Locked without torch, whose build differs between machines: of two locked hashes pip takes the one that an index states,
# which is the large build for CUDA, and not a local file. Packages that need torch are installed before it, hence --no-deps;
# what torch needs is in the lock.
.venvs/steer/stamp: requirements/steer.lock
	@$(PYTHON) -m venv .venvs/steer
	@.venvs/steer/bin/python -m pip --disable-pip-version-check -q install --no-compile --no-deps --require-hashes -r $<
	@.venvs/steer/bin/python -m pip --disable-pip-version-check -q install --no-compile torch==2.13.0
	@touch $@

test-steer: $(VENV)/dev.stamp .venvs/steer/stamp ## Test what needs torch, in an environment of its own.
	@.venvs/steer/bin/python -m pytest -q -c packages/steer/pyproject.toml --rootdir packages/steer packages/steer/tests
	@PYTHONPATH=src:packages/lab/src:$$(echo $(VENV)/lib/python3*/site-packages) .venvs/steer/bin/python -m pytest -q \
	  -c packages/steer/pyproject.toml --rootdir packages/lab packages/lab/tests/training/torch_act_tuning.py

TOY_WORLDS := build/toy-0 build/toy-1 build/toy-2
lab: .venvs/steer/stamp ## Train the toy world of steering, three seeds, and measure in it; goes on where it was ended.
	@for world in $(TOY_WORLDS); do \
	  .venvs/steer/bin/python packages/steer/bench/toy_world.py --seed $${world##*-} --out $$world || exit 1; done
	@.venvs/steer/bin/python packages/steer/bench/toy_measure.py $(TOY_WORLDS) --report docs/benchmarks/steering.md

check: lint ## Format, lint, types, layers, docs.
	@$(BIN)/pytest -q tests/docs

lint: $(VENV)/dev.stamp ## The same without the docs, whose tests are part of `make test`.
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(VENV)/dev.stamp ## Measure; figures go to docs/benchmarks/.
	@$(BIN)/python -m bench

bench-peers: $(VENV)/dev.stamp .venvs/litellm/stamp ## Measure beside LiteLLM's proxy and the bare upstream.
	@$(BIN)/python -m bench.proxies

chaos: $(VENV)/dev.stamp ## Kill workers, stop the gateway under load, inject faults, and count what is lost.
	@$(BIN)/python -m bench.chaos_faults
	@$(BIN)/python -m bench.chaos_faults --store postgres
	@$(BIN)/python -m bench.chaos
	@$(BIN)/python -m bench.chaos_stops
	@$(BIN)/python -m bench.chaos_adapters

lock: ## Renew the locks: hashes, no index addresses.
	@sh requirements/lock.sh

clean: ## Remove what was set up here; data/ stays.
	@rm -rf $(VENV) .venvs .mypy_cache .ruff_cache .pytest_cache .hypothesis
