# `make` or `make help` is the first screen. Every target installs what it needs into .venv.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
SECONDS ?=
PYTEST_ARGS ?=
# The unit part computes, and every worker imports for seconds: one worker more than processors, for the few tests that wait.
# Each begins with neighbouring tests, which share fixtures, and takes some from a slower one at the end. A file of the system
# part stays in one worker, for its fixtures. Tests marked alone have the machine to themselves. WORKERS= runs them in one process.
WORKERS ?= -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist worksteal
SYSTEM_WORKERS ?= -n $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Compiled modules are kept: the tests start hundreds of processes, and pytest rewrites every test module.
export PYTHONDONTWRITEBYTECODE =

.DEFAULT_GOAL := help

help:  ## this screen
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Davy needs Python 3.11: install it, or say make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp per set of extras: pip runs only when pyproject.toml or a C kernel has changed. Python compiles what it imports; most of
# the modules of the packages are never imported.
KERNELS := $(shell find shared services -name '*.c')

# Locked packages with hashes (make lock), then Davy itself.
$(VENV)/.mine: $(BIN)/python pyproject.toml hatch_build.py locks/demo.txt $(KERNELS)
	$(BIN)/pip install --quiet --no-compile --no-deps --require-hashes --requirement locks/demo.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml hatch_build.py locks/dev.txt $(KERNELS)
	$(BIN)/pip install --quiet --no-compile torch==2.13.0 && $(BIN)/pip install --quiet --no-compile --no-deps torchvision==0.28.0
	$(BIN)/pip install --quiet --no-compile --no-deps --require-hashes --requirement locks/dev.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	@touch $@ $(VENV)/.mine

setup: $(VENV)/.dev  ## install everything into .venv

mine: $(VENV)/.mine  ## run the demo: a simulated mine with every service; SECONDS=30 ends by itself
	$(BIN)/davy demo $(if $(SECONDS),--seconds $(SECONDS))

test: $(VENV)/.dev  ## the whole test suite
	$(BIN)/pytest -m 'not system and not alone and not slow' $(WORKERS) $(PYTEST_ARGS)
	$(BIN)/pytest -m 'system and not alone and not slow' $(SYSTEM_WORKERS) $(PYTEST_ARGS)
	$(BIN)/pytest -m 'alone and not slow' $(PYTEST_ARGS)

unit: $(VENV)/.dev  ## the tests without services, brokers, browsers, processes, training and stopwatches
	$(BIN)/pytest -m 'not system and not alone and not slow' $(WORKERS) $(PYTEST_ARGS)

# The types take as long as all the rest, beside which they are checked.
check: $(VENV)/.dev  ## linters, types, layers, messages, generated code
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target check-types check-rest

check-types: $(VENV)/.dev
	$(BIN)/mypy shared services

check-rest: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $$(git ls-files "*.c" "*.h")
	$(BIN)/lint-imports
	$(BIN)/python infra/lock.py --check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python infra/proto.py --check
	$(MAKE) --no-print-directory docs-check

docs: $(VENV)/.dev  ## serve the manual at http://127.0.0.1:8000
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

docs-check: $(VENV)/.dev  ## build the manual strictly into site/; stale reference pages fail
	$(BIN)/python infra/docs.py --check
	$(BIN)/python infra/licences.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-reference: $(VENV)/.dev  ## write docs/reference from the code
	$(BIN)/python infra/docs.py

licences: $(VENV)/.dev  ## write the licences of third-party packages
	$(BIN)/python infra/licences.py

format: $(VENV)/.dev  ## format the code, sort the imports
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

proto: $(VENV)/.dev  ## generate shared/davy/v1 from proto/davy/v1
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python infra/proto.py

chart: $(VENV)/.dev  ## render the Helm chart into the golden files of its tests, and the dashboards; fetches helm by npm
	test -x $(BIN)/helm || command -v helm >/dev/null || $(BIN)/python infra/chart.py --fetch
	$(BIN)/python infra/chart.py
	$(BIN)/python infra/dashboards.py

REASON ?=

proto-baseline: $(VENV)/.dev  ## break with the messages of an older Davy: REASON="..." says why
	@test -n "$(REASON)" || { echo 'Say why older programs need not be understood: make proto-baseline REASON="..."'; exit 2; }
	$(BIN)/python infra/proto.py --baseline "$(REASON)"

story: $(VENV)/.dev  ## the retraining loop with three bad models: writes docs/story, 12 minutes
	$(BIN)/davy demo scenario --out docs/story

faults: $(VENV)/.dev  ## every slow test but the containers: 100 kills, 200 edges, 60 s of partition, ten minutes of work, bad models, the clock, S3
	$(BIN)/pytest -m slow --ignore=tests/system/test_compose.py $(PYTEST_ARGS)

compose-test: $(VENV)/.dev  ## docker compose up, look at it from outside, down
	$(BIN)/pytest -m slow tests/system/test_compose.py $(PYTEST_ARGS)

# One command for every stage. QUICK=1 needs no data but what is installed and what the mine renders; a run that was stopped
# goes on, and begins anew once its folder RUN is removed.
DATA ?= $(wildcard ../shared/data/train)
RUN ?= runs/$(if $(QUICK),quick,full)
FRAMES := $(RUN)/frames
QUICK_STEPS := --set self_supervised.steps=380 --set enhance.steps=60 --set pair.steps=200 --set refine.steps=150 \
	--set pair.max_pictures=100 --set refine.max_pictures=24
