# make demo   set up (once), then put a photograph through a real bitstream file and back
# make test   set up (once), then lint and run the tests, and a few with the newest TensorFlow
# make matrix every test, those that take minutes too, with the pinned versions and the newest ones
# make serving export a model, serve it with Docker, and compare its answers with the command line's
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test matrix newest serving clean

# Python 3.11 or 3.12 has the pinned versions of requirements.txt; 3.13, which these do not support,
# and `make matrix` the newest ones of requirements-newest.txt. The first Python that is there is
# taken, on the PATH or of pyenv.
first = $(shell for minor in $(1); do \
	for p in python3.$$minor python3 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.$$minor.*/bin/python3; do \
	"$$p" -c "import sys; sys.exit(sys.version_info[:2] != (3, $$minor))" 2>/dev/null \
	&& echo "$$p" && exit; done; done)
VENV := .venv
PYTHON := $(or $(PYTHON),$(call first,11 12 13))
MINOR := $(shell "$(PYTHON)" -c "import sys; print(sys.version_info[1])" 2>/dev/null)
REQUIREMENTS := requirements$(if $(filter 13,$(MINOR)),-newest).txt
NEWEST := .venv-newest
NEWEST_PYTHON := $(or $(NEWEST_PYTHON),$(call first,13 12))
# What the newest versions are tried on whenever the tests run; `make matrix` runs all.
SHORT := tests/conformance tests/test_api.py tests/test_quiet.py tests/integer/test_range_coder.py
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The tests run in as many processes as there are processors.
ONE_THREAD := OPENBLAS_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1

DEMO := runs/demo
PHOTO := docs/images/demo.png

demo: $(VENV)/product.stamp
	mkdir -p $(DEMO)
	echo "1. encode $(PHOTO) to a real file, then decode that file and compare every latent:"
	$(VENV)/bin/python encoder_decoder.py --encode $(PHOTO) --output $(DEMO)/demo.alic --verify --overwrite
	echo "2. what the file's header says:"
	$(VENV)/bin/python encoder_decoder.py --info $(DEMO)/demo.alic
	echo "3. decode it to a picture:"
	$(VENV)/bin/python encoder_decoder.py --decode $(DEMO)/demo.alic --output $(DEMO)/demo.png --overwrite
	echo "Compare $(PHOTO) with $(DEMO)/demo.png"

MODEL := dwan
SERVED := saved_models/$(MODEL)_serving/1
export MODEL

serving: $(VENV)/product.stamp
	docker compose version >/dev/null 2>&1 || { echo "Docker with its plugin compose is needed; the tests try the same script with a server that stands in" >&2; exit 1; }
	test -d $(SERVED) || $(VENV)/bin/python -m alic_tf export --model $(MODEL) --out $(SERVED)
	docker compose --file examples/serving/docker-compose.yaml up --detach --wait
	$(VENV)/bin/python -m examples.serving.smoke $(PHOTO) --model $(MODEL)

# Both environments are set up side by side.
test:
	$(MAKE) --jobs=2 $(VENV)/development.stamp $(if $(NEWEST_PYTHON),$(NEWEST)/newest.stamp)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(call pytest,$(VENV)) --durations=15
	$(MAKE) newest TESTS="$(SHORT)"

matrix: $(if $(filter 13,$(MINOR)),$(VENV)/development.stamp,$(VENV)/beam.stamp)
	$(call pytest,$(VENV)) -m ""
	$(MAKE) newest TESTS='-m ""'

pytest = $(ONE_THREAD) $(1)/bin/python -m pytest -q -n auto --dist loadfile

newest:
	if test -z "$(NEWEST_PYTHON)"; then echo "the newest versions are not tried: no Python 3.12 or 3.13"; \
	else $(MAKE) $(NEWEST)/newest.stamp && $(call pytest,$(NEWEST)) $(TESTS); fi

# A stamp is newer than its requirements once they are installed, so set-up runs once.
$(VENV)/product.stamp: $(REQUIREMENTS)
	test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	echo "installing $(REQUIREMENTS) into $(VENV) (once; TensorFlow takes a minute or two)"
	$(VENV)/bin/pip install --quiet -r $(REQUIREMENTS)
	touch $@

$(VENV)/development.stamp: requirements-dev.txt $(VENV)/product.stamp
	$(VENV)/bin/pip install --quiet -r requirements-dev.txt
	touch $@

# Beam takes 390 MB, and does not know the newest NumPy.
$(VENV)/beam.stamp: $(VENV)/development.stamp
	$(VENV)/bin/pip install --quiet -r $(REQUIREMENTS) apache-beam==2.71.0
	touch $@

$(NEWEST)/newest.stamp: requirements-newest.txt requirements-dev.txt
	test -x $(NEWEST)/bin/python || $(NEWEST_PYTHON) -m venv $(NEWEST)
	echo "installing requirements-newest.txt into $(NEWEST) (once)"
	$(NEWEST)/bin/pip install --quiet -r requirements-newest.txt -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) $(NEWEST) $(DEMO) .pytest_cache .ruff_cache .mypy_cache

.SILENT:
