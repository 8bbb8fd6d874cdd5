# `make run` and `make test` do their own set-up. See CONTRIBUTING.md for the rest.
.PHONY: run test check sim drops mutants bench clean
.DEFAULT_GOAL := run

VENV  := .venv
BIN   := $(VENV)/bin
ARGS  ?=

run: $(VENV)/.run
	$(BIN)/voicewire serve $(ARGS)

# Without chromium, where it cannot be installed either, the browser tests are left out, and the last line says so.
HAS_CHROMIUM := command -v chromium >/dev/null
LEAVE_OUT    := $(HAS_CHROMIUM) || export PYTEST_ADDOPTS='-m "not browser"'

test: $(VENV)/.test
	@tools/chromium || [ $$? = 3 ]
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(LEAVE_OUT); $(BIN)/pytest -n 2 $(ARGS)
	@$(HAS_CHROMIUM) || echo "make test: passed, but the browser tests were LEFT OUT: they need Debian's chromium"

check: $(VENV)/.test     ## the quick half of `make test`: lint, types, unit tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(LEAVE_OUT); $(BIN)/pytest -n 2 tests/unit $(ARGS)

sim: $(VENV)/.test       ## 150,000 simulated calls with about 500,000 link drops
	$(BIN)/python -m tests.sim.run $(ARGS)

drops: $(VENV)/.test     ## real sessions, ears, voices and carriers in virtual time, a fault after every message
	$(BIN)/python -m tests.virtual.drops $(ARGS)
	$(BIN)/python -m tests.virtual.remote
	$(BIN)/python -m tests.virtual.carriers

mutants: $(VENV)/.test   ## deliberate faults in the core; the tests must notice
	$(BIN)/python -m tests.sim.mutants $(ARGS)

bench: $(VENV)/.test     ## cost per call, beside the bare parts, in one run
	$(BIN)/python -m bench $(ARGS)

$(VENV)/.run: pyproject.toml constraints.txt tools/setup
	@tools/setup run
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt tools/setup
	@tools/setup test
	@touch $@ $(VENV)/.run

clean:
	rm -rf $(VENV) build tmp *.egg-info
