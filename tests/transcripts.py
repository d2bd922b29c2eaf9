"""Transcripts: the sessions that the notes print, found, and typed into the real scripts.

    1$ a command in terminal 1     1| a line that it prints     1< a line typed there

The order is strict within a terminal. Before anything is typed, all that is printed above
it, in any terminal, must have appeared. `1< Ctrl+C` and `1< Ctrl+D` press these keys.
<port> and <number> stand for any port and number. A printed line that ends
with a colon is a prompt: there the line goes on.

play() keeps the order and knows nothing of right and wrong; what happens to each step is
up to the stage that it plays on. Rehearsal is the stage of the tests: it compares. In a
drawing of `make wire` the seconds are another number each time.
"""
import re
import shlex
import sys
from collections import namedtuple
from pathlib import Path

from lan import Lan

Step = namedtuple("Step", "terminal kind text")
STEP = re.compile(r"^ *([1-9])([$<|])(?: (.*))?$")
READY = re.compile(r"(?:(?:joined|listening on) \S+:|now: .* --port )(\d+)")
DRAWN = re.compile(r"( *\d* +\|.*\|.*?) +\+?[\d.]+ s")  # a line of make wire, with its seconds
PARTING = re.compile(r".*(stopped|has left|has hung up|You: |\$ )|\^C").fullmatch
NET = Path(__file__).with_name("lan.py")  # make net
WIRE = Path(__file__).with_name("wire.py")  # make wire
KEYS = {"Ctrl+C": "C", "Ctrl+D": "D"}
# The scripts here serve one client, one datagram or one message, and end by themselves.
ENDING = ("datagram", "datagram_duplex", "stream_welcome", "stream_duplex",
          "stream_objects", "stream_integers", "stream_hello_file", "multicast")


def transcripts(text):
    """Return the transcripts in a text: each a list of steps, from lines without a gap."""
    found, steps = [], []
    for line in text.splitlines() + [""]:
        match = STEP.match(line)
        if match:
            steps.append(Step(match[1], match[2], (match[3] or "").rstrip()))
        elif steps:
            found.append(steps)
            steps = []
    return found


def play(steps, stage):
    """Play the steps on a stage: an object with start, show, await_shown, type and end."""
    for number, step in enumerate(steps):
        if step.kind == "|":
            stage.show(step.terminal, step.text)
            continue
        stage.await_shown()
        if step.kind == "$":
            ready = next((READY.match(later.text) for later in steps[number + 1:]
                          if later.terminal == step.terminal and later.kind == "|"), None)
            stage.start(step.terminal, step.text, ready)
        else:
            stage.type(step.terminal, step.text)
    stage.await_shown()
    stage.end()


