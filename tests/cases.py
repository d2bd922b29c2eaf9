"""Many runs of one script for the price of one: `python cases.py SCRIPT`, the cases as JSON.

A start of Python costs more than all that most scripts do before they refuse a bad argument.
This program imports what the scripts import, and then forks for each case: the child is a
process of its own, with its own arguments, output and status, and runs the script from its
first line. A case is {"argv": [...]}, and {"argv": [...], "ready": true} for a program that
goes on: its first line is awaited, and then it is ended with SIGTERM.

    run_cases("problem3/server.py", [["--port", "-1"], ["--help"]], folder)
"""
import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import namedtuple

import starter

# Seconds; then a case is killed, and its status is None.
PATIENCE = float(os.environ.get("PATIENCE", 20))
# What a script from `make lab` says where something is still to be written.
TO_BE_WRITTEN = "NotImplementedError: to be written"
PRINTED = []   # (standard error, script) of the last cases, for the marks
STARTED = []   # what this test has started: commands and scripts
Result = namedtuple("Result", "argv status stdout stderr")


def run_cases(script, cases, folder, environment):
    """Run the script with each list of arguments in the folder; return the Results.

    A tuple ("ready", ARGUMENTS) is for a script that goes on: see above.
    """
    STARTED.append(str(script))
    requests = [{"argv": case[1], "ready": True} if case[:1] == ("ready",) else
                {"argv": list(case)} for case in cases]
    done = subprocess.run(
        [sys.executable, __file__, str(script)], input=json.dumps(requests), cwd=folder,
        env={**environment, "COLUMNS": "80", "PYTHONUTF8": "1"}, capture_output=True,
        text=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stderr
    results = [Result(request["argv"], *answer)
               for request, answer in zip(requests, json.loads(done.stdout))]
    PRINTED[:] = [(result.stderr, str(script)) for result in results]
    return results


def noted(done, script):
    """Keep for the marks what a program printed that subprocess.run() ran; return it."""
    STARTED.append(str(script))
    PRINTED.append((done.stderr.decode("utf-8", "replace"), str(script)))
    return done


def asleep(pid, within=2):
    """Wait until the program waits in a system call (Linux; elsewhere return at once).

    A signal in the instant before such a call is heard by Python only when the call ends.
    """
    deadline = time.monotonic() + within
    with contextlib.suppress(OSError, IndexError):  # it has ended; there is no /proc
        while time.monotonic() < deadline:
            with open(f"/proc/{pid}/stat", "rb") as file:
                if file.read().rpartition(b") ")[2][:1] in b"SZX":
                    return
            time.sleep(0.002)


def child(script, argv, out, err):
    """Be the script: its process, its arguments, its output."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    starter.streams()
    starter.become([script, *argv])


def run(script, argv, ready=False):
    """Run one case; return its status, standard output and standard error."""
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(script, argv, out_end, err_end)
            os._exit(0)
        except SystemExit as end:
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(end.code if isinstance(end.code, int) else 1 if end.code else 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(1)
    os.close(out_end)
    os.close(err_end)
    texts, deadline = {out: b"", err: b""}, time.monotonic() + PATIENCE
    ends, again = [out, err], 0
    while ends and time.monotonic() < deadline:
        for end in select.select(ends, [], [], 1)[0]:
            piece = os.read(end, 65536)
            texts[end] += piece
            if not piece:
                ends.remove(end)
        if ready and b"\n" in texts[out] and time.monotonic() > again:
            again = time.monotonic() + 4
            asleep(pid)
            os.kill(pid, signal.SIGTERM)
    if ends:
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    status = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
    os.close(out)
    os.close(err)
    return status, texts[out].decode(), texts[err].decode()


def main():
    for module in "argparse", "random", "shutil", "socket", "tempfile", "threading":
        __import__(module)
    gc.freeze()  # as in starter.py
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print(json.dumps([run(sys.argv[1], **case) for case in json.load(sys.stdin)]))


if __name__ == "__main__":
    main()
