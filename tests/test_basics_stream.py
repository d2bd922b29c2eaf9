"""The basics over TCP, from the welcome to the echo (R5 to R10, R13, R55, R57, R61)."""
import difflib
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import ENVIRONMENT, RESET, ROOT, THEIRS
from relay import TcpRelay, glued, one_byte
from test_transcripts import NOTES

PAIRS = ["stream_welcome", "stream_duplex", "stream_iterative", "stream_integers",
         "stream_address", "stream_echo"]
WELCOMING = PAIRS[1:3]                      # they welcome, and wait for an answer
READING = [*WELCOMING, "stream_integers", "stream_echo"]
FOREVER = ["stream_iterative", "stream_address", "stream_echo"]
ANSWER = {"stream_duplex": b"Thank you!\n", "stream_iterative": b"Thank you!\n",
          "stream_integers": b"12 30\n", "stream_echo": b"Hello!\n"}
SERVED = {"stream_welcome": r"client 127\.0\.0\.1:\d+", "stream_duplex": "Client: Thank you!",
          "stream_iterative": "Client: Thank you!", "stream_integers": r"12 \+ 30 = 42",
          "stream_address": r"client 127\.0\.0\.1:\d+",
          "stream_echo": r"127\.0\.0\.1:\d+: 1 lines"}
SHOWN = {"stream_welcome": "Server: Welcome!", "stream_duplex": "Server: Welcome!",
         "stream_iterative": "connected\r\nServer: Welcome!",
         "stream_integers": "12 + 30 = 42", "stream_echo": "Server: Hello!"}


def script(pair, name):
    return f"basics/{pair}/{name}.py"


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=5)


def hang_up(conn):
    """Send no more; return all that the server still has to say."""
    conn.shutdown(socket.SHUT_WR)
    return conn.makefile("rb").read()


def assert_next_is_served(pair, lab, server):
    """The shipped client is served; then the server ends, or it does not, as it should."""
    client = lab.client(server, script(pair, "client"))
    client.wait()
    server.line(SERVED[pair])
    if pair in FOREVER:
        assert server.stop().endswith("\r\nstopped\r\n")
    else:
        assert "stopped" not in server.wait()


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
@pytest.mark.parametrize("pair", PAIRS)
def test_it_works_however_it_is_delivered(pair, treatment, lab):
    """R5 to R7, R13, R57, D6: one recv is not one message."""
    server = lab.server(script(pair, "server"))
    relay = TcpRelay(server, treatment, treatment)
    client = lab.client(relay, script(pair, "client"))
    output = client.wait()
    if pair in SHOWN:
        assert output == SHOWN[pair] + "\r\n"
    server.line(SERVED[pair])
    assert b"".join(relay.up) == ANSWER.get(pair, b"")
    relay.close()


@pytest.mark.parametrize("pair", ["stream_welcome", "stream_duplex", "stream_integers"])
def test_one_client_then_both_end(pair, lab):
    """R5, R7, R8, D13: the listening socket is closed, and can be opened again at once."""
    server = lab.server(script(pair, "server"))
    assert_next_is_served(pair, lab, server)
    with pytest.raises(ConnectionRefusedError):
        connect(server)
    again = lab.start(script(pair, "server"), "--port", server.port)
    assert again.ready() == server.port


@pytest.mark.parametrize("pair", FOREVER)
def test_many_clients_one_after_the_other(pair, lab):
    """R9, R10, R55"""
    server = lab.server(script(pair, "server"))
    for _ in range(3):
        lab.client(server, script(pair, "client")).wait()
        server.line(SERVED[pair])
    assert_next_is_served(pair, lab, server)
    with pytest.raises(ConnectionRefusedError):
        connect(server)


@pytest.mark.parametrize("pair", READING)
def test_two_messages_in_one_send(pair, lab):
    """D6: the first is a message, and what follows is none of its business."""
    server = lab.server(script(pair, "server"))
    with connect(server) as conn:
        conn.sendall(ANSWER[pair] * 2)
        reply = hang_up(conn)
    twice = pair == "stream_echo"
    assert not reply.count(b"error")
    server.line(SERVED[pair].replace("1 lines", "2 lines") if twice else SERVED[pair])
    assert reply == {"stream_integers": b"42\n", "stream_echo": b"Hello!\nHello!\n"}.get(
        pair, b"Welcome!\n")


