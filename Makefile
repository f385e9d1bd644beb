# Everything there is to do here; `make` lists it.
DATA ?= data/sample
PORT ?= 8866
ARGS ?=

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet --constraint constraints.txt --editable
JAVA := $(shell command -v java)
BASE := .venv/.base
DEV := .venv/.dev$(if $(JAVA),-spark)
# The imported workspace, a folder to each DATA.
WORKSPACE := .workspace/$(shell printf '%s' '$(DATA)' | cksum | cut -d ' ' -f 1)
NOTEBOOKS := $(wildcard notebooks/*.ipynb)

.PHONY: help setup serve lab test check bench page
.DEFAULT_GOAL := help

help: ## this list
	@echo "make ..."
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

setup: $(BASE) ## the workbench in .venv, nothing else

serve: $(BASE) ## the pages on http://127.0.0.1:8866 (DATA=folder of exports, PORT=number)
	@exec $(PY) -m workbench.cli serve '$(DATA)' --to '$(WORKSPACE)' --port '$(PORT)'

lab: $(BASE) ## JupyterLab on the notebooks (DATA=folder of exports)
	WORKBENCH_DATA="$$(readlink -f '$(DATA)')" $(PY) -m jupyterlab --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate notebooks

test: $(DEV) ## every test, in a real browser too (ARGS= goes to pytest)
	@CHROMIUM="$$(sh tests/browser/find_chromium.sh)" && export CHROMIUM && \
	OPENBLAS_NUM_THREADS=1 $(PY) -m pytest tests $(NOTEBOOKS) --nbval-lax --nbval-current-env --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV) ## ruff, the format, types
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: $(DEV) ## speed, side by side with what one would use instead
	$(PIP) '.[bench]'
	@CHROMIUM="$$(sh tests/browser/find_chromium.sh)" && export CHROMIUM && \
	for file in bench/[!_]*.py; do echo "== $$file"; $(PY) "$$file" || exit 1; done

page: ## build page.js anew, after a change in workbench/dashboards (needs Node.js)
	rm -rf build/page && mkdir -p build && cp -r workbench/dashboards/page build/page
	cp workbench/dashboards/*.js build/
	cd build/page && npm install --no-package-lock --no-audit --no-fund && node build.mjs ../../workbench/dashboards/voila/templates/workbench/static

$(PY):
	@python=''; for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
		if $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then python=$$name; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo "Python 3.11 or newer with its venv module is needed, and none was found; install it (on Debian and Ubuntu: python3 and python3-venv) and run make again." >&2; exit 1; \
	fi; \
	"$$python" -m venv .venv

$(BASE): pyproject.toml constraints.txt | $(PY)
	$(PIP) .
	@touch $@

$(DEV): pyproject.toml constraints.txt | $(PY)
	$(PIP) '.[dev$(if $(JAVA),$(comma)spark)]'
	@touch $@ $(BASE)

comma := ,
