"""The gallery: the tests must find the fault in each wrong version, and none in a right one.

Each file in tests/wrong is one mistake that is easily made. It holds a sentence, the names
of the tests that find the mistake (with a ? those that find it only now and then: the fault
is one of time), and the difference to the right script. `make gallery` puts each into a
folder of its own and runs the tests that it names. It is found when all of them fail that
have no ? (if each has one: when any fails). Status 1: one was not found.

In tests/right are other versions that are right, in styles of their own, written from the
notes alone. Their marks must be full, but for manners.

`make gallery W=NAME` does this with one, and leaves the wrong script in wrong/NAME, where
you can run it and look at it.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import run

WRONG = run.TESTS / "wrong"
RIGHT = run.TESTS / "right"
PATIENCE = 180  # seconds for the tests of one version


def script(path):
    """Return the name of the script that a wrong version is a version of."""
    return re.search(r"(?m)^\+\+\+ (\S+)", path.read_text("utf-8"))[1]


def make(path, folder):
    """Put the wrong script into the folder; return its name."""
    name = script(path)
    (folder / name).parent.mkdir(parents=True)
    shutil.copy(run.ROOT / name, folder / name)
    subprocess.run(["patch", "--quiet", "--fuzz=0", "--no-backup-if-mismatch",
                    str(folder / name), str(path)], check=True,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return name


def named(path):
    """Return the tests that find it, and those that do so now and then: two lists."""
    names = path.read_text("utf-8").splitlines()[1].partition("Found by: ")[2].split("; ")
    return ([name for name in names if not name.endswith("?")],
            [name.rstrip("?") for name in names if name.endswith("?")])


def sentence(node):
    """Return a test's name in words, as the wrong versions name it."""
    return re.sub(r".*::(test_)?|\[.*", "", node).replace("_", " ")


# ---- Inside: a process for each version, with pytest in it --------------------------------

class Finder:
    """A plugin of pytest: run the named tests of a folder, each until it fails once."""

    def __init__(self, folder, names):
        self.folder, self.names, self.ended = folder, names, {}

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((item for item in items if sentence(item.nodeid) in self.names
                           and self.folder in run.belongs(item.nodeid)),
                          key=lambda item: self.names.index(sentence(item.nodeid)))

    def pytest_runtest_protocol(self, item):
        return True if self.ended.get(sentence(item.nodeid)) == "failed" else None

    def pytest_runtest_logreport(self, report):
        name = sentence(report.nodeid)
        if self.ended.get(name) != "failed" and (report.when == "call" or not report.passed):
            self.ended[name] = report.outcome


def find(path, names, answer):
    """Run the tests with these names; write how each ended: passed, failed or skipped."""
    import pytest
    folder = script(path).rpartition("/")[0]
    finder = Finder(folder, names)
    os.chdir(run.ROOT)
    functions = re.compile(rf"def test_({'|'.join(names).replace(' ', '_')})\b")
    files = [str(file) for file in run.files({folder})
             if functions.search(file.read_text("utf-8"))]
    if files:
        pytest.main(["-c", str(run.TESTS / "pytest.ini"), *files], plugins=[finder])
    answer.write_text(json.dumps(finder.ended), "utf-8")


# ---- Outside -----------------------------------------------------------------------------

def ended(path, names, folder, scratch):
    """Return how each of the tests ended with the wrong script in the folder."""
    scratch.mkdir()
    environment = {**os.environ, "LAB": str(folder), "TMPDIR": str(scratch),
                   "PATIENCE": str(run.PATIENCE)}
    environment.pop("CI", None)  # pytest compares whole files then, for many minutes
    answer, log = scratch / "answer", scratch / "log"
    with open(log, "w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, __file__, "--answer", str(answer), path.stem, *names],
            env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            start_new_session=True)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            stop(process)
            run.left_behind(scratch)
    if answer.exists():
        return json.loads(answer.read_text("utf-8"))
    last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
    return {names[0]: f"did not end ({''.join(last)})"}


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def verdict(path, folder, scratch):
    """Mark one wrong version; return whether it was found, and the words."""
    certain, possible = named(path)
    first = path.read_text("utf-8").splitlines()[0]
    title = f"{path.stem}: {re.sub(r' [(][DR][0-9, DR]+[)]', '', first)}"  # no numbers of ours
    try:
        if not folder.exists():
            make(path, folder)
    except subprocess.CalledProcessError:
        return False, f"NOT FOUND: {title}\n    its difference does not fit the script"
    outcomes = ended(path, certain or possible, folder, scratch)
    if certain:
        found = all(outcomes.get(name) == "failed" for name in certain)
    else:
        found = "failed" in outcomes.values()
    words = [f"{'found' if found else 'NOT FOUND'}: {title}"]
    for name in certain or possible:
        outcome = outcomes.get(name, "did not run: no such test in its folder")
        if outcome == "failed":
            words.append(f"    fails: {name}")
        elif certain or not found:
            words.append(f"    {outcome}: {name}")
    return found, "\n".join(words)


