"""Problem 5 over TCP: a chat in lock-step, a line a message (R36 to R39)."""
import re
import socket
import sys

import pytest

from conftest import RESET, ROOT
from peers import connect, FalseServer
from relay import TcpRelay, glued, one_byte

SERVER, CLIENT = "problem5/tcp_server.py", "problem5/tcp_client.py"

@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def enter(lab, server):
    """Start a client whose turn it is."""
    client = lab.client(server, CLIENT)
    client.see("You: ")
    return client


@pytest.fixture
def client(lab, server):
    return enter(lab, server)


def tell(sender, receiver, name, text):
    """One message from prompt to screen; afterwards the receiver is at the prompt."""
    sender.type(text)
    receiver.see(rf"{name}: {re.escape(text)}\r\nYou: ")


def talk(client, server, count):
    for number in range(count):
        tell(client, server, "Client", f"question {number}")
        tell(server, client, "Server", f"answer {number}")


# The task

def test_ten_exchanges_and_a_prompt_for_each_turn(client, server):
    """R36, R37: each message once. A line that is typed early waits for its turn."""
    talk(client, server, 10)
    assert client.output.count("You: ") == 11 and server.output.count("You: ") == 10
    assert client.output.count("answer") == 10 and server.output.count("question") == 10
    client.type("one")
    server.see("Client: one\r\nYou: ")
    client.type("two")
    server.type("reply")
    client.see("Server: reply\r\nYou: ")
    server.see("Client: two\r\nYou: ")


def test_an_empty_line_is_a_message(client, server):
    """D14: nobody is blocked."""
    tell(client, server, "Client", "")
    tell(server, client, "Server", "")
    tell(client, server, "Client", "  two spaces before and one after ")


def test_text_is_utf8_and_cannot_steer_the_terminal(lab, server):
    """D17: in both directions."""
    with connect(server) as conn:
        conn.sendall(b"caf\xc3\xa9 \xf0\x9f\x98\x80 \x1b[2Jred\x07\n")
        server.see("Client: caf\u00e9 \U0001f600 \\?\\[2Jred\\?\r\n")
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.sendall(b"ready\n")
            client.see("You: ")
            client.type("caf\u00e9")
            assert conn.recv(100) == b"caf\xc3\xa9\n"
            conn.sendall(b"\xf0\x9f\x98\x80 \x1b[2Jred\x07\n")
            client.see("Server: \U0001f600 \\?\\[2Jred\\?\r\n")
    assert "\x1b[2J" not in client.output + server.output


def test_the_limit_is_characters_not_bytes(client, server):
    """R38, D14, D20: 1000 emoji, 4 bytes each; a longer line is refused and asked for again,
    also one that the terminal cuts at 4095 bytes."""
    tell(client, server, "Client", "\U0001f600" * 1000)
    server.type("x" * 1001)
    server.see("error: not sent: 1001 characters, at most 1000 please\r\nYou: ")
    server.type("\u20ac" * 1400 + "END")
    server.see(r"error: not sent: \d+ characters, at most 1000 please\r\nYou: ")
    tell(server, client, "Server", "\U0001f600" * 1000)


def test_a_second_client_waits_and_has_its_turn(lab, client, server):
    second = lab.client(server, CLIENT)
    second.line("the server talks to another client: wait")
    talk(client, server, 2)
    client.stop()
    second.see("You: ")
    talk(second, server, 2)
    assert second.output.count("wait") == 1


def test_lines_from_a_pipe_wait_for_their_turn(lab, server):
    """As a person does, who sees the prompt."""
    lab.start("sh", "-c", f"printf 'one\\ntwo\\n' | '{sys.executable}' '{ROOT / CLIENT}' "
                          f"--port {server.port}")
    server.see("Client: one\r\nYou: ")
    server.type("and?")
    server.see("Client: two\r\nYou: ")
    server.type("and?")
    server.line("client .* has left")


def test_a_waiting_client_that_leaves_is_passed_over(lab, client, server):
    second = lab.client(server, CLIENT)
    second.line("the server talks to another client: wait")
    assert second.stop().endswith("\r\nstopped\r\n")
    talk(client, server, 1)
    client.stop()
    talk(enter(lab, server), server, 1)


