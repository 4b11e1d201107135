# hublab: `make demo` from a bare machine to a notebook on another host; `make help` for the rest.
#
# Needs git, make and python3 >= 3.11; everything else is fetched. .venv is made once, and
# brought up to date when what it is made from has changed.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
STAMP := .venv/.made-by-make
VERSIONS := lab/hublab/__init__.py spawners/jupyterhub_sshspawner/__init__.py
VENV_INPUTS := lab/pyproject.toml spawners/pyproject.toml $(VERSIONS) lab/constraints.txt .ci/requirements-dev.txt .ci/make-venv

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: demo
demo: machine ## prepare this machine, bring a lab up, run a cell on another host
	@$(BIN)/hublab demo

.PHONY: test
test: setup ## all tests that are not slow, from a bare machine too
	@$(BIN)/python .ci/parts.py test

.PHONY: test-slow
test-slow: setup ## the slow tests; goes on where it stopped, AGAIN=1 begins anew
	@$(BIN)/python .ci/parts.py $(if $(AGAIN),--again) slow

.PHONY: test-clients
test-clients: machine ## clients, services and examples that others wrote, each as its own page says to use it
	@$(BIN)/python -m pytest -q -n0 tests/clients $(if $(TESTS),-k '$(TESTS)')

.PHONY: flake
flake: setup ## make flake DIR=scenarios/urls N=20: again and again in random order; goes on where it stopped, FIRST=9 at a seed
	@$(BIN)/python .ci/flake.py $(or $(DIR),scenarios) -n $(or $(N),20) $(if $(FIRST),--first $(FIRST)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(AGAIN),--again)

.PHONY: findings
findings: ## run the surprises about other software again, a line each; NAME=click-exit-returned for one
	@findings/run $(NAME)

.PHONY: sabotage
sabotage: setup ## each scenario must fail when its lab is not as it is told, and has that in scenarios/noticed.json; goes on where it stopped, AGAIN=1 anew
	@$(BIN)/pytest -q --sabotage --lab-score scenarios/noticed.json $(if $(AGAIN),--lab-score-again) $(or $(DIR),scenarios) -m 'not slow'

.PHONY: check
check: setup ## style, types and the tests that need no Docker
	@$(BIN)/python .ci/parts.py check

.PHONY: test-spawner
test-spawner: machine ## the spawner against a real sshd, in a container; ON=debian12, oldest or warm: all tests there, TESTS=tests/test_x.py: some
	@$(BIN)/python .ci/test_spawner.py $(if $(ON),--$(ON)) $(TESTS)

.PHONY: setup
setup: $(STAMP) ## the Python environment in .venv
	@:

$(STAMP): $(VENV_INPUTS)
	@.ci/make-venv .venv
	@touch $@

.PHONY: machine
machine: setup ## engine, Compose, buildx and base image, where they are missing (root)
	@$(BIN)/hublab doctor --fix --quiet

.PHONY: images
images: machine ## build the images of the default lab
	@$(BIN)/python .ci/images.py

.PHONY: bench
bench: machine ## what things cost, as ratios to floors measured in the same run
	@$(BIN)/hublab bench $(if $(wildcard bench/baseline.json),--baseline bench/baseline.json)

.PHONY: plots
plots: setup ## draw docs/growth/*.svg from bench/growth.json, which `hublab bench crowd memory ...` fills
	@$(BIN)/python .ci/bench_plots.py

.PHONY: docs
docs: setup ## write the pages that are made from the code: docs/commands, docs/scenarios.md, docs/sentences.md, docs/database.md
	@$(BIN)/python .ci/command_pages.py
	@$(BIN)/python .ci/scenario_pages.py
	@$(BIN)/python .ci/sentence_pages.py
	@$(BIN)/python .ci/database_page.py

SEEN_BY = $(addprefix scenarios/,spawner_states/test_timeline.py spawner_states/test_lives.py \
  sign_in/test_one_sign_in.py sign_in/test_oauth_rows.py sign_in/test_log_out.py sign_in/test_sign_in_form.py)

.PHONY: states
states: setup ## run the scenarios that watch states and sign-ins, and draw docs/states.md from what they saw
	@mkdir -p build
	@$(BIN)/pytest -q -n0 -m 'not slow' $(SEEN_BY) --lab-journal=build/states.ndjson
	@$(BIN)/python .ci/state_pages.py build/states.ndjson

.PHONY: lock
lock: machine ## resolve lab/constraints.txt and compose/images/requirements.txt anew
	@.ci/lock

.PHONY: dist
dist: machine ## the two distributions in dist/, with a check of what is in them
	@$(BIN)/python .ci/dist.py

.PHONY: clean
clean: ## remove what make made here; running labs, images and the engine stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