def right_ones():
    """Return (style, folder) of the right versions."""
    return sorted({(path.relative_to(RIGHT).parts[0],
                    path.parent.relative_to(RIGHT).as_posix().partition("/")[2])
                   for path in RIGHT.rglob("*.py")})


def judge(style, folder, scratch):
    """Mark a right version; return whether task and network are full, and the words."""
    scratch.mkdir()
    record, log = scratch / "results", scratch / "log"
    with open(record, "w", encoding="utf-8") as file, open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(run.TESTS / "run.py"), folder, "--limit", "90",
             "--results", str(file.fileno())], pass_fds=[file.fileno()],
            env={**os.environ, "LAB": str(RIGHT / style), "TMPDIR": str(scratch)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            stop(process)
            run.left_behind(scratch)
    text = record.read_text("utf-8")
    last = log.read_text("utf-8", "replace").strip().splitlines()[-1:]
    results = json.loads(text) if text else {"reason": f"no mark: {''.join(last)}"}
    missed = [f"    {part}, not: {what}" for _, part, what, held, _ in results.get("checks", [])
              if not held and part != "manners"]
    if "reason" in results:
        missed.append(f"    {results['reason']}")
    title = f"{style}/{folder}"
    return not missed, "\n".join([f"{'RIGHT, BUT NOT FULL' if missed else 'right'}: {title}",
                                  *missed])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.answer:
        return find(WRONG / f"{args.names[0]}.diff", args.names[1:], args.answer)
    paths, others = sorted(WRONG.glob("*.diff")), right_ones()
    if args.names:
        others = []
        stems = [path.stem for path in paths]
        unknown = sorted(set(args.names) - set(stems))
        if unknown:
            like = [stem for stem in stems if stem.startswith(unknown[0])]
            run.error(f"there is no {', '.join(unknown)}; "
                      + (f"there are {', '.join(like)}" if like else "tests/wrong has the names"))
        paths = [path for path in paths if path.stem in args.names]
    if not shutil.which("patch"):
        run.error("patch is not installed: it makes the wrong scripts from their differences")
    signal.signal(signal.SIGTERM, run.interrupt)
    screen, missed, done = run.Screen(sys.stdout), [], 0
    pool = concurrent.futures.ThreadPoolExecutor(run.WORKERS)
    few = concurrent.futures.ThreadPoolExecutor(2)  # each of these is a whole run
    with tempfile.TemporaryDirectory(prefix="gallery-") as scratch:
        try:
            tasks = {}
            for path in paths:
                folder = Path(scratch, path.stem)
                if args.names:
                    folder = run.ROOT / "wrong" / path.stem
                    shutil.rmtree(folder, ignore_errors=True)
                task = pool.submit(verdict, path, folder, Path(scratch, f"{path.stem}.tmp"))
                tasks[task] = path.stem
            for style, folder in others:
                name = f"{style}-{folder.replace('/', '-')}"
                task = few.submit(judge, style, folder, Path(scratch, name))
                tasks[task] = f"{style}/{folder}"
            waiting = set(tasks)
            while waiting:
                over, waiting = concurrent.futures.wait(waiting, 0.2, "FIRST_COMPLETED")
                for task in over:
                    found, words = task.result()
                    done += 1
                    missed += [] if found else [tasks[task]]
                    screen.print(words)
                screen.move(f"{done} of {len(tasks)}, {len(missed)} not as they should be")
        finally:
            for task in tasks:
                task.cancel()
            run.left_behind(scratch)
            pool.shutdown()
            few.shutdown()
    for stem in missed:
        screen.print(f"not as it should be: {stem}")
    if args.names:
        screen.print("\n".join(f"wrong/{path.stem}/{script(path)}" for path in paths))
    wrong = len(paths) - sum("/" not in stem for stem in missed)
    right = len(others) - sum("/" in stem for stem in missed)
    screen.print(f"{wrong} of {len(paths)} wrong versions found"
                 + (f", {right} of {len(others)} right ones have full marks" if others else "")
                 + f" in {screen.seconds():.0f} s")
    return int(bool(missed) or not paths)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
