"""Relays: they stand between a client and a server and do what networks do.

A relay listens on a port of its own (relay.port), passes on what arrives to the server's
port, and records it: relay.up is the list of what the client sent, relay.down of what the
server sent; relay.events has both in order, as (direction, client, data).

What happens on the way is said by a treatment for each direction: a generator that is given
the pieces (TCP) or the datagrams (UDP) as they come, and yields those that are to be passed
on, as late, as often and in the order that it likes.

With watch, a relay records nothing. It calls watch(direction, client, what) for each piece
when it passes it on, for a datagram that is Lost, and for the constants below: `make wire`.
"""
import collections
import functools
import queue
import random
import socket
import threading
import time

CONNECTS, END = None, b""              # TCP: a client connects; a side ends its stream
RESET, REFUSED = "reset", "refused"    # a side resets; there is no server
RESETS = b"\1\0\0\0\0\0\0\0"           # for SO_LINGER: close() sends a reset
OTHER = {">": "<", "<": ">"}
CLIENTS = 100                          # UDP: so many clients have a port at a time


class Lost(bytes):
    """A datagram that is lost on the way: it is seen, and not passed on."""


def untouched(pieces):
    yield from pieces


def one_byte(pieces):
    """TCP: each byte in a segment of its own; the first ones read alone, too."""
    for count, byte in enumerate(byte for piece in pieces for byte in piece):
        if count < 50:
            time.sleep(0.002)  # so that the receiver has read the one before
        yield bytes([byte])


def split(size):
    """TCP: pieces of so many bytes; of each piece that comes, the first 50 are read alone."""
    def treatment(pieces):
        for piece in pieces:
            for number, start in enumerate(range(0, len(piece), size)):
                if 0 < number < 50:
                    time.sleep(0.002)  # so that the receiver has read the one before
                yield piece[start:start + size]
    return treatment


def held(seconds):
    """Each piece or datagram, and the end, is held back; those behind it do not wait longer."""
    def treatment(pieces):
        waiting = queue.Queue(1000)  # then the sender has to wait

        def collect():
            end = None
            try:
                for piece in pieces:
                    waiting.put((time.monotonic() + seconds, piece))
            except OSError as error:
                end = error
            waiting.put((time.monotonic() + seconds, end))
        threading.Thread(target=collect, daemon=True).start()
        while True:
            due, piece = waiting.get()
            time.sleep(max(0, due - time.monotonic()))
            if piece is None:
                return
            if isinstance(piece, OSError):
                raise piece
            yield piece
    return treatment


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
            yield datagram if chance.random() >= probability else lost(datagram)
    return treatment


def lost(datagram):  # or, on the way up, a datagram and its client
    return Lost(datagram) if isinstance(datagram, bytes) else (Lost(datagram[0]), datagram[1])


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


class Relay:
    """What both relays have: the records, or somebody who watches."""

    def __init__(self, server, up, down, events, watch):
        record = list if watch is None else functools.partial(collections.deque, maxlen=0)
        self.up, self.down = record(), record()
        self.events = record() if events is None else events
        self.target, self.treatments = ("127.0.0.1", server.port), (up, down)
        self.watch = watch or (lambda direction, client, what: None)
        self.sockets = set()

    def close(self):
        for end in list(self.sockets):
            end.close()


class Link:
    """A client's connection to the relay, and the relay's to the server for this client."""

    def __init__(self, client, server):
        self.ends, self.reset, self.over = (client, server), False, False
        self.lock = threading.Lock()
        for end in self.ends:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.settimeout(0.5)  # then look whether the other direction was reset

    def receive(self, source):
        while True:
            try:
                piece = source.recv(65536)
            except socket.timeout:
                continue
            if self.reset:
                raise ConnectionResetError
            return piece

    def send(self, sink, piece):
        """As sendall(): it waits while the receiver does not read."""
        piece = memoryview(piece)
        while piece:
            try:
                piece = piece[sink.send(piece):]
            except socket.timeout:
                if self.reset:
                    raise ConnectionResetError from None

    def end(self, reset=False):
        """One direction is over; return whether this is news. A reset ends both at once."""
        with self.lock:
            news, both = not self.reset, self.over or reset
            self.reset, self.over = self.reset or reset, True
        if both and news:
            for end in self.ends:
                abort(end) if reset else end.close()
        return news


