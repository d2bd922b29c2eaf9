"""`make marks`: a class, marked apart from this machine; submissions that attack it."""
import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest

import isolate
import marks
from conftest import OURS, THEIRS

pytestmark = [pytest.mark.skipif(bool(THEIRS), reason="of our own tools"), pytest.mark.waits]
MARKS = [sys.executable, str(OURS / "tests" / "marks.py")]
SERVER = (OURS / "problem3" / "server.py").read_text("utf-8")


@pytest.fixture
def apart(need):
    """Skip the test where no program can be run apart."""
    why = isolate.possible()
    if why:
        need("unshare", why)


@pytest.fixture
def class_(tmp_path):
    """Hand in: class_("ann", "the text of problem3/server.py")."""
    folder = tmp_path / "class"
    folder.mkdir()

    def hand_in(name, source=None):
        (folder / name / "problem3").mkdir(parents=True)
        if source:
            (folder / name / "problem3" / "server.py").write_text(source, "utf-8")
        return folder
    return hand_in


def mark(folder, *words):
    return subprocess.run([*MARKS, str(folder), "problem3", "--limit", "90", *words],
                          capture_output=True, text=True, timeout=300)


def report(folder, name):
    """Return the text of a report, its XML, and its JSON."""
    reports = folder / "reports" / name
    return ((reports / "report.txt").read_text("utf-8"),
            ElementTree.parse(reports / "junit.xml").getroot(),
            json.loads((reports / "results.json").read_text("utf-8")))