# The network

@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_tcp_however_it_is_delivered(treatment, lab, server):
    """D6"""
    relay = TcpRelay(server, treatment, treatment)
    client = enter(lab, relay)
    talk(client, server, 2)
    tell(client, server, "Client", "caf\u00e9 \U0001f600")
    relay.close()


RUDE = {
    "ff fe": b"\xff\xfe\n", "too long": b"x" * 1001 + b"\n", "endless": b"x" * 100_000,
    "cut off": b"half",
}


def test_a_bad_tcp_client_harms_only_itself(lab, server):
    """D7, D10, D14: told, said, and the next client is served."""
    for data in RUDE.values():
        with connect(server, 40) as conn:
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            said = conn.makefile("rb").read()
            assert re.search(rb"ready\nerror: [^\n]+\n\Z", said), data[:20]
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    talk(enter(lab, server), server, 1)


def test_a_tcp_client_that_resets(lab, server):
    with connect(server) as bad:
        bad.sendall(b"hello\n")
        server.see("Client: hello\r\nYou: ")
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    server.type("too late")
    server.line("client .* has left")
    client = enter(lab, server)
    talk(client, server, 1)


@pytest.mark.parametrize("data", [b"\xff\xfe\n", b"SSH-2.0-x\n", b"x" * 9000, b"error: no\n"],
                         ids=["ff fe", "no chat", "endless", "error"])
def test_a_tcp_server_that_talks_nonsense(data, lab):
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "--port",
                           false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.sendall(data)
            client.line("error: .*")
            client.wait(status=1)


def test_a_reply_that_is_cut_off_is_not_shown(lab):
    """D6: the end of the stream is not the end of a line."""
    with FalseServer() as listener:
        client = lab.start(CLIENT, "--port", listener.getsockname()[1])
        conn, _ = listener.accept()
        with conn:
            conn.sendall(b"ready\n")
            client.see("You: ")
            client.type("Hello")
            assert conn.recv(100) == b"Hello\n"
            conn.sendall(b"hal")
        client.line("error: .*")
        assert "hal" not in client.wait(status=1)


def test_a_client_that_is_killed(client, server):
    tell(client, server, "Client", "hello")
    client.kill()
    server.type("too late")
    server.line(r"client .* has left")


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    client = lab.client(server, CLIENT, "--host", "::1")
    client.see("You: ")
    talk(client, server, 1)


# Manners

def test_the_client_leaves(lab, server):
    """R39, D15: the operator learns it, at the prompt with the next Enter; the next client
    is served, and does not get that line."""
    for key in "CD":
        client = enter(lab, server)
        talk(client, server, 1)
        assert client.stop(key=key).endswith("\r\nstopped\r\n")
        server.line(r"client 127\.0\.0\.1:\d+ has left")
        client = enter(lab, server)
        tell(client, server, "Client", "hello")
        assert client.stop().endswith("\r\nstopped\r\n")
        server.type("nobody reads this")
        server.line(r"client 127\.0\.0\.1:\d+ has left")
    client = enter(lab, server)
    talk(client, server, 1)
    assert "nobody" not in client.output


@pytest.mark.parametrize("key", ["C", "D"])
@pytest.mark.parametrize("turn", ["client", "server"])
def test_the_server_leaves(key, turn, client, server):
    """R39, D15: nobody chats on with nobody; a client at its prompt learns it with Enter."""
    if turn == "server":
        tell(client, server, "Client", "hello")
    assert server.stop(key="C" if turn == "client" else key).endswith("\r\nstopped\r\n")
    if turn == "client":
        client.type("Are you still there?")
    client.line("the server has left")
    client.wait()


@pytest.mark.parametrize("turn", ["client", "server"])
def test_a_server_that_is_killed(turn, client, server):
    if turn == "server":
        tell(client, server, "Client", "hello")
    server.kill()
    if turn == "client":
        client.type("Are you still there?")
    client.line("the server has left")
    client.wait()


def test_a_server_that_resets(lab):
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.sendall(b"ready\n")
            client.see("You: ")
            client.type("hello")
            assert conn.recv(100) == b"hello\n"
            conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    client.line("the server has left")
    client.wait()