def abort(end):
    """Close a connection with a reset."""
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESETS)
        end.shutdown(socket.SHUT_RD)  # wakes a recv() in another thread
    except OSError:
        pass
    end.close()


class TcpRelay(Relay):
    """A TCP relay for any number of connections, each with treatments of its own."""

    def __init__(self, server, up=untouched, down=untouched, events=None, watch=None, port=0):
        super().__init__(server, up, down, events, watch)
        self.listener = socket.create_server(("127.0.0.1", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.sockets.add(self.listener)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                self._connect(*self.listener.accept())  # one by one: they keep their order
            except (OSError, RuntimeError):  # no descriptor, no thread
                if self.listener.fileno() < 0:
                    return
                time.sleep(0.1)

    def _connect(self, client, peer):
        self.sockets.add(client)
        try:
            server = socket.create_connection(self.target)
        except OSError:
            self.watch(">", peer, REFUSED)
            abort(client)
            self.sockets.discard(client)
            return
        self.sockets.add(server)
        link = Link(client, server)
        self.events.append((">", client, CONNECTS))
        self.watch(">", peer, CONNECTS)
        for source, sink, treatment, record, arrow in (
                (client, server, self.treatments[0], self.up, ">"),
                (server, client, self.treatments[1], self.down, "<")):
            threading.Thread(target=self._pump, daemon=True, args=(
                link, source, sink, treatment, record, arrow, peer)).start()

    def _pump(self, link, source, sink, treatment, record, arrow, peer):
        ended = False

        def pieces():
            nonlocal ended
            while piece := link.receive(source):
                record.append(piece)
                self.events.append((arrow, link.ends[0], piece))
                yield piece
            self.events.append((arrow, link.ends[0], END))
            ended = True
        by = arrow  # the side that resets: the one that sends, or the one that receives
        try:
            for piece in treatment(pieces()):
                self.watch(arrow, peer, piece)  # first: the answer may be here at once
                by = OTHER[arrow]
                link.send(sink, piece)
                by = arrow
            self.watch(arrow, peer, END)
            sink.shutdown(socket.SHUT_WR)
            if ended:  # otherwise a treatment has cut it: to close would be a reset
                link.end()
        except ConnectionError:  # reset, or sent to a side that has reset
            if link.end(reset=True):
                self.watch(by, peer, RESET)
        except OSError:
            link.end()
        if link.ends[0].fileno() < 0:
            self.sockets.difference_update(link.ends)


class UdpRelay(Relay):
    """A UDP relay; each client gets a port of its own towards the server."""

    def __init__(self, server, up=untouched, down=untouched, events=None, watch=None, port=0):
        super().__init__(server, up, down, events, watch)
        self.ends = collections.OrderedDict()  # by client; the one idle for longest is first
        self.socket = self._socket(port)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._up, daemon=True).start()

    def _socket(self, port=0):
        new = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        new.bind(("127.0.0.1", port))
        self.sockets.add(new)
        return new

    def _end(self, client):
        """Return the socket that stands for this client towards the server."""
        if client not in self.ends:
            if len(self.ends) == CLIENTS:
                _, oldest = self.ends.popitem(last=False)
                self.sockets.discard(oldest)
                oldest.close()
            end = self.ends[client] = self._socket()
            end.connect(self.target)  # only so does the system say that there is no server
            end.settimeout(1)         # then look whether it was closed
            threading.Thread(target=self._down, args=(end, client), daemon=True).start()
        self.ends.move_to_end(client)
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
                self.watch(">", client, datagram)
                if not isinstance(datagram, Lost):
                    self._send(datagram, client)
        except OSError:
            pass

    def _send(self, datagram, client):
        for _ in range(2):
            try:
                self._end(client).send(datagram)
                return
            except ConnectionRefusedError:  # it says this of an earlier one
                self.watch("<", client, REFUSED)
            except OSError:  # no descriptor is left: the datagram is lost
                return

    def _down(self, end, client):
        def datagrams():
            while True:
                try:
                    datagram = end.recv(65535)
                except socket.timeout:
                    continue
                except ConnectionRefusedError:
                    self.watch("<", client, REFUSED)
                    continue
                self.down.append(datagram)
                self.events.append(("<", client, datagram))
                yield datagram
        try:
            for datagram in self.treatments[1](datagrams()):
                self.watch("<", client, datagram)
                if not isinstance(datagram, Lost):
                    self.socket.sendto(datagram, client)
        except OSError:
            pass


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
