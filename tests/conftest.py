"""What the tests share: a folder to work in, and terminals that are always ended.

LAB, in the environment, names a folder with somebody's own versions of some scripts, laid
out as in the repository. They are tested then, with the repository's for all the others.
"""
import atexit
import contextlib
import os
import random
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import pytest

import cases
from terminal import ENVIRONMENT, Terminal  # noqa: F401 (ENVIRONMENT is for the tests)

OURS = Path(__file__).resolve().parent.parent
SCRIPTS = [path.relative_to(OURS).as_posix() for pattern in ("problem*/*.py", "basics/*/*.py")
           for path in sorted(OURS.glob(pattern))]


def mixed(lab):
    """Return a folder with the repository's scripts, and the lab's in place of some."""
    root = Path(tempfile.mkdtemp(prefix="lab"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for entry in OURS.iterdir():
        if entry.name.startswith(("problem", "basics")):
            shutil.copytree(entry, root / entry.name)
        elif not entry.name.startswith("."):
            (root / entry.name).symlink_to(entry)
    for name in THEIRS:
        shutil.copy(lab / name, root / name)
    return root


LAB = os.environ.get("LAB") and Path(os.environ["LAB"]).resolve()
if LAB and not LAB.is_dir():
    sys.exit(f"error: LAB={LAB} is not a folder")
THEIRS = [name for name in SCRIPTS if LAB and (LAB / name).is_file()]
ROOT = mixed(LAB) if THEIRS else OURS


RESET = b"\1\0\0\0\0\0\0\0"  # for SO_LINGER: on, 0 seconds; then close() sends a reset


def reserve_port():
    """Return a port, below those that the system gives, and what reserves it for a test.

    The system may give one port to two groups whose members share it, or to somebody else
    as soon as a server has ended. Here a local socket whose name has the port shows all
    other tests of this machine that it is taken.
    """
    while True:
        reserved = socket.socket(socket.AF_UNIX)
        try:
            port = random.randrange(13_000, 32_000)
            if sys.platform == "linux":  # elsewhere there are no names without a file
                reserved.bind(f"\0port-of-a-test-{port}")
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("", port))
            return reserved, port
        except OSError:
            reserved.close()


class Lab:
    """A folder that looks like the repository's root, with terminals in it."""

    def __init__(self, folder):
        self.folder = folder
        self.terminals, self.reserved = [], []
        for entry in ROOT.iterdir():  # not what somebody has received there
            if re.match("problem|basics$|README|Makefile", entry.name):
                (folder / entry.name).symlink_to(entry)

    def start(self, *command, cwd=None, **options):
        """Start a command in a terminal; a script's name alone is run by Python."""
        command = [str(word) for word in command]
        if "--port" in command:
            at = command.index("--port") + 1
            if command[at] == "0":
                reserved, port = reserve_port()
                self.reserved.append(reserved)
                command[at] = str(port)
        if command[0].endswith(".py"):
            command.insert(0, "python")
        terminal = Terminal(command, cwd or self.folder, **options)
        self.terminals.append(terminal)
        return terminal

    def server(self, *command, **options):
        """Start a server on a port that the system chooses, and wait until it is ready."""
        terminal = self.start(*command, "--port", "0", **options)
        terminal.ready()
        return terminal

    def cramped_server(self, script, *arguments):
        """Start a server that has room for eight threads: each takes 64 MB of address space
        for its stack, and what is left over is enough for all the rest."""
        if sys.platform != "linux":
            pytest.skip("limits the memory as Linux does")
        limits = "export MALLOC_ARENA_MAX=1; ulimit -s 65536; ulimit -v 570000"
        return self.server("sh", "-c", f'{limits}; exec "$0" "$@"', sys.executable,
                           ROOT / script, *arguments)

    def client(self, server, *command, **options):
        """Start a client of this server (a terminal, a relay or anything with a port)."""
        return self.start(*command, "--port", server.port, **options)

    def report(self):
        return "\n".join(f"--- terminal {number}: {terminal.report()}"
                         for number, terminal in enumerate(self.terminals, 1))


@pytest.fixture
def lab(tmp_path):
    """A Lab in a folder of the test's own; its terminals end with the test."""
    lab = Lab(tmp_path)
    yield lab
    with contextlib.ExitStack() as all_of_them:  # also when one of them complains
        for terminal in lab.terminals:  # the last one first: clients before servers
            all_of_them.callback(terminal.clean_up)
        for reserved in lab.reserved:
            all_of_them.callback(reserved.close)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Forget what was noted for the marks while the last test ran."""
    import explain
    import peers
    for notes in explain.COMPARED, cases.PRINTED, cases.STARTED, peers.Talker.spoken:
        notes.clear()


def pytest_assertrepr_compare(op, left, right):
    """Keep the values of a comparison that fails, for the marks."""
    if THEIRS:
        import explain
        explain.COMPARED[:] = op, left, right


def took_part(item):
    """Return whether a script of theirs takes part in a test: started, or read."""
    return any(name in words for name in THEIRS for words in [item.nodeid, *cases.STARTED])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Add to the report of a test that failed what each of its terminals said."""
    report = (yield).get_result()
    if THEIRS and report.when == "call" and not took_part(item):
        report.outcome = "skipped"  # it says nothing about their scripts
        report.longrepr = (str(item.path), 0, "only scripts of ours take part")
    if report.failed and THEIRS:
        import explain
        labs = [value for value in (getattr(item, "funcargs", None) or {}).values()
                if isinstance(value, (Lab, Terminal))]
        terminals = [terminal for lab in labs for terminal in getattr(lab, "terminals", [lab])]
        report.mark = explain.explain(call.excinfo.value, dict.fromkeys(terminals), THEIRS)
    if report.failed:
        labs = [value for value in (getattr(item, "funcargs", None) or {}).values()
                if isinstance(value, (Lab, Terminal))]
        if labs:
            report.sections.append(("terminals", "\n".join(lab.report() for lab in labs)))


@pytest.fixture
def need():
    """need("nc"): skip the test where a tool is missing; SKIPS=fail makes this an error.

    need("unshare", why): the tool is there, but cannot be used.
    """
    def need(tool, why=None):
        if why or not shutil.which(tool):
            complain = pytest.fail if os.environ.get("SKIPS") == "fail" else pytest.skip
            complain(why or f"{tool} is not installed")
    return need
