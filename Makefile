# `make demo` and `make test` install everything themselves; they need Python 3.11, make and a C
# compiler.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes --no-build-isolation
LOCK = $(BIN)/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --custom-compile-command "make lock" $(ARGS)

VIDEO ?= examples/clip.mp4
OUT ?= out
# The example clip has a click on each of its two objects.
ifeq ($(VIDEO),examples/clip.mp4)
CLICKS ?= $(shell sed -n 's/.*"click_coordinates": "\(.*\)".*/\1/p' examples/clip_clicks.json 2>/dev/null)
endif

HOST ?= 127.0.0.1
PORT ?= 5000
# For `make page`: the URL of a running container (API=http://localhost:5000); if empty, one is started.
API ?=
PAGE_PORT ?= 8000
CLIENT := sam2_video/service/page/client
# The official JavaScript client, for the tests of the hosted API.
JS_TESTS := $(patsubst %/package.json,%,$(wildcard tests/*/package.json tests/*/*/package.json))
NODE_PACKAGES := $(addsuffix /node_modules/.package-lock.json,$(CLIENT) $(JS_TESTS))
# The second official Python client, which has the same name as the first.
SECOND_CLIENT := tests/service/api/python_packages
NPM := PATH="$$PATH:$(CURDIR)/$(BIN)" npm

.DEFAULT_GOAL := help
.PHONY: help setup lock schema demo serve page client browser test test-fast test-client check format hooks image image-check image-wheels gpu-kit clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(VENV)/.installed ## make the virtual environment; every file is checked against its hash