def test_a_class_has_its_marks_and_three_reports_each(class_, apart):
    class_("ann", SERVER)
    class_("eve", "x = (\n")
    folder = class_("zoe")
    (folder / ".hidden").mkdir()
    done = mark(folder)
    assert done.returncode == 0 and done.stderr == ""
    held = re.search(r"1 of 3  ann: problem3: task (\d+) of \1, network (\d+) of \2, "
                     r"manners (\d+) of \3 \(\d+ s\)\n", done.stdout)
    assert held, done.stdout
    assert "2 of 3  eve: problem3/server.py, line 1: SyntaxError: " in done.stdout
    assert "3 of 3  zoe: nothing to mark: looked for problem3/client.py, " in done.stdout
    with open(folder / "marks.csv", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["submission", "problem", "part", "held", "of"]
    assert rows[1] == ["ann", "problem3", "task", held[1], held[1]] and len(rows) == 10
    text, xml, results = report(folder, "ann")
    total = sum(map(int, held.groups()))
    assert text.splitlines()[-1].startswith("problem3: task ")
    assert len(xml.findall("testcase")) == total and xml.get("failures") == "0"
    assert results["score"] == len(results["tests"]) == total
    text, xml, results = report(folder, "eve")
    assert "SyntaxError" in text and xml.find("testcase/error") is not None
    assert results["score"] == 0 and "SyntaxError" in results["output"]


def test_what_was_interrupted_goes_on_where_it_stopped(class_, apart):
    class_("ann", "x = (\n")
    folder = class_("bob", "x = (\n")
    mark(folder)
    shutil.rmtree(folder / "reports" / "bob")
    kept = (folder / "reports" / "ann" / "results.json").stat().st_mtime_ns
    done = mark(folder)
    assert "1 of 2  ann: has its report\n2 of 2  bob: problem3" in done.stdout
    assert (folder / "reports" / "ann" / "results.json").stat().st_mtime_ns == kept
    assert (folder / "marks.csv").read_text().count("bob") == 3
    later = time.time() + 60
    os.utime(folder / "ann" / "problem3" / "server.py", (later, later))  # handed in again
    assert "1 of 2  ann: problem3" in mark(folder).stdout


def test_a_class_that_is_not_there(tmp_path):
    (tmp_path / "empty").mkdir()
    for path, says in (tmp_path / "none", "is not a folder"), (tmp_path / "empty",
                                                               "has no submission"):
        done = mark(path)
        assert done.returncode == 2 and done.stderr.startswith("error: ")
        assert says in done.stderr and done.stderr.count("\n") == 1


def test_without_isolation_nothing_is_run_unless_it_is_trusted(class_, tmp_path, monkeypatch):
    folder = class_("ann", "open('ran', 'w')\n")
    (tmp_path / "unshare").write_text("#!/bin/sh\necho 'unshare: not permitted' >&2; exit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    done = mark(folder)
    assert done.returncode == 2 and not (folder / "marks.csv").exists()
    assert re.fullmatch(r"error: no program .*\(unshare: not permitted\); with TRUST=yes .*\n",
                        done.stderr)


ATTACK = r'''
import os, signal, socket, subprocess, sys, time
def attempt(what, action):
    try:
        action()
        print(what, "succeeded", flush=True)
    except BaseException:
        print(what, "failed", flush=True)
def fill():
    with open("/tmp/big", "wb") as file:
        while True:
            file.write(bytes(1 << 20))
def forks():
    while True:
        if os.fork() == 0:
            os.setsid()
            time.sleep(600)
            os._exit(0)
HERE = os.path.dirname(os.path.abspath(__file__))
'''


def run_apart(tmp_path, body, timeout=60):
    """Run an attack apart; return what it printed."""
    script = tmp_path / "attack" / "attack.py"
    script.parent.mkdir()
    script.write_text(ATTACK + body)
    return subprocess.run(
        isolate.isolated([sys.executable, str(script)],
                         [OURS, sys.prefix, sys.base_prefix, str(script.parent)]),
        stdout=subprocess.PIPE, text=True, timeout=timeout).stdout


def running(text):
    """Return whether a program runs whose command has this text."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if text.encode() in path.read_bytes():
                return True
    return False


def test_what_runs_apart_does_no_harm(tmp_path, apart):
    """Home, disk, network, rights: it sees none of them, and the scratch folder is small."""
    (tmp_path / "secret").write_text("x")
    body = f'''
attempt("read beside it", lambda: open({str(tmp_path / "secret")!r}).read())
attempt("write in its folder", lambda: open(HERE + "/new", "w"))
attempt("write here", lambda: open({str(OURS / "new")!r}, "w"))
attempt("write in /etc", lambda: open("/etc/new", "w"))
attempt("connect out", lambda: socket.create_connection(("1.1.1.1", 80), 3))
attempt("fill the disk", fill)
os.remove("/tmp/big")
attempt("mount", lambda: subprocess.run(["mount", "-t", "tmpfs", "x", "/tmp"], check=True,
                                        stderr=subprocess.DEVNULL))
attempt("become root", lambda: os.setuid(0) or open("/etc/new", "w"))
listener = socket.create_server(("127.0.0.1", 0))
attempt("its own loopback", lambda: socket.create_connection(listener.getsockname(), 3))
print("home", [name for name in os.listdir(os.path.expanduser("~root"))
               if not name.startswith(".pyenv")] if os.path.isdir("/root") else [])
'''
    lines = run_apart(tmp_path, body).splitlines()
    assert [line for line in lines if line.endswith("succeeded")] == [
        "its own loopback succeeded"]
    assert len(lines) == 10 and not (tmp_path / "attack" / "new").exists()
    assert not (OURS / "new").exists()


def test_all_that_runs_apart_ends_with_it(tmp_path, apart):
    """It forks without end, detached; then it ends, or is killed."""
    lines = run_apart(tmp_path, "attempt('forks', forks)\n")
    assert lines == "forks failed\n"  # at the limit
    deadline = time.monotonic() + 20
    while running(str(tmp_path / "attack")):
        assert time.monotonic() < deadline, "its processes are still there"
        time.sleep(0.1)


def test_a_submission_that_attacks_has_a_report_all_the_same(class_, apart, need):
    """It forges the last line, steers the terminal, forks, and kills all that it can."""
    forged = "print('\\033[2J\\nproblem3: task 99 of 99, network 9 of 9', flush=True)\n"
    class_("forger", forged + SERVER.replace('print("listening on"', forged.strip() +
                                             '\n        print("listening on"'))
    class_("forker", ATTACK + "attempt('forks', forks)\n" + SERVER)
    accept = "conn, peer = listener.accept()\n"
    assert accept in SERVER
    folder = class_("killer", SERVER.replace(
        accept, accept + 16 * " " + "os.kill(-1, signal.SIGKILL)\n"))
    done = mark(folder)
    assert done.returncode == 0 and "\x1b" not in done.stdout and "99" not in done.stdout
    for name in "forger", "forker", "killer":
        text, xml, results = report(folder, name)
        assert "\x1b" not in text and xml.tag == "testsuite"
        assert results["output"] or results["tests"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "forger", "forker", "killer", "marks.csv", "reports"]


def test_a_mark_that_does_not_end_is_ended(class_, tmp_path, monkeypatch):
    """The runner itself hangs: after a time there is a report all the same."""
    monkeypatch.setattr(marks, "GRACE", 1)
    monkeypatch.setattr(marks.isolate, "possible", lambda: "not in this test")
    monkeypatch.setattr(marks.run, "TESTS", tmp_path)
    (tmp_path / "run.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(60)")
    text, results = marks.mark(class_("ann", SERVER) / "ann", ["problem3"], limit=0)
    assert "its time was over" in text and results["reason"].startswith("no mark")
