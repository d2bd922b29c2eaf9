"""`make wire`: a third terminal that draws what passes, and can make the network worse."""
import re
import socket
import statistics
import sys
import time

import pytest

from conftest import OURS, RESET, THEIRS
from diagrams import columns, lines, pattern, unproven

WIRE = str(OURS / "tests" / "wire.py")
ARROW = re.compile(r"[ \d]{2} \|.*\|")
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own tools")


class Plain:
    """A server that is only a socket, so that a test says what it does, and when."""

    def __init__(self, kind=socket.SOCK_STREAM, there=True):
        self.socket = socket.socket(type=kind)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self.port = self.socket.getsockname()[1]
        if kind == socket.SOCK_STREAM and there:
            self.socket.listen()

    def accept(self):
        conn, _ = self.socket.accept()
        conn.settimeout(20)
        return conn


def start(lab, name, server, *options, before=(), **more):
    """Start it in a terminal, for this server; return the terminal, with the relay's port."""
    terminal = lab.start(*before, sys.executable, WIRE, name, "--port", server.port,
                         "--listen", "0", *options, **{"columns": 80, **more})
    terminal.ready()
    return terminal


def connect(wire, kind=socket.SOCK_STREAM):
    client = socket.socket(type=kind)
    client.settimeout(20)
    client.connect(("127.0.0.1", wire.port))
    return client


def drawn(wire):
    return [line for line in wire.output.split("\r\n") if ARROW.match(line)]


@pytest.fixture
def tcp(lab):
    """What is drawn, and the two ends of a connection."""
    def open_one(*options, **more):
        server = Plain()
        wire = start(lab, "problem3", server, *options, **more)
        return wire, connect(wire), server.accept()
    return open_one


# ---- The drawing -------------------------------------------------------------------------

def test_each_arrow_is_what_is_on_the_wire(tcp):
    """The code that proves the diagrams of the notes proves what is drawn here."""
    wire, client, server = tcp()
    said = [(">", b"12 + 30\n"), ("<", b"42\n"), (">", "Grüße, 你好\n".encode()),
            ("<", bytes(range(256))), (">", b"\x1b[2J\\ \r\n"), ("<", b"x" * 5000 + b"!\n")]
    for direction, data in said:
        source, sink = (client, server) if direction == ">" else (server, client)
        source.sendall(data)
        left = len(data)
        while left:
            left -= len(sink.recv(65536))
    client.close()
    wire.line(r"   \| -+ \(end of stream\) -+> \|.*")
    events = [(">", 1, None), *((direction, 1, data) for direction, data in said), (">", 1, b"")]
    found = lines(wire.output)
    assert unproven(found, events, stream=True) is None
    assert len(found) >= 8 and r"Grüße, 你好\n" in wire.output
    wrong = [(one[0], 1, one[2] and one[2].replace(b"3", b"4")) for one in events]
    assert r"12 + 30\n" in unproven(found, wrong, stream=True)
    assert all(columns(line) < 80 for line in drawn(wire))
    assert all(line.isprintable() for line in wire.output.split("\r\n"))


@pytest.mark.parametrize("data", [b"", b" a ", b"\n", b"\\n", b"\xc3", "é".encode(), b"(x)",
                                  b"\x00" * 99, "e\u0301".encode(), b"----- > |"])
def test_the_notation_says_which_bytes(data, lab):
    server = Plain(socket.SOCK_DGRAM)
    wire = start(lab, "datagram", server)
    connect(wire, socket.SOCK_DGRAM).send(data)
    assert server.socket.recv(1000) == data
    wire.line(rf"   \| -.*\|   {len(data)} bytes? .* 0\.000 s")
    content = lines(wire.output)[0].content
    assert content == "(empty)" if not data else re.fullmatch(pattern(content), data)


def test_split_delivers_and_draws_each_byte_alone(tcp):
    wire, client, server = tcp("--split", "1")
    client.sendall(b"12\n")
    assert server.makefile("rb").readline() == b"12\n"
    wire.line(r"   \| ----- 1 -+> \|   1 byte .*")
    wire.line(r"   \| ----- 2 -+> \|   1 byte .*")
    wire.line(r"   \| ----- \\n -+> \|   1 byte .*")
    wire.press("C")
    assert "\r\nclient: 3 pieces, 3 bytes; server: 0 pieces, 0 bytes\r\n" in wire.wait()