# torch is installed before sam2, whose build imports it. Without build isolation no second torch is
# downloaded; without the CUDA extension no CUDA compiler is needed.
$(VENV)/.installed: $(wildcard locks/*.lock)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) -r locks/build.lock
	@echo "installing torch and the rest: a few gigabytes, once"
	$(INSTALL) -r locks/all.lock
	SAM2_BUILD_CUDA=0 $(INSTALL) --no-deps -r locks/sam2.lock
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

lock: $(VENV)/.installed ## update the lock files after a change of a requirements file
	$(LOCK) requirements-build.txt -o locks/build.lock
	$(LOCK) requirements.txt requirements-page.txt requirements-dev.txt -o locks/all.lock
	$(LOCK) --constraint locks/all.lock requirements.txt -o locks/image.lock
	$(LOCK) --constraint locks/all.lock requirements-page.txt -o locks/page.lock
	$(LOCK) --no-deps requirements-sam2.txt -o locks/sam2.lock
	$(LOCK) requirements-node.txt -o locks/node.lock
	$(LOCK) --no-deps requirements-client.txt -o locks/client.lock

schema: $(VENV)/.installed ## update openapi.json after a change of the signature in predict.py
	$(BIN)/python -m scripts.openapi

examples/clip.mp4: | $(VENV)/.installed
	$(BIN)/python -m examples.render

# The last file that examples.page writes.
examples/page/kingfisher.mp4: | $(VENV)/.installed
	$(BIN)/python -m examples.page

demo: $(VENV)/.installed $(filter examples/%,$(VIDEO)) ## cut objects out of the example clip; your own: VIDEO=my.mov CLICKS='[320,180]'
	@test -n '$(CLICKS)' || { echo "CLICKS is empty; give a point on each object, CLICKS='[320,180]'" >&2; exit 1; }
	result=$$($(BIN)/python -m sam2_video predict '$(VIDEO)' -i click_coordinates='$(CLICKS)' \
		--mask-type highlighted --output-video -o '$(OUT)' --overwrite) && \
		echo "done: the result is $$result"

serve: $(VENV)/.installed ## start the container's HTTP server: PORT=5000 HOST=127.0.0.1
	mkdir -p .cog && cp sam2_video/prediction/openapi.json .cog/openapi_schema.json
	exec env PATH="$(CURDIR)/$(BIN):$$PATH" COG_PREDICT_TYPE_STUB=predict.py:Predictor PORT=$(PORT) \
		PYTHONWARNINGS="ignore:Predictor.predict,ignore:BasePredictor" \
		$(BIN)/python -m cog.server.http --host $(HOST)

page: $(VENV)/.installed examples/page/kingfisher.mp4 ## start the page and the hosted API: PAGE_PORT=8000 API=URL ARGS=--tls
	exec $(BIN)/python -m sam2_video serve --host $(HOST) --port $(PAGE_PORT) --example examples/page \
		$(if $(API),--api $(API)) $(ARGS)

# Users need no Node.js: the output, sam2_video/service/page/static/app.js, is in the repository.
client: $(CLIENT)/node_modules/.package-lock.json ## build the page's scripts after a change (Node.js)
	$(NPM) --prefix $(CLIENT) run --silent build

$(addsuffix /node_modules/.package-lock.json,$(JS_TESTS)): NPM_OMIT := --omit=optional
# If the machine has no Node.js, a Python package provides it.
%/node_modules/.package-lock.json: %/package-lock.json | $(VENV)/.installed
	command -v npm >/dev/null || $(INSTALL) -r locks/node.lock
	@echo "installing the npm packages of $*: up to 150 MB on disk, once"
	$(NPM) ci --prefix $* --ignore-scripts --no-audit --no-fund $(NPM_OMIT)
	@touch $@

$(SECOND_CLIENT)/.installed: locks/client.lock | $(VENV)/.installed
	rm -rf $(@D)
	$(INSTALL) --no-deps --target $(@D) -r $<
	@touch $@

# Install Chromium from Debian if that needs no password; otherwise the browser tests are skipped.
browser: ## install Chromium for the tests of the page, if that is allowed
	@command -v chromium > /dev/null || command -v apt-get > /dev/null || exit 0; \
	command -v chromium > /dev/null || { \
		echo "installing Chromium: about 80 MB and what it depends on, once"; \
		sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
		$$sudo apt-get -qq update && $$sudo apt-get -qq install -y --no-install-recommends chromium \
			> /dev/null; } || echo "no Chromium: the tests in a browser are skipped"

test: check browser $(NODE_PACKAGES) $(SECOND_CLIENT)/.installed test-client ## everything that CI runs
	$(BIN)/python -m pytest -n auto --dist loadfile --cov

test-fast: $(VENV)/.installed test-client ## only unit tests, within two minutes (tests/conftest.py says which)
	$(BIN)/python -m pytest -n auto --dist loadfile -m "not slow"

test-client: $(CLIENT)/node_modules/.package-lock.json ## unit tests of the page's scripts
	$(NPM) --prefix $(CLIENT) run --silent test

check: $(VENV)/.installed $(CLIENT)/node_modules/.package-lock.json ## lint, format, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec examples/deploy/compose.yaml
	$(BIN)/kubernetes-validate --strict --kubernetes-version 1.37 --quiet examples/deploy/kubernetes.yaml
	$(NPM) --prefix $(CLIENT) run --silent check

format: $(VENV)/.installed $(CLIENT)/node_modules/.package-lock.json ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(NPM) --prefix $(CLIENT) run --silent format

hooks: $(VENV)/.installed ## run the checks before every commit (pre-commit)
	$(BIN)/pre-commit install

# The image without the cog command, and without a virtual environment here. ENGINE is docker, podman or
# buildah, BASE an image with Python 3.11, WHEELS a folder to install from where no index is reached.
IMAGE_OPTIONS = $(ENGINE:%=--engine=%) $(BASE:%=--base=%) $(WHEELS:%=--wheels=%) $(TAG:%=--tag=%)

image: ## build the image: ENGINE=docker BASE=IMAGE WHEELS=FOLDER TAG=NAME ARGS='-- --build-arg …'
	$(PYTHON) -m scripts.image.build $(IMAGE_OPTIONS) $(ARGS)

image-check: ## build the image, run it without a network and print what was found
	$(PYTHON) -m scripts.image.check $(IMAGE_OPTIONS) $(ARGS)

image-wheels: $(VENV)/.installed ## fetch what the image installs into WHEELS=wheels
	$(PIP) download --require-hashes --no-deps --no-build-isolation --dest $(or $(WHEELS),wheels) \
		-r locks/build.lock -r locks/image.lock -r locks/page.lock -r locks/sam2.lock

# Wheels for CPython 3.12 on Linux. sam2 is built here; without its CUDA extension it is pure Python.
KIT := gpu-kit
KIT_MIB := 45
gpu-kit: $(VENV)/.installed ## wheels for bench.gpu on a machine without a network: see bench/README.md
	rm -rf $(KIT)
	$(PIP) download --no-deps --only-binary=:all: --python-version 3.12 \
		--platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
		--dest $(KIT) -r bench/gpu/wheels.txt
	SAM2_BUILD_CUDA=0 $(PIP) wheel --no-build-isolation --no-deps --wheel-dir $(KIT) \
		-r bench/gpu/sdists.txt
	@test $$(du -sk $(KIT) | cut -f1) -le $$(($(KIT_MIB) * 1024)) || { \
		echo "$(KIT)/ is larger than $(KIT_MIB) MiB: see bench/gpu/wheels.txt" >&2; exit 1; }

clean: ## remove everything that was made, including the environment
	rm -rf $(VENV) $(OUT) $(KIT) $(dir $(NODE_PACKAGES)) $(SECOND_CLIENT) examples/clip.mp4 examples/clip_masks.npz examples/clip_clicks.json examples/page
