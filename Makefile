# Lab notes on sockets: `make` lists what can be made.
PYTHON ?= python3
IN = $(PYTHON) tests/environment.py  # runs a script in .venv/VERSION, which it makes once

.PHONY: help python demo wire lab marks test soak bench net gallery requirements clean

help:
	@echo "See it run"
	@echo "  make demo                     transcripts from the notes, played live"
	@echo "  make demo P=problem4          ... all those of one folder"
	@echo "  make wire P=problem3          draw what passes between a server and its clients"
	@echo "  make wire P=problem3 SPLIT=1  ... cut into single bytes (DELAY=0.5: held back)"
	@echo "  make wire P=datagram_echo LOSE=0.3   ... and lose datagrams (SEED=7: the same)"
	@echo "  make net                      three hosts inside this machine, and a shell there"
	@echo "  make net LOSE=30              ... that lose 30 % of all datagrams"
	@echo "Write your own"
	@echo "  make lab P=problem3           begin: the scripts of a folder, in lab/"
	@echo "  make test LAB=lab P=problem3  mark the scripts in lab/problem3/"
	@echo "Teach"
	@echo "  make gallery W=NAME           run one wrong version (their names: tests/wrong)"
	@echo "  make marks CLASS=FOLDER       mark FOLDER/ann/problem3/server.py and so on"
	@echo "Test these scripts"
	@echo "  make test                     every test (first it installs pytest in .venv)"
	@echo "  make test P=problem3,sum      ... of some folders"
	@echo "  make test PYTHON=python3.9    ... with another Python, 3.9 or later"
	@echo "  make test SLOW=yes            ... and list the slowest"
	@echo "  make soak N=20 BUSY=2         ... 20 times, beside two processes that compute"
	@echo "  make gallery                  find all wrong versions, and accept the right ones"
	@echo "  make bench                    measure the scripts beside other programs: 7 min"
	@echo "  make bench ROW=hub            ... one row"
	@echo "  make requirements             what is required, and the tests that hold it"
	@echo "  make clean                    delete what the tests have made"

# Before all else: is there a Python, and is it new enough?
python:
	@version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null); \
	if [ -z "$$version" ]; then \
	    echo "error: $(PYTHON) does not run: install Python 3.9 or later," \
	        "or name yours: make test PYTHON=python3.12" >&2; exit 1; \
	elif ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 9))'; then \
	    echo "error: $(PYTHON) is Python $$version: the scripts need 3.9 or later;" \
	        "name another one: make test PYTHON=python3.12" >&2; exit 1; \
	fi

test: python
	@$(PYTHON) tests/run.py $(if $(SLOW),--slow) $(P)

# A class, one submission after the other, each apart from this machine.
marks: python
	@$(PYTHON) tests/marks.py $(if $(TRUST),--trust) "$(CLASS)" $(P)

# Where a student begins: scripts whose conversation is to be written, in LAB/.
lab: python
	@$(PYTHON) tests/lab.py $(if $(LAB),--lab "$(LAB)") $(P)

# What fails only now and then, and only when the machine is busy?
soak: python
	@$(PYTHON) tests/soak.py -n $(or $(N),20) --busy $(or $(BUSY),2) $(P)

demo: python
	@$(IN) tests/demo.py $(P)

# A third terminal between a server and its clients: what passes, drawn as in the notes.
wire: python
	@$(PYTHON) tests/wire.py $(if $(LOSE),--lose "$(LOSE)") $(if $(SPLIT),--split "$(SPLIT)") \
	    $(if $(DELAY),--delay "$(DELAY)") $(if $(SEED),--seed "$(SEED)") "$(P)"

bench:
	@$(PYTHON) tests/bench/bench.py $(ROW)

net:
	@$(PYTHON) tests/lan.py $(or $(HOST),1) --lose $(or $(LOSE),0)

# Which test holds which requirement, from the tests' docstrings.
requirements: python
	@$(IN) tests/test_requirements.py

# The gallery of wrong versions in tests/wrong: the tests must find the fault in each.
gallery: python
	@$(IN) tests/gallery.py $(W)

clean:
	rm -rf .venv .pytest_cache wrong
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
