# hpchub: `make demo` brings up a whole computing centre on this machine; `make test` tests everything.

HPCHUB_STATE ?= /srv/hpchub
HPCHUB_VENV ?= $(HPCHUB_STATE)/venv
export HPCHUB_STATE HPCHUB_VENV

PYTHON = $(HPCHUB_VENV)/bin/python

.PHONY: help demo stop status otp shell doctor test check bench clean

help:
	@echo "make demo              the demo centre, ready to log in (needs root; installs what is missing)"
	@echo "make otp NAME=a1113a01 an account's one-time password of this moment"
	@echo "make shell NAME=a1113a01 a shell of that user, as on a login node; hpchub env --help"
	@echo "make doctor            looks over the demo's hub, as an administrator does with hpchub doctor"
	@echo "make status            the demo's programs, their state and where their logs are"
	@echo "make stop              the demo's end; its data stay"
	@echo "make test              all tests, on a centre of their own"
	@echo "make check             formatting, lint and types"
	@echo "make bench             the measurements in benchmarks/"
	@echo "make clean             removes what tests and tools left in the checkout"

demo:
	@demo/install.sh
	@$(PYTHON) -m demo up

stop:
	@$(PYTHON) -m demo down

status:
	@$(PYTHON) -m demo status

otp:
	@test -n "$(NAME)" || { echo "say whose: make otp NAME=a1113a01" >&2; exit 2; }
	@$(PYTHON) -m demo otp "$(NAME)"

shell:
	@test -n "$(NAME)" || { echo "say whose: make shell NAME=a1113a01" >&2; exit 2; }
	@$(PYTHON) -m demo run --user "$(NAME)" -- bash

doctor:
	@$(PYTHON) -m demo hpchub doctor

test:
	@demo/install.sh test
	@mkdir -p test-artefacts
	$(PYTHON) -m pytest --numprocesses 6 --dist loadscope --no-loadscope-reorder

check:
	@demo/install.sh
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

bench:
	@demo/install.sh test
	@$(PYTHON) -m pip install --quiet --editable ".[bench]"
	$(PYTHON) -m benchmarks

clean:
	rm -rf test-artefacts .pytest_cache .mypy_cache .ruff_cache *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
