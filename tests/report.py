"""The report after `make test LAB=FOLDER`: what holds and what does not, in words.

The tests' names are sentences. Here they are collected for each problem, with what came
instead where one does not hold. run.py gives the results and prints nothing else.
"""
import re
from collections import defaultdict


def where(node):
    """Return the folder that a test is about: problem3, or basics/sum."""
    from run import belongs
    return " and ".join(sorted(belongs(node)))


def sentence(node):
    """Return what a test says, and the script or the case it says it of."""
    name, _, case = node.partition("::")[2].partition("[")
    return re.sub("^test_", "", name).replace("_", " "), case.rstrip("]")


def show(results, theirs, details):
    """Print the report; return the status, 1 if anything does not hold.

    results: node: (outcome, why, text, seconds); theirs: the names of the scripts that are
    marked; details: the file for the whole texts.
    """
    found = defaultdict(lambda: defaultdict(dict))  # folder, sentence, case: outcome, why
    for node, (outcome, why, _, _) in results.items():
        what, case = sentence(node)
        found[where(node)][what][case] = outcome, why[:100]
    failures = 0
    for folder in sorted(found):
        scripts = [name.split("/")[-1] for name in theirs if name.startswith(f"{folder}/")]
        print(f"\n{folder}, with your {', '.join(scripts)}:" if scripts else
              f"\n{folder}, which has no script of yours:")
        for what, cases in sorted(found[folder].items()):
            failed = [(case, why) for case, (outcome, why) in cases.items()
                      if outcome == "failed"]
            failures += bool(failed)
            if failed:
                print(f"  does not hold:  {what}")
                for case, why in failed[:3]:
                    print(f"                  {case}{': ' * bool(case)}{why}")
            elif "passed" in [outcome for outcome, _ in cases.values()]:
                print(f"  holds:          {what}")
    count = sum(map(len, found.values()))
    print(f"\n{count - failures} of {count} hold", end="")
    if failures:
        write(results, details)
    print()
    return int(bool(failures) or not count)


def write(results, details):
    """Write the whole text of each failure into a file, and say where it is."""
    from run import replace
    try:
        replace(details, "".join(f"==== {node}\n{text}\n\n" for node, (outcome, _, text, _)
                                 in results.items() if outcome == "failed"))
        print(f"; the details are in {details}", end="")
    except OSError:
        pass  # a folder that is read-only
