# Two commands: `make demo` removes a car from a real shot, `make test` proves the house. Both set up what they need.
# `make test-hosts` adds every version of every host that can be run here, `make blender-package` builds the extension.

PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
PIP_INSTALL := $(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt

DATA ?= ../shared/data/train

# On a GPU: make train ON="--device cuda" SIDE_BY_SIDE="--processes 8"
ON ?=
SIDE_BY_SIDE ?=

# Threads sleep where they wait for one another: spinning ones stall a machine that has other work (see aan_engine/threads.py).
export OMP_WAIT_POLICY := PASSIVE

# Tests run side by side, in one process per processor; each takes about 1.5 GB. A processor that falls idle takes over
# half of what another has still to do, so a module's shared fixtures may be made twice.
JOBS ?= logical
SIDE_BY_SIDE_TESTS := --numprocesses $(JOBS) --maxprocesses 8 --dist worksteal

# Coverage takes longer (not measured over the whole suite), so it is measured where nobody waits: CI=true says so.
COVERAGE := $(if $(CI),--cov --cov-report=term-missing:skip-covered)

# PyTorch for Linux brings CUDA along (gigabytes), but for the builds of this index. With a GPU: make TORCH_INDEX=
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

.PHONY: demo test test-fast test-hosts coverage lint bench blender-package nuke-package train clean

demo: $(VENV)/ready
	$(RUN) tests/demo/demo.py

test: $(VENV)/ready lint
	$(RUN) -m pytest $(SIDE_BY_SIDE_TESTS) $(COVERAGE)

# For the inner loop: leaves out lint and what is marked slow, see `SLOW` in tests/conftest.py. So no
# shot is filled whole, no network is trained, no other Python or Blender is started, and no wheel is installed.
test-fast: $(VENV)/ready
	$(RUN) -m pytest $(SIDE_BY_SIDE_TESTS) -m "not slow and not hosts"

coverage:
	$(MAKE) test CI=true

test-hosts: $(VENV)/ready
	$(RUN) -m pytest -m "hosts or not hosts" tests/blender

blender-package: $(VENV)/ready
	$(RUN) blender_addon/package.py dist

lint: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

bench: $(VENV)/ready
	$(RUN) tests/bench/bench.py $(WHAT)

# What a studio installs in Nuke: a folder and a zip in dist/, with pyzmq for each Python and platform.
nuke-package: $(VENV)/ready
	$(RUN) nuke/packaging/package.py

# Every weight from nothing, part by part and at last together; each step goes on where it was stopped. Days on a CPU.
train: $(VENV)/ready
	$(VENV)/bin/aan train homography --data $(DATA) $(ON) $(SIDE_BY_SIDE) --ship
	$(VENV)/bin/aan train inpainter --stage 1 --data $(DATA) $(ON) $(SIDE_BY_SIDE)
	$(VENV)/bin/aan train inpainter --stage 2 --data $(DATA) $(ON) $(SIDE_BY_SIDE) --ship
	$(VENV)/bin/aan train chooser --data $(DATA) $(ON) $(SIDE_BY_SIDE) --ship
	$(VENV)/bin/aan train together --data $(DATA) $(ON) --ship

clean:
	rm -rf $(VENV) .venv-hosts .venv-bpy .venv-wheel demo-out dist

$(VENV)/ready: pyproject.toml .ci/constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --no-deps --retries 1 $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	$(PIP_INSTALL) --editable '.[dev]'
	touch $@
