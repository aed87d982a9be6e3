# The commands of this project. `make demo` and `make test` are all the set-up there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install demo picture test test-system unit bench evaluate evaluate-consult derive-consult train-fundus train-oesophagus train-lung wheel clean

PYTHON ?= python3
UV ?= $(or $(shell command -v uv),.uv/bin/uv)
PATHS := $(CURDIR)/.venv/bin:$(PATH)
DEMO_REPORT ?= report
SHARED ?= ../shared
TWO_AT_ONCE := --numprocesses 2 --dist loadscope
TRAIN_ARGS ?=
EVALUATE_ARGS ?=
BENCH_ARGS ?=

# The real photograph that scikit-image carries; its place is asked of Python, for it differs.
PHOTOGRAPH := .venv/bin/python -c 'from importlib.util import find_spec; from pathlib import Path; \
	print(Path(find_spec("skimage").origin).parent / "data" / "retina.jpg")'

# What only tests need: DICOM written by another toolkit, PDF pages as text and pictures, pages in a browser.
SYSTEM_PACKAGES := dcmtk poppler-utils chromium postgresql
SYSTEM_PROGRAMS := dcmdump pdftotext chromium pg_virtualenv

export UV_PYTHON_DOWNLOADS := never

help:  ## What there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

.uv/bin/uv:
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet 'uv>=0.7'

# Compiled here, as pip does: where Python keeps no bytecode, compiling is more than half of each start.
.venv/installed: uv.lock pyproject.toml | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --frozen --quiet --compile-bytecode
	.venv/bin/python -m compileall -q src/aimis
	@touch $@

install: .venv/installed  ## Everything from the lock file into .venv

demo: .venv/installed  ## Read a real fundus photograph and write its report
	@.venv/bin/aimis read "$$($(PHOTOGRAPH))" --report "$(DEMO_REPORT)"

picture: .venv/installed  ## The report that the README shows, of the reader as it is now
	rm -rf .work/picture && mkdir -p .work/picture
	cp "$$($(PHOTOGRAPH))" .work/picture/
	cd .work/picture && ../../.venv/bin/aimis read retina.jpg --report . || test $$? = 3
	pdftoppm -r 80 -png -singlefile .work/picture/retina-*.pdf docs/images/report

test: .venv/installed  ## All checks and tests; those that need a Debian package which is not there say so
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	PATH="$(PATHS)" UV="$(UV)" .venv/bin/pytest $(TWO_AT_ONCE) --cov --cov-report=term:skip-covered

unit: .venv/installed  ## The unit tests alone, in seconds
	.venv/bin/pytest tests/unit -q $(TWO_AT_ONCE)

test-system:  ## The Debian packages that some tests need
	@missing=; for program in $(SYSTEM_PROGRAMS); do command -v $$program >/dev/null || missing=1; done; \
	if [ -z "$$missing" ]; then echo 'test-system: all there'; \
	elif ! command -v apt-get >/dev/null; then echo 'test-system: no apt-get here; the tests that need $(SYSTEM_PACKAGES) skip'; \
	else \
	  root=; [ "$$(id -u)" = 0 ] || root=sudo; \
	  $$root apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $(SYSTEM_PACKAGES) >/dev/null; \
	fi

bench: .venv/installed  ## Speed and memory against their limits, as a table
	SHARED=$(SHARED) .venv/bin/python -m tests.benchmarks.bench $(BENCH_ARGS)
	.venv/bin/python -m tests.benchmarks.consult_bench
	.venv/bin/python -m tests.benchmarks.served_bench

.venv-train/installed: training/requirements.txt
	$(PYTHON) -m venv .venv-train
	.venv-train/bin/pip install --quiet -r training/requirements.txt -e .
	@touch $@

train-fundus: .venv-train/installed  ## Train the fundus network again and write its weights
	.venv-train/bin/python -m training.fundus.splits
	.venv-train/bin/python -m training.fundus.train $(TRAIN_ARGS)
	.venv-train/bin/python -m training.fundus.package heads
	.venv-train/bin/python -m training.fundus.package calibrate

train-oesophagus: .venv-train/installed  ## Train the oesophagus networks again, with those that leave centres out
	for fold in 0 1 2; do .venv-train/bin/python -m training.oesophagus.train --fold $$fold $(TRAIN_ARGS); done
	for source in gastrovision nics2021; do \
	  .venv-train/bin/python -m training.oesophagus.train --without $$source $(TRAIN_ARGS); done
	.venv-train/bin/python -m training.oesophagus.train $(TRAIN_ARGS)
	.venv-train/bin/python -m training.oesophagus.package export
	.venv-train/bin/python -m training.oesophagus.package calibrate

train-lung: .venv-train/installed  ## Train the lung networks again, with those of the folds
	for part in '--fold 0' '--fold 1' '--fold 2' '--fold 3' ''; do \
	  .venv-train/bin/python -m training.lung.train_finder $$part && \
	  .venv-train/bin/python -m training.lung.export_networks && \
	  .venv-train/bin/python -m training.lung.mine $$part && \
	  .venv-train/bin/python -m training.lung.train_slices $$part || exit 1; done
	.venv-train/bin/python -m training.lung.export_networks
	.venv-train/bin/python -m training.lung.repeat
	.venv-train/bin/python -m training.lung.package calibrate

evaluate: .venv/installed  ## Accuracy on the development data of $(SHARED)
	.venv/bin/python -m training.fundus.evaluate --shared $(SHARED) $(EVALUATE_ARGS)
	.venv/bin/python -m training.oesophagus.evaluate --shared $(SHARED)
	.venv/bin/python -m training.lung.evaluate --shared $(SHARED)
	.venv/bin/python -m training.lung.repeat --data $(SHARED)/data/lung

derive-consult: .venv/installed  ## The tables of DDXPlus and the model of its differentials again
	.venv/bin/python -m training.consult.ddxplus --shared $(SHARED)
	.venv/bin/python -m training.consult.differential --shared $(SHARED)

evaluate-consult: .venv/installed  ## The consultation on the development data of $(SHARED)
	.venv/bin/python -m training.consult.evaluate --shared $(SHARED) $(EVALUATE_ARGS)

wheel: .venv/installed  ## dist/aimis-*.whl
	.venv/bin/hatchling build -t wheel

clean:  ## What was made, but not the environments
	rm -rf dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage $(DEMO_REPORT)