@pytest.mark.parametrize("garbage", [b"\xff\xfe\n", b"9" * 100_000, b"12 3", b"12 3\0\n"],
                         ids=["ff fe", "long", "cut off", "null"])
@pytest.mark.parametrize("pair", READING)
def test_a_bad_client_is_told_and_the_next_one_served(pair, garbage, lab):
    """D10: and a server for one client waits for one that it can serve."""
    server = lab.server(script(pair, "server"))
    with connect(server) as conn:
        conn.sendall(garbage)
        reply = hang_up(conn)
    if garbage.endswith(b"\0\n") and pair != "stream_integers":
        assert b"error" not in reply
        assert "\0" not in server.output
        return
    assert re.search(rb"(^|\n)error: [ -~]+\n\Z", reply)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert_next_is_served(pair, lab, server)


def test_echo_a_bad_client_that_goes_on_for_a_moment_can_read_why(lab):
    """D10: a close at once would meet what comes next with a reset."""
    server = lab.server(script("stream_echo", "server"))
    with connect(server) as conn:
        conn.sendall(b"9" * 20_000)
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
        for _ in range(5):
            conn.sendall(b"9")
            time.sleep(0.03)
        assert hang_up(conn).endswith(b"error: the line is too long, or cut off\n")


@pytest.mark.parametrize("pair", READING)
def test_clients_that_leave_or_reset_harm_only_themselves(pair, lab):
    """D10"""
    server = lab.server(script(pair, "server"))
    for request in b"", ANSWER[pair][:4]:
        with connect(server) as bad:
            bad.sendall(request)
        if request or pair != "stream_echo":  # which takes any number of lines, also none
            server.line(r"error: 127\.0\.0\.1:\d+: .*")
        with connect(server) as bad:
            bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            bad.sendall(request)
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert_next_is_served(pair, lab, server)


@pytest.mark.parametrize("pair", ["stream_welcome", "stream_address"])
def test_a_client_that_resets_before_it_is_accepted(pair, lab):
    """D10: where the server only sends."""
    server = lab.server(script(pair, "server"))
    os.kill(server.pid, signal.SIGSTOP)
    with connect(server) as bad:
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    os.kill(server.pid, signal.SIGCONT)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert_next_is_served(pair, lab, server)


@pytest.mark.parametrize("pair", WELCOMING)
def test_what_a_client_says_does_not_steer_the_terminal(pair, lab):
    """D17"""
    server = lab.server(script(pair, "server"))
    with connect(server) as conn:
        conn.sendall(b"\x1b[2Jgr\xc3\xbc\xc3\x9fe\r\n")
        server.line(r"Client: \?\[2Jgr\u00fc\u00dfe")
    assert "\x1b" not in server.output


FALSE = {
    # what a false server sends, and hangs up
    "nothing": b"",
    "half a line": b"Wel",
    "no UTF-8": b"\xff\xfe\n",
    "too long": b"9" * 100_000 + b"\n",
}


