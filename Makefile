# The commands of a developer are the steps of CI. Every target sets itself up in .venv.
SHELL := /bin/bash
PACKAGES := simd invariants fitting spectra training studies
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: study test test-thorough lint namespace typecheck bench faults docs clean

## Train 200 networks on the bundled digits, fit, compare, and print the path of report.html.
study: $(VENV)/.installed
	@$(VENV)/bin/pigmm study runs/first --dataset mnist-5k --hidden 10,10,10 --networks 200 --epochs 50 --seed 0

# Each process of the tests has a core: threads of BLAS and OpenMP inside them would only wait for one another.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(PY) -m pytest -n auto --maxprocesses 4 --dist loadfile

## Run the tests, the files shared out among at most four processes.
test: $(VENV)/.installed-dev
	@$(PYTEST)

## Run them with those that repeat at length: calibration at size, every alteration, many kills.
test-thorough: $(VENV)/.installed-dev
	@$(PYTEST) --thorough

lint: $(VENV)/.installed-dev namespace
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && PYTHONPATH=build/types $(VENV)/bin/lint-imports \
	&& $(VENV)/bin/pydoclint $(PACKAGES)

# mypy, griffe and import-linter do not follow editable installs of mapped folders, so they get the package as links.
namespace:
	@mkdir -p build/types/pigmm
	@ln -sfn "$(CURDIR)/package/__init__.py" build/types/pigmm/__init__.py
	@for p in $(PACKAGES); do ln -sfn "$(CURDIR)/$$p" build/types/pigmm/$$p; done

typecheck: $(VENV)/.installed-dev namespace
	@MYPYPATH=build/types $(VENV)/bin/mypy $(PACKAGES:%=-p pigmm.%)

# Full MNIST is used where PIGMM_DATA_ROOT names its folder, or where it lies beside the checkout. OpenBLAS is left to
# choose its kernel: a setting of the machine would slow the baselines.
bench: $(VENV)/.installed-bench
	@root="$${PIGMM_DATA_ROOT:-$$(cd ../shared/data 2>/dev/null && pwd)}"; \
	for b in benchmarks/*.py; do echo "== $$b"; \
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE $${root:+PIGMM_DATA_ROOT="$$root"} $(PY) $$b || exit 1; done

## Interrupt commands at any moment, and read thousands of damaged and hostile files; print what became of them. See
## docs/reliability.md.
faults: $(VENV)/.installed-dev
	@$(PY) tests/faults/interruptions --chains 120 --pairs 30 --seed 0; interrupted=$$?; \
	$(PY) tests/faults/fuzz --files 6000 --seed 0 && exit $$interrupted

docs: $(VENV)/.installed-dev namespace
	@$(VENV)/bin/mkdocs build --strict

clean:
	rm -rf $(VENV) build site *.egg-info

$(VENV)/.installed: pyproject.toml
	@./install.sh $(VENV) training
	@touch $@

$(VENV)/.installed-dev: pyproject.toml
	@./install.sh $(VENV) training,test,lint,docs
	@touch $(VENV)/.installed $@

$(VENV)/.installed-bench: $(VENV)/.installed-dev
	@./install.sh $(VENV) bench
	@touch $@
