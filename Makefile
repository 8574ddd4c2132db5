# make install | demo | test | test-browser | check | conformance | clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLD := $(VENV)/mcp-1.27

.PHONY: install demo test test-browser chromium check conformance clean

install: $(STAMP) $(OLD)/.installed

$(STAMP): requirements.lock pyproject.toml engine/scrubjay/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Scrubjay needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

# The MCP client of the year before, in an environment of its own: tests let it talk to the server of today.
$(OLD)/.installed: requirements-mcp1.lock $(STAMP)
	test -x $(OLD)/bin/python || $(PYTHON) -m venv $(OLD)
	$(OLD)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-mcp1.lock
	@touch $(OLD)/.installed

demo: install
	@$(BIN)/python examples/demo.py

test: install chromium
	$(BIN)/python -m pytest

test-browser: install chromium
	$(BIN)/python -m pytest tests/browser

chromium:
	@command -v chromium || command -v chromium-browser || command -v google-chrome || \
		{ apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends chromium; } > /dev/null 2>&1 || \
		echo "There is no Chromium, and apt-get cannot install it here: the tests in a browser are left out."

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

conformance: install
	$(BIN)/python tests/wire_conformance.py

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
