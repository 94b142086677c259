# make demo   set up (once), then put a photograph through a real bitstream file and back
# make test   set up (once), then lint and run every test
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: demo test clean

VENV := .venv
PYTHON ?= $(shell for p in python3.11 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo "$$p" && break; done)
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

test: $(VENV)/development.stamp
	$(VENV)/bin/ruff check .
	$(ONE_THREAD) $(VENV)/bin/python -m pytest -q -n auto --dist loadfile --durations=15

# A stamp is newer than its requirements once they are installed, so set-up runs once.
$(VENV)/product.stamp: requirements.txt
	test -n "$(PYTHON)" || { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	echo "installing requirements.txt into $(VENV) (once; TensorFlow takes a minute or two)"
	$(VENV)/bin/pip install --quiet -r requirements.txt
	touch $@

$(VENV)/development.stamp: requirements-dev.txt $(VENV)/product.stamp
	$(VENV)/bin/pip install --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) $(DEMO) .pytest_cache .ruff_cache

.SILENT:
