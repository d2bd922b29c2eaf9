"""The runner of the tests: `make test`. Pytest collects them; several workers run them.

    make test P=problem3,sum      the tests of these folders (belongs() says which they are)
    make test SLOW=yes            ... and which tests took longest

The runner asks pytest for the tests, and forks: each worker is a copy of this process that
has collected them already. It sends a worker the numbers of the tests to run, and the worker
sends back what happens, a line of JSON each. Most tests wait most of the time, so there are
more workers than processors; the slowest tests begin first. Status 0: all passed.
"""
import argparse
import collections
import json
import os
import re
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

import environment
from screen import Results, Screen
from worker import Worker, reason

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
WORKERS = 6 * (os.cpu_count() or 1)  # most tests wait
LIMIT = 300    # seconds for one test: after that it hangs
MARK = 18      # seconds for the marks of one folder
PATIENCE = 5   # ... and for what a script of somebody's own is to do (otherwise 20)
QUICK = 1.5    # seconds: a test that takes longer mostly waits
TOGETHER = 3   # seconds: so much of what shares a server runs in one worker
SCRIPTS = [path.relative_to(ROOT).as_posix() for pattern in ("problem*/*.py", "basics/*/*.py")
           for path in sorted(ROOT.glob(pattern))]
FOLDERS = sorted({name.rpartition("/")[0] for name in SCRIPTS})


# ---- Which tests -----------------------------------------------------------------------

def folder_of(stem):
    """Return the folder that a file of tests is about, or None if it is about more.

    test_problem1_tcp is about problem1, test_basics_sum about basics/sum.
    """
    fits = [folder for folder in FOLDERS
            if f"{stem}_".startswith(f"test_{folder.replace('/', '_')}_")]
    return max(fits, key=len, default=None)


def belongs(node):
    """Return the folders that a test belongs to: {"problem3"}, {"basics/sum"}, {"tests"}.

    The name of its file says it; else the folders in the test's parameter, as in
    test_every_script.py::test_help[problem3/client.py]; else it is about the tests.
    """
    file, _, name = node.partition("::")
    folder = folder_of(Path(file).stem)
    if folder:
        return {folder}
    case = name.partition("[")[2]
    return {folder for folder in FOLDERS
            if re.search(rf"(?<![\w/]){folder}(?!\w)", case)} or {"tests"}


def files(wanted):
    """Return the files of tests in which tests of these folders may be (None: all)."""
    return [path for path in sorted(TESTS.glob("test_*.py"))
            if not wanted or folder_of(path.stem) is None or folder_of(path.stem) in wanted]


def chosen(text):
    """Return the folders that P= names, or None for all; end if it names another."""
    known = {"tests": "tests"}
    for folder in FOLDERS:
        known[folder] = known[folder.rpartition("/")[2]] = folder
    names = [name.rstrip("/") for name in re.split(r"[,\s]+", text) if name]
    for name in names:
        if name not in known:
            error(f"there is no {name}; P= takes one or more of: {', '.join(FOLDERS)}, "
                  "tests (with commas; sum will do for basics/sum)")
    return {known[name] for name in names} or None


def theirs(lab, wanted):
    """Return the scripts in somebody's folder that stand for ours; end without one."""
    if not Path(lab).is_dir():
        error(f"LAB={lab} is not a folder")
    looked = [name for name in SCRIPTS if not wanted or name.rpartition("/")[0] in wanted]
    found = [name for name in looked if Path(lab, name).is_file()]
    if not found:
        there = sorted(path.relative_to(lab).as_posix()
                       for path in Path(lab).rglob("*") if path.is_file())
        error(f"LAB={lab} has no script to mark. Looked for "
              f"{', '.join(looked[:4])}{', …' * (len(looked) > 4)}; found "
              f"{', '.join(there[:4]) or 'no file'}{', …' * (len(there) > 4)}")
    return found


