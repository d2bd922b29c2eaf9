"""A terminal: one command under a pseudo-terminal, as a student would start it.

A thread reads all that the command prints as soon as it is printed, for a program
whose terminal nobody reads stops at its next print.
"""
import codecs
import os
import re
import resource
import signal
import sys
import termios
import threading
import time

import pexpect

import cases
from cases import TO_BE_WRITTEN, asleep
from spawn import ForkedSpawn
from transcripts import ENDING

# Nothing that changes how Python works: above all not PYTHONUNBUFFERED, under which every
# script would print at once, also one that forgot to.
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith("PYTHON")}
ENVIRONMENT.update(PYTHONDONTWRITEBYTECODE="1", TERM="dumb")
FORK = os.environ.get("FORK") != "no" and not os.environ.get("LAB")  # see starter.py
# Seconds to wait for a line: many times what any line needs. (A wrong script of somebody's
# own may make many tests wait: run.py gives them less.)
PATIENCE = float(os.environ.get("PATIENCE", 20))


def fair(pattern):
    """Return what a mark asks for: the words of an error are everybody's own, and how an
    ASCII terminal gets an accent."""
    if os.environ.get("LAB"):
        pattern = pattern.replace(r"caf\?", "caf.{1,6}")
    if not os.environ.get("LAB") or "[^" in pattern:
        return pattern
    return re.sub(r"^error: .*?(?=\\r|\r|$)", r"error: [^\r\n]+", pattern)


def fair_end(output):
    """Return what a mark compares: how the last line begins is everybody's own."""
    if not os.environ.get("LAB"):
        return output
    return re.sub(r"(\s|\x1b\[[0-9;]*[A-Za-z])*stopped\r*\n", "\r\n\r\nstopped\r\n", output)


def redrawn(line, typed):
    """Return the pattern of a line that arrives above a line that is being typed. (Others
    may draw both in another way, or insert a row above what is typed: ESC [ L.)"""
    return rf"\x1b\[1?L{line}|{line}(?s:.*){typed}" if os.environ.get("LAB") else (
        rf"\r\x1b\[J{line}\r\n{typed}")


class Unmet(AssertionError):
    """A test expected a text, and something else came."""

    def __init__(self, text, expected, came, ended):
        super().__init__(text)
        self.expected, self.came, self.ended = expected, came, ended