class Rehearsal:
    """The stage of the tests: every line must be what the transcript says.

    A server listens on a port that the system chooses, so that two rehearsals can go on at
    once; wherever this port is printed, the port of the transcript is read.
    """

    fork = False  # a Python of its own for each script, as it is for a person

    def __init__(self, lab, need):
        self.lab, self.need = lab, need
        self.terminals = {}  # by number: the command that runs there
        self.awaited = []    # (terminal, text) shown in the notes, not yet seen
        self.last = {}       # by number: the last line shown in the notes
        self.ports = {}      # folder: the port of its server
        self.printed = {}    # port chosen by the system: port in the transcript

    def start(self, number, command, ready):
        if number in self.terminals:
            self.leave(number)
        words = shlex.split(command, comments=True)
        shown = {default: real for real, default in self.printed.items()}
        if command.startswith("make net"):
            self.need("unshare")
            try:
                Lan(0).close()
            except OSError as reason:
                self.need("unshare", f"this system makes no network of its own: {reason}")
            words = [sys.executable, str(NET), words[-1].partition("=")[2] or "1"]
        elif command.startswith("make wire"):
            server, port = words[2].partition("=")[2], next(
                self.ports[one] for one in self.ports if one in command)
            values = [word.partition("=") for word in words[3:]]  # SPLIT=1
            words = [sys.executable, str(WIRE), server, "--port", port, "--listen", "0",
                     *(f"--{name.lower()}={value}" for name, _, value in values)]
        elif words[0] == "python":
            folder = words[1].rpartition("/")[0]
            if ready:  # the members of a group all have one port
                words += ["--port", self.ports.get(folder, "0")]
            elif "--port" in words:
                words[-1] = shown.get(words[-1], words[-1])
            elif folder in self.ports:
                words += ["--port", self.ports[folder]]
        else:
            self.need(words[0])
            words = [shown.get(word, word) for word in words]
        terminal = self.terminals[number] = self.lab.start(
            *words, fork=self.fork, columns=80 if str(WIRE) in words else 240)
        if ready:
            real = str(terminal.ready())
            terminal.seen = 0
            self.printed[real] = ready[1]
            if words[0] == "python":
                self.ports[folder] = real

    def show(self, number, text):
        self.awaited.append((number, text))
        self.last[number] = text

    def await_shown(self):
        for number, text in self.awaited:
            self.compare(self.terminals[number], text)
        self.awaited = []

    def compare(self, terminal, text):
        """The next line (or prompt) of this terminal must be this text; return it."""
        def next_line(output):
            if text.endswith(":") and output.startswith(text + " "):
                return text, text + " "
            if "\n" in output:
                raw = output[:output.index("\n") + 1]
                line = raw.rstrip("\r\n").rpartition("\r")[2]
                return re.sub(r"\x1b\[[AJK]|^host\d\$ ", "", line), raw
            return None
        line, raw = terminal.until(next_line, text)
        if line == terminal.echo or terminal.prompted and not line and text:
            terminal.seen += len(raw)  # what readline echoes; the end of the prompt's line
            line, raw = terminal.until(next_line, text)
        terminal.prompted, terminal.echo = raw.endswith(": "), None
        line = re.sub(r"\d+", lambda number: self.printed.get(number[0], number[0]), line)
        if DRAWN.fullmatch(text) and DRAWN.fullmatch(line):
            text, line = DRAWN.fullmatch(text)[1], DRAWN.fullmatch(line)[1]
        pattern = re.sub("<(port|number)>", r"\\d+", re.escape(text))
        assert re.fullmatch(pattern, line.rstrip()), (
            f"the note says {text!r}, the script {line!r}\nin: {terminal.command}")
        terminal.seen += len(raw)
        return line.rstrip()

    def type(self, number, text):
        if text in KEYS:
            self.terminals[number].press(KEYS[text])
            self.terminals[number].prompted = True  # ^C breaks the line like one
            self.last[number] = text
        else:
            if str(NET) in self.terminals[number].command:
                text = re.sub("^python ", f"{sys.executable} ", text)
            self.terminals[number].type(text)
            self.terminals[number].echo = text

    def leave(self, number):
        """The command in this terminal must have ended, and said no more than is shown."""
        terminal, last = self.terminals.pop(number), self.last.pop(number, "")
        status = 1 if last.startswith("error: ") else {0, 130} if last in KEYS else 0
        terminal.wait(status if terminal.command.startswith("python ") else None)
        rest = terminal.output[terminal.seen:]
        assert not rest.strip(), f"not in the note: {rest!r}\nin: {terminal.command}"

    def end(self):
        """End what still runs with Ctrl+C, the oldest first: servers. Each may then say
        that it stops, or that its server has left, or in an instant both. (Some servers
        serve one client, and have ended by themselves.)"""
        def patience(terminal):
            if terminal.typed and terminal.typed[-1].startswith("Ctrl+"):
                return 20  # it is just ending; a second Ctrl+C would come amid its last word
            if any(f"/{folder}/" in terminal.command for folder in ENDING):
                return 2  # a Ctrl+C while Python just ends would kill it
            return 0 if hasattr(terminal, "port") else 1
        over = [number for number, terminal in self.terminals.items()
                if terminal.ended(within=patience(terminal))]
        for number, terminal in self.terminals.items():
            server = hasattr(terminal, "port")
            status = 1 if self.last.get(number, "").startswith("error: ") else 0
            if str(NET) in terminal.command:
                terminal.press_until("C", "stopped")
                terminal.press("D")
            elif number not in over:
                terminal.stop() if server else terminal.press("C")
                status = 0 if server else status
            terminal.wait(status if terminal.command.startswith("python ") else None)
            rest = [line for line in terminal.output[terminal.seen:].split("\r\n") if line]
            rest = rest if number in over else [line for line in rest if not PARTING(line)]
            assert not rest, f"not in the note: {rest!r}\nin: {terminal.command}"
