"""basics/broadcast: what one client types reaches all other clients and the server.

    python -m pytest test_basics_broadcast.py -k pasted
"""
import socket
import sys

import pytest

from relay import stranger
from terminal import PATIENCE

SERVER, CLIENT = "basics/broadcast/server.py", "basics/broadcast/client.py"
BROADCAST = "127.255.255.255"


@pytest.fixture
def listener():
    """A socket of the test that receives what is broadcast to listener.port."""
    class Listener(socket.socket):
        port = property(lambda self: self.getsockname()[1])

    with Listener(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((BROADCAST, 0))
        listener.settimeout(PATIENCE)
        yield listener


# The task

def test_a_line_reaches_all_other_clients_and_the_server(lab):
    """R60: but not the client that sent it; and without the server, too."""
    server = lab.server(SERVER)
    clients = [lab.client(server, CLIENT) for _ in range(3)]
    for client in clients:
        client.ready()
    for number, client in enumerate(clients):
        client.type(f"line {number} caf\u00e9")
        for other in clients + [server]:
            if other is not client:
                other.see(rf"received line {number} caf\u00e9 from 127\.0\.0\.1:\d+\r\n")
    server.stop()
    clients[0].type("without the server")
    clients[1].see("received without the server from")
    for number, client in enumerate(clients):
        assert f"received line {number}" not in client.stop()


def test_a_line_has_at_most_one_thousand_characters(lab, listener):
    """D14, D15: characters, not bytes; a longer line is not sent."""
    client = lab.client(listener, CLIENT)
    client.ready()
    client.type("\U0001f600" * 1000)
    assert listener.recv(65_535).decode() == "\U0001f600" * 1000
    client.type("x" * 1001)
    client.line("error: not sent: 1001 characters; the limit is 1000")
    client.type("still here")
    assert listener.recv(65_535) == b"still here"


# The network

@pytest.mark.parametrize("script", [SERVER, CLIENT])
def test_a_listener_survives_any_datagram(script, lab):
    """D10, D15, D17: too long, no UTF-8, control characters, empty."""
    one = lab.server(script)
    stranger(BROADCAST, one.port, b"x" * 1001, b"x" * 60_000, b"\xff\x1b[2J", b"")
    stranger("127.0.0.1", one.port, b"for one program only")
    stranger(BROADCAST, one.port, b"\xf0\x9f\x98\x80" * 1000)
    one.see(r"received \ufffd\?\[2J from 127\.0\.0\.1:\d+\r\n")
    one.see(r"received  from 127\.0\.0\.1:\d+\r\n")
    one.see("received \U0001f600{1000} from 127\\.0\\.0\\.1:\\d+\r\n")
    assert "xx" not in one.output and "only" not in one.output


# Manners

def test_several_lines_pasted_at_once_are_as_many_lines(lab, listener):
    """D24: readline must not ask the terminal to mark what is pasted."""
    client = lab.start("env", "TERM=xterm", sys.executable, CLIENT, "--port", listener.port)
    client.ready()
    client.type("typed")
    assert listener.recv(100) == b"typed"
    pasted = "one\ntwo\n\nfour\n"
    if "\x1b[?2004h" in client.output:  # a terminal that has been asked does this
        pasted = f"\x1b[200~{pasted}\x1b[201~"
    client.child.send(pasted)
    assert [listener.recv(100) for _ in range(4)] == [b"one", b"two", b"", b"four"]


@pytest.mark.parametrize("key", ["C", "D"])
def test_a_client_can_leave_amid_the_conversation(key, lab, listener):
    """D15: Ctrl+C, also in the middle of a line; Ctrl+D on an empty one."""
    client = lab.client(listener, CLIENT, echo=True)
    client.ready()
    client.type("hello")
    assert listener.recv(100) == b"hello"
    if key == "C":
        client.child.send("half a li")
        client.see("half a li")
    assert "\r\nstopped\r\n" in client.stop(key=key)
