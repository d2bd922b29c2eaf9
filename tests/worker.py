"""A worker of the runner: a forked copy of it that runs tests and tells what happens.

Worker is the worker seen from the runner, and Inside the same process seen from inside. The
runner sends the numbers of the tests to run, a line of JSON; the worker sends back "begin",
"start" (a program, by its process id) and "end" (how the test ended), a line of JSON each.
"""
import faulthandler
import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback


class Worker:
    """A forked process that runs tests, seen from the runner."""

    def __init__(self, number, run):
        self.number = number
        self.unit = []       # numbers of the tests that it still has to end
        self.current = None  # ... of the one that it is in
        self.begun = 0       # since when
        self.programs = []   # what this test has started: process ids
        self.received = b""
        self.log = run.scratch / f"{number}.log"  # what its programs write to stdout, stderr
        self.channel, channel = socket.socketpair()
        self.pid = os.fork()
        if not self.pid:
            try:
                for other in [self, *run.workers]:
                    other.channel.close()  # so that a worker notices that the runner dies
                Inside(self, run, channel).work()
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
                os._exit(70)
            os._exit(0)
        channel.close()

    def send(self, numbers):
        self.unit = list(numbers)
        self.begun = time.monotonic()
        self.channel.sendall(json.dumps(numbers).encode() + b"\n")

    def events(self):
        """Return what it has sent, and whether this is the end of it."""
        try:
            piece = self.channel.recv(1 << 20)
        except ConnectionResetError:
            piece = b""
        *lines, self.received = (self.received + piece).split(b"\n")
        return [json.loads(line) for line in lines], not piece

    def end(self):
        """Kill it with all that its test has started; return how it ended, in words."""
        for kill in os.killpg, os.kill:
            try:
                kill(self.pid, signal.SIGKILL)
            except OSError:  # it is just ending, or is no group of its own yet
                pass
        _, status = os.waitpid(self.pid, 0)
        over = False
        while not over:  # it may have said what it started just before
            events, over = self.events()
            self.programs += [event[1] for event in events if event[0] == "start"]
        self.channel.close()
        for pid in self.programs:
            try:
                os.killpg(pid, signal.SIGKILL)  # a program in a terminal leads a group
            except OSError:
                pass
        return (f"status {os.WEXITSTATUS(status)}" if os.WIFEXITED(status)
                else f"signal {os.WTERMSIG(status)}")


class Inside:
    """The same worker, seen from inside."""

    def __init__(self, worker, run, channel):
        self.channel, self.run, self.lock = channel, run, threading.Lock()
        self.pid = os.getpid()
        os.setsid()  # Ctrl+C at the terminal is for the runner
        for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT
                          else signal.SIG_DFL)
        log = os.open(worker.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        faulthandler.enable(file=log)  # says where it was when it crashes or hangs
        self.log = worker.log
        folder = run.scratch / str(worker.number)
        folder.mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        run.inside = self
        self.reports = []

    def say(self, *event):
        if os.getpid() == self.pid:
            with self.lock:
                self.channel.sendall(json.dumps(event).encode() + b"\n")

    def work(self):
        import subprocess

        import pexpect
        for starter in subprocess.Popen, pexpect.spawn:
            self.watch(starter)
        session = self.run.session
        for line in self.channel.makefile("rb"):
            numbers = json.loads(line)
            for number, later in zip(numbers, numbers[1:] + [None]):
                self.one(number, session.items[number],
                         self.elsewhere(number) if later is None else session.items[later])
        session.config.hook.pytest_sessionfinish(session=session, exitstatus=0)

    def watch(self, starter):
        """Tell the runner of each program that is started."""
        original = starter.__init__

        def init(instance, *args, **options):
            original(instance, *args, **options)
            self.say("start", instance.pid, type(instance).__name__ == "ForkedSpawn")
        starter.__init__ = init

    def elsewhere(self, number):
        """Return a test of another file: what this file shares ends, what all share stays."""
        items = self.run.session.items
        return next((item for item in items if item.parent != items[number].parent), None)

    def one(self, number, item, following):
        self.say("begin", number)
        self.reports, start = [], time.monotonic()
        logged = self.log.stat().st_size
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        outcome, why, texts = "passed", "", []
        for report in self.reports:
            if report.failed:
                outcome = "failed"
                why = why or "\n".join(getattr(report, "mark", []))  # for somebody's own
                why = why or next((line[1:].strip() for line in report.longreprtext.split("\n")
                                   if line.startswith("E  ")), "")
                texts.append(f"(at its {report.when}) " * (report.when != "call")
                             + report.longreprtext)
                texts += [f"---- {name} ----\n{text.rstrip()}"
                          for name, text in report.sections]
            elif report.skipped and outcome == "passed":
                outcome, why = "skipped", reason(report)
        if texts and self.log.stat().st_size > logged:
            with open(self.log, "rb") as file:
                file.seek(logged)
                texts.append("---- what its programs printed ----\n"
                             + file.read(100_000).decode(errors="replace"))
        self.say("end", number, outcome, why, "\n".join(texts), time.monotonic() - start)


def reason(report):
    """Return why a test was skipped."""
    if hasattr(report, "wasxfail"):
        return f"expected to fail: {report.wasxfail}"
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return text.replace("Skipped: ", "", 1).replace("\n", " ")