def lossy_picture(lab, *options):
    """Send twenty datagrams through a lossy wire; return its first line, and what is lost."""
    server = Plain(socket.SOCK_DGRAM)
    wire = start(lab, "datagram_echo", server, "--lose", "0.5", *options)
    client = connect(wire, socket.SOCK_DGRAM)
    for number in range(20):
        client.send(b"%d" % number)
        wire.see(rf"\| ----- {number} -+(x|>) +\|   \d bytes?(, lost)? ")
    wire.press("C")
    output = wire.wait()
    assert f"; lost: {output.count(', lost')}\r\n" in output
    server.socket.setblocking(False)
    arrived = [int(server.socket.recv(9)) for _ in range(20 - output.count(", lost"))]
    assert arrived == [int(number) for number in re.findall(r"\| ----- (\d+) -+>", output)]
    return output.split("\r\n")[0], arrived


def test_the_same_seed_loses_the_same_datagrams(lab):
    """Without one, a seed is chosen and shown."""
    first, arrived = lossy_picture(lab)
    seed = re.search(r"   # LOSE=0\.5 SEED=(\d+)", first)[1]
    assert lossy_picture(lab, "--seed", seed)[1] == arrived and 0 < len(arrived) < 20
    assert lossy_picture(lab, "--seed", "other")[1] != arrived


def test_delay_holds_each_piece_back_and_not_those_behind_it(tcp):
    wire, client, server = tcp("--delay", "1")
    begin = time.monotonic()
    for number in range(10):
        client.sendall(b"%d" % number)
        time.sleep(0.05)
    received = b""
    while len(received) < 10:
        received += server.recv(1)
        assert time.monotonic() - begin >= 1
    assert received == b"0123456789" and time.monotonic() - begin < 6  # one by one it were 10
    wire.line(r"   \| ----- 0 -+> \|   1 byte, held .*")


def test_what_is_sent_again_is_marked_and_counted(lab):
    """A unit whose acknowledgment is lost; but not a request that is only asked twice."""
    server = lab.server("problem1/tcp_server.py", "--lose", "0.3", "--seed", "7")
    wire = start(lab, "problem1/tcp_server.py", server)
    lab.client(wire, "problem1/tcp_client.py", OURS / "problem2/files/haiku.txt", "--timeout",
               "0.3").line("sent haiku.txt: 153 bytes in 2 units, 2 retransmitted")
    wire.see(r"113 bytes, again .*(?s:.)*66 bytes, again ")
    wire.see(r"<-+ \(end of stream\)")
    assert ", again" not in wire.output.replace(" bytes, again", "", 2)
    wire.press("C")
    assert "client: 6 pieces, 393 bytes, 2 retransmitted; server: 4 pieces" in wire.wait()


# ---- The relay: each side sees what it would see without it --------------------------------

def test_a_close_of_one_direction_closes_this_one_only(tcp):
    wire, client, server = tcp()
    client.shutdown(socket.SHUT_WR)
    assert server.recv(10) == b""
    server.sendall(b"still here")
    assert client.recv(100) == b"still here"
    server.close()
    assert client.recv(10) == b""
    wire.line(r"   \| -+ \(end of stream\) -+> \|.*")
    wire.line(r"   \| <-+ still here -+ \|.*")
    wire.line(r"   \| <-+ \(end of stream\) -+ \|.*")


@pytest.mark.parametrize("side", "><")
def test_a_reset_stays_a_reset_and_is_drawn_by_its_name(side, tcp):
    wire, client, server = tcp()
    ours, theirs = (client, server) if side == ">" else (server, client)
    theirs.sendall(b"x")
    assert ours.recv(10) == b"x"
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    ours.close()
    with pytest.raises(ConnectionResetError):
        theirs.recv(10)
    wire.line(r"   \| -+ \(reset\) -+> \|.*" if side == ">" else r"   \| <-+ \(reset\) -+ \|.*")
    wire.press("C")
    assert wire.wait().count("(reset)") == 1 and "(end of stream)" not in wire.output


