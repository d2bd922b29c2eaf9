"""The other side of a script, as plain sockets: a peer that says just what a test wants.

    with connect(server) as conn:             # a client of the server in a terminal
        dribble(conn, b"12 + 30\n")           # each byte in a segment of its own
        assert rest(conn) == b"42\n"          # close our direction, read to the end

    results = answered("problem3/client.py", ["1", "+", "1"], [b"2\n", b"2"], folder)

runs the client once for each of these replies, against a server that sends just that and
closes; a list of pieces is sent piece by piece. All the runs cost one start (cases.py).
"""
import contextlib
import re
import socket
import struct
import threading
import time

from cases import run_cases
from conftest import ENVIRONMENT, RESET, ROOT, THEIRS
from terminal import PATIENCE, Unmet

PAUSE = 0.01  # seconds between two pieces: a report shows a pause there


class Talker(socket.socket):
    """A socket that notes what it sends and receives, so that a mark can say it."""

    # of each socket of the test: its type, and a list of (time, kind, bytes);
    # kind: "sent", "came" or "end"
    spoken = []

    def __init__(self, type=socket.SOCK_STREAM):
        super().__init__(socket.AF_INET, type)
        self.said = []
        self.spoken.append((type, self.said))

    def sendall(self, data):
        self.said.append((time.monotonic(), "sent", bytes(data)))
        super().sendall(data)

    def send(self, data):
        self.said.append((time.monotonic(), "sent", bytes(data)))
        return super().send(data)

    def sendto(self, data, address):
        self.said.append((time.monotonic(), "sent", bytes(data)))
        return super().sendto(data, address)

    def shutdown(self, how):
        self.said.append((time.monotonic(), "end", b""))
        super().shutdown(how)

    def recv(self, size):
        data = super().recv(size)
        self.said.append((time.monotonic(), "came", data))
        return data

    def recvfrom(self, size):
        data, address = super().recvfrom(size)
        self.said.append((time.monotonic(), "came", data))
        return data, address

    def recv_into(self, buffer):  # what makefile() calls
        count = super().recv_into(buffer)
        self.said.append((time.monotonic(), "came", bytes(buffer[:count])))
        return count


def connect(server, timeout=PATIENCE):
    """Return a connection to a server in a terminal; what fails to come raises an error."""
    conn = Talker()
    conn.settimeout(timeout)
    conn.connect(("127.0.0.1", server.port))
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return conn


def until_served(server, request, reply):
    """Ask on new connections until this line comes: a crowd's threads end one by one."""
    def served():
        with connect(server, timeout=1) as conn, contextlib.suppress(OSError):
            conn.sendall(request)
            return conn.makefile("rb").readline() == reply
    server.runs_until(served)


class FalseServer(socket.socket):
    """A server of the test itself. A client that does not come, or is silent, is an error."""

    def __init__(self):
        super().__init__()
        self.settimeout(PATIENCE)
        self.bind(("127.0.0.1", 0))
        self.listen()

    def accept(self):
        conn, peer = super().accept()
        conn.settimeout(PATIENCE)
        return conn, peer


def alone(conn):
    """Wait until the other side has read what was sent, so that it reads it alone.

    Linux tells how much is unread (/proc/net/tcp); elsewhere a pause must do. A side that
    does not read is not waited for: after half a second the next piece may follow.
    """
    time.sleep(PAUSE)
    end = time.monotonic() + 0.5
    try:
        ends = [f"{struct.unpack('=I', socket.inet_aton(host))[0]:08X}:{port:04X}"
                for host, port in (conn.getpeername(), conn.getsockname())]
        while time.monotonic() < end:
            with open("/proc/net/tcp", encoding="ascii") as table:
                unread = [row[4].split(":")[1] for row in map(str.split, table)
                          if row[1:3] == ends]
            if not any(int(count, 16) for count in unread):
                break
            time.sleep(PAUSE)
    except OSError:
        pass  # no such table, or the other side has gone


def dribble(conn, data):
    """Send each byte in a segment of its own; the first ones are read one by one.

    A server may close when it has what it wants.
    """
    with contextlib.suppress(ConnectionError):
        for number, byte in enumerate(data):
            conn.sendall(bytes([byte]))
            if number < 20:
                alone(conn)


def rest(conn):
    """Send no more; return all that the other side still sends."""
    received = b""
    with contextlib.suppress(OSError):  # if it has closed already
        conn.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionError):
        while piece := conn.recv(65536):
            received += piece
    return received


def reset(conn):
    """Close with a reset, as a program does that crashes with unread input."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    conn.close()


class Answers(threading.Thread):
    """A TCP server that gives its first client the first reply, and so on.

    It waits for a first piece from the client, if read is true. received has what each
    client sent.
    """

    def __init__(self, replies, read):
        super().__init__(daemon=True)
        self.replies, self.read, self.received = replies, read, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def run(self):
        with self.listener:
            for reply in self.replies:
                conn, _ = self.listener.accept()
                with conn, contextlib.suppress(OSError):
                    conn.settimeout(PATIENCE)
                    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.received.append(conn.recv(65536) if self.read else b"")
                    for piece in reply if isinstance(reply, list) else [reply]:
                        conn.sendall(piece)
                        if isinstance(reply, list):
                            alone(conn)
                    self.received[-1] += rest(conn)


class DatagramAnswers(threading.Thread):
    """A UDP server that answers the first datagram with the first reply (None: not at all)."""

    def __init__(self, replies, read=True):
        super().__init__(daemon=True)
        self.replies, self.received = replies, []
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        with self.socket:
            for reply in self.replies:
                payload, peer = self.socket.recvfrom(65536)
                self.received.append(payload)
                if reply is not None:
                    self.socket.sendto(reply, peer)


def answered(script, arguments, replies, folder, read=True, server=Answers):
    """Run a client once for each reply; return the Results, each with what it sent."""
    peer = server(replies, read)
    peer.start()
    results = run_cases(ROOT / script, [[*arguments, "--port", str(peer.port)]] * len(replies),
                        folder, ENVIRONMENT)
    peer.join(20)
    assert not peer.is_alive(), "not every run of the client came"
    return list(zip(results, peer.received))


def hurried(script, folder, seconds=1, usual=10):
    """Return a copy of the script (and of its folder) that waits 1 second, not 10."""
    source = (ROOT / script).read_text("utf-8")
    limit = re.search(r"(?m)^(TIMEOUT|PATIENCE) = (\d+)", source)
    if THEIRS and not limit:
        return ROOT / script  # somebody's own: it waits as long as it does
    assert limit and int(limit[2]) == usual, f"{script} gives a silent peer {usual} seconds"
    return altered(script, folder, limit[0], f"{limit[1]} = {seconds}")


def altered(script, folder, old, new):
    """Return a copy of the script (and of its folder) in which old has become new."""
    copy = folder / "altered" / script
    copy.parent.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / script).parent.iterdir():
        if not copy.with_name(path.name).exists():
            copy.with_name(path.name).symlink_to(path)
    copy.unlink()
    source = (ROOT / script).read_text("utf-8")
    assert old in source, f"{script} has no {old!r}"
    copy.write_text(source.replace(old, new, 1), "utf-8")
    return copy


def assert_error(result, text=""):
    """One line that begins with "error: " and has this text, and status 1. (The words of
    somebody's own are their own.)"""
    text = "" if THEIRS else text
    if (result.status != 1 or not result.stderr.startswith("error: ")
            or result.stderr.count("\n") != 1 or text not in result.stderr):
        raise Unmet(str(result), f"one line error: …{text} and exit status 1",
                    f"{result.stdout}{result.stderr}(exit status {result.status})", True)
