"""Problem 6, the lock-step chat with many clients (R40)."""
import re
import socket
import subprocess

import pytest

from conftest import OURS, RESET, ROOT, THEIRS
from peers import connect, FalseServer, rest
from terminal import redrawn

SERVER, CLIENT = "problem6/server.py", "problem6/client.py"


# The task

@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def join(lab, server, number, script=CLIENT):
    client = lab.client(server, script)
    client.see("You: ")
    server.line(rf"client {number} 127\.0\.0\.1:\d+")
    return client


def test_the_operator_answers_in_reverse_order(lab, server):
    """R40, D7: five clients, each in its own lock-step; problem 5's client among them."""
    clients = [join(lab, server, number) for number in range(1, 5)]
    clients.append(join(lab, server, 5, "problem5/tcp_client.py"))
    for round_ in range(2):
        for number, client in enumerate(clients, 1):
            client.type(f"question {round_} of {number}")
            server.see(rf"\[{number}\] question {round_} of {number}\r\n")
        for number, client in reversed(list(enumerate(clients, 1))):
            server.type(f"{number} answer {round_} to {number}")
            client.see(rf"Server: answer {round_} to {number}\r\nYou: ")
    for client in clients:
        assert client.output.count("Server: ") == 2


def test_one_reply_for_each_message(lab, server):
    """R37: no reply without a message, none twice, none to a client that has left."""
    client = join(lab, server, 1)
    for line in "1 too early", "2 nobody", "no number", "", "1", "\u0661 one", "-1 x", "9" * 900 + " x":
        server.type(line)
        server.see("error: not sent: this client does not wait for a reply; type N TEXT\r\n")
    client.type("hello")
    server.see(r"\[1\] hello\r\n")
    server.type("1 " + "x" * 1001)
    server.see("error: not sent: 1001 characters, at most 1000 please\r\n")
    server.type("1 first")
    client.see("Server: first\r\nYou: ")
    server.type("1 second")
    server.see("error: not sent: .*\r\n")
    client.type("bye")
    server.see(r"\[1\] bye\r\n")
    client.stop()
    server.see("client 1 has left\r\n")
    server.type("1 too late")
    server.see("error: not sent: .*\r\n")
    second = join(lab, server, 2)
    second.type("me")
    server.see(r"\[2\] me\r\n")
    server.type("2 ")
    second.see("Server: \r\nYou: ")
    assert "too" not in client.output + second.output


def test_a_message_does_not_destroy_the_line_being_typed(lab):
    """The half-typed reply is there again, and is sent whole."""
    server = lab.server(SERVER, echo=True)
    first, second = join(lab, server, 1), join(lab, server, 2)
    first.type("one")
    server.see(r"\[1\] one\r\n")
    server.child.send("1 half of ")
    server.see("1 half of ")
    second.type("two")
    server.see(redrawn(r"\[2\] two", "1 half of "))
    server.type("it")
    first.see("Server: half of it\r\n")


@pytest.mark.skipif(bool(THEIRS), reason="more than the note asks for")
def test_a_line_break_in_a_reply_does_not_make_two_of_it(lab):
    """Ctrl+V and Ctrl+J put one into readline's line."""
    server = lab.server(SERVER, echo=True)
    client = join(lab, server, 1)
    client.type("hello")
    server.see(r"\[1\] hello\r\n")
    server.type("1 one\x16\x0atwo")
    client.see(r"Server: one\?two\r\nYou: ")


def test_a_client_cannot_steer_the_operators_terminal(lab, server):
    """D17"""
    with connect(server) as conn:
        conn.sendall(b"\x1b[2Jred\x07\n")
        server.see(r"\[1\] \?\[2Jred\?\r\n")


# The network

def test_a_server_cannot_steer_the_clients_terminal(lab):
    """D17"""
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.sendall(b"ready\n")
            client.see("You: ")
            client.type("hello")
            assert conn.recv(100) == b"hello\n"
            conn.sendall(b"\x1b[2Jred\x07\n")
            client.see(r"Server: \?\[2Jred\?\r\n")


def test_rude_clients_harm_only_themselves(lab, server):
    """D10"""
    for data in b"\xff\xfe\n", b"x" * 100_000, b"one\ntwo\n", b"half":
        with connect(server, 40) as conn:
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            assert re.search(rb"ready\nerror: [^\n]+\n\Z", conn.makefile("rb").read())
        server.see(r"error: 127\.0\.0\.1:\d+: ")
    with connect(server) as bad:
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    silent = connect(server)
    client = lab.client(server, CLIENT)
    client.see("You: ")
    client.type("hello")
    number = server.see(r"\[(\d+)\] hello\r\n")[1]
    server.type(f"{number} hi")
    client.see("Server: hi")
    silent.close()


def test_no_reply_to_a_client_that_is_refused(lab, server):
    """D7: it would never be read as one."""
    with connect(server) as conn:
        conn.sendall(b"one\ntwo\n")
        server.line(r"error: 127\.0\.0\.1:\d+: a second message before the reply")
        server.type("1 hi")
        server.line("error: not sent: .*")
        assert rest(conn).count(b"\n") == 2


@pytest.mark.skipif(bool(THEIRS), reason="others may send a reply without a thread")
def test_more_clients_than_threads(lab):
    """D19: also where the operator's reply needs a thread: the reply can be typed again."""
    server = lab.cramped_server(SERVER)
    first = connect(server)
    first.sendall(b"Anybody?\n")
    server.see(r"\[1\] Anybody\?\r\n")
    crowd = [connect(server) for _ in range(40)]
    server.until(lambda output: output.count("cannot accept") >= 10, "no thread is left")
    server.type("1 Too many.")
    server.see("error: not sent: can't start new thread")
    for one in crowd:
        one.close()
    server.runs_until(lambda: len(re.findall("has left|cannot accept", server.output)) == 40)
    server.type("1 All gone.")
    with first.makefile("rb") as stream:
        assert [stream.readline(), stream.readline()] == [b"ready\n", b"All gone.\n"]
    first.close()
    lab.client(server, CLIENT).see("You: ")


# Manners

def test_the_operator_leaves(lab, server):
    clients = [join(lab, server, number) for number in (1, 2)]
    assert server.stop(key="D").endswith("stopped\r\n")
    for client in clients:
        client.type("Are you still there?")
        client.line("the server has left")
        client.wait()


@pytest.mark.skipif(bool(THEIRS), reason="of our own two scripts")
def test_the_client_is_problem_5_s_with_another_port():
    """So what problem 5's tests hold of it is true of this one."""
    first, second = [(OURS / name).read_text().partition("import argparse")[2].splitlines()
                     for name in ("problem5/tcp_client.py", "problem6/client.py")]
    changed = [line for line in second if line not in first]
    assert [line.split("  #")[0] for line in changed] == ['HOST, PORT = "127.0.0.1", 12600']


@pytest.mark.skipif(bool(THEIRS), reason="of our own two scripts")
def test_the_new_idea_is_the_diff():
    """diff problem5/tcp_server.py problem6/server.py shows little more than that."""
    code = [(ROOT / name).read_text().partition("import argparse")[2].splitlines()
            for name in ("problem5/tcp_server.py", SERVER)]
    diff = subprocess.run(["diff", "-", str(ROOT / SERVER)], text=True, capture_output=True,
                          input=(ROOT / "problem5/tcp_server.py").read_text()).stdout
    note = len((ROOT / SERVER).read_text().partition("import argparse")[0].splitlines())
    changed = [line for line in diff.splitlines() if line.startswith(">")]
    assert len(changed) - note < 80 and len(code[0]) > 100
