"""The suite again and again, beside processes that keep the processors busy: `make soak`.

    make soak N=20 BUSY=2 P=problem3

A right script must pass a test every time, on a busy machine, too. For each test that
failed, soak prints how often, and what the first failure said. Status 0: none failed.
"""
import argparse
import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environment
import run

# It ends by itself if the soak ends without a word to it.
BUSY = "import os\nwhile os.getppid() == {}:\n    sum(range(100_000))"


def once(folders, number, count, workers):
    """Run the suite; return its results: node, outcome, why, text; and its status."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "record")
        record.touch()
        command = [sys.executable, str(run.TESTS / "run.py"), "--silent", "--record",
                   str(record), "--workers", str(workers), *folders]
        print(f"-- {number} of {count}", flush=True)
        suite = subprocess.Popen(command)
        try:
            suite.wait()
        except KeyboardInterrupt:
            suite.send_signal(signal.SIGINT)
            suite.wait()
            raise
        lines = record.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines], suite.returncode


def main():
    parser = run.arguments(argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter))
    parser.add_argument("-n", type=int, default=20, help="how often (20)")
    parser.add_argument("--busy", type=int, default=2, help="how many busy processes (2)")
    args = parser.parse_args()
    run.chosen(",".join(args.folders))
    environment.enter(*sys.argv)
    signal.signal(signal.SIGTERM, run.interrupt)
    times, first = collections.Counter(), {}
    start, done, bad, status = time.monotonic(), 0, 0, 0
    busy = [subprocess.Popen([sys.executable, "-c", BUSY.format(os.getpid())],
                             start_new_session=True) for _ in range(args.busy)]
    try:
        for number in range(1, args.n + 1):
            results, ended = once(args.folders, number, args.n, args.workers)
            done, bad = number, bad + bool(ended)
            for node, outcome, why, text in results:
                if outcome == "failed":
                    times[node] += 1
                    first.setdefault(node, text)
            if ended == 130:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        status = 130
    finally:
        for process in busy:
            process.kill()
            process.wait()
    for node, count in times.most_common():
        print(f"\n==== failed {count} of {done} times: {node}; the first time:\n{first[node]}")
    for node, count in times.most_common():
        print(f"failed {count} of {done} times: {node}")
    minutes = (time.monotonic() - start) / 60
    print(f"{done - bad} of {done} runs passed, with {args.busy} busy processes beside them, "
          f"in {minutes:.0f} minutes")
    sys.exit(status or int(bool(bad) or not done))


if __name__ == "__main__":
    main()
