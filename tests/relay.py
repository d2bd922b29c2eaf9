"""Relays: they stand between a client and a server and do what networks do.

A relay listens on a port of its own (relay.port), passes on what arrives to the server's
port, and records it: relay.up is the list of what the client sent, relay.down of what the
server sent; relay.events has both in order, as (direction, client, data).

What happens on the way is said by a treatment for each direction: a generator that is given
the pieces (TCP) or the datagrams (UDP) as they come, and yields those that are to be passed
on, as late, as often and in the order that it likes.
"""
import random
import socket
import threading
import time


def untouched(pieces):
    yield from pieces


def one_byte(pieces):
    """TCP: each byte in a segment of its own; the first ones read alone, too."""
    for count, byte in enumerate(byte for piece in pieces for byte in piece):
        if count < 50:
            time.sleep(0.002)  # so that the receiver has read the one before
        yield bytes([byte])


def glued(seconds):
    """TCP: after the first piece, all that is sent within some seconds in one segment."""
    def treatment(pieces):
        for piece in pieces:
            yield piece
            time.sleep(seconds)  # meanwhile the next ones pile up in the relay's socket
    return treatment


def late(numbers, seconds):
    """TCP: the pieces with these numbers (from 0), and what follows them, come late."""
    def treatment(pieces):
        for number, piece in enumerate(pieces):
            if number in numbers:
                time.sleep(seconds)
            yield piece
    return treatment


def cut(size, polite=False):
    """TCP: after this many bytes the connection ends, with a reset if not politely."""
    def treatment(pieces):
        left = size
        for piece in pieces:
            if piece[:left]:
                yield piece[:left]
            left -= len(piece)
            if left <= 0:
                if polite:
                    return
                raise ConnectionResetError
    return treatment


def stalled(size):
    """TCP: nothing arrives after this many bytes but the end of the stream."""
    def treatment(pieces):
        left = size
        for piece in pieces:
            if left > 0:
                yield piece[:left]
            left -= len(piece)
    return treatment


def without(numbers):
    """UDP: the datagrams with these numbers (from 0) are lost."""
    def treatment(datagrams):
        for number, datagram in enumerate(datagrams):
            if number not in numbers:
                yield datagram
    return treatment


def lossy(probability, seed):
    """UDP: each datagram is lost with this probability, the same ones for the same seed."""
    def treatment(datagrams):
        chance = random.Random(seed)
        for datagram in datagrams:
            if chance.random() >= probability:
                yield datagram
    return treatment


def doubled(datagrams):
    """UDP: each datagram arrives twice."""
    for datagram in datagrams:
        yield datagram
        yield datagram


def shuffled(count, seed):
    """UDP: every count datagrams arrive in another order."""
    def treatment(datagrams):
        chance, held = random.Random(seed), []
        for datagram in datagrams:
            held.append(datagram)
            if len(held) == count:
                chance.shuffle(held)
                yield from held
                held = []
        chance.shuffle(held)
        yield from held
    return treatment


class TcpRelay:
    """A TCP relay for any number of connections, each with treatments of its own."""

    def __init__(self, server, up=untouched, down=untouched, events=None):
        self.target, self.treatments = server.port, (up, down)
        self.up, self.down, self.events = [], [], [] if events is None else events
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            for end in client, server:
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += client, server
            reset = threading.Event()
            self.events.append((">", client, None))
            for source, sink, treatment, record, arrow in (
                    (client, server, self.treatments[0], self.up, ">"),
                    (server, client, self.treatments[1], self.down, "<")):
                threading.Thread(target=self._pump, daemon=True, args=(
                    source, sink, treatment, record, reset, (arrow, client))).start()

    def _pump(self, source, sink, treatment, record, reset, whose):
        def pieces():
            while piece := source.recv(65536):
                record.append(piece)
                self.events.append((*whose, piece))
                yield piece
            self.events.append((*whose, b""))
        try:
            for piece in treatment(pieces()):
                sink.sendall(piece)
            if not reset.is_set():
                sink.shutdown(socket.SHUT_WR)
        except ConnectionResetError:
            reset.set()
            for end in source, sink:
                try:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   b"\1\0\0\0\0\0\0\0")
                    end.shutdown(socket.SHUT_RD)  # wakes the other direction's recv()
                except OSError:
                    pass
                end.close()
        except OSError:
            pass

    def close(self):
        for end in self.sockets:
            end.close()


class UdpRelay:
    """A UDP relay; each client gets a port of its own towards the server."""

    def __init__(self, server, up=untouched, down=untouched, events=None):
        self.target, self.treatments = ("127.0.0.1", server.port), (up, down)
        self.up, self.down, self.events = [], [], [] if events is None else events
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.sockets, self.ends, self.client = [self.socket], {}, None
        threading.Thread(target=self._up, daemon=True).start()

    def _end(self, client):
        """Return the socket that stands for this client towards the server."""
        if client not in self.ends:
            end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            end.bind(("127.0.0.1", 0))
            self.ends[client] = end
            self.sockets.append(end)
            threading.Thread(target=self._down, args=(end, client), daemon=True).start()
        return self.ends[client]

    def _up(self):
        def datagrams():
            while True:
                datagram, client = self.socket.recvfrom(65535)
                self.up.append(datagram)
                self.events.append((">", client, datagram))
                yield datagram, client
        try:
            for datagram, client in self.treatments[0](datagrams()):
                self._end(client).sendto(datagram, self.target)
        except OSError:
            pass

    def _down(self, end, client):
        def datagrams():
            while True:
                datagram, _ = end.recvfrom(65535)
                self.down.append(datagram)
                self.events.append(("<", client, datagram))
                yield datagram
        try:
            for datagram in self.treatments[1](datagrams()):
                self.socket.sendto(datagram, client)
        except OSError:
            pass

    def close(self):
        for end in self.sockets:
            end.close()


def stranger(group, port, *payloads):
    """Send datagrams to a group (or, "127.255.255.255", to everybody) without joining it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton("127.0.0.1"))
        for payload in payloads:
            sender.sendto(payload, (group, port))


def joined(group, port):
    """Return a socket that hears what is sent to the group."""
    counter = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    counter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    counter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    counter.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
    counter.bind((group, port))
    if not group.endswith(".255"):  # all hear a broadcast
        counter.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                           socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
    return counter
