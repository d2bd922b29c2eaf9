r"""The wire diagrams of the notes: read, and held against the bytes of a real session.

    client                                server
       | ----- 12 + 30\n ------------------> |   a comment
       | <------------------------- 42\n --- |

Each line is what one side sends: TCP bytes, or one datagram, with \n for a newline. What
stands in parentheses varies: (100 bytes) is so many of any kind, any other words are a text
of any length. (connects) and (end of stream) are no bytes but what they say. A line behind
"or", or with a comment that begins with "only", need not come in this order.

    with Recorder(lab, need) as stage:      # types a transcript, with a relay between
        play(steps, stage)
    unproven(lines(note), stage.events)     # the first line that was not on the wire
"""
import re
import socket
from collections import namedtuple

from relay import TcpRelay, UdpRelay, joined
from terminal import FORK
from transcripts import Rehearsal

Line = namedtuple("Line", "text direction content apart")
Event = namedtuple("Event", "direction client data")  # data: None, connects; b"", the end
LINE = re.compile(r"^ {3,}(or +)?\| ?(<?)-+ (.*?) -+(>?) ?\|(?: +(.*))?$")


def lines(note):
    """Return the lines of the diagrams in a note."""
    found = []
    for text in note.splitlines():
        match = LINE.match(text)
        if match:
            assert bool(match[2]) != bool(match[4]), f"an arrow has one end: {text}"
            found.append(Line(text.strip(), "<" if match[2] else ">", match[3].strip(),
                              bool(match[1]) or (match[5] or "").startswith("only")))
    return found


def pattern(content):
    """Return a regular expression for the bytes that a line of a diagram stands for."""
    parts = []
    for part in re.split(r"(\([^)]*\)|\\n)", content):
        count = re.fullmatch(r"\((\d+) bytes\)", part)
        parts.append(f"[\\x00-\\xff]{{{count[1]}}}" if count else "[^\n]+" if part[:1] == "("
                     else "\n" if part == r"\n" else re.escape(part))
    return re.compile("".join(parts).encode())


def merged(events):
    """Join the pieces that one side of a connection sends in a row; keep where they end.

    Returns (direction, data, boundaries): a message begins and ends at a boundary.
    """
    found, open_ = [], {}
    for direction, client, data in events:
        last = open_.get(client)
        if data and last and last[0] == direction and last[1]:
            last[1] += data
        else:
            last = open_[client] = [direction, bytearray(data) if data else data, {0}]
            found.append(last)
        if data:
            last[2] |= {len(last[1])} | {match.end() for match in re.finditer(b"\n", last[1])}
    return found


def unproven(diagram, events, stream):
    """Return the text of the first line that was not on the wire, or None.

    stream: TCP, where the pieces in a row are one text; else each datagram is one.
    """
    messages = merged(events) if stream else [
        [direction, data, {0, len(data)}] for direction, _, data in events]
    at, place = 0, 0
    for line in diagram:
        if line.apart:
            found = find(line, messages, 0, 0)
        else:
            found = find(line, messages, at, place)
            at, place = found or (at, place)
        if not found:
            return line.text
    return None


def find(line, messages, at, place):
    """Return where, from there on, a message of the line ends; None: nowhere."""
    special = {"(connects)": None, "(end of stream)": b""}
    for number in range(at, len(messages)):
        direction, data, boundaries = messages[number]
        if direction != line.direction:
            continue
        if line.content in special:
            if data == special[line.content]:
                return number + 1, 0
            continue
        start = place if number == at else 0
        for begin in sorted(boundaries if data else ()):
            match = begin >= start and pattern(line.content).match(data, begin)
            if match and match.end() in boundaries:
                return number, match.end()
    return None


class Recorder(Rehearsal):
    """A stage that records what clients and servers send: the list events."""

    fork = FORK  # the transcripts themselves are typed into programs that start anew

    def __init__(self, lab, need, stream):
        super().__init__(lab, need)
        self.stream, self.events, self.open = stream, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.open:
            one.close()

    def start(self, number, command, ready):
        group = ready and (ready[0].startswith("joined") or ".255:" in ready[0])
        folder = command.split()[1].rpartition("/")[0]
        if ready and not group:
            self.ports.pop(folder, None)  # the relay's
        super().start(number, command, ready)
        if not ready:
            return
        terminal = self.terminals[number]
        if group:
            if not self.open:
                group = re.search(r"(\S+):\d+$", ready[0])[1]
                self.open.append(joined(group, terminal.port))
                self.open[0].setblocking(False)
        else:
            relay = (TcpRelay if self.stream else UdpRelay)(terminal, events=self.events)
            self.open.append(relay)
            self.ports[folder] = str(relay.port)
            self.printed[str(relay.port)] = ready[1]

    def end(self):
        """End what still runs; record what was sent to the group, which the system has kept
        till now. Each datagram comes back to its sender, too."""
        super().end()
        while self.open and isinstance(self.open[0], socket.socket):
            try:
                data = self.open[0].recv(65535)
            except BlockingIOError:
                break
            self.events += [Event(">", None, data), Event("<", None, data)]
