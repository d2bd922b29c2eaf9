"""The marks: what `make test LAB=FOLDER` says about somebody's own scripts.

First look() sees whether there is anything to mark: a script that does not compile, or that
never says that it is ready, would fail every check. Then the tests run, and show() prints
each of them as a sentence, in three parts: the task, the network, and manners. run.py gives
the results and prints nothing else.
"""
import functools
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from cases import TO_BE_WRITTEN

TESTS = Path(__file__).resolve().parent
PARTS = ["task", "network", "manners"]
NETWORK = {"nothing that is received can be run", "a silent peer is given up",
           "a refused client can read why and is then dropped"}
ARGUMENTS = {"problem7/chat.py": ["--name", "ann"], "problem8/electorate.py": ["1"]}
READY = re.compile(r"(listening on|joined) \S+:\d+")
MOST = 3     # reasons in a report, in full
SECONDS = 6  # for the ready line
MUCH = 100_000  # bytes before it


# ---- Before any mark -------------------------------------------------------------------

def look(lab, names):
    """Return why these scripts cannot be marked, or None."""
    for name in names:
        path = Path(lab, name)
        try:
            compile(path.read_bytes(), name, "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            return (f"{name}, line {getattr(error, 'lineno', '?')}: "
                    f"{type(error).__name__}: {getattr(error, 'msg', error)}")
    with tempfile.TemporaryDirectory() as root:  # theirs, with the folders of ours
        for folder in {name.rpartition("/")[0] for name in names}:
            shutil.copytree(TESTS.parent / folder, Path(root, folder))
        for name in names:
            shutil.copy(Path(lab, name), Path(root, name))
        return unready(root, names)


def unready(root, names):
    """Return why one of the servers does not become ready, or None."""
    for name in names:
        if re.search("server|receiver|member|chat|electorate", name):
            said, ended = first_words(Path(root, name), ARGUMENTS.get(name, []))
            if not READY.search(said):
                said = "".join(c if c.isprintable() or c == "\n" else "?" for c in said)
                if not said and not ended and READY.search(first_words(
                        Path(root, name), ARGUMENTS.get(name, []), PYTHONUNBUFFERED="1")[0]):
                    return (f"{name} prints its ready line into a terminal, but not into a "
                            "pipe: write print(..., flush=True), see \"ready\" in the README")
                last = "\n".join(f"    {line[:99]}" for line in said.splitlines()[-6:])
                did = ("ended" if ended else f"was silent for {SECONDS} s"
                       if len(said) < MUCH else f"printed {MUCH:,} bytes")
                return (f"{name} {did}; "
                        "expected a line like: listening on 127.0.0.1:12300\n"
                        + (f"it printed last:\n{last}" if last else "it printed nothing"))
    return None


def first_words(path, arguments, **more):
    """Return what a script prints until it is ready, and whether it has ended.

    more: variables of its environment.
    """
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("PYTHON")}  # such as PYTHONUNBUFFERED
    environment.update(PYTHONDONTWRITEBYTECODE="1", **more)
    folder = tempfile.TemporaryDirectory()
    process = subprocess.Popen(
        [sys.executable, str(path), *arguments, "--port", "0"], env=environment,
        cwd=folder.name, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True)
    said, deadline, ended = b"", time.monotonic() + SECONDS, False
    try:
        while not ended and time.monotonic() < deadline and len(said) < MUCH:
            if select.select([process.stdout], [], [], 0.1)[0]:
                piece = os.read(process.stdout.fileno(), 4096)
                said, ended = said + piece, not piece
            if READY.search(said.decode("utf-8", "replace")):
                break
    finally:
        try:
            os.killpg(process.pid, 9)
        except OSError:
            pass
        process.wait()
        folder.cleanup()
    return said.decode("utf-8", "replace"), ended


# ---- The report ------------------------------------------------------------------------

def where(node):
    """Return the folder that a test is about: problem3, or basics/sum."""
    from run import belongs
    return " and ".join(sorted(belongs(node)))


def sentence(node):
    """Return what a test says, and the script or the case it says it of."""
    name, _, case = node.partition("::")[2].partition("[")
    return re.sub("^test_", "", name).replace("_", " "), case.rstrip("]")


def part(node):
    """Return the part that a test belongs to: the comment above it in its file says it."""
    file, _, name = node.partition("::")
    what = sentence(node)[0]
    if "test_every_script" in file:
        return "network" if what in NETWORK else "manners"
    found = "task"
    for line in source(Path(file).name):
        if line.startswith(f"def {name.partition('[')[0]}("):
            return found
        for word in PARTS:
            if line.lower().startswith((f"# the {word}", f"# {word}")):
                found = word
    return found


