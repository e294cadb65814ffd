# Kith from a bare machine: Python 3.11 to 3.13 with venv, and make, are all that must be there.
# `make demo` and `make test` set up .venv when it is missing or its pins have changed, and reuse it otherwise.

PYTHON ?= python3.13 python3.12 python3.11 python3
# One thread a process and two processes of tests: most tests wait for Ray, Airflow or Cassandra half of the time.
PYTEST = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} .venv/bin/python -m pytest --numprocesses=$${TEST_PROCESSES:-2} \
  --dist=loadscope
READY = .venv/.ready
# A build or a test starts a dozen processes that import the same modules: they are compiled once, not by each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up down test deaths quick check bench bench-setup bench-quality cassandra cassandra-stop clean

help:
	@echo "make setup   the environment .venv with every version pinned, and the networks' weights"
	@echo "make demo    draw a population, build it, write its report to demo/"
	@echo "make up      Airflow and Ray on this machine with drawn people to try them on; UP_ARGS='--airflow-port 9090' changes"
	@echo "make down    ends what make up started, and nothing else"
	@echo "make test    all tests; PYTEST_ARGS='-k NAME' chooses"
	@echo "make deaths  the tests that kill parts of a running Airflow and Ray, at random moments"
	@echo "make quick   the tests that take seconds"
	@echo "make check   format, lint, types and all tests: what a change must pass"
	@echo "make bench   the benchmarks of speed; make bench-NAME one of them; make bench-setup what they compare with"
	@echo "make bench-quality   the table of quality; BENCH_ARGS='--populations A=FOLDER' where there is no ../shared"
	@echo "make cassandra   a Cassandra 5 on loopback (Java 17 and Maven must be there); make cassandra-stop ends it"
	@echo "make clean   remove .venv, demo/ and caches"

setup: $(READY)

# Written last, so that a set-up that was cut off is taken up again. PYTHON may list several: the first fit one is used.
$(READY): pyproject.toml constraints.txt
	@found=; for candidate in $(PYTHON); do \
	  if "$$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	    >/dev/null 2>&1; then found=$$candidate; break; fi; \
	done; \
	if .venv/bin/python -m pip --version >/dev/null 2>&1; then \
	  echo "reusing .venv"; \
	elif [ -z "$$found" ]; then \
	  echo "make: no Python 3.11 to 3.13 with venv here; install one (Debian: python3 and python3-venv) or set PYTHON" >&2; \
	  exit 1; \
	else \
	  echo "making .venv with $$("$$found" --version)"; "$$found" -m venv --clear .venv; \
	fi
	.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt uv
	.venv/bin/uv pip install --python .venv/bin/python --quiet \
	  --constraints constraints.txt --build-constraints constraints.txt --editable '.[dev]'
	.venv/bin/kith models prepare
	@touch $(READY)

demo: $(READY)
	.venv/bin/kith demo

up: $(READY)
	.venv/bin/kith up $(UP_ARGS)

down: $(READY)
	.venv/bin/kith down $(DOWN_ARGS)

test: $(READY)
	$(PYTEST) -m "not deaths" $(PYTEST_ARGS)

# A quarter of an hour: Airflow and Ray run for real, and each of their parts is killed in turn.
deaths: $(READY)
	$(PYTEST) -m deaths --numprocesses=0 tests/services $(PYTEST_ARGS)

quick: $(READY)
	$(PYTEST) -m "not slow and not deaths" $(PYTEST_ARGS)

check: $(READY)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(PYTEST) -m "not deaths" $(PYTEST_ARGS)

# `make bench-clustering` runs benchmarks/bench_clustering.py; BENCH_ARGS goes to each.
bench: $(READY)
	@set -e; for file in $(filter-out %/bench_quality.py,$(wildcard benchmarks/bench_*.py)); do \
	  echo "== $$file"; OMP_NUM_THREADS=1 .venv/bin/python "$$file" $(BENCH_ARGS); \
	done; .venv/bin/python benchmarks/write_page.py

# What others offer and we compare with. facenet-pytorch's own pins are of an older PyTorch.
bench-setup: $(READY)
	.venv/bin/uv pip install --python .venv/bin/python --quiet --constraints constraints.txt --editable '.[dev,bench]'
	.venv/bin/uv pip install --python .venv/bin/python --quiet --no-deps facenet-pytorch==2.6.0

bench-quality: $(READY)
	.venv/bin/python benchmarks/bench_quality.py $(BENCH_ARGS)

bench-%: benchmarks/bench_%.py $(READY)
	OMP_NUM_THREADS=1 .venv/bin/python $< $(BENCH_ARGS)

cassandra: $(READY)
	.venv/bin/python docker/cassandra/server.py start $(CASSANDRA_ARGS)

cassandra-stop: $(READY)
	.venv/bin/python docker/cassandra/server.py stop $(CASSANDRA_ARGS)

clean:
	rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis kith_profiles.egg-info
	find $(wildcard dags graph profiling ray_tasks tests benchmarks) -type d -name __pycache__ -prune -exec rm -rf {} +
