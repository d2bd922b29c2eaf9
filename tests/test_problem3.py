"""Problem 3, the remote calculator (R32)."""
import re
import socket
import subprocess
import sys
import threading

import pytest

from conftest import ENVIRONMENT, RESET, ROOT
from relay import TcpRelay, cut, glued, one_byte

SERVER, CLIENT = "problem3/server.py", "problem3/client.py"
BIG = "9" * 1000

SUMS = [
    # request, result
    ("12 + 30", "42"),
    ("12 - 30", "-18"),
    ("-12 * 30", "-360"),
    ("12 * -30", "-360"),
    ("7 % 3", "1"),
    ("-7 % 3", "2"),               # Python's meaning: the sign of the divisor
    ("7 % -3", "-2"),
    ("42 / 6", "7"),               # exact: an integer
    ("-42 / 6", "-7"),
    ("0 / 5", "0"),
    ("7 / 2", "3.5"),
    ("1 / 3", "0.3333333333333333"),
    ("+12 + 0030", "42"),
    ("12+30", "42"),
    ("  12   +   30  ", "42"),
    (f"{BIG} + 1", "1" + "0" * 1000),
    (f"{BIG} * {BIG}", "9" * 999 + "8" + "0" * 999 + "1"),
    (f"{BIG} / {BIG}", "1"),
    (f"{'2' * 1000} / 2", "1" * 1000),
    ("7 / 0", "error: division by zero"),
    ("7 % 0", "error: division by zero"),
    (f"{BIG} / 2", "error: the quotient is beyond floating point"),
    (f"1 / {BIG}", "error: the quotient is beyond floating point"),
    (f"-1 / {BIG}", "error: the quotient is beyond floating point"),
]
NOT_UNDERSTOOD = ["", " ", "12", "12 +", "+ 12 30", "12 + 30 + 1", "12 ** 2", "12 // 5",
                  "twelve + 30", "1.5 + 2", "1e3 + 1", "1_0 + 1", "0x10 + 1", "12 x 30",
                  "__import__('os') + 1", BIG + "9 + 1", "\u0661 + 1", "\x1b[2J + 1"]


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


