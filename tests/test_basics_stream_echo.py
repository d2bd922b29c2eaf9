"""basics/stream_echo: lines sent back, a thread for each client (R57, R61)."""
import difflib
import re
import socket
import subprocess
import sys

import pytest

from conftest import ENVIRONMENT, OURS, ROOT, THEIRS
from peers import answered, assert_error, connect, dribble, reset, rest
from terminal import PATIENCE

SERVER, CLIENT = "basics/stream_echo/server.py", "basics/stream_echo/client.py"
WIDE = "\U0001f600"  # 4 bytes in UTF-8


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


# The task

def test_each_line_comes_back(lab, server):
    """R57"""
    client = lab.client(server, CLIENT, "one", "", "two words", WIDE * 1000)
    output = client.wait()
    assert re.fullmatch(f"Server: one\r\nServer: \r\nServer: two words\r\nServer: {WIDE}{{1000}}"
                        "\r\n", output)
    server.line(r"127\.0\.0\.1:\d+: 4 lines")


def test_the_client_waits_for_each_echo_before_it_sends_on(tmp_path):
    """R57"""
    (result, sent), = answered(CLIENT, ["one", "two"], [[b"one\n", b"two\n"]], tmp_path)
    assert result.stdout == "Server: one\nServer: two\n" and sent == b"one\ntwo\n"
    (result, sent), = answered(CLIENT, ["one", "two"], [b""], tmp_path)
    assert sent == b"one\n"
    assert_error(result)


def test_no_client_waits_for_another(server):
    """R61: each has a thread, whatever the order."""
    conns = [connect(server) for _ in range(20)]
    for number, conn in reversed(list(enumerate(conns))):  # the first one is last
        conn.sendall(b"%d\n" % number)
        assert conn.recv(100) == b"%d\n" % number
    for conn in conns:
        conn.close()


# The network

def test_a_line_is_right_however_it_arrives(server):
    """D6: a byte at a time; many lines at once."""
    with connect(server) as conn:
        dribble(conn, b"Hello!\n")
        conn.sendall(b"one\ntwo\n\nthree\r\n")
        assert rest(conn) == b"Hello!\none\ntwo\n\nthree\r\n"
    server.line(r"127\.0\.0\.1:\d+: 5 lines")


def test_a_bad_client_is_told_why_and_harms_only_itself(server):
    """D10, D15: 1000 characters are the limit, not 1000 bytes."""
    with connect(server) as other:
        for garbage in (b"cut", b"\xff\xfe\n", b"9" * 100_000, b"9" * 1001 + b"\n",
                        (WIDE * 1001).encode() + b"\n"):
            with connect(server) as conn:
                conn.sendall(b"one\n" + garbage)
                assert re.fullmatch(rb"one\nerror: [ -~]+\n", rest(conn)), garbage[:10]
            server.line(r"error: 127\.0\.0\.1:\d+: .*")
        conn = connect(server)
        conn.sendall(b"one\n")
        reset(conn)
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
        other.sendall((WIDE * 1000 + "\n").encode())
        assert rest(other) == (WIDE * 1000 + "\n").encode()


def test_a_sender_that_does_not_read_is_stopped_and_others_are_served(server):
    """R66: the note's experiment; flow control stops the sender, and nothing is lost."""
    with connect(server) as greedy, connect(server) as other:
        greedy.settimeout(1)
        sent, line = 0, b"9" * 999 + b"\n"
        with pytest.raises(socket.timeout):
            while sent < 200_000_000:
                sent += greedy.send(line[sent % 1000:])
        other.sendall(b"Hello!\n")
        assert rest(other) == b"Hello!\n"
        greedy.settimeout(PATIENCE)
        count = 0
        while count < sent // 1000 * 1000:
            count += len(greedy.recv(1_000_000))


def test_more_clients_than_descriptors(lab):
    """D19: the server says so, goes on, and serves again when one client has left."""
    server = lab.server(SERVER, descriptors=20)
    crowd = [connect(server) for _ in range(30)]
    server.line("error: cannot accept: .*")
    for one in crowd:
        one.close()
    with connect(server) as conn:
        conn.sendall(b"Hello!\n")
        assert rest(conn) == b"Hello!\n"
    assert server.output.count("cannot accept") < 200, "it spins"


def test_the_client_takes_nothing_else_for_the_echo(tmp_path):
    """D9, D17"""
    for result, _ in answered(CLIENT, ["Hello!"], [
            b"", b"Hel", b"Hello\n", b"\x1b[2J\n", b"error: no\n", b"\xff\xfe\n"], tmp_path):
        assert_error(result)
        assert "\x1b" not in result.stderr and result.stdout == ""


# Manners

def test_a_message_that_is_not_a_line_or_not_text_is_an_error_or_question_marks(
        server, lab):
    """D15"""
    for message in "9" * 1001, "a\nb":
        lab.client(server, CLIENT, message).wait(status={1, 2} if THEIRS else 1)
    if THEIRS:
        return  # the note does not say what becomes of other bytes
    command = [sys.executable, ROOT / CLIENT, b"gr\xfc\xdfe", "--port", str(server.port)]
    assert subprocess.run(command, capture_output=True, timeout=20,
                          env=ENVIRONMENT).stdout.startswith(b"Server: gr?")


def test_ctrl_c_while_clients_are_connected(server):
    """D15"""
    with connect(server) as conn:
        server.line("client .*")
        assert "\r\nstopped\r\n" in server.stop()
        assert conn.makefile("rb").read() == b""


@pytest.mark.skipif(bool(THEIRS), reason="of our own scripts")
def test_the_diff_of_two_neighbours_is_the_lesson():
    """stream_welcome, stream_duplex, stream_iterative, stream_echo: few code lines differ."""
    def lesson(folder):
        source = (OURS / "basics" / folder / "server.py").read_text("utf-8")
        code = source.split('"""', 2)[2].partition("# ---- The frame")[0]
        return [line for line in code.splitlines() if line.strip()]
    folders = "stream_welcome", "stream_duplex", "stream_iterative", "stream_echo"
    for before, after in zip(folders, folders[1:]):
        changes = [line for line in difflib.unified_diff(lesson(before), lesson(after), n=0)
                   if line[0] in "+-" and line[:3] not in ("+++", "---")]
        assert len(changes) <= 42, f"{before} and {after} differ in {len(changes)} lines"
