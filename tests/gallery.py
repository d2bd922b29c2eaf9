"""The gallery of wrong versions: the tests must find each fault, and nothing else.

Each file in tests/wrong is one mistake that is easily made: a sentence, the names of the
tests that find it (with a ? those that do so only now and then: the fault is one of time),
and the difference to the right script. `make gallery` puts each into a
folder of its own, marks that as `make test LAB=FOLDER` does, and compares what does not hold.
`make gallery W=NAME` does it with one only, and leaves the wrong script in wrong/NAME, to be
run and looked at. Status 1: a fault was not found at all. Status 2: all were found, but not
by just the tests that should.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
AT_ONCE = 8  # most tests wait most of the time


def make(path, folder):
    """Put the wrong script into the folder; return its name."""
    name = re.search(r"(?m)^\+\+\+ (\S+)", path.read_text("utf-8"))[1]
    (folder / name).parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / name, folder / name)
    subprocess.run(["patch", "--quiet", "--fuzz=0", str(folder / name), str(path)], check=True)
    return name


def about(name):
    """Return the pytest expression that selects the tests of a script's folder.

    Without those in networks of their own, which not every system can make.
    """
    folder = name.split("/")[-2]
    files = [path.stem for path in TESTS.glob("test_basics_*.py")
             if folder in path.read_text("utf-8")]
    names = [folder] + files * (not folder.startswith("problem"))
    return f"({' or '.join(names)}) and not test_network"


def mark(path, folder):
    """Return what does not hold with the wrong script (and why), what should not hold, and
    what may not."""
    name = make(path, folder)
    report = folder / "report"
    report.touch()
    environment = {**os.environ, "LAB": str(folder), "REPORT": str(report)}
    environment.pop("CI", None)  # see the Makefile
    subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "tests", "-k",
         about(name)],
        cwd=REPOSITORY, env=environment,
        stdout=(folder / "log").open("w"), stderr=subprocess.STDOUT)
    outcomes = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    if not outcomes:
        sys.exit(f"error: no test was run: see {folder}/log")
    found = {re.sub(r".*::test_|\[.*", "", node).replace("_", " "): "".join(why)
             for node, outcome, *why in outcomes if outcome == "failed"}
    names = path.read_text("utf-8").splitlines()[1].partition("Found by: ")[2].split("; ")
    return (found, {name for name in names if not name.endswith("?")},
            {name.rstrip("?") for name in names})


def verdict(path, folder):
    """Mark one wrong version; return whether it was found, whether by just the tests that
    should, and the words."""
    folder.mkdir()
    found, expected, possible = mark(path, folder)
    as_expected = bool(found) and expected <= found.keys() <= possible
    words = [f"{'found' if as_expected else 'NOT AS EXPECTED'}: {path.stem}: "
             f"{path.read_text('utf-8').splitlines()[0]}"]
    for what in sorted(found.keys() | expected):
        also = (" (expected, but it holds)" if what not in found else
                "" if what in possible else f" (not expected: {found[what][:200]})")
        words.append(f"    does not hold: {what}{also}")
    return bool(found.keys() & possible), as_expected, "\n".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    paths = sorted((TESTS / "wrong").glob("*.diff"))
    if args.names:
        paths = [path for path in paths if path.stem in args.names]
        for path in paths:
            shutil.rmtree(REPOSITORY / "wrong" / path.stem, ignore_errors=True)
            print("wrong/%s/%s" % (path.stem, make(path, REPOSITORY / "wrong" / path.stem)))
    again = []
    with tempfile.TemporaryDirectory() as scratch:
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            verdicts = pool.map(lambda path: verdict(path, Path(scratch, path.stem)), paths)
            for path, (_, as_expected, words) in zip(paths, verdicts):
                print(words, flush=True)
                if not as_expected:
                    again.append(path)
        bad = missed = 0
        for path in again:  # alone: with so many at once, a test may have run out of time
            for attempt in 2, 3:
                print("once more, alone:")
                was_found, as_expected, words = verdict(
                    path, Path(scratch, f"{path.stem}-{attempt}"))
                print(words, flush=True)
                if as_expected:
                    break
            bad += not as_expected
            missed += not was_found
    print(f"{len(paths) - bad} of {len(paths)} wrong versions marked as they should be, "
          f"{missed} not found at all")
    sys.exit(1 if missed or not paths else 2 if bad else 0)


if __name__ == "__main__":
    main()