@pytest.fixture
def conn(server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        yield conn


def ask(conn, request):
    """Send a request line and return the reply line."""
    conn.sendall(request.encode() + b"\n")
    with conn.makefile("rb") as stream:
        return stream.readline().decode().rstrip("\n")


def test_results(conn):
    """R32: all operators, and any number of requests on one connection."""
    assert [ask(conn, request) for request, _ in SUMS] == [result for _, result in SUMS]


def test_what_is_no_request_is_said_so_and_the_next_one_answered(server, conn):
    for request in NOT_UNDERSTOOD:
        assert ask(conn, request).startswith("error: expected A OP B"), request
    assert ask(conn, "1 + 1") == "2"
    server.line(r"127\.0\.0\.1:\d+: 1 \+ 1 = 2")
    assert "\x1b" not in server.output, "D17: a control character in the terminal"


def test_two_requests_in_one_segment_are_both_answered(conn):
    """D6: one recv is not one message."""
    conn.sendall(b"12 + 30\n12 - 30\n")
    with conn.makefile("rb") as stream:
        assert stream.readline() == b"42\n"
        assert stream.readline() == b"-18\n"


def test_the_line_ends_of_telnet_will_do(conn):
    conn.sendall(b"12 + 30\r\n")
    assert conn.recv(100) == b"42\n"


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_a_sum_is_right_however_it_is_delivered(treatment, lab, server):
    """D6: "12 + 30" is not answered with 15."""
    relay = TcpRelay(server, treatment, treatment)
    client = lab.client(relay, CLIENT, "12", "+", "30")
    client.see(r"\A12 \+ 30 = 42\r\n")
    client.wait()
    assert b"".join(relay.up) == b"12 + 30\n" and b"".join(relay.down) == b"42\n"
    relay.close()


@pytest.mark.parametrize("size", [0, 1, 2])
@pytest.mark.parametrize("polite", [True, False], ids=["closed", "reset"])
def test_half_a_reply_is_no_result(size, polite, lab, server):
    """D9: cut off before the newline, 1234 must not be shown as 12."""
    relay = TcpRelay(server, down=cut(size, polite))
    client = lab.client(relay, CLIENT, "1200", "+", "34")
    client.see(r"\Aerror: no result of 1200 \+ 34: [^\r]+\r\n")
    client.wait(status=1)
    relay.close()


def test_a_reply_that_steers_the_terminal_is_not_printed(lab):
    """D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "1", "+", "1", "--port",
                           false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.recv(100)
            conn.sendall(b"\x1b[2J2\n")
            client.wait(status=1)
    assert "\x1b" not in client.output


@pytest.mark.parametrize("garbage", [b"\xff\xfe\n", b"\0" * 100_000, b"9" * 100_000,
                                     b"12 + 3"], ids=["ff fe", "nulls", "long", "cut off"])
def test_a_bad_client_is_told_and_harms_only_itself(garbage, server, conn):
    """D10: an error reply, a line in the server's output, and the next client served."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as bad:
        bad.sendall(garbage)
        bad.shutdown(socket.SHUT_WR)
        assert bad.makefile("rb").read().startswith(b"error: ")
    server.line(r".*error: .*")
    assert ask(conn, "1 + 1") == "2"


def test_clients_that_reset_leave_or_say_nothing_harm_only_themselves(server):
    """D10"""
    address = ("127.0.0.1", server.port)
    silent = [socket.create_connection(address) for _ in range(5)]
    for request in b"", b"1 + 1", b"1 + 1\n" * 1000:
        bad = socket.create_connection(address)
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        bad.sendall(request)
        bad.close()  # with a reset
    with socket.create_connection(address, timeout=5) as conn:
        assert ask(conn, "1 + 1") == "2"
    for one in silent:
        one.close()


def test_more_clients_than_descriptors(lab):
    """The server says so, goes on, and serves again when one client has left."""
    server = lab.server(SERVER, descriptors=20)
    address = ("127.0.0.1", server.port)
    crowd = [socket.create_connection(address, timeout=5) for _ in range(30)]
    server.line(r"error: cannot accept: .*")
    for one in crowd:
        one.close()
    with socket.create_connection(address, timeout=5) as conn:
        assert ask(conn, "1 + 1") == "2"
    assert server.output.count("cannot accept") < 100, "it spins"


def test_prompts_ask_again_until_the_answer_will_do(lab, server):
    client = lab.client(server, CLIENT)
    for prompt, wrong, right in [("first integer: ", "x", " 12 "),
                                 ("operator \\+ - \\* / %: ", "**", "+"),
                                 ("second integer: ", "", "30")]:
        client.see(prompt)
        client.type(wrong)
        client.see(r"error: [^\r]+\r\n" + prompt)
        client.type(right)
    client.see(r"12 \+ 30 = 42\r\n")
    client.wait()


def test_answers_from_a_file_also_such_as_are_no_utf_8(server):
    """Complaints go to standard error, the result to standard output."""
    client = subprocess.run(
        [sys.executable, str(ROOT / CLIENT), "--port", str(server.port)], timeout=10,
        env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8:strict"}, capture_output=True,
        input=b"\xff\xfe\n12\n+\n30\n")
    assert client.stdout.endswith(b": 12 + 30 = 42\n") and b"error" not in client.stdout
    assert re.fullmatch(rb"error: [^\n]+\n", client.stderr) and client.returncode == 0


@pytest.mark.parametrize("key", ["C", "D"])
@pytest.mark.parametrize("typed", [[], ["1"], ["1", "+"]], ids=len)
def test_leaving_at_a_prompt(typed, key, lab, server):
    """D15"""
    client = lab.client(server, CLIENT)
    for text in typed:
        client.see(": ")
        client.type(text)
    client.see(": ")
    assert client.stop(key=key).endswith("\r\nstopped\r\n")


def test_an_error_reply_is_status_1(lab, server):
    client = lab.client(server, CLIENT, "1", "/", "0")
    assert client.wait(status=1) == "error: division by zero\r\n"


@pytest.mark.parametrize("values", [["1"], ["1", "+"], ["1", "+", "x"], ["1", "^", "2"],
                                    ["1.5", "+", "2"], ["9" * 1001, "+", "1"]],
                         ids=lambda values: " ".join(values)[:9])
def test_bad_values_on_the_command_line(values, lab, server):
    output = lab.client(server, CLIENT, *values).wait(status=2)
    assert re.search("usage: .*error: ", output, re.S)


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    client = lab.client(server, CLIENT, "6", "*", "7", "--host", "::1")
    assert client.wait() == "6 * 7 = 42\r\n"
    server.line(r"\[::1\]:\d+: 6 \* 7 = 42")


@pytest.mark.parametrize("reply", [b"\n", b"hello\n", b"error: \n", b"\xff\n", b"42", b"",
                                   b"1.5e\n", b"9" * 5000 + b"\n"], ids=repr)
def test_a_reply_that_is_no_result(reply, lab):
    """D9, D15: status 0 only with a result."""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "1", "+", "1", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.recv(100)
            conn.sendall(reply)
        client.line("error: no result of 1 \\+ 1: .*")
        client.wait(status=1)


def test_ctrl_c_while_many_clients_are_served(lab, server):
    """A thread that is printing must not hold up the end."""
    stop = threading.Event()

    def hammer():
        try:
            with socket.create_connection(("127.0.0.1", server.port)) as conn:
                while not stop.is_set():
                    conn.sendall(b"1 + 2\n" * 20)
                    conn.recv(1000)
        except OSError:
            pass

    threads = [threading.Thread(target=hammer) for _ in range(50)]
    for thread in threads:
        thread.start()
    server.line(".* = 3")
    server.stop()
    stop.set()
    for thread in threads:
        thread.join()
    assert "stopped" in server.output and "Fatal" not in server.output
