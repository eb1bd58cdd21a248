# `make help` lists what there is. Every target installs what it needs.

PYTHON ?= python3
BIN := .venv/bin
RUNTIME := .venv/.runtime
DEV := .venv/.dev
NPM := contracts/node_modules/.package-lock.json
BUNDLER := verifier/node_modules/.package-lock.json
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# uv installs in seconds; where it cannot reach the index that pip is set up for, pip does.
INSTALL = $(BIN)/uv pip install --quiet --no-deps --require-hashes -r $(1) 2>/dev/null \
	|| $(BIN)/pip install --quiet --no-deps --require-hashes -r $(1)

.PHONY: help run demo test check soak bench lock page contracts clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUNTIME) $(NPM) ## start everything on this machine; Ctrl-C stops it
	@$(BIN)/provenance run

demo: $(RUNTIME) $(NPM) ## a parcel's journey, anchored, verified, tampered with and caught (in .provenance-demo, never in PROVENANCE_DATA)
	@$(BIN)/provenance demo

check: $(DEV) $(NPM) ## lint, types, layers, recompiled contract (fast; before each commit)
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache > build/imports.txt 2>&1 || { cat build/imports.txt; exit 1; }
	@$(BIN)/python scripts/compile_contracts.py --check

test: check contracts ## everything that fits in 15 minutes on two cores
	@$(BIN)/pytest -m "not soak" -n 2 --dist loadfile --durations 25 --durations-min 5

contracts: $(NPM) ## forge: unit, fuzz and invariant tests, gas snapshot
	@FORGE_SNAPSHOT_CHECK=true scripts/forge.sh test

soak: $(DEV) $(NPM) ## the long tests at full size
	@FOUNDRY_PROFILE=soak scripts/forge.sh test
	@$(BIN)/pytest -m soak -p no:randomly --timeout 7200

bench: $(DEV) $(NPM) ## figures, each as a ratio to a baseline of the same run
	@$(BIN)/python scripts/bench.py

page: $(RUNTIME) $(BUNDLER) ## rebuild the page that verifies dossiers
	@$(BIN)/python scripts/verifier_page.py

lock: ## renew the pinned requirements
	@scripts/lock.sh

clean: ## remove environment and build products, not the data folder
	rm -rf .venv build verifier/node_modules contracts/node_modules contracts/cache contracts/out

.venv/bin/uv: requirements/build.txt
	@echo "creating the Python environment in .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --no-deps --require-hashes -r requirements/build.txt
	@touch $@

$(RUNTIME): .venv/bin/uv requirements/runtime.txt pyproject.toml
	@echo "installing the pinned packages ..."
	@$(call INSTALL,requirements/runtime.txt)
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --no-index -e .
	@touch $@

$(DEV): $(RUNTIME) requirements/dev.txt
	@echo "installing the pinned development packages ..."
	@$(call INSTALL,requirements/dev.txt)
	@mkdir -p build
	@touch $@

$(NPM): contracts/package-lock.json
	@echo "installing anvil and the compiler ..."
	@cd contracts && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BUNDLER): verifier/package-lock.json
	@echo "installing the bundler of the verifier's page ..."
	@cd verifier && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