TRAIN_DATA = $(if $(DATA),--data $(DATA) $(addprefix --photographs ,$(wildcard $(DATA)/multi_exposure)),--normal $(FRAMES)/photographs)

train: $(VENV)/.dev  ## train every stage: QUICK=1 in minutes, or DATA=/folder with low/ and normal/
	@test -n "$(QUICK)$(DATA)" || { echo "Say where the pictures are: make train DATA=/folder with low/ and normal/ inside. Or make train QUICK=1, which needs none."; exit 2; }
	@test -e $(FRAMES)/.made || { $(BIN)/davy train photographs $(FRAMES)/photographs && \
		$(BIN)/davy simulator truths $(FRAMES)/truths --seeds 104-106 --frames 3 && \
		$(BIN)/davy simulator pairs $(FRAMES)/training --seeds 101-103 --frames 3 && \
		$(BIN)/davy simulator pairs $(FRAMES)/validation --seeds 907 --frames 3 --every 31 && \
		touch $(FRAMES)/.made; } >/dev/null
	$(BIN)/davy train all --out $(RUN) --must-improve $(if $(wildcard $(RUN)/all.json),--resume,\
		$(TRAIN_DATA) --low $(FRAMES)/training/low --normal $(FRAMES)/truths --validate $(FRAMES)/validation \
		$(if $(QUICK),$(QUICK_STEPS)))

# About three minutes; BENCH='--cameras 1,2,4,8,16' adds the whole mine under load, three more.
BENCH ?= --cameras none

fuzz: $(VENV)/.dev  ## 10 minutes of random input on every topic, method, route and stored record
	DAVY_FUZZ_S=95 $(BIN)/pytest tests/security/test_fuzz.py --timeout 1200

bench: $(VENV)/.dev  ## measure the speed in comparison with CLAHE, cv2.LUT, a copy and Zero-DCE++: writes docs/speed
	$(BIN)/davy bench speed --out docs/speed $(BENCH)

# SCALE='--replicas 1,2,4' on a machine with more cores; see davy bench scale --help.
SCALE ?=

scale: $(VENV)/.dev  ## one and two aggregators with PostgreSQL, Redis, Mosquitto and HAProxy under load: writes docs/speed/scale.md
	$(BIN)/davy bench scale $(SCALE)

# SITES='--sites 8 --flood 50' for another load; see davy bench sites --help.
SITES ?=

sites: $(VENV)/.dev  ## four sites on one PostgreSQL, one of which floods: writes docs/speed/sites.md
	$(BIN)/davy bench sites $(SITES)

# Needs minutes; what ../shared/data lacks is left out and said.
bench-quality: $(VENV)/.dev  ## measure the picture quality in comparison with classical methods: writes docs/quality
	$(BIN)/davy bench report $(addprefix --data ,$(wildcard ../shared/data))

lock: $(VENV)/.dev  ## write locks/*.txt: the exact packages of every extra, with hashes
	$(BIN)/python infra/lock.py

release: $(VENV)/.dev  ## sdist, manylinux wheels for x86-64 and aarch64, SBOMs into dist/; BUNDLE=edge adds an offline bundle
	$(BIN)/python infra/release.py $(if $(BUNDLE),--bundle $(BUNDLE))

# AddressSanitizer must be loaded before Python; the tests of all kernels run on all three builds.
SANITIZED_TESTS := tests/imaging/runtime tests/imaging/test_native.py tests/adapters/media tests/davy_simulator/test_render.py tests/davy_simulator/test_world.py

sanitize: $(VENV)/.dev  ## the kernels' tests under AddressSanitizer and UBSan
	find shared services -name '*.so' -delete
	DAVY_BUILD_SANITIZED=1 $(BIN)/python infra/build_kernels.py
	LD_PRELOAD="$$(cc -print-file-name=libasan.so) $$(cc -print-file-name=libstdc++.so.6)" ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
		$(BIN)/pytest -p no:cacheprovider -q $(SANITIZED_TESTS) -k 'not memory and not costs and not aarch64'; status=$$?; \
		find shared services -name '*.so' -delete; $(BIN)/python infra/build_kernels.py; exit $$status

arm-test: $(VENV)/.dev  ## the kernels' and the runtime's tests on AArch64, emulated by qemu: half an hour; ARM_ARGS=tests/x/test_y.py
	$(BIN)/python infra/aarch64.py $(ARM_ARGS)

# Emulated, where the machine is of another kind: docker run --privileged --rm tonistiigi/binfmt --install arm64
PLATFORMS ?= linux/amd64,linux/arm64
images:  ## images of every service for PLATFORMS=linux/amd64,linux/arm64, by docker buildx; BAKE_ARGS=--push publishes them
	docker buildx bake --file docker-compose.yml --set '*.platform=$(PLATFORMS)' $(BAKE_ARGS)

clean:  ## remove .venv and everything built
	rm -rf $(VENV) build/aarch64 .mypy_cache .ruff_cache .pytest_cache
	find shared services -name '*.so' -delete

.PHONY: scale sites arm-test images fuzz lock release sanitize story bench bench-quality help setup mine test unit check check-types check-rest format proto faults compose-test train clean proto-baseline docs docs-check docs-reference licences
