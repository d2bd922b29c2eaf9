# Lab notes on sockets: `make` lists what can be made.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
export LAB
VENV := .venv/$(VERSION)
# With CI=true pytest would compute the whole difference of two files, for many minutes.
PYTEST = env -u CI -u BUILD_NUMBER $(VENV)/bin/python -m pytest -c tests/pytest.ini tests $(if $(P),-k $(P))

.PHONY: help demo test bench net gallery requirements clean

help:
	@echo "make demo               watch the programs: transcripts from the notes, played live"
	@echo "make demo P=problem4    all those of one problem or basics/... folder"
	@echo "make test               run every test (makes $(VENV) the first time)"
	@echo "make test P=problem3    the tests of one problem only"
	@echo "make test LAB=FOLDER    mark your own versions of scripts, in FOLDER/problem3/ and so on"
	@echo "make test PYTHON=python3.9   with another Python, 3.9 or later"
	@echo "make bench              measure the programs beside their peers: six to seven minutes"
	@echo "make bench ROW=hub      one row of that table"
	@echo "make net                a network of three hosts in this one machine, and a shell there"
	@echo "make net LOSE=30        one that loses 30 % of all datagrams"
	@echo "make gallery            mark the wrong versions in tests/wrong: about twelve minutes"
	@echo "make gallery W=NAME     one of them, which is left in the folder wrong/NAME"
	@echo "make requirements       what is required, and the tests that hold it"
	@echo "make clean              delete what the tests have made"

test: $(VENV)/installed
	@echo "running the tests, six at a time: about two minutes"
	@rm -f $(VENV)/shard*; for shard in 1 2 3 4 5 6; do \
	    ( export REPORT=$(VENV)/shard$$shard.report; \
	      $(PYTEST) --shard $$shard/6 > $(VENV)/shard$$shard.log 2>&1; \
	      echo $$? > $(VENV)/shard$$shard.status ) & \
	done; wait; \
	if [ -n "$(LAB)" ]; then \
	    $(VENV)/bin/python tests/report.py $(VENV)/shard*.report; \
	else \
	    cat $(VENV)/shard*.log; \
	    cat $(VENV)/shard*.status | sort -u | tr -d '\n' | grep -qx '05\?'; \
	fi

# One environment for each Python version, made anew only if the requirements change.
$(VENV)/installed: tests/requirements.txt
	@test -n "$(VERSION)" || { echo "error: there is no $(PYTHON): install Python 3.9 or later"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))' || \
	    { echo "error: $(PYTHON) is $(VERSION): the scripts need Python 3.9 or later"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	    { echo "error: $(PYTHON) has no venv: install it (Debian, Ubuntu: apt install python3-venv)"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip --disable-pip-version-check install --quiet -r tests/requirements.txt
	@touch $@

demo: $(VENV)/installed
	@$(VENV)/bin/python tests/demo.py $(P)

bench:
	@$(PYTHON) tests/bench/bench.py $(ROW)

net:
	@$(PYTHON) tests/lan.py $(or $(HOST),1) --lose $(or $(LOSE),0)

# Which test holds which requirement, from the tests' docstrings.
requirements: $(VENV)/installed
	@$(VENV)/bin/python tests/test_requirements.py

# The gallery of wrong versions in tests/wrong: each must be marked as it should be.
gallery: $(VENV)/installed
	@$(VENV)/bin/python tests/gallery.py $(W)

clean:
	rm -rf .venv .pytest_cache wrong
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
