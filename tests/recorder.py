"""The stage that records: transcripts are typed, with a relay between client and server.

    with Recorder(lab, need, stream) as stage:
        play(steps, stage)
    unproven(lines(note), stage.events)     # the first line that was not on the wire
"""
import re
import socket

from diagrams import Event
from relay import TcpRelay, UdpRelay, joined
from terminal import FORK
from transcripts import Rehearsal


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
