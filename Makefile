# Lab notes on sockets: `make` lists what can be made.
PYTHON ?= python3
IN = $(PYTHON) tests/environment.py  # runs a script in .venv/VERSION, which it makes once

.PHONY: help python demo wire lab marks test soak bench net gallery requirements clean

help:
	@echo "make demo               watch the programs: transcripts from the notes, played live"
	@echo "make demo P=problem4    all those of one problem or basics/... folder"
	@echo "make wire P=problem3    draw what passes between a server and its clients, live"
	@echo "make wire P=problem3 SPLIT=1     cut it to single bytes; DELAY=0.5 holds it back"
	@echo "make wire P=datagram_echo LOSE=0.3   lose datagrams; SEED=7 loses the same again"
	@echo "make test               run every test (the first time it installs pytest in .venv)"
	@echo "make test P=problem3    the tests of one folder, or of a list: P=problem3,basics/sum"
	@echo "make test SLOW=yes      and then list the slowest tests"
	@echo "make lab P=problem3     begin your own: the scripts of a folder in lab/, to be completed"
	@echo "make test LAB=FOLDER    mark your own versions of scripts, in FOLDER/problem3/ and so on"
	@echo "make marks CLASS=FOLDER mark a class: the scripts in FOLDER/ann/problem3/ and so on"
	@echo "make test PYTHON=python3.9   with another Python, 3.9 or later"
	@echo "make soak N=20 BUSY=2   the tests 20 times, beside two processes that compute"
	@echo "make bench              measure the programs beside their peers: six to seven minutes"
	@echo "make bench ROW=hub      one row of that table"
	@echo "make net                a network of three hosts in this one machine, and a shell there"
	@echo "make net LOSE=30        one that loses 30 % of all datagrams"
	@echo "make gallery            mark wrong versions, each must be found, and right ones: none may"
	@echo "make gallery W=NAME     one of them, which is left in the folder wrong/NAME"
	@echo "make requirements       what is required, and the tests that hold it"
	@echo "make clean              delete what the tests have made"

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
