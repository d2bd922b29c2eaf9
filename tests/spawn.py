"""pexpect's spawn, for a Python script that is started by a fork (see starter.py).

    child = ForkedSpawn(["problem3/server.py", "--port", "0"], cwd, environment, echo=False)
"""
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pexpect
import ptyprocess

PROGRAM = Path(__file__).with_name("starter.py")
STARTER = {}  # this process: its channel to the program that forks
LOCK = threading.Lock()


def channel(environment):
    """Return the socket that leads to the program; start it with the first script."""
    with LOCK:
        if os.getpid() not in STARTER:
            ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
            with theirs:
                subprocess.Popen([sys.executable, PROGRAM, str(theirs.fileno())],
                                 env=environment, pass_fds=[theirs.fileno()],
                                 stdin=subprocess.DEVNULL)
            STARTER[os.getpid()] = ours
        return STARTER[os.getpid()]


class Forked(ptyprocess.PtyProcess):
    """A process in a terminal whose parent is not this one: it tells us the status."""

    def __init__(self, command, cwd, environment, descriptors, echo, dimensions):
        master, terminal = pty.openpty()
        reports, report = os.pipe()
        ptyprocess.ptyprocess._setwinsize(terminal, *dimensions)
        if not echo:
            ptyprocess.ptyprocess._setecho(terminal, False)
        request = {"command": command, "cwd": str(cwd), "descriptors": descriptors}
        socket.send_fds(channel(environment), [json.dumps(request).encode()],
                        [terminal, report])
        os.close(terminal)
        os.close(report)
        self.reports = open(reports, "rb", buffering=0)
        super().__init__(int(self.reports.readline()), master)

    def isalive(self):
        if not self.terminated and select.select([self.reports], [], [], 0)[0]:
            self.wait()
        return not self.terminated

    def wait(self):
        if not self.terminated:
            self.status = int(self.reports.readline() or signal.SIGKILL)
            self.reports.close()
            self.terminated = True
            if os.WIFEXITED(self.status):
                self.exitstatus = os.WEXITSTATUS(self.status)
            else:
                self.signalstatus = os.WTERMSIG(self.status)
        return self.exitstatus


class ForkedSpawn(pexpect.spawn):
    def __init__(self, command, cwd, environment, descriptors=None, echo=False, **options):
        self.descriptors = descriptors
        super().__init__(sys.executable, command, cwd=str(cwd), env=environment, echo=echo,
                         **options)

    def _spawnpty(self, args, **options):
        return Forked([os.fsdecode(word) for word in args[1:]], self.cwd, self.env,
                      self.descriptors, self.echo, options["dimensions"])