def error(text):
    print(f"error: {text}", file=sys.stderr)
    sys.exit(2)


# ---- The runner ------------------------------------------------------------------------

class Run:
    """A plugin of pytest: it collects as ever, but its loop hands the tests to workers."""

    def __init__(self, args, wanted, screen, scratch):
        self.args, self.wanted, self.screen, self.scratch = args, wanted, screen, scratch
        self.results, self.workers, self.inside = Results(), [], None
        self.broken, self.interrupted, self.session = None, False, None
        self.expected = {}
        try:
            self.expected = json.loads(args.durations.read_text("utf-8"))
        except (OSError, ValueError):
            pass  # the first run

    # The hooks of pytest.

    def pytest_collectreport(self, report):
        if report.failed:  # a file with a mistake: the others are tested all the same
            self.note(report.nodeid, "failed", "it cannot be read", report.longreprtext)
        elif report.skipped:
            self.note(report.nodeid, "skipped", reason(report))

    def pytest_collection_modifyitems(self, items):
        if self.wanted:
            items[:] = [item for item in items if belongs(item.nodeid) & self.wanted]

    def pytest_runtest_logreport(self, report):
        self.inside.reports.append(report)

    def pytest_internalerror(self, excrepr):
        self.broken = str(excrepr)

    def pytest_runtestloop(self, session):
        self.session = session
        slow, quick = self.units(session.items)
        self.queues = slow, quick
        self.selector = selectors.DefaultSelector()
        folders = len(self.wanted or [1])
        try:
            for number in range(min(self.args.workers, len(slow) + len(quick))):
                self.begin(number)
            while self.workers:
                for key, _ in self.selector.select(0.1):
                    self.listen(key.data)
                for worker in self.workers[:]:
                    if worker.unit and time.monotonic() - worker.begun > LIMIT:
                        os.kill(worker.pid, signal.SIGABRT)  # it writes down where it is
                        time.sleep(0.2)
                        self.died(worker, f"the test hangs: {LIMIT} s have passed")
                if os.environ.get("LAB") and self.screen.seconds() > self.args.limit * folders:
                    self.give_up(session.items)
                    break
                failed = ("marked" if os.environ.get("LAB") else  # the report counts checks
                          f"{len(self.results.nodes('failed'))} failed")
                self.screen.move(f"{len(self.results.all)} of {len(session.items)}, {failed}")
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            for worker in self.workers:
                worker.end()
        return True

    # What is handed out, and to whom.

    def seconds(self, item):
        """Return how long a test will take: as the last time."""
        waits = item.get_closest_marker("waits") is not None
        return self.expected.get(item.nodeid, 5 if waits else 0.5)

    def units(self, items):
        """Return the slow and the quick units, the slowest first: lists of numbers.

        A unit is one test, or some tests that share a server (a fixture of their file).
        """
        units, shared = [], {}
        for number, item in enumerate(items):
            seconds = self.seconds(item)
            fixtures = item._fixtureinfo.name2fixturedefs.values()
            if any(fixture[-1].scope in ("class", "module", "package") for fixture in fixtures):
                unit = shared.get(item.parent)
                if unit and unit[0] + seconds < TOGETHER:
                    unit[0] += seconds
                    unit[1].append(number)
                    continue
                shared[item.parent] = unit = [seconds, [number]]
                units.append(unit)
            else:
                units.append([seconds, [number]])
        units.sort(key=lambda unit: -unit[0])
        return (collections.deque(unit for seconds, unit in units if seconds >= QUICK),
                collections.deque(unit for seconds, unit in units if seconds < QUICK))

    def begin(self, number):
        worker = Worker(number, self)
        self.workers.append(worker)
        self.selector.register(worker.channel, selectors.EVENT_READ, worker)
        self.next(worker)

    def next(self, worker):
        """Give a worker its next unit, or dismiss it.

        Every second one begins with the slow tests, which wait, the others with the quick
        ones, which compute: so the processors have work all the time.
        """
        queues = self.queues if worker.number % 2 == 0 else self.queues[::-1]
        for queue in queues:
            if queue:
                worker.send(queue.popleft())
                return
        worker.channel.shutdown(socket.SHUT_WR)

    def listen(self, worker):
        events, over = worker.events()
        for kind, *values in events:
            if kind == "begin":
                worker.current, worker.begun, worker.programs = values[0], time.monotonic(), []
            elif kind == "start":
                worker.programs.append(values[0])
                self.results.starts += 1
                self.results.forks += values[1]
            else:
                number, *result = values
                worker.unit.remove(number)
                worker.current = None
                self.note(self.session.items[number].nodeid, *result)
                if not worker.unit:
                    self.next(worker)
        if over:
            if worker.unit:
                self.died(worker)
            else:
                self.selector.unregister(worker.channel)
                self.workers.remove(worker)
                worker.end()

    def give_up(self, items):
        """The time of a mark is over: what has not ended does not hold."""
        for item in items:
            if item.nodeid not in self.results.all:
                self.note(item.nodeid, "failed",
                          f"came      no end within {self.args.limit:g} seconds",
                          "the time was over")

    def died(self, worker, why=None):
        """A worker has ended before its test, or is ended: name the test, begin another."""
        self.selector.unregister(worker.channel)
        self.workers.remove(worker)
        how = worker.end()
        why = why or f"the process of the tests died in this test ({how})"
        number = worker.unit.pop(0) if worker.current is None else worker.current
        rest = [other for other in worker.unit if other != number]
        said = ""
        if worker.log.exists():  # it may have died before it began
            said = worker.log.read_text("utf-8", "replace")[-5000:]
        self.note(self.session.items[number].nodeid, "failed", why,
                  f"{why}\n{said and '---- it printed last ----'}\n{said}".rstrip(),
                  time.monotonic() - worker.begun)
        if rest:
            self.queues[0].appendleft(rest)
        if any(self.queues):
            self.begin(worker.number + self.args.workers)

    def note(self, node, outcome, why="", text="", seconds=0.0):
        self.results.all[node] = outcome, why, text, seconds
        if outcome == "failed" and not self.args.silent:
            self.screen.print(f"==== failed: {node} ({seconds:.1f} s)\n{text}\n====")
        if self.args.record:
            with open(self.args.record, "a", encoding="utf-8") as file:
                print(json.dumps([node, outcome, why, text]), file=file)

    def remember(self):
        """Keep how long the tests took, for the next run; forget those that are no more."""
        if not self.wanted and not self.interrupted:
            self.expected = {node: seconds for node, seconds in self.expected.items()
                             if node in self.results.all}
        for node, (outcome, _, _, seconds) in self.results.all.items():
            if outcome == "passed":
                self.expected[node] = round(seconds, 2)
        try:
            replace(self.args.durations, json.dumps(self.expected, indent=0, sort_keys=True))
        except OSError:
            pass  # a folder that is read-only: the next run knows less


