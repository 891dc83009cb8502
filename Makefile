# make quickstart   makes a virtual environment, fills three photographs with the default model, and trains a small system for
#                   three minutes
# make test         runs the tests, under 15 minutes on 2 cores
# make test-all     runs the slow tests too
# make test-third   runs a third of the tests, to try another Python: make test-third PYTHON=python3.12 VENV=.venv-312
# make test-beam    runs the tests of big jobs. First installs Apache Beam (370 MB, half a minute), which replaces Pillow and
#                   PyArrow by older versions
# make golden       runs the tests that compare the systems with outputs of their released code, and prints a summary
# make lint         runs ruff (rules and format), and mypy on the package
# make docs         builds the site, from docs/ into site/; fails if a link is broken or a page would contact another host
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3; do $$p -c 'import ensurepip' 2>/dev/null && command -v $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Quiet twice: pip prints only errors.
PIP := PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
RUN := runs/quickstart
FIRST_FILL := filled/quickstart
# Two processes; all tests of a file run in one of them (tests/conftest.py).
TWO := -n 2 --dist loadgroup

# The tests that depend most on the versions of TensorFlow, Keras and NumPy.
THIRD := tests/stand_ins_test.py tests/layers tests/losses tests/data tests/systems/systems_test.py tests/systems/multistage_golden_test.py \
  tests/training/systems_loop_test.py tests/export tests/serving tests/painting/painter_test.py tests/models_test.py tests/tools/first_fill_test.py

# The tests that need Apache Beam.
BIG_JOBS := tests/tools/fill_many_test.py tests/tools/prepare_data_test.py

.PHONY: quickstart test test-all test-third test-beam golden lint docs

$(VENV)/installed: requirements.txt setup.cfg Makefile
	@test -n "$(PYTHON)" || { echo "tfinpaint needs Python 3.10 to 3.13, and no python3 is on the PATH"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "tfinpaint needs Python 3.10 to 3.13; found $$($(PYTHON) --version). Name one: make PYTHON=/path/to/python3.12 ..."; exit 1; }
	@echo "Installing what tfinpaint needs into $(VENV) (2.6 GB on disk, some minutes)"
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)  # an existing environment keeps its Python
	@$(PIP) --upgrade pip
	@$(PIP) -e '.[test]'
	@$(BIN)/python -c 'import cv2' || \
	  { echo "OpenCV lacks a system library. On Debian and Ubuntu: apt-get install libgl1 libglib2.0-0"; exit 1; }
	@touch $@

quickstart: $(VENV)/installed
	@rm -rf $(RUN) $(FIRST_FILL)
	@echo "1. The model that comes with tfinpaint fills three photographs of scikit-image:"
	$(BIN)/python -m tools.first_fill --output=$(FIRST_FILL)
	@echo
	@echo "2. Training works: a small system, for about 3 minutes on 2 cores. So short a run learns only to correct a smooth fill; the texture that inpaint adds comes from the photograph."
	$(BIN)/python -m tfinpaint.train --flagfile=configs/quickstart.flags --run_dir=$(RUN)
	$(BIN)/python -m tools.sample_pair --name=coffee --output=$(RUN)/demo
	$(BIN)/python -m tfinpaint.inpaint --model=$(RUN) --image=$(RUN)/demo/photo.png --mask=$(RUN)/demo/mask.png --output=$(RUN)/demo/filled.png
	@echo
	@echo "A photograph that it has not seen, filled:   $(RUN)/demo/filled.png   (photo.png and mask.png are beside it)"
	@echo "The validation photograph, filled:           $(RUN)/samples/final.png (input, hole, output, composite, original, an attention map)"
	@echo "Figures of every logged step:                $(RUN)/metrics.csv"

test: $(VENV)/installed
	$(BIN)/python -m pytest -m "not slow" $(if $(ARGS),$(ARGS),$(TWO))

test-all: $(VENV)/installed
	$(BIN)/python -m pytest $(TWO)

test-third: $(VENV)/installed
	$(BIN)/python -m pytest -m "not slow" $(TWO) $(THIRD)

test-beam: $(VENV)/installed
	@$(PIP) -e '.[beam]'
	$(BIN)/python -m pytest $(TWO) $(ARGS) $(BIG_JOBS)

golden: $(VENV)/installed
	$(BIN)/python -m pytest -q -m golden

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(VENV)/docs_installed: $(VENV)/installed
	@$(PIP) -e '.[docs]'
	@touch $@

docs: $(VENV)/docs_installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
