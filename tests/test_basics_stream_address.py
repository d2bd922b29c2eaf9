"""basics/stream_address: both ends of a connection (R55)."""
import os
import re
import signal

from conftest import THEIRS
from peers import answered, assert_error, connect, reset, rest
from relay import TcpRelay

SERVER, CLIENT = "basics/stream_address/server.py", "basics/stream_address/client.py"


# The task

def test_both_sides_print_the_same_address_another_one_for_each_client(lab):
    """R55"""
    server = lab.server(SERVER)
    ports = set()
    for _ in range(2):
        client = lab.client(server, CLIENT)
        port = client.line(r"client 127\.0\.0\.1:(\d+)")[1]
        client.line(f"server 127.0.0.1:{server.port}")
        client.line("the server sees the same client")
        client.wait()
        server.line(f"client 127.0.0.1:{port}")
        ports.add(port)
    assert len(ports) == 2


# The network

def test_the_server_sees_the_address_that_a_relay_has(lab):
    """The note: a router that translates addresses on the way is all that the server sees."""
    server = lab.server(SERVER)
    relay = TcpRelay(server)
    client = lab.client(relay, CLIENT)
    seen = client.line(r"the server sees.* (127\.0\.0\.1:\d+)")[1]
    client.wait()
    server.line(f"client {re.escape(seen)}")
    relay.close()


def test_a_client_that_resets_before_accept_harms_only_itself(lab):
    """D10"""
    server = lab.server(SERVER)
    os.kill(server.pid, signal.SIGSTOP)
    reset(connect(server))
    os.kill(server.pid, signal.SIGCONT)
    with connect(server) as conn:
        assert re.fullmatch(rb"127\.0\.0\.1:\d+\n", rest(conn))


def test_a_reply_that_is_not_an_address_is_an_error_or_shown_harmlessly(tmp_path):
    """D6, D9, D17"""
    replies = [b"127.0.0.1:", b"1\n"], b"\x1b[2J\n", b"", b"127.0", b"\xff\xfe\n"
    pieces, escape, *broken = answered(CLIENT, [], replies, tmp_path, read=False)
    assert re.search(r"the server sees.* 127\.0\.0\.1:1\n$", pieces[0].stdout)
    assert THEIRS or escape[0].stdout.endswith("the server sees ?[2J\n")
    assert "\x1b" not in escape[0].stdout + escape[0].stderr
    for result, _ in broken:
        assert_error(result)
