# Everything runs in a virtual environment of its own, made on the first call from Python 3.11 or newer, make and pip.

PYTHON ?= python3
TAG ?= vnv
ALGORITHM ?= xgb
GROUP ?=
DATA ?=
FEATURES ?=
FOLDS ?=
LIMIT ?=
JOBS ?=
CLIENT ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SAMPLE_STARS ?= 2450
MINUTES ?= 30

.PHONY: help env report reports classify index test test-all fuzz lint lab sample benchmark clean

help:
	@echo "make report TAG=vnv ALGORITHM=xgb   train one classifier, write its report (optional: DATA=, FEATURES=, GROUP=, FOLDS=5, LIMIT=60)"
	@echo "make reports ALGORITHM=xgb          the same for every tag that the data can train, then all compared; resumes (JOBS=2 side by side, CLIENT=tcp://... on a cluster)"
	@echo "make classify CURVES=my_stars/      what are these stars? A catalogue by classifiers of light curves (DATA=, GROUP=, OPTIONS=\"--top 20\")"
	@echo "make lab                            open JupyterLab with your_model.ipynb, where to bring a classifier of your own"
	@echo "make index                          write the index of all runs anew"
	@echo "make test                           run the tests, notebooks included, but for those marked slow"
	@echo "make test-all                       run those, too"
	@echo "make fuzz MINUTES=30                damage files of every kind that is read, for so long"
	@echo "make lint                           check style"
	@echo "make sample                         remake the simulated sample in data/"
	@echo "make benchmark                      speed beside public peers (installs them), on a GPU where there is one; periods found"
	@echo "make clean                          remove the environment and caches; reports are kept"

env: $(READY)

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -e ".[dev]"
	@touch $@

report: $(READY)
	$(BIN)/python -m scope_nb report --tags "$(TAG)" --algorithms $(ALGORITHM) --group "$(GROUP)" --data "$(DATA)" --features "$(FEATURES)" $(if $(FOLDS),-p folds $(FOLDS)) $(if $(LIMIT),--limit $(LIMIT))

reports: $(READY)
	$(BIN)/python -m scope_nb report --tags all --algorithms $(ALGORITHM) --group "$(GROUP)" --data "$(DATA)" --features "$(FEATURES)" $(if $(FOLDS),-p folds $(FOLDS)) $(if $(LIMIT),--limit $(LIMIT)) $(if $(JOBS),--jobs $(JOBS)) $(if $(CLIENT),--client $(CLIENT)) --resume --compare

classify: $(READY)
	@$(if $(CURVES),:,echo "say which light curves: make classify CURVES=my_stars/"; exit 2)
	$(BIN)/python -m scope_nb classify $(CURVES) $(if $(DATA),--data "$(DATA)") $(if $(GROUP),--group "$(GROUP)") $(OPTIONS)

index: $(READY)
	$(BIN)/python -m scope_nb index

test: $(READY)
	$(BIN)/python -m pytest -m "not slow" --nbmake tests notebooks

test-all: $(READY)
	$(BIN)/python -m pytest --nbmake tests notebooks

fuzz: $(READY)
	SCOPE_NB_FUZZ_MINUTES=$(MINUTES) $(BIN)/python -m pytest -s tests/fuzz

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify notebooks/*.ipynb

lab: $(READY)
	$(BIN)/jupyter lab --ServerApp.root_dir=. notebooks/your_model.ipynb

sample: $(READY)
	$(BIN)/python data/simulate --mix sample --stars $(SAMPLE_STARS) --seed 1 --out data --prefix sample_ --keep 350

benchmark: $(READY)
	$(BIN)/python -m pip install --quiet -e ".[bench]"
	$(BIN)/python tests/benchmarks/speed.py
	-$(BIN)/python tests/benchmarks/recovery.py
	-$(BIN)/python tests/benchmarks/gpu.py

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache build dist *.egg-info
	find scope_nb tests notebooks -name __pycache__ -o -name .ipynb_checkpoints | xargs rm -rf
