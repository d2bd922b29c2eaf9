"""The marks of a class: `make marks CLASS=FOLDER P=problem3`, a report for each submission.

    FOLDER/ann/problem3/server.py     what ann has handed in, and so on for each
    FOLDER/marks.csv                  submission, problem, part, held, of
    FOLDER/reports/ann/               report.txt, junit.xml (for CI), results.json (Gradescope)

One submission is marked after the other, each apart from this machine (isolate.py), so that
its programs do no harm. Whoever has a report is not marked again, unless a script is newer.
"""
import argparse
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import environment
import isolate
import run
from report import PARTS

GRACE = 20  # seconds for a mark to begin and to end, beside its own limit


def mark(submission, folders, limit=run.MARK):
    """Mark a submission, each folder within limit seconds; return what run.py says: its text
    and its results, a dict.

    Whatever the submission does, there are results: reason says why it has no marks.
    """
    read, write = os.pipe()
    command = [sys.executable, str(run.TESTS / "run.py"), *folders, "--results", str(write),
               "--limit", str(limit)]
    if isolate.possible() is None:
        command = isolate.isolated(
            command, [run.ROOT, sys.prefix, sys.base_prefix, submission])
    environ = {**os.environ, "LAB": str(submission), "SHOWN_LAB": ""}
    process = subprocess.Popen(
        command, env=environ, pass_fds=[write], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    os.close(write)
    try:
        text = process.communicate(timeout=limit * len(folders) + GRACE)[0]
    except subprocess.TimeoutExpired:
        text = b"the mark was ended: its time was over\n"
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # unshare takes all the others with it
            process.wait()
    with open(read, "rb") as results:
        found = results.read()
    text = printable(text.decode("utf-8", "replace")[:1_000_000])
    try:
        return text, json.loads(found)
    except ValueError:
        return text, {"reason": "no mark: its programs have ended the mark itself"}


def newest(submission):
    """Return when a file of a submission was last written, in seconds."""
    return max((path.lstat().st_mtime for path in submission.rglob("*")), default=0)


def nothing(submission, folders):
    """Return why a submission without a script has no mark."""
    looked = [name for name in run.SCRIPTS if name.rpartition("/")[0] in folders]
    there = sorted(path.relative_to(submission).as_posix() for path in submission.rglob("*"))
    return printable(f"nothing to mark: looked for {', '.join(looked[:4] or run.SCRIPTS[:1])}; "
                     f"there is {', '.join(there[:5]) or 'nothing'}")


def printable(text):
    """Return text without what could steer a terminal; lines stay lines."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def counts(results, folders):
    """Return (folder, part, held, of) for each folder and part."""
    return [(folder, part,
             sum(held for where, which, _, held, _ in checks if (where, which) == (folder, part)),
             sum((where, which) == (folder, part) for where, which, *_ in checks))
            for checks in [results.get("checks", [])]
            for folder in folders for part in PARTS]


def junit(name, results):
    """Return the results as JUnit XML."""
    checks = results.get("checks", [])
    root = ElementTree.Element("testsuite", name=name, tests=str(len(checks)), failures=str(
        sum(not held for *_, held, _ in checks)), errors=str(int("reason" in results)))
    for folder, part, what, held, why in checks:
        case = ElementTree.SubElement(root, "testcase", classname=f"{folder}.{part}", name=what)
        if not held:
            ElementTree.SubElement(case, "failure", message=what).text = why
    if "reason" in results:
        case = ElementTree.SubElement(root, "testcase", classname="mark", name="can be marked")
        ElementTree.SubElement(case, "error", message=results["reason"])
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def gradescope(results, totals):
    """Return the results as Gradescope reads them; extra_data has our own totals."""
    tests = [{"name": f"{folder}, {part}: {what}", "score": int(held), "max_score": 1,
              "output": why} for folder, part, what, held, why in results.get("checks", [])]
    return json.dumps({"tests": tests, "output": results.get("reason", ""),
                       "score": sum(test["score"] for test in tests),
                       "extra_data": {"totals": totals}}, indent=1)


def write(folder, name, text, results, folders):
    """Write the three reports of a submission; results.json, the last, says it is done."""
    reports = folder / "reports" / name
    reports.mkdir(parents=True, exist_ok=True)
    run.replace(reports / "report.txt", text)
    run.replace(reports / "junit.xml", junit(name, results))
    run.replace(reports / "results.json", gradescope(results, counts(results, folders)))


def table(folder, names):
    """Write marks.csv from the reports that are there."""
    file = io.StringIO()
    rows = csv.writer(file)
    rows.writerow(["submission", "problem", "part", "held", "of"])
    for name in names:
        path = folder / "reports" / name / "results.json"
        if path.exists():
            totals = json.loads(path.read_text("utf-8"))["extra_data"]["totals"]
            rows.writerows([name, *total] for total in totals)
    run.replace(folder / "marks.csv", file.getvalue())


def line(results, folders):
    """Return the marks in a line."""
    if "reason" in results:
        return printable(results["reason"]).replace("\n", " ")[:120]
    totals = counts(results, folders)
    return "; ".join(f"{folder}: " + ", ".join(
        f"{part} {held} of {of}" for where, part, held, of in totals if where == folder)
        for folder in folders)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("class_", metavar="CLASS", help="the submissions' folder")
    parser.add_argument("folders", nargs="*", help="problem3, sum (otherwise all they have)")
    parser.add_argument("--limit", type=float, default=run.MARK, metavar="SECONDS",
                        help="for each folder of a submission (%(default)s)")
    parser.add_argument("--trust", action="store_true",
                        help="mark as well where no program can be run apart")
    args = parser.parse_args()
    wanted = run.chosen(",".join(args.folders))
    folder = Path(args.class_).resolve()
    if not args.class_ or not folder.is_dir():
        run.error(f"CLASS={args.class_} is not a folder; name the one of the submissions")
    names = sorted(path.name for path in folder.iterdir()
                   if path.is_dir() and path.name != "reports" and path.name[0] != ".")
    if not names:
        run.error(f"{args.class_} has no submission: it would lie in {args.class_}/ann/"
                  f"{run.SCRIPTS[0]}, for example")
    environment.enter(*sys.argv)
    why = isolate.possible()
    if why and not args.trust:
        run.error(f"no program can be run apart from this machine ({why}); with TRUST=yes "
                  "the submissions run as you, with all your files")
    for number, name in enumerate(names, 1):
        begun = time.monotonic()
        start = f"{number} of {len(names)}  {printable(name)}: "
        report = folder / "reports" / name / "results.json"
        if report.exists() and report.stat().st_mtime > newest(folder / name):
            print(f"{start}has its report", flush=True)
            continue
        theirs = {path.rpartition("/")[0] for path in run.SCRIPTS
                  if (folder / name / path).is_file()}
        folders = sorted(wanted or theirs)
        if theirs & set(folders):
            text, results = mark(folder / name, folders, args.limit)
        else:
            results = {"reason": nothing(folder / name, folders)}
            text = f"error: {results['reason']}\n"
        write(folder, name, text, results, folders)
        table(folder, names)
        print(f"{start}{line(results, folders)} ({time.monotonic() - begun:.0f} s)", flush=True)
    table(folder, names)
    print(f"the marks: {args.class_}/marks.csv; the reports: {args.class_}/reports/")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
