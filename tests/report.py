"""What holds and what does not, in words: the report after `make test LAB=...`.

The tests' names are sentences; here they are collected, for each problem, from the files
that the tests wrote (REPORT in conftest.py). Ends with status 1 if anything does not hold.
"""
import json
import re
import sys
from collections import defaultdict

from conftest import THEIRS


def where(node):
    """Return the folder that a test is about: problem3, or basics/sum."""
    file, _, name = node.partition("::")
    for text in name, file.replace("_", "/"):
        match = re.search(r"problem\d|basics/\w+", text)
        if match:
            return match[0]
    return "all together"


def sentence(node):
    """Return what a test says, and the script or the case it says it of."""
    name, _, case = node.partition("::")[2].partition("[")
    return name[len("test_"):].replace("_", " "), case.rstrip("]")


def main():
    reasons = {}
    found = defaultdict(lambda: defaultdict(dict))  # folder, sentence, case: outcome
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            for node, outcome, *why in map(json.loads, file):
                what, case = sentence(node)
                cases = found[where(node)][what]
                if cases.get(case) != "failed":
                    cases[case] = outcome
                    reasons[where(node), what, case] = "".join(why)[:100]
    failures = 0
    for folder in sorted(found):
        theirs = [name for name in THEIRS if name.startswith(f"{folder}/")]
        bad = [what for what, cases in found[folder].items() if "failed" in cases.values()]
        failures += len(bad)
        if theirs:
            print(f"\n{folder}, with your {', '.join(name.split('/')[-1] for name in theirs)}:")
        elif bad:
            print(f"\n{folder}, which has no script of yours:")
        for what, cases in sorted(found[folder].items()):
            failed = [case for case, outcome in cases.items() if outcome == "failed"]
            if failed:
                print(f"  does not hold:  {what}")
                for case in failed[:3]:
                    print(f"                  {case}{': ' * bool(case)}{reasons[folder, what, case]}")
            elif theirs and "passed" in cases.values():
                print(f"  holds:          {what}")
    count = sum(map(len, found.values()))
    if not THEIRS:
        print("\nno script of yours was found: it has to lie in FOLDER/problem3/server.py, say")
    print(f"\n{count - failures} of {count} hold; the details are in "
          f"{sys.argv[1].replace('1.report', '*.log')}")
    sys.exit(1 if failures or not count else 0)


if __name__ == "__main__":
    main()
