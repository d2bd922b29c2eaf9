"""basics/stream_iterative: a server for ever, one client at a time (R9, R10)."""
import re
import socket

import pytest

from peers import answered, assert_error, connect, dribble, hurried, reset, rest
from terminal import PATIENCE

SERVER, CLIENT = "basics/stream_iterative/server.py", "basics/stream_iterative/client.py"


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


# The task

def test_one_client_after_the_other_is_welcomed(lab, server):
    """R9, R10: for ever; at Ctrl+C the listening socket is closed."""
    for _ in range(2):
        assert lab.client(server, CLIENT).wait() == "connected\r\nServer: Welcome!\r\n"
        server.line("Client: Thank you!")
    assert "\r\nstopped\r\n" in server.stop()
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_clients_wait_connected_and_are_served_in_the_order_in_which_they_came(server):
    """R9: also when the later ones have sent their answers already."""
    conns = [connect(server) for _ in range(4)]
    came = [str(conn.getsockname()[1]) for conn in conns]
    for conn in reversed(conns[1:]):
        conn.sendall(b"I answer before the first one.\n")
    server.line(f"client 127.0.0.1:{came[0]}")
    conns[1].settimeout(0.2)
    with pytest.raises(socket.timeout):
        conns[1].recv(1000)
    conns[0].sendall(b"Thank you!\n")
    for conn in conns:
        conn.settimeout(PATIENCE)
        assert rest(conn) == b"Welcome!\n"
        server.line("Client: .*")
    assert re.findall(r"client \S+:(\d+)", server.output) == came


# The network

def test_a_line_is_right_however_it_arrives(server):
    """D6, D17: a byte at a time; two lines at once; control characters."""
    for answer, shown in [(b"Thank you!\n", "Thank you!"), (b"One\nTwo\n", "One"),
                          (b"\x1b[2Jgr\xc3\xbc\xc3\x9fe\n", r"\?\[2Jgr\u00fc\u00dfe")]:
        with connect(server) as conn:
            dribble(conn, answer)
            rest(conn)
        server.line(f"Client: {shown}")
    assert "\x1b" not in server.output


def test_a_bad_client_is_told_why_and_the_next_one_is_served(server):
    """D10: nothing, half a line, bytes that are not UTF-8, a line without an end, a reset."""
    for garbage in b"", b"Thank", b"\xff\xfe\n", b"9" * 100_000:
        with connect(server) as conn:
            conn.sendall(garbage)
            assert re.fullmatch(rb"Welcome!\nerror: [ -~]+\n", rest(conn)), garbage
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    conn = connect(server)
    server.line("client .*")
    reset(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    with connect(server) as conn:
        conn.sendall(b"Thank you!\n")
        assert rest(conn) == b"Welcome!\n"


def test_a_silent_client_delays_the_others_for_its_10_seconds_only(lab):
    """R9, D10 (a copy of the script waits for 1 second)"""
    server = lab.server(hurried(SERVER, lab.folder))
    with connect(server) as silent, connect(server) as second:
        server.line("client .*")
        second.sendall(b"Thank you!\n")
        assert second.recv(1000) == b"Welcome!\n"
        assert re.fullmatch(rb"Welcome!\nerror: [ -~]+\n", silent.makefile("rb").read())


def test_the_client_waits_for_the_whole_line_and_for_nothing_less(tmp_path):
    """D6, D9"""
    replies = [b"Wel", b"come!", b"\n"], b"", b"Wel", b"\xff\xfe\n"
    whole, *broken = answered(CLIENT, [], replies, tmp_path, read=False)
    assert whole[0].stdout == "connected\nServer: Welcome!\n"
    for result, _ in broken:
        assert_error(result)


# Manners

def test_ctrl_c_while_a_client_is_served(server):
    """R10, D15: and the client learns of it."""
    with connect(server) as conn:
        server.line("client .*")
        assert conn.recv(100) == b"Welcome!\n"
        assert "\r\nstopped\r\n" in server.stop()
        assert conn.makefile("rb").read() == b""