class Terminal:
    def __init__(self, command, cwd, descriptors=None, echo=False, fork=FORK, columns=240):
        """Start command (a list; "python" is the Python of the tests) in folder cwd."""
        def prepare():
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.command = " ".join(command)
        cases.STARTED.append(self.command)
        options = dict(encoding="utf-8", codec_errors="replace", dimensions=(40, columns))
        if fork and command[0] == "python" and command[1].endswith(".py"):
            self.child = ForkedSpawn(command[1:], cwd, ENVIRONMENT, descriptors, echo,
                                     **options)
        else:
            program = sys.executable if command[0] == "python" else command[0]
            self.child = pexpect.spawn(program, command[1:], cwd=str(cwd), echo=echo,
                                       preexec_fn=prepare, env=ENVIRONMENT, **options)
        # Without NOFLSH a Ctrl+C drops what is still to be read or shown. Without an echo
        # Linux does not wake a program, then, that waits for room to print.
        attributes = termios.tcgetattr(self.child.child_fd)
        attributes[3] |= termios.NOFLSH
        termios.tcsetattr(self.child.child_fd, termios.TCSANOW, attributes)
        self.child.delaybeforesend = None  # pexpect's pauses: nothing here needs them
        self.child.ptyproc.delayafterclose = 0
        self.pid = self.child.pid
        self.pieces = [""]    # all that was printed: see output
        self.seen = 0         # how much of it see() has passed
        self.typed = []       # what was typed, for the report of a failure
        self.prompted = False  # for the transcripts: whether a prompt was the last,
        self.echo = None      # and what was typed, as readline shows that by itself
        self.closed = False   # True when the command has closed its terminal
        self.changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        data = b"-"
        while data:
            try:  # not pexpect's read: at the end it would wait for the process, too
                data = os.read(self.child.child_fd, 65536)
            except (OSError, ValueError):  # the other end has closed
                data = b""
            with self.changed:
                self.pieces.append(decoder.decode(data))
                self.closed = not data
                self.changed.notify_all()

    @property
    def output(self):
        """All that was printed. (To join each piece at once would cost quadratic time.)"""
        with self.changed:
            self.pieces = ["".join(self.pieces)]
            return self.pieces[0]

    def until(self, condition, what, timeout=PATIENCE):
        """Wait until condition(output not yet seen) is true; return what it returned."""
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                result = condition(self.output[self.seen:])
                if result:
                    return result
                left = deadline - time.monotonic()
                if TO_BE_WRITTEN in self.output:  # what comes after that is of no use
                    left = 0
                if self.closed or left <= 0:
                    why = "the command has ended" if self.closed else f"waited {timeout} s"
                    raise Unmet(f"{why}; expected {what!r}, but there is only "
                                f"{self.output[self.seen:]!r}\nin: {self.command}",
                                what, self.output[self.seen:], self.closed)
                self.changed.wait(left)

    def runs_until(self, condition, timeout=PATIENCE):
        """Wait until condition() is true, of what cannot be seen in the output."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert not self.closed and time.monotonic() < deadline, (
                f"it has ended, or {timeout} s have passed: {self.command}")
            time.sleep(0.01)

    def see(self, pattern, timeout=PATIENCE, what=None):
        """Wait until the output not yet seen has this regular expression; return the match."""
        pattern = fair(pattern)
        match = self.until(re.compile(pattern).search, what or pattern, timeout)
        self.seen += match.end()
        return match

    def line(self, pattern, timeout=PATIENCE):
        """Wait for a whole line that matches the regular expression."""
        pattern = fair(pattern)
        return self.see(rf"(?m)^(?:[^\n]*\r)?(?:\x1b\[[AJKL])*(?:{pattern})\r\n", timeout,
                        f"the line {pattern}")

    def ready(self):
        """Wait for the ready line; return (and keep) the port."""
        match = self.line(r"(?:(?:listening on|joined) \S+:|now: .* --port )(\d+).*")
        self.port = int(match[1])
        return self.port

    def type(self, text):
        self.typed.append(text)
        self.child.send(text + "\n")

    def press(self, key):
        """Press Ctrl and a key: "C" interrupts, "D" on an empty line ends the input.

        It is pressed when the command waits for something, as it mostly does.
        """
        asleep(self.pid)
        self.typed.append(f"Ctrl+{key}")
        self.child.sendcontrol(key.lower())

    def press_until(self, key, pattern):
        """Press Ctrl and a key until the output has this regular expression.

        Twice at most: a Ctrl+D pressed before readline has taken over the terminal reaches
        it as another character, and for Ctrl+C see stop().
        """
        self.press(key)
        try:
            self.see(pattern, timeout=4)
        except AssertionError:
            self.press(key)
            self.see(pattern)

    def ended(self, within):
        """Return whether the command ends by itself within so many seconds."""
        with self.changed:
            return self.changed.wait_for(lambda: self.closed, within)

    def wait(self, status=0, timeout=PATIENCE):
        """Wait for the end, with this status (a set: one of these; None: any)."""
        if not self.ended(timeout):
            raise Unmet(f"still running after {timeout} s: {self.command}",
                        "that the program ends", "it still runs", False)
        if self.child.isalive():
            self.child.wait()
        self.child.close(force=True)
        allowed = status if isinstance(status, set) else {status}
        got = self.child.exitstatus
        if status is not None and got not in allowed:
            raise Unmet(f"ended with status {got} (signal {self.child.signalstatus}), not "
                        f"{status}: {self.command}", f"exit status {status}",
                        f"exit status {got}", False)
        return fair_end(self.output)

    def stop(self, status=0, key="C"):
        """Press Ctrl+C; the command must end soon, with this status.

        Once more after a moment, and then after an Enter: in the instant between a prompt
        and the read() that follows it, Python's input() forgets a Ctrl+C; and where one
        follows typed text at once, the terminal drops that text, and readline waits for a
        key. No person is so quick.
        """
        self.press(key)
        for enter in "", "\n", "\n":
            if self.ended(within=4):
                break
            if enter:
                self.child.send(enter)
            self.press(key)
        return self.wait(status)

    def kill(self):
        """End the command as a crash would, without a word to anybody."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait(status=None)

    def clean_up(self):
        """End the command if it still runs; it must not have shown a traceback.

        (One that serves a single client may be just ending: a Ctrl+C would reach Python then.
        And for the marks a traceback at Ctrl+C is one fault, and a check of its own.)
        """
        single = any(f"/{folder}/" in self.command for folder in ENDING)
        before = self.output
        if not self.ended(within=0.3 if single else 0):
            try:
                asleep(self.pid)  # or it ends by itself meanwhile
                os.kill(self.pid, signal.SIGINT)
                self.wait(status=None, timeout=8)
            except (AssertionError, ProcessLookupError):
                pass
        self.child.close(force=True)
        output = before if os.environ.get("LAB") else self.output
        assert "Traceback" not in output, f"a traceback in: {self.command}"

    def report(self):
        typed = f"\n(typed: {self.typed})" if self.typed else ""
        return f"$ {self.command}\n{self.output}{typed}"
