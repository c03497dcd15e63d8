# Every target does all its own set-up: Python 3.11+ is enough, the tests with real servers also want Node 20.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-fast clients campaign check schema released documents graphiql lock clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: .venv/.installed ## Build .venv/ from the locked requirements.

# Debian keeps venv's own pip in a package apart.
.venv/.installed: requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { apt-get -qq update && apt-get -qq install -y python3-venv; }
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

demo: setup ## Serve a generated company, sources and all: http://127.0.0.1:8000/graphql (PORT=…).
	@$(BIN)/python -m gateway demo --port $(PORT)

serve: setup ## Serve the sources of a settings file: make serve CONFIG=gateway.toml
	@$(BIN)/python -m gateway serve --config $(CONFIG)

test: setup ## All tests, against the demo's servers and against real MLflow, Airflow and Unleash.
	@$(BIN)/python -m tests.servers install
	@$(BIN)/python -m pytest

test-fast: setup ## The tests that need no real server and no Node.
	@$(BIN)/python -m pytest -m "not live and not clients and not browser"

clients: setup ## The clients and routers people use, each run against the demo (needs Node 20).
	@$(BIN)/python -m pytest -m "clients or browser" -v -rN --no-header

campaign: setup ## Every fault at every source, 20 answers each, with the table of tests/faults/RESULTS.md.
	@$(BIN)/python -m tests.faults.campaign

check: setup ## Style, types, layers, and the committed schema.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m gateway schema | diff -u schema/schema.graphql - || { echo "run: make schema"; exit 1; }
	@$(BIN)/python -m gateway schema --client | diff -u schema/schema.client.graphql - || { echo "run: make schema"; exit 1; }
	@$(BIN)/python -m tests.schema.evolution

schema: setup ## Print the schema into schema/schema.graphql and, for clients, schema/schema.client.graphql.
	@$(BIN)/python -m gateway schema > schema/.schema.graphql && mv schema/.schema.graphql schema/schema.graphql
	@$(BIN)/python -m gateway schema --client > schema/.schema.graphql && mv schema/.schema.graphql schema/schema.client.graphql

released: schema ## Hold later changes of the schema to the one that is released now.
	@cp schema/schema.client.graphql schema/released.graphql

documents: setup ## Write what the generated clients ask into tests/clients/documents.json, by hash (needs Node 20).
	@rm -f tests/clients/documents.json
	@WRITE_DOCUMENTS=1 $(BIN)/python -m pytest -q --no-header tests/clients/test_ariadne.py tests/clients/test_relay.py tests/clients/test_typescript.py

graphiql: ## Build gateway/static/graphiql from the pinned packages of gateway/graphiql (needs Node 20).
	@cd gateway/graphiql && npm ci --ignore-scripts --no-audit --no-fund --silent && npm run --silent build

lock: ## Resolve requirements/*.in anew (needs uv).
	@for name in runtime dev; do uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --python-version 3.11 --upgrade requirements/$$name.in -o requirements/$$name.txt; done

clean: ## Remove what the other targets made.
	@rm -rf .venv .cache gateway/graphiql/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
