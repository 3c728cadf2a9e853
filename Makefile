# The two commands: `make demo` and `make test`. Each sets up what it needs and says what it cannot.
# Fresh Debian 12 with git, make, gcc and Python 3.11 is enough.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := $(VENV)/.demo
STAMP  := $(VENV)/.installed
TPM    := $(VENV)/.tpm
BENCH_VENV := .venv-bench
JS     := tests/js/node_modules/.installed
PATHS  := agent centre disk drivers evidence firmware_sim provisioning wire packaging tests
ARCH   ?= amd64
# Packages called agent and drivers exist elsewhere; nothing from the working folder may shadow ours.
export PYTHONSAFEPATH := 1
# Hundreds of processes start from these files: without compiled ones each compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo demo-alert test test-faults fuzz lint format bench bench-curtailment bench-detection bench-fleet city pictures deb lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 17

# What the demo needs comes first and alone: who wants to look does not wait for the tools of who changes it.
$(DEMO): requirements-demo.lock pyproject.toml
	@sh .ci/need "$(PYTHON)" python
	@test -x $(BIN)/python || { echo "1/3 Python 环境 · a Python environment in $(VENV)" >&2; "$(PYTHON)" -m venv $(VENV); }
	@echo "2/3 $$(grep -c '==' requirements-demo.lock) 个软件包，逐个核对哈希 · packages, each with its hash" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-demo.lock
	@echo "3/3 电监 · dianjian itself" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $(DEMO)

$(STAMP): requirements-dev.lock $(DEMO)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $(STAMP)

demo: $(DEMO) ## a plant's shift in about 80 seconds; ARGS=--tour | --json | --keep | --real-time
	@$(BIN)/dianjian demo $(ARGS)

demo-alert: $(DEMO) ## a night under an emergency reduction, in two minutes; ARGS=--json
	@$(BIN)/dianjian demo-alert $(ARGS)

$(JS): requirements-js.lock tests/js/package-lock.json tests/firmware_sim/js/package-lock.json $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-js.lock \
		&& (cd tests/js && PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts) \
		&& (cd tests/firmware_sim/js && PATH="$(abspath $(BIN)):$$PATH" npm ci --silent --no-audit --no-fund --ignore-scripts --omit=optional) \
		&& touch $@ \
		|| echo "node and its packages cannot be installed: the second verifier and other masters are not tested, and their tests fail" >&2

# Three workers a core: a third of what a test takes is waiting for brokers, meters and processes.
test: $(STAMP) $(JS) $(TPM) ## every test, with real brokers, meters and ptys
	@sh .ci/need "$(PYTHON)" system
	$(BIN)/python -m pytest --numprocesses=6 --dist=loadfile --no-loadscope-reorder $(ARGS)

# Each free worker takes the next test; a site that takes minutes to set up is a group, and stays with one.
test-faults: $(STAMP) $(JS) $(TPM) ## the fault matrix at full length: 1,000 simulated lives, 100 power cuts
	@sh .ci/need "$(PYTHON)" system
	$(BIN)/python -m pytest --numprocesses=3 --dist=loadgroup --no-loadscope-reorder -m minutes $(ARGS)

# For tests alone: it is built here, against libtss2-dev.
$(TPM): requirements-tpm.lock $(STAMP)
	@sh .ci/need "$(PYTHON)" system
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tpm.lock \
		|| echo "tpm2-pytss cannot be built on this machine: the tests of the TPM are skipped" >&2
	touch $@

$(VENV)/.fuzz: requirements-fuzz.lock $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.lock \
		|| echo "the fuzzer cannot be installed on this machine" >&2
	touch $@

fuzz: $(VENV)/.fuzz ## every decoder under a fuzzer, 20 s each; ARGS="--seconds 60 receipt rtu"
	PYTHONPATH=. $(BIN)/python -m tests.fuzz $(ARGS)

lint: $(STAMP) ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check $(PATHS)
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## ruff format and the fixes that are safe
	$(BIN)/ruff check --fix $(PATHS)
	$(BIN)/ruff format $(PATHS)

# The peers install themselves below .bench/, each in an environment of its own.
bench: $(STAMP) ## a table beside modpoll, thingsboard-gateway and Node-RED; ARGS=--quick | --resume | --write
	@sh .ci/need "$(PYTHON)" system
	@PYTHONPATH=. $(BIN)/python -m tests.bench.peers $(ARGS)

$(BENCH_VENV)/.installed: requirements-bench.lock
	test -x $(BENCH_VENV)/bin/python || "$(PYTHON)" -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-bench.lock \
		&& touch $@ || echo "some libraries to compare with cannot be installed; they are named absent" >&2

bench-detection: $(STAMP) $(BENCH_VENV)/.installed ## the detector against its targets, in half an hour; DIANJIAN_DATA=FOLDER, ARGS=--quick
	PYTHONPATH=. $(BIN)/python -m tests.bench_detection --peers $(BENCH_VENV)/bin/python $(ARGS)

bench-curtailment: $(STAMP) ## verdicts about reductions against their targets; DIANJIAN_DATA=FOLDER, ARGS=--quick
	PYTHONPATH=. $(BIN)/python -m tests.bench_curtailment $(ARGS)

bench-fleet: $(STAMP) ## the centre against its targets, and what a city needs; ARGS="--only cpu" | --scale 0.1
	@sh .ci/need "$(PYTHON)" system
	@PYTHONPATH=. $(BIN)/python -m tests.fleet.bench $(ARGS)

city: $(STAMP) ## 1,000 gateways on two verifiers and PostgreSQL for two minutes, with kills; ARGS=--gateways 100
	@sh .ci/need "$(PYTHON)" system
	@PYTHONPATH=. $(BIN)/python -m tests.fleet.city $(ARGS)

pictures: $(STAMP) ## the pictures of the README, from a run of the demo; look at them before you commit them
	@sh .ci/need "$(PYTHON)" system
	PYTHONPATH=. $(BIN)/python -m tests.pictures

deb: $(STAMP) ## the Debian package of the commit, in dist/; ARCH=amd64 | arm64
	@PYTHONPATH=packaging $(BIN)/python -m make_deb --arch $(ARCH) $(ARGS)

lock: ## write the lock files anew; needs uv
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 -c requirements-dev.lock --extra centre pyproject.toml -o requirements-centre.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 -c requirements-dev.lock --extra demo pyproject.toml requirements-demo.in -o requirements-demo.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 requirements-bench.in -o requirements-bench.lock
	for peer in modpoll thingsboard; do \
		uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 \
			tests/bench/peers/$$peer.in -o tests/bench/peers/$$peer.lock || exit 1; done
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 requirements-fuzz.in -o requirements-fuzz.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 -c requirements-dev.lock requirements-tpm.in -o requirements-tpm.lock
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header -p 3.11 requirements-js.in -o requirements-js.lock

clean: ## remove what was built
	rm -rf $(VENV) $(BENCH_VENV) .bench tests/js/node_modules tests/firmware_sim/js/node_modules .mypy_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis build dist