def show(results, theirs, details, checks=None):
    """Print the report; return the status, 1 if anything does not hold.

    results: node: (outcome, why, text, seconds); theirs: the names of the scripts that are
    marked; details: the file for the whole texts. Appends to checks, for each of them, its
    folder, part, sentence, whether it holds, and why not.
    """
    checks = [] if checks is None else checks
    found = gather(results)
    for folder in sorted(found):
        scripts = [name.split("/")[-1] for name in theirs if name.startswith(f"{folder}/")]
        print(f"\n{folder}, with your {', '.join(scripts)}:" if scripts else
              f"\n{folder}, which has no script of yours:")
        told = telling(found[folder])
        for word in PARTS:
            print(f"\nthe {word}" if word != "manners" else "\nmanners")
            more = 0
            for check in found[folder]:
                if check.part != word:
                    continue
                checks.append([folder, word, check.what, check.holds, check.why])
                if check.holds:
                    print(f"  ok   {check.what}")
                elif check in told or check.unwritten:
                    complain(check)
                else:
                    more += 1
            if more:
                print(f"  not  {more} more, which may have the same reasons")
        if any(check.unwritten for check in found[folder]):
            print("\nWrite what is still to be written, and mark it again.")
        elif any(not check.holds and check not in told for check in found[folder]):
            print(f"\nFix the {len(told)} that are explained above, and mark it again.")
    if not all(holds for *_, holds, _ in checks):
        write(results, details)
    print()
    for folder in sorted(found):
        print(f"{folder}: " + ", ".join(
            f"{word} {sum(check.holds for check in of)} of {len(of)}"
            for word in PARTS for of in [[one for one in found[folder] if one.part == word]]))
    return int(not checks or not all(holds for *_, holds, _ in checks))


class Check:
    """A sentence of a report: it holds if it does in all its cases."""

    def __init__(self, part, what, case, outcome, why):
        self.part, self.what, self.case = part, what, case
        self.holds, self.why = outcome != "failed", why if outcome == "failed" else ""

    @property
    def cause(self):
        """The traceback that the script printed, or None."""
        first = self.why.split("\n")[0]
        return first[len("traceback "):] if first.startswith("traceback ") else None

    @property
    def unwritten(self):
        return bool(self.cause) and self.cause.endswith(TO_BE_WRITTEN)


def gather(results):
    """Return the checks of each folder, in the order of the tests' files."""
    found = defaultdict(dict)
    for node in sorted(results, key=place):
        outcome, why, _, _ = results[node]
        what, case = sentence(node)
        kind = re.match(r"test_problem\d_(tcp|udp|hub)", Path(node.partition("::")[0]).name)
        if kind:  # two programs of one folder may have the same sentence
            what = f"{kind[1]}: {what}"
        if outcome in ("passed", "failed"):
            known = found[where(node)].get((part(node), what))
            if known is None or known.holds:
                found[where(node)][part(node), what] = Check(part(node), what, case, outcome, why)
    return {folder: list(checks.values()) for folder, checks in found.items()}


def place(node):
    """Return where a test stands: those of its own folder first, then those of all scripts."""
    file, _, name = node.partition("::")
    lines = source(Path(file).name)
    name = name.partition("[")[0]
    number = next((number for number, line in enumerate(lines)
                   if line.startswith(f"def {name}(")), 0)
    return "test_problem" not in file and "test_basics" not in file, file, number


@functools.lru_cache(maxsize=None)
def source(file):
    return (TESTS / file).read_text("utf-8").splitlines()


def telling(checks):
    """Return the checks to tell in full: the first of each cause, three at most."""
    causes, told = set(), []
    for check in checks:
        if not check.holds and not check.unwritten and len(told) < MOST:
            if not check.cause or check.cause not in causes:
                told.append(check)
                causes.add(check.cause)
    return told


def complain(check):
    """Print why a check does not hold."""
    lines = check.why.split("\n")
    if check.unwritten:
        place = check.cause[:-len(TO_BE_WRITTEN) - 2]
        print(f"  not  {check.what}\n         still to be written: {place}")
        return
    case = check.case if re.search("[a-z]{2}", check.case) and "/" not in check.case else ""
    print(f"  not  {check.what}{f' ({case})' if case else ''}")
    for line in lines[bool(check.cause):]:
        print(f"         {line}")
    if check.cause:
        print(f"         traceback {check.cause}")


def write(results, details):
    """Write the whole text of each failure into a file, and say where it is."""
    from run import replace
    try:
        replace(details, "".join(f"==== {node}\n{text}\n\n" for node, (outcome, _, text, _)
                                 in results.items() if outcome == "failed"))
        print(f"\nthe details: {details}")
    except OSError:
        pass  # a folder that is read-only
