# Each target sets up what it needs: a virtual environment with the pinned dependencies. Python 3.11+ is enough.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo viewer test check fuzz bench drill lighthouse screenshots format messages clean

demo: .venv/runtime
	@exec $(BIN)/python manage.py demo

viewer: .venv/runtime
	@$(BIN)/python manage.py install_ohif

test: .venv/development
	$(BIN)/pytest -n $${TEST_PROCESSES:-auto} $(ARGS)

check: .venv/development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates apps
	$(BIN)/python -m tests.migrations_are_complete

# schemathesis against the REST API's description: `make fuzz EXAMPLES=500`, a part of it with OPERATIONS='POST .*orders'
fuzz: export API_EXAMPLES := $(or $(EXAMPLES),100)
fuzz: export API_OPERATIONS := $(OPERATIONS)
fuzz: .venv/development
	$(BIN)/pytest -n 0 -o timeout=0 tests/api/test_description.py -k schemathesis $(ARGS)

bench: export PYTHONPATH := edge
bench: .venv/development
	$(BIN)/python -m tests.benchmarks $(ARGS)

# Both look at a running demonstration: `make demo` in another terminal.
lighthouse: export CHROME_PATH ?= $(shell command -v chromium || command -v google-chrome)
lighthouse: tests/lighthouse/node_modules
	node tests/lighthouse/measure.js http://localhost:$${PORT:-8000}

tests/lighthouse/node_modules: tests/lighthouse/package-lock.json
	npm ci --prefix tests/lighthouse --ignore-scripts --no-audit --no-fund
	@touch $@

screenshots: .venv/development
	$(BIN)/python -m tests.browser.screenshots --address http://localhost:$${PORT:-8000} $(ARGS)

drill: export PYTHONPATH := edge
drill: .venv/development
	$(BIN)/python -m tests.drills.scaling_out $(ARGS)

format: .venv/development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djlint --reformat --quiet templates apps

messages: .venv/development
	@$(BIN)/python -m tests.messages

clean:
	rm -rf .venv .ohif .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

.venv/bin/python:
	$(PYTHON) -m venv .venv

# The development set holds the runtime set, so either satisfies `demo`.
.venv/runtime: requirements.lock | .venv/bin/python
	@test -f .venv/development || ./install requirements.lock
	@touch $@

.venv/development: requirements-dev.lock | .venv/bin/python
	@./install requirements-dev.lock
	@touch $@ .venv/runtime