def test_without_a_server_the_client_is_reset_and_later_there_is_one(lab):
    server = Plain(there=False)
    wire = start(lab, "problem3", server)
    with pytest.raises(ConnectionError):  # at once, or soon
        client = connect(wire)
        client.sendall(b"1 + 1\n")
        client.recv(10)
    wire.line(r"   \| ----- \(connects\) -+x +\|.*")
    wire.line(rf"   \|  no server at 127\.0\.0\.1:{server.port} +\|")
    server.socket.listen()
    connect(wire)
    server.accept()
    wire.line(r" 2 \| ----- \(connects\) -+> \|.*")


def test_without_a_server_a_datagram_is_refused(lab):
    server = Plain(socket.SOCK_DGRAM)
    server.socket.close()
    wire = start(lab, "datagram", server)
    client = connect(wire, socket.SOCK_DGRAM)
    for text in b"one", b"two":
        client.send(text)
        wire.line(rf"   \| ----- {text.decode()} -+> \|.*")
        wire.line(rf"   \|  no server at 127\.0\.0\.1:{server.port} +\|")


def test_a_receiver_that_does_not_read_stops_the_sender(tcp):
    """Nothing is lost, and the relay does not keep it all: flow control goes through it."""
    wire, client, server = tcp()
    client.settimeout(1)
    sent = 0
    with pytest.raises(socket.timeout):
        while sent < 200_000_000:
            sent += client.send(bytes(65536))
    received = 0
    client.shutdown(socket.SHUT_WR)
    while piece := server.recv(1_000_000):
        received += len(piece)
    assert received == sent < 100_000_000
    wire.line(r"   \| -+ \(end of stream\) -+> \|.*")


def test_each_of_several_clients_has_a_number(lab):
    server = lab.server("problem3/server.py")
    wire = start(lab, "problem3", server)
    one = connect(wire)
    wire.see(r"\(connects\)")
    two = connect(wire)
    wire.line(r"client 2 127\.0\.0\.1:\d+ +server 127\.0\.0\.1:\d+")
    wire.line(r" 2 \| ----- \(connects\) -+> \|.*")
    for client, request in (one, b"1 + 1\n"), (two, b"2 + 2\n"), (one, b"3 + 3\n"):
        client.sendall(request)
        client.recv(10)
    for line in (r" 1 \| ----- 1 \+ 1\\n -+> \|.*", r" 2 \| ----- 2 \+ 2\\n -+> \|.*",
                 r" 1 \| ----- 3 \+ 3\\n -+> \|.*"):
        wire.line(line)
    wire.press("C")
    assert "\r\n2 clients: 3 pieces, 18 bytes; server: 3 pieces, 6 bytes\r\n" in wire.wait()


def test_a_hundred_clients_and_more_do_not_use_up_the_descriptors(lab):
    server = Plain(socket.SOCK_DGRAM)
    wire = start(lab, "datagram_echo", server, descriptors=140)
    for number in range(300):
        client = connect(wire, socket.SOCK_DGRAM)
        client.send(b"%d" % number)
        data, peer = server.socket.recvfrom(10)
        server.socket.sendto(data, peer)
        assert client.recv(10) == b"%d" % number
        client.close()


def test_connections_that_are_over_leave_nothing_behind(lab):
    server = lab.server("problem3/server.py")
    wire = start(lab, "problem3", server, descriptors=40)
    for number in range(100):
        with connect(wire) as client:
            client.sendall(b"%d + 1\n" % number)
            assert client.recv(10) == b"%d\n" % (number + 1)


# ---- What it costs -----------------------------------------------------------------------

def test_a_round_trip_takes_at_most_a_moment_longer(lab):
    """The promise is 1 ms; a busy machine gets a few more."""
    server = lab.server("problem3/server.py")
    wire = start(lab, "problem3", server)
    def seconds(end):
        with socket.create_connection(("127.0.0.1", end.port)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(300):
                begin = time.perf_counter()
                client.sendall(b"1 + 1\n")
                client.recv(10)
                yield time.perf_counter() - begin
    direct, through = (statistics.median(seconds(end)) for end in (server, wire))
    assert through - direct < 0.005


def test_a_stream_loses_nothing_by_being_watched(lab):
    server = lab.server("problem4/server.py", "--rate", "200000")
    wire = start(lab, "problem4", server)
    lab.client(wire, "problem4/client.py", "tune.wav").line(
        r"received tune\.wav: (\d+) of \1 bytes in \d+ datagrams, 0 missing")
