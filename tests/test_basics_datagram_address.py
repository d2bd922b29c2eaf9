"""basics/datagram_address: the address of each client, from its datagram (R56)."""
import os
import signal
import socket

import pytest

from peers import DatagramAnswers, Talker, answered, assert_error
from terminal import PATIENCE

SERVER, CLIENT = "basics/datagram_address/server.py", "basics/datagram_address/client.py"


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


# The task

def test_both_sides_print_the_same_address_without_an_end(lab, server):
    """R56: another address for each client."""
    ports = set()
    for _ in range(2):
        client = lab.client(server, CLIENT)
        port = client.line(r"my address: 127\.0\.0\.1:(\d+)")[1]
        client.line(rf"the server sees: 127\.0\.0\.1:{port}")
        client.wait()
        server.line(rf"client 127\.0\.0\.1:{port}")
        ports.add(port)
    assert len(ports) == 2


# The network

def test_every_datagram_is_answered_whatever_is_in_it(server):
    """R56, D10: and clients that leave before their reply harm nobody."""
    for payload in b"", b"\xff\xfe\x1b[2J", b"x" * 65_000:
        with Talker(socket.SOCK_DGRAM) as sock:
            sock.settimeout(PATIENCE)
            sock.sendto(payload, ("127.0.0.1", server.port))
            assert sock.recv(100).decode() == "%s:%s" % ("127.0.0.1", sock.getsockname()[1])
    os.kill(server.pid, signal.SIGSTOP)
    for _ in range(5):
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            sock.sendto(b"and off", ("127.0.0.1", server.port))
    os.kill(server.pid, signal.SIGCONT)
    for _ in range(8):
        server.line(r"client 127\.0\.0\.1:\d+")
    assert "\x1b" not in server.output and "error" not in server.output


def test_a_reply_is_shown_whatever_it_is_and_no_reply_is_an_error(tmp_path):
    """D15, D17"""
    good, escape, long, none = [result for result, _ in answered(
        CLIENT, [], [b"127.0.0.1:1", b"\x1b[2J\xff", b"x" * 5000, None], tmp_path,
        server=DatagramAnswers)]
    assert good.stdout.endswith("the server sees: 127.0.0.1:1\n")
    assert escape.stdout.endswith("the server sees: ?[2J\ufffd\n")
    assert long.stdout.endswith("x" * 5000 + "\n")
    assert_error(none, "timed out")