def replace(path, text):
    """Write a file at once: another run may read it, or write it, too."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(name, path)


def left_behind(scratch):
    """Kill what the tests have left running; return the commands (Linux: from /proc)."""
    mark, found = f"TMPDIR={scratch}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environ = (entry / "environ").read_bytes()
            if mark + b"/" in environ or mark + b"\0" in environ:  # not a longer name
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").strip()
                os.kill(int(entry.name), signal.SIGKILL)
                if command:
                    found.append(command.decode(errors="replace"))
        except OSError:
            pass  # somebody else's, or over by now
    return found


def interrupt(*_):
    raise KeyboardInterrupt


def run(args, wanted):
    """Run the tests; return the Results and the status."""
    import pytest
    os.chdir(ROOT)
    screen = Screen(sys.stdout)
    scratch = Path(tempfile.mkdtemp(prefix="tests-")).resolve()
    for number in signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, interrupt)
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    for name in "CI", "BUILD_NUMBER", "PYTEST_ADDOPTS":
        os.environ.pop(name, None)  # CI: pytest compares whole files then, for many minutes
    plugin = Run(args, wanted, screen, scratch)
    silent = sys.stdout = open(os.devnull, "w")  # pytest's own words
    paths = [str(path) for path in files(wanted)]
    try:
        code = pytest.main(
            ["-c", str(TESTS / "pytest.ini"), "--capture=sys",
             "--continue-on-collection-errors", "-o", "tmp_path_retention_policy=failed",
             *paths], plugins=[plugin]) if paths else 5
    finally:
        sys.stdout = screen.file
        silent.close()
        left = left_behind(scratch)
        shutil.rmtree(scratch, ignore_errors=True)
    results = plugin.results
    interrupted = plugin.interrupted or code == 2
    if plugin.broken or code in (3, 4):
        screen.print(plugin.broken or "")
        error("pytest cannot run the tests")
    plugin.remember()
    for command in left if not interrupted else []:
        screen.print(f"left running by a test, and ended: {command}")
    if args.slow or interrupted or not os.environ.get("LAB"):
        results.show(screen, args.slow, not os.environ.get("LAB"), interrupted)
    if not results.all and not interrupted:
        print("error: no test was run", file=sys.stderr)
    failed = results.nodes("failed") or not results.nodes("passed")
    return results, 130 if interrupted else int(bool(failed))


def arguments(parser):
    """Add what the runner and soak.py take; return the parser."""
    parser.add_argument("folders", nargs="*", metavar="FOLDER",
                        help="problem3, basics/sum, sum, tests; several with commas")
    parser.add_argument("--workers", type=int, default=WORKERS, metavar="N",
                        help="tests at once (by default %(default)s)")
    return parser


def guard(descriptor):
    """Keep the programs of a submission from writing to the descriptor of the marks: they do
    not inherit it, and cannot reach into this process for it (Linux: PR_SET_DUMPABLE)."""
    import ctypes
    os.set_inheritable(descriptor, True)  # for the exec of environment.enter()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)


def tell(descriptor, results):
    """Write the marks where marks.py reads them."""
    if descriptor is not None:
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(results, file)


def main():
    parser = arguments(argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument("--slow", action="store_true", help="list the slowest tests")
    parser.add_argument("--record", metavar="FILE",
                        help="append to FILE how each test ended, a line of JSON each")
    parser.add_argument("--silent", action="store_true", help="show no failure's text")
    parser.add_argument("--limit", type=float, default=MARK, metavar="SECONDS",
                        help="for the marks of one folder (%(default)s)")
    parser.add_argument("--results", type=int, metavar="DESCRIPTOR",
                        help="write the marks there, as JSON (for marks.py)")
    parser.add_argument("--durations", metavar="FILE", type=Path,
                        default=environment.VENV / "durations.json",
                        help="where the seconds of each test are kept")
    args = parser.parse_args()
    wanted = chosen(",".join(args.folders))
    lab = os.environ.get("LAB")
    if args.results is not None:
        guard(args.results)
    if lab:
        names = theirs(lab, wanted)
        wanted = wanted or {name.rpartition("/")[0] for name in names}
        args.silent = True
        os.environ["PATIENCE"] = str(args.limit * PATIENCE / MARK)
    environment.enter(*sys.argv)
    if lab:
        import report
        reason = report.look(lab, names)
        if reason:
            print(f"error: {reason}", file=sys.stderr)
            tell(args.results, {"reason": reason})
            sys.exit(1)
    results, status = run(args, wanted)
    if lab and status == 130:
        print("interrupted: no mark")
    elif lab:
        checks = []
        status = report.show(results.all, names, environment.VENV / "marks.txt",
                             checks) or status
        tell(args.results, {"checks": checks})
    sys.exit(status)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