@pytest.mark.parametrize("reply", FALSE)
@pytest.mark.parametrize("pair", PAIRS)
def test_a_reply_that_is_none(pair, reply, lab):
    """R6, D9, D15: one error line, status 1."""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(script(pair, "client"), "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            try:
                conn.sendall(FALSE[reply])
                conn.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # of what is too long it need not read all
            client.line("error: no (welcome|sum|address|echo): .*")
            client.wait(status=1)
    assert "Server: " not in client.output and "=" not in client.output


@pytest.mark.parametrize("pair", ["stream_welcome", "stream_duplex", "stream_address"])
def test_what_a_server_says_does_not_steer_the_terminal(pair, lab):
    """D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(script(pair, "client"), "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.sendall(b"\x1b[2J\n")
            client.line(r"(Server:|the server sees) \?\[2J")
            client.wait()
    assert "\x1b" not in client.output


@pytest.mark.parametrize("pair", PAIRS)
def test_ctrl_c_at_a_client_that_waits(pair, lab):
    """D15"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(script(pair, "client"), "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            if pair in ANSWER and pair not in WELCOMING:
                assert conn.recv(1000)  # then it waits
            assert client.stop().endswith("stopped\r\n")


@pytest.mark.parametrize("pair", READING)
def test_ctrl_c_at_a_server_with_a_client(pair, lab):
    """R10, D15: and the client learns of it."""
    server = lab.server(script(pair, "server"))
    with connect(server) as conn:
        server.line("client .*")
        assert server.stop().endswith("\r\nstopped\r\n")
        assert conn.makefile("rb").read() in (b"", b"Welcome!\n")


@pytest.mark.parametrize("pair", PAIRS)
def test_over_ipv6(pair, lab):
    server = lab.server(script(pair, "server"), "--host", "::1")
    lab.client(server, script(pair, "client"), "--host", "::1").wait()
    server.line(r"client \[::1\]:\d+")


def test_the_server_hangs_up_and_the_port_is_free_at_once(lab):
    """D13: without the SO_REUSEADDR that stream_welcome sets by hand, bind() fails."""
    server = lab.server(script("stream_welcome", "server"))
    with connect(server) as conn:
        assert conn.makefile("rb").read() == b"Welcome!\n"  # to the end: it was the first
    server.wait()
    with socket.socket() as plain, pytest.raises(OSError, match="already in use"):
        plain.bind(("127.0.0.1", server.port))
    again = lab.start(script("stream_welcome", "server"), "--port", server.port)
    assert again.ready() == server.port


def test_iterative_first_come_first_served(lab):
    """R9: the others are connected, and wait in the backlog."""
    server = lab.server(script("stream_iterative", "server"))
    conns = [connect(server) for _ in range(4)]
    for conn in reversed(conns[1:]):
        conn.sendall(b"I have answered before the first one.\n")
    server.line(f"client 127.0.0.1:{conns[0].getsockname()[1]}")
    conns[1].settimeout(0.2)
    with pytest.raises(socket.timeout):
        conns[1].recv(1000)
    conns[1].settimeout(5)
    for conn in conns:
        assert conn.recv(1000) == b"Welcome!\n"
        conn.sendall(b"Thank you!\n")
        conn.close()
    for conn in conns:
        server.line("Client: .*")
    clients = re.findall(r"client \S+:(\d+)", server.output)
    assert len(clients) == 4 and server.output.count("Client: I have answered") == 3


def test_iterative_clients_are_served_in_the_order_in_which_they_came(lab):
    """R9"""
    server = lab.server(script("stream_iterative", "server"))
    conns = [connect(server) for _ in range(5)]
    came = [str(conn.getsockname()[1]) for conn in conns]
    for conn in conns:
        conn.sendall(b"Thank you!\n")
    for _ in conns:
        server.line("Client: Thank you!")
    assert re.findall(r"client \S+:(\d+)", server.output) == came


@pytest.mark.waits
def test_iterative_a_silent_client_delays_the_others_for_10_seconds(lab):
    """R9, D10"""
    server = lab.server(script("stream_iterative", "server"))
    with connect(server), connect(server) as second:
        server.line("client .*")
        start = time.monotonic()
        second.settimeout(12)
        assert second.recv(1000) == b"Welcome!\n"
        assert 9 < time.monotonic() - start < 11


SUMS = [
    # request, reply
    ("12 30", "42"),
    ("-12 30", "18"),
    ("+12   -30", "-18"),
    ("  0 0  ", "0"),
    ("12 30\r", "42"),
    ("9" * 1000 + " 1", "1" + "0" * 1000),
]
NO_SUMS = ["", "12", "12 ", "12 30 1", "1.5 2", "1_0 1", "0x10 1", "twelve 30", "12,30",
           "9" * 1001 + " 1", "__import__('os') 1"]


@pytest.mark.parametrize("request_line, reply", SUMS, ids=lambda text: text[:9])
def test_integers_are_added(request_line, reply, lab):
    """R13"""
    server = lab.server(script("stream_integers", "server"))
    with connect(server) as conn:
        conn.sendall(request_line.encode() + b"\n")
        assert conn.makefile().readline() == reply + "\n"
    assert server.wait().endswith(f" = {reply}\r\n")


def test_integers_that_are_none(lab):
    server = lab.server(script("stream_integers", "server"))
    for request in NO_SUMS:
        with connect(server) as conn:
            conn.sendall(request.encode() + b"\n")
            assert hang_up(conn).startswith(b"error: expected two integers"), request
    assert_next_is_served("stream_integers", lab, server)


@pytest.mark.parametrize("values", [["x", "1"], ["1", "1.5"], ["9" * 1001, "1"]],
                         ids=lambda values: " ".join(values)[:9])
def test_integers_client_refuses_others(values, lab):
    output = lab.start(script("stream_integers", "client"), *values).wait(status=2)
    assert "an integer of at most 1000 digits, please" in output


def test_address_is_the_same_at_both_ends(lab):
    """R55: and another one for each client."""
    server = lab.server(script("stream_address", "server"))
    clients = []
    for _ in range(3):
        output = lab.client(server, script("stream_address", "client")).wait()
        match = re.fullmatch(r"client (127\.0\.0\.1:\d+)\r\n"
                             rf"server 127\.0\.0\.1:{server.port}\r\n"
                             r"the server sees the same\r\n", output)
        clients.append(match[1])
    server.line(f"client {clients[-1]}")
    assert re.findall(r"client (\S+)", server.output) == clients
    assert len(set(clients)) == 3


def test_address_as_seen_through_a_relay(lab):
    """The note: whoever translates addresses on the way is whom the server sees."""
    server = lab.server(script("stream_address", "server"))
    relay = TcpRelay(server)
    client = lab.client(relay, script("stream_address", "client"))
    seen = client.line(r"the server sees (127\.0\.0\.1:\d+)")[1]
    client.wait()
    server.line(f"client {seen}")
    assert f"client {seen}" not in client.output
    relay.close()


def test_echo_one_after_the_other(lab):
    """R57: the next message is not sent before the echo of the last one has come."""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(script("stream_echo", "client"), "one", "gr\u00fc\u00dfe", "",
                           "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            for text in "one\n", "gr\u00fc\u00dfe\n", "\n":
                assert conn.recv(1000).decode() == text
                conn.settimeout(0.1)
                with pytest.raises(socket.timeout):
                    conn.recv(1000)
                conn.settimeout(5)
                conn.sendall(text.encode())
            assert conn.recv(1000) == b""
    assert client.wait() == "Server: one\r\nServer: gr\u00fc\u00dfe\r\nServer: \r\n"


@pytest.mark.parametrize("reply", [b"Hello?\n", b"Hello!", b"error: timed out\n", b"\x1b[2J\n"],
                         ids=repr)
def test_echo_client_takes_nothing_else_for_the_echo(reply, lab):
    """D9, D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(script("stream_echo", "client"), "--port",
                           false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.recv(1000)
            conn.sendall(reply)
            conn.shutdown(socket.SHUT_WR)
            client.line("error: no echo: the server has sent .*")
            client.wait(status=1)
    assert "\x1b" not in client.output and "Server: " not in client.output


@pytest.mark.parametrize("text, good", [("x" * 4000, True), ("\U0001d11e" * 4000, True),
                                        ("x" * 4000 + "\r", True), ("x" * 4001, False),
                                        ("\u00fc" * 4001, False)],
                         ids=["4000", "4000 wide", "4000 and CR", "4001", "4001 wide"])
def test_echo_4000_characters_not_bytes(text, good, lab):
    """D15: the limit is told when it is met."""
    server = lab.server(script("stream_echo", "server"))
    with connect(server) as conn:
        conn.sendall(text.encode() + b"\n")
        reply = hang_up(conn).decode()
    assert reply == (text + "\n" if good else "error: the line is too long, or cut off\n")


def test_echo_client_takes_4000_wide_characters(lab):
    server = lab.server(script("stream_echo", "server"))
    client = lab.client(server, script("stream_echo", "client"), "\u00fc" * 4000)
    assert client.wait() == f"Server: {chr(0xfc) * 4000}\r\n"


@pytest.mark.parametrize("text", ["x" * 4001, "two\nlines"], ids=["4001", "two lines"])
def test_echo_client_refuses_what_is_no_line(text, lab):
    output = lab.start(script("stream_echo", "client"), text).wait(status=2)
    assert "a line of at most 4000 characters, please" in output


def test_echo_client_and_bytes_that_are_no_text(lab):
    server = lab.server(script("stream_echo", "server"))
    result = subprocess.run(
        [sys.executable, ROOT / script("stream_echo", "client"), b"\xff", "--port",
         str(server.port)], env=ENVIRONMENT, capture_output=True, text=True, timeout=10)
    assert re.fullmatch("error: no echo: [^\n]+\n", result.stderr) and result.stdout == ""
    assert result.returncode == 1


def test_echo_many_clients_at_once(lab):
    """R61: none waits for another, whatever the order."""
    server = lab.server(script("stream_echo", "server"))
    conns = [connect(server) for _ in range(100)]
    for number, conn in reversed(list(enumerate(conns))):
        conn.sendall(b"number %d\n" % number)
        assert conn.recv(1000) == b"number %d\n" % number
    for conn in conns:
        conn.close()


def test_echo_stops_a_sender_that_does_not_read(lab):
    """R66, the note's experiment: the sender is stopped, others are not, nothing is lost."""
    server = lab.server(script("stream_echo", "server"))
    with connect(server) as deaf:
        deaf.settimeout(0.5)
        line, sent = b"\xf0\x9d\x84\x9e" * 4000 + b"\n", 0
        with pytest.raises(socket.timeout):
            while sent < 500_000_000:
                sent += deaf.send(line[sent % len(line):])
        lab.client(server, script("stream_echo", "client"), "I read.").wait()
        deaf.shutdown(socket.SHUT_WR)
        deaf.settimeout(5)
        rest = sent % len(line)  # of a line that could only be sent in part
        back = deaf.makefile("rb").read()
        assert back[:sent - rest] == line * (sent // len(line))
        assert back[sent - rest:] == (b"error: the line is too long, or cut off\n" if rest
                                      else b"")


def test_echo_more_clients_than_descriptors(lab):
    """The server says so, goes on, and serves again when one client has left."""
    server = lab.server(script("stream_echo", "server"), descriptors=20)
    crowd = [connect(server) for _ in range(30)]
    server.line("error: cannot accept: .*")
    for one in crowd:
        one.close()
    lab.client(server, script("stream_echo", "client")).wait()
    assert server.output.count("cannot accept") < 100, "it spins"


def experiment(name, first_word):
    """Return a command that a note gives, on one line or more."""
    return re.search(rf"{first_word} .*?(?=`|\n\n)", NOTES[name], re.S)[0]


def test_echo_note_shows_glued_and_split_messages(lab):
    """The command in the note, with this server's port, prints what the note says."""
    server = lab.server(script("stream_echo", "server"))
    command = experiment("basics/stream_echo/server.py", "python -c")
    assert "12011" in command
    shell = lab.start("bash", "-c", command.replace("12011", str(server.port)))
    output = shell.wait().strip()
    assert output == r"b'on' b'e\none\none\n'"
    assert output in NOTES["basics/stream_echo/server.py"]


@pytest.mark.parametrize("pair, last", [("stream_duplex", "Client: Thank you!"),
                                        ("stream_integers", "12 + 30 = 42")])
def test_note_shows_a_message_in_two_pieces(pair, last, lab, need):
    """D6: the command in the note."""
    need("nc")
    command = re.search(r"`(\(printf .*?)`", NOTES[script(pair, "server")], re.S)[1]
    port = re.search(r"\d{5}", command)[0]
    server = lab.server(script(pair, "server"))
    command = command.replace(port, str(server.port)).replace("sleep 3", "sleep 0.2")
    subprocess.run(["bash", "-c", command], timeout=10, check=True)
    server.line(re.escape(last))
    server.wait()


@pytest.mark.skipif(bool(THEIRS), reason="of our own scripts")
@pytest.mark.parametrize("first, second", list(zip(PAIRS, PAIRS[1:])))
def test_the_diff_of_two_neighbours_is_the_lesson(first, second):
    """Few functions differ; main() does by a few lines only."""
    mains = []
    for pair in first, second:
        source = (ROOT / script(pair, "server")).read_text("utf-8")
        mains.append(source[source.index("def main()"):].splitlines())
    changed = [line for line in difflib.ndiff(*mains) if line[:1] in "+-"]
    assert 0 < len(changed) <= 20
