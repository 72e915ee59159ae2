# `make demo` and `make test` do all set-up themselves; Python 3.11, make and a C compiler are
# all they need.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

VIDEO ?= examples/clip.mp4
CLICKS ?=
OUT ?= out

HOST ?= 127.0.0.1
PORT ?= 5000

.DEFAULT_GOAL := help
.PHONY: serve help setup demo test check format weights clean

help: ## what there is to do
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

setup: $(VENV)/.installed ## the virtual environment, with everything pinned
	@:

# torch comes first: building sam2 imports it. Without build isolation no second torch is
# fetched, and without its CUDA extension no CUDA compiler is needed.
$(VENV)/.installed: requirements.txt requirements-sam2.txt requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check setuptools==84.2.1 wheel==0.48.0
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	SAM2_BUILD_CUDA=0 $(BIN)/pip install --quiet --disable-pip-version-check \
		--no-build-isolation --no-deps -r requirements-sam2.txt
	touch $@

serve: setup ## the HTTP endpoint on port 5000, as the container serves it
	mkdir -p .cog && cp openapi.json .cog/openapi_schema.json
	PATH="$(CURDIR)/$(BIN):$$PATH" COG_PREDICT_TYPE_STUB=predict.py:Predictor PORT=$(PORT) \
		$(BIN)/python -m cog.server.http --host $(HOST)
