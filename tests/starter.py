"""Start a script without starting Python anew: a program that has imported, and forks.

A start of Python costs 50 to 60 ms of processor time, mostly for the modules. This program
imports what the scripts import, once; then it forks for each script. The child is a process
of its own, with its own session, terminal, arguments and end, and runs the script from its
first line, as __main__. What differs: the modules are there already. So each script is also
started as a student does it, by the tests that type its transcript; and with FORK=no in the
environment every script is.

spawn.py is its other end. The program gets one message for each start: JSON, with the terminal
and a pipe as file descriptors. Into the pipe it writes two lines: the number of the process,
and its wait status when it has ended.
"""
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import termios
import types

MODULES = ("argparse", "asyncio", "collections", "contextlib", "getpass", "hashlib", "heapq",
           "itertools", "json", "pathlib", "queue", "random", "secrets", "selectors",
           "shlex", "shutil", "socket", "ssl", "struct", "subprocess", "tempfile",
           "textwrap", "threading", "time")


# ---- The program -----------------------------------------------------------------------

def serve(channel):
    """Fork for each message; return the message in the child. Ends with the tests."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    reports = {}  # process: where its status goes
    while True:
        ready = select.select([channel, wake], [], [])[0]
        if wake in ready:
            os.read(wake, 4096)
        if channel in ready:
            message, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 2)
            if not message:
                os._exit(0)
            terminal, report = descriptors
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                attach(terminal)
                return json.loads(message)
            os.close(terminal)
            os.write(report, b"%d\n" % pid)
            reports[pid] = report
        while reports:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            os.write(reports[pid], b"%d\n" % status)
            os.close(reports.pop(pid))


def attach(terminal):
    """Begin a session in this terminal; close all else."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for number in 0, 1, 2:
        os.dup2(terminal, number)
    os.closerange(3, 256)


def streams():
    """Make the standard streams anew, as Python does at its start."""
    encoding, lines = sys.stdout.encoding, 1 if os.isatty(1) else -1
    sys.stdin = sys.__stdin__ = open(0, encoding=encoding, errors=sys.stdin.errors)
    sys.stdout = sys.__stdout__ = open(1, "w", lines, encoding, sys.stdout.errors)
    sys.stderr = sys.__stderr__ = open(2, "w", 1, encoding, "backslashreplace")


def become(command):
    """Run a script as __main__. What it raises ends this process as it would end Python."""
    script, sys.argv[:] = command[0], command
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    main.__file__ = script
    with open(script, "rb") as file:
        code = compile(file.read(), script, "exec", dont_inherit=True)
    exec(code, vars(main))


def main():
    for module in MODULES:
        __import__(module)
    gc.freeze()  # the children need not look at these objects, which would copy them
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    os.chdir(request["cwd"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if request["descriptors"]:
        resource.setrlimit(resource.RLIMIT_NOFILE, (request["descriptors"],) * 2)
    streams()
    become(request["command"])


if __name__ == "__main__":
    main()
