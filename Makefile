# What people do daily. Every target installs what it needs first; when nothing is missing that takes no time.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The machine's own Python, never a downloaded one.
export UV_PYTHON_DOWNLOADS := never
# Once at the installation instead of at every start, where files may not or cannot be written next to the sources.
export UV_COMPILE_BYTECODE := 1
export SAM_CLI_TELEMETRY := 0

UV_VERSION := 0.13.9
# Older ones do not read our lock.
UV_OLDEST := 0.9.0
UV := $(or $(shell found=$$(uv --version 2>/dev/null | cut -d ' ' -f 2); [ -n "$$found" ] && \
  [ "$$(printf '%s\n' $(UV_OLDEST) $$found | sort -V | head -n 1)" = $(UV_OLDEST) ] && command -v uv),$(CURDIR)/.tools/uv/bin/uv)
export UV
# The first of these that the machine has; pyproject.toml says which are supported.
PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell command -v $(name) >/dev/null && \
  $(name) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && command -v $(name))))
# An environment that exists keeps its interpreter: asked for another path of the same Python, uv would make it anew.
python_for = $(if $(wildcard $(1)/pyvenv.cfg),,--python $(PYTHON))
RUN := $(UV) run --frozen --group dev
SAM := .tools/sam/bin/sam
CHECKOV := .tools/checkov/bin/checkov
TEMPLATES := template.yaml $(wildcard infra/stacks/*.yaml)
REGION := eu-central-1
IMAGE := twolane-workers:local

.PHONY: help
help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 18

.PHONY: demo
demo: tools ## Start the stack, read the samples through the real API and workers, stop
	@$(UV) run --frozen twolane demo

.PHONY: up
up: tools ## The whole stack in the foreground, until Ctrl-C
	@$(UV) run --frozen twolane up

.PHONY: test
test: tools postgres dev ## Every test, on freshly built functions
	@$(MAKE) build
	@$(RUN) pytest

.PHONY: lint
lint: dev .tools/sam/.stamp .tools/checkov/.stamp ## What pre-commit runs: format, types, imports, templates and their security
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) lint-imports
	$(SAM) validate --lint --region $(REGION)
	$(RUN) cfn-lint $(TEMPLATES)
	$(CHECKOV) --file $(TEMPLATES)

.PHONY: bench
bench: tools dev .tools/bench/.stamp ## Measure speed and memory on this machine, beside OCRmyPDF, pypdfium2 and plain Celery
	@$(RUN) python -m tests.bench $(BENCH)

.PHONY: build
build: .tools/sam/.stamp ## Every function's zip, for Lambda, without Docker (PYTHON_VERSION, PYTHON_PLATFORM)
	@$(SAM) build --build-in-source --template template.yaml 2>&1 | grep -vE '^(Commands|=+$$|\[\*\]|$$)' || exit $${PIPESTATUS[0]}
	@python=$$($(MAKE) -s -f infra/lambda/Makefile interpreter); $(PYTHON) -m infra.zips .aws-sam/build $$python; \
	[ -n "$$python" ] || echo "warning: no Python $(or $(PYTHON_VERSION),3.13) here to precompile with: cold starts will be 3 to 4 times slower" >&2

.PHONY: image
image: engine ## The workers' image
	@echo "building $(IMAGE)"; SECONDS=0; \
	docker build --quiet --network host --file infra/docker/workers.Dockerfile --tag $(IMAGE) . >/dev/null; \
	echo "$(IMAGE): $$(( $$(docker image inspect --format '{{.Size}}' $(IMAGE)) / 1000000 )) MB, built in $$SECONDS s"

.PHONY: containers
containers: engine tools postgres dev ## Images and functions as they will run: the workers' container, sam local; needs a Docker engine
	@$(MAKE) build image
	@$(RUN) pytest --verbose --durations=10 tests/containers

.PHONY: clean
clean: ## Remove what was built and the caches; data and installed tools stay
	rm -rf .aws-sam .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
	find . -name __pycache__ -not -path './.venv/*' -not -path './.tools/*' -prune -exec rm -rf {} +

# --- what the machine must have

.PHONY: tools
tools: system .venv/.stamp .tools/emulator/.stamp .tools/sam/.stamp ## Install what is missing: system packages, environments

.PHONY: system
system:
	@infra/local/install-system.sh python3 make git tesseract redis-server

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; found $$(python3 --version 2>&1)" >&2; exit 1; }

.PHONY: engine
engine:
	@docker info >/dev/null 2>&1 || { echo "no Docker engine answers here: install one (https://docs.docker.com/engine/install/), \
	start it, let this user use it, and try again" >&2; exit 1; }

.PHONY: postgres
postgres:
	@infra/local/install-system.sh postgres

.PHONY: dev
dev: .venv/.dev-stamp

# One environment a conflict: the emulator and SAM pin their own botocore. A stamp is as new as the lock it was made from.
.venv/.stamp: uv.lock pyproject.toml | python $(UV)
	@$(UV) sync --quiet --frozen --inexact $(call python_for,.venv) && touch $@

.venv/.dev-stamp: uv.lock pyproject.toml | python $(UV)
	@$(UV) sync --quiet --frozen --group dev $(call python_for,.venv) && touch $@ .venv/.stamp

.tools/%/.stamp: uv.lock | python $(UV)
	@UV_PROJECT_ENVIRONMENT=.tools/$* $(UV) sync --quiet --frozen --only-group $* --no-install-project $(call python_for,.tools/$*) && touch $@

$(CURDIR)/.tools/uv/bin/uv: | python
	@infra/local/install-system.sh venv
	@echo "installing uv $(UV_VERSION) into .tools/uv"
	@$(PYTHON) -m venv .tools/uv
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
