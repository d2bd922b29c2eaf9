"""basics/stream_welcome: the first TCP server, and its client (R5, R6, R8)."""
import os
import signal
import socket

import pytest

from peers import answered, assert_error, connect, FalseServer, reset, rest

SERVER, CLIENT = "basics/stream_welcome/server.py", "basics/stream_welcome/client.py"


# The task

def test_the_client_shows_the_welcome_and_both_end(lab):
    """R5, R8: the listening socket is closed, too."""
    server = lab.server(SERVER)
    assert lab.client(server, CLIENT).wait() == "Server: Welcome!\r\n"
    server.line(r"client 127\.0\.0\.1:\d+")
    server.wait()
    with pytest.raises(ConnectionRefusedError):
        connect(server)


# The network

def test_the_client_waits_for_the_whole_line_and_for_nothing_less(tmp_path):
    """R6, D6, D9, D17: the welcome in pieces; half of it; none; a reply of other bytes."""
    whole = [b"Wel", b"come!", b"\n"], b"Welcome!\n\n", b"\x1b[2J\n"
    broken = b"", b"Wel", b"\xff\xfe\n", b"9" * 100_000 + b"\n"
    results = [result for result, _ in
               answered(CLIENT, [], [*whole, *broken], tmp_path, read=False)]
    assert [result.stdout for result in results] == [
        "Server: Welcome!\n", "Server: Welcome!\n", "Server: ?[2J\n", "", "", "", ""]
    for result in results[len(whole):]:
        assert_error(result)


def test_a_client_that_resets_before_accept_ends_only_this_server(lab):
    """D10: one `error: ` line at most, no traceback."""
    server = lab.server(SERVER)
    os.kill(server.pid, signal.SIGSTOP)
    reset(connect(server))
    os.kill(server.pid, signal.SIGCONT)
    server.wait({0, 1})
    assert "Traceback" not in server.output


# Manners

def test_the_port_is_free_at_once(lab):
    """D13: the server closes first, so its side waits in TIME_WAIT."""
    server = lab.server(SERVER)
    with connect(server) as conn:
        assert conn.makefile("rb").read() == b"Welcome!\n"
        assert rest(conn) == b""
    server.wait()
    with socket.socket() as plain, pytest.raises(OSError, match="already in use"):
        plain.bind(("127.0.0.1", server.port))
    assert lab.start(SERVER, "--port", server.port).ready() == server.port


def test_ctrl_c_at_a_client_that_waits_is_no_error(lab):
    """D15"""
    with FalseServer() as silent:
        client = lab.start(CLIENT, "--port", silent.getsockname()[1])
        with silent.accept()[0]:
            assert client.stop().endswith("stopped\r\n")
