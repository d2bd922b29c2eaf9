"""The runner, run.py, on a tiny suite of its own; and soak.py, environment.py, the Makefile."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import conftest
import run
from conftest import OURS, THEIRS

pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own tools")

EVERY_ENDING = '''
import os, subprocess, sys
import pytest
def test_that_passes(): pass
def test_that_fails(lab):
    lab.start(sys.executable, "-c", "print('a word at the terminal')").wait()
    print("a word of the test")
    assert 6 * 7 == 43
@pytest.mark.parametrize("number", [1, 2])
def test_that_is_skipped(number): pytest.skip("the moon is not full")
def test_that_ends_its_process():
    subprocess.run(["echo", "a last word"])
    os._exit(3)
@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.getbasetemp().parents[2]
    with open(folder / "shared", "a") as file: file.write("x")
    return folder
@pytest.mark.parametrize("number", [1, 2, 3])
def test_that_shares(shared, number): assert (shared / "shared").read_text() == "x"
'''
FACTS = '''
import os, signal, sys, threading, time
end = sys.argv[1]
print("before", sys.argv, __name__, os.path.basename(__file__), os.path.basename(sys.path[0]))
print(sys.stdin.fileno(), sys.stdin.isatty(), os.ttyname(1) == os.ttyname(0), sys.stdin.encoding)
print(sys.stdout.line_buffering, sys.stdout.write_through, sys.stdout.errors, sys.stderr.errors)
print(os.getcwd(), os.getsid(0) == os.getpid() == os.tcgetpgrp(0), os.get_terminal_size())
print(sorted(os.listdir("/dev/fd"))[:3], signal.getsignal(signal.SIGINT).__name__)
print([signal.getsignal(number) for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE)])
print(input("? ") + "!", file=sys.stderr)
if end == "thread":
    threading.Thread(target=lambda: (time.sleep(0.1), print("the thread"))).start()
if end == "exit": sys.exit("error: a reason")
if end == "traceback": raise ValueError("a bug")
if end == "interrupt": raise KeyboardInterrupt
if end == "kill": os.kill(os.getpid(), signal.SIGKILL)
if end == "_exit": os._exit(7)
'''
EVERY_SCRIPT = '''
import pytest
@pytest.mark.parametrize("name", ["problem3/server.py", "basics/sum/client.py"])
def test_each(name): pass
def test_the_tools(): pass
'''
HANGS = '''
import os, subprocess, sys
from pathlib import Path
def test_first(): pass
def test_that_hangs(lab):
    inner = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    own = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    terminal = lab.start("sleep", "1000")
    Path(__file__).with_name("pids").write_text(
        f"{os.getpid()} {inner.pid} {own.pid} {terminal.pid}\\n")
    inner.wait()
'''


class Suite:
    """A repository in a folder of its own, whose path has a space, with our tools."""

    def __init__(self, folder, **tests):
        self.folder, self.tests = folder / "a suite", folder / "a suite" / "tests"
        for name in "problem3/server.py", "problem5/server.py", "basics/sum/client.py":
            (self.folder / name).parent.mkdir(parents=True)
            (self.folder / name).touch()
        self.tests.mkdir()
        tools = [path for path in (OURS / "tests").glob("*.py")
                 if not path.name.startswith("test_")]
        for path in [*tools, OURS / "tests" / "pytest.ini", OURS / "tests" / "requirements.txt"]:
            shutil.copy(path, self.tests)
        shutil.copy(OURS / "Makefile", self.folder)
        for name, text in tests.items():
            (self.tests / f"test_{name}.py").write_text(text)
        self.durations = folder / "durations"
        self.environment = {**os.environ, "VENV": sys.prefix, "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, *words, tool="run.py"):
        return [sys.executable, str(self.tests / tool),
                *["--durations", str(self.durations)] * (tool == "run.py"), *words]

    def start(self, *words, **options):
        return subprocess.Popen(
            self.command(*words, **options), cwd=self.folder.parent, env=self.environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)

    def run(self, *words, **options):
        """Run it to its end; return its status and what it printed."""
        process = self.start(*words, **options)
        output = process.communicate(timeout=120)[0]
        return process.returncode, output


def test_each_ending_of_a_test_is_shown_once_and_counted(tmp_path):
    suite = Suite(tmp_path, problem3=EVERY_ENDING, problem5="this is not Python")
    status, output = suite.run("--workers", "2")
    assert status == 1
    assert output.count("==== failed: ") == 3
    for once in ("==== failed: test_problem3.py::test_that_fails (", "assert (6 * 7) == 43",
                 "a word at the terminal\n", "a word of the test\n", "this is not Python\n",
                 "==== failed: test_problem3.py::test_that_ends_its_process (",
                 "the process of the tests died in this test (status 3)",
                 "a last word\n", "==== failed: test_problem5.py ("):
        assert output.count(once) == 1, once
    assert re.search(
        r"\nskipped 2: the moon is not full\n"
        r"(failed: test_problem(5\.py|3\.py::test_that_(fails|ends_its_process))\n){3}"
        r"4 passed, 2 skipped, 3 failed in \d+ s\n\Z", output)


def test_p_chooses_and_two_runs_at_once_are_both_right(tmp_path):
    suite = Suite(tmp_path, problem3="def test_one(): pass", every_script=EVERY_SCRIPT,
                  basics_sum="raise SystemExit('this file is not asked for')")
    runs = [suite.start("problem3", "--slow"), suite.start("problem3,tests", "--slow")]
    outputs = [process.communicate(timeout=120)[0] for process in runs]
    assert [process.returncode for process in runs] == [0, 0]
    for output, count in zip(outputs, (2, 3)):
        assert re.search(rf"(?m)^{count} passed in \d+ s\n\Z", output)
        assert re.search(r" s  test_every_script\.py::test_each\[problem3/server\.py\]\n", output)
        assert "sum" not in output and re.search(r"\n\d+ program starts, \d+ of them by a fork; \d+ CPU", output)
        assert ("test_the_tools" in output) == (count == 3)
    assert "test_problem3.py::test_one" in json.loads(suite.durations.read_text())


@pytest.mark.parametrize("names", ["problme3", "problem3,nope", "problem", "basics"])
def test_a_name_that_p_does_not_know(names, tmp_path):
    """Status 2 and one line with the names, before an environment is made."""
    suite = Suite(tmp_path, problem3="def test_one(): pass")
    suite.environment["VENV"] = str(tmp_path / "venv")
    status, output = suite.run(names)
    assert status == 2
    assert re.fullmatch(r"error: there is no (problme3|nope|problem|basics); P= takes .*: "
                        r"basics/sum, problem3, problem5, tests [^\n]*\n", output)
    assert not (tmp_path / "venv").exists()


def test_no_test_is_no_success(tmp_path):
    status, output = Suite(tmp_path, problem3="").run("problem3")
    assert status == 1
    assert re.fullmatch(r"0 passed in \d+ s\nerror: no test was run\n", output)


def test_ctrl_c_ends_the_run_with_a_summary_and_no_process_is_left(tmp_path, lab):
    suite = Suite(tmp_path, problem3=HANGS)
    terminal = lab.start("env", f"VENV={sys.prefix}", *suite.command())
    terminal.see(r"\r1 of 2, 0 failed, \d+ s")
    pids = suite.tests / "pids"
    terminal.runs_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    terminal.press("C")
    output = terminal.wait(status=130, timeout=20)
    assert re.search(r"[\nK]interrupted: 1 passed in \d+ s\r\n\Z", output)
    for pid in pids.read_text().split():
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_which_folder_a_test_belongs_to():
    for node, folders in {
            "test_problem3.py::test_results": {"problem3"},
            "test_problem1_tcp.py::test_x[basics/sum/client.py]": {"problem1"},
            "test_basics_sum.py::test_x": {"basics/sum"},
            "test_basics_datagram.py::test_x": {"basics/datagram"},
            "test_basics_datagram_echo.py::test_x": {"basics/datagram_echo"},
            "test_every_script.py::test_x[problem3/server.py-1]": {"problem3"},
            "test_every_script.py::test_x[basics/datagram_echo/client.py]":
                {"basics/datagram_echo"},
            "test_every_script.py::test_x[basics/sum]": {"basics/sum"},
            "test_every_script.py::test_x[a-problem5/tcp_client.py-problem6/server.py]":
                {"problem5", "problem6"},
            "test_gallery.py::test_x[problem3_eval]": {"tests"},
            "test_run.py::test_x": {"tests"}}.items():
        assert run.belongs(node) == folders, node
    assert run.chosen("sum, problem3/") == {"basics/sum", "problem3"}
    assert run.chosen("") is None


def test_soak_counts_what_fails_now_and_then(tmp_path):
    suite = Suite(tmp_path, problem3=(
        "from pathlib import Path\n"
        "def test_odd():\n"
        "    with Path(__file__).with_name('runs').open('a') as file: file.write('x')\n"
        "    assert len(Path(file.name).read_text()) != 2, 'the second time'\n"))
    status, output = suite.run("-n", "3", "--busy", "1", tool="soak.py")
    assert status == 1
    assert output.count("AssertionError: the second time") == 1
    assert "\nfailed 1 of 3 times: test_problem3.py::test_odd\n" in output
    assert re.search(r"\n2 of 3 runs passed, with 1 busy .* in \d+ minutes\n\Z", output)


@pytest.mark.parametrize("python, says", [
    ("no-such-python", "no-such-python does not run: install Python 3.9 or later"),
    ("./old", "./old is Python 2.7: the scripts need 3.9 or later")])
def test_a_python_that_will_not_do(python, says, tmp_path, need):
    need("make")
    suite = Suite(tmp_path)
    old = suite.folder / "old"
    old.write_text("#!/bin/sh\ncase $2 in *print*) echo 2.7;; *) exit 1;; esac\n")
    old.chmod(0o755)
    made = subprocess.run(["make", "test", f"PYTHON={python}"], cwd=suite.folder,
                          capture_output=True, text=True,
                          env={name: value for name, value in os.environ.items()
                               if not name.startswith("M")})  # not what make has set
    assert made.returncode and made.stdout == ""
    assert made.stderr.startswith(f"error: {says}") and made.stderr.count("error:") == 1


@pytest.mark.parametrize("fault, says", [
    ("no venv", "has no module venv: install it (Debian, Ubuntu: apt install python3-venv)"),
    ("read-only", "cannot write "),
    ("no network", "pip cannot install pytest and pexpect: the first run needs the network; "
                   "connect, and run it again (there is no route)")])
def test_an_environment_that_cannot_be_made(fault, says, tmp_path):
    suite = Suite(tmp_path, problem3="def test_one(): pass")
    venv = tmp_path / "venv"
    if fault == "no venv":
        (tmp_path / "ensurepip.py").write_text("raise ImportError")
        suite.environment["PYTHONPATH"] = str(tmp_path)
    elif fault == "read-only":  # not even root may make a folder in a file
        venv.write_text("")
        venv = venv / "3.9"
    else:
        (venv / "bin").mkdir(parents=True)
        (venv / "installed").write_text("the requirements of last year")
        (venv / "bin" / "python").write_text("#!/bin/sh\necho ERROR: there is no route\nexit 1")
        (venv / "bin" / "python").chmod(0o755)
    suite.environment["VENV"] = str(venv)
    status, output = suite.run()
    assert status == 1
    last = output.splitlines()[-1]
    assert last.startswith("error: ") and says in last and output.count("error") == 1


@pytest.mark.parametrize("end", ["", "thread", "exit", "traceback", "interrupt", "kill", "_exit"])
def test_a_forked_script_does_what_a_started_one_does(lab, end):
    """Its arguments, streams, terminal, signals, buffers, and its end."""
    (lab.folder / "facts.py").write_text(FACTS)
    seen = []
    for fork in False, True:
        terminal = lab.start("facts.py", end, fork=fork)
        terminal.type("42 \u00e9")
        terminal.wait(status=None)
        output = re.sub("(?m)^  .*\n", "", terminal.output)  # a traceback's frames
        seen.append((output, terminal.child.exitstatus, terminal.child.signalstatus))
    lab.terminals.clear()  # which may have no traceback elsewhere
    assert seen[0] == seen[1] and "? 42 \u00e9!" in seen[0][0]


def test_what_somebody_has_received_in_the_repository_is_not_seen_by_a_test(
        tmp_path, monkeypatch):
    """A student has run problem 1 there, and then runs the tests."""
    for name in "problem1", "received", "lab", ".venv", "download_haiku.txt":
        (tmp_path / "here" / name).mkdir(parents=True)
    monkeypatch.setattr(conftest, "ROOT", tmp_path / "here")
    (tmp_path / "there").mkdir()
    conftest.Lab(tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["problem1"]


def test_what_is_left_behind_is_ended_and_nothing_else(tmp_path):
    """A folder of another run may have a name that begins like this one's."""
    if sys.platform != "linux":
        pytest.skip("there is no /proc")
    ours, theirs = (subprocess.Popen(["sleep", "60"], env={**os.environ, "TMPDIR": str(folder)})
                    for folder in (tmp_path / "run" / "tests-1", tmp_path / "run2"))
    try:
        assert run.left_behind(tmp_path / "run") == ["sleep 60"]
        assert ours.wait(20) != 0 and theirs.poll() is None
    finally:
        for process in ours, theirs:
            process.kill()
            process.wait()
