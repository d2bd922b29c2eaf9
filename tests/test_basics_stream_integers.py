"""basics/stream_integers: two integers, and their sum (R13)."""
import subprocess

import pytest

from conftest import ENVIRONMENT
from peers import answered, assert_error, connect, dribble, reset, rest

SERVER, CLIENT = "basics/stream_integers/server.py", "basics/stream_integers/client.py"


# The task

def test_the_server_adds_and_both_print_the_sum(lab):
    """R13"""
    server = lab.server(SERVER)
    assert lab.client(server, CLIENT, "-12", "30").wait() == "-12 + 30 = 18\r\n"
    server.line("-12 \\+ 30 = 18")
    server.wait()


@pytest.mark.parametrize("request_, reply", [
    (b"12 30\n", b"42\n"), (b" +7   -9 \r\n", b"-2\n"),
    (b"9" * 490 + b" 1\n", b"1" + b"0" * 490 + b"\n"), (b"12 30\n1 2\n", b"42\n")],
    ids=["plain", "signs and spaces", "490 digits", "two lines"])
def test_a_line_is_right_however_it_arrives(request_, reply, lab):
    """R13, D6: 12 30 is not answered with 15."""
    server = lab.server(SERVER)
    with connect(server) as conn:
        dribble(conn, request_)
        assert rest(conn) in (reply, b"")  # what it has not read makes its close a reset
    server.line(r".+ \+ .+ = .+")
    server.wait()


# The network

@pytest.mark.parametrize("garbage", [
    b"", b"12 3", b"12\n", b"12 30 1\n", b"twelve 30\n", b"1.5 2\n", b"\xff\xfe\n",
    b"9" * 100_000], ids=["nothing", "cut off", "one", "three", "a word", "a fraction",
                          "ff fe", "too long"])
def test_a_bad_client_ends_the_server_with_an_error(garbage, lab):
    """D9, D10, D15: this server serves one client."""
    server = lab.server(SERVER)
    with connect(server) as conn:
        conn.sendall(garbage)
        assert rest(conn) == b""
    server.line(r"error: 127\.0\.0\.1:\d+: (expected two integers|the line is .*)")
    server.wait(status=1)


def test_a_client_that_resets_ends_the_server_with_an_error(lab):
    """D10"""
    server = lab.server(SERVER)
    conn = connect(server)
    server.line("client .*")
    reset(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.wait(status=1)


def test_half_a_sum_is_not_a_sum(tmp_path):
    """D6, D9, D17"""
    replies = [b"4", b"2", b"\n"], b"", b"4", b"forty-two\n", b"\x1b[2J\n", b"\xff\n"
    (whole, sent), *broken = answered(CLIENT, [], replies, tmp_path)
    assert whole.stdout == "12 + 30 = 42\n" and sent == b"12 30\n"
    for result, _ in broken:
        assert_error(result)
        assert result.stdout == "" and "\x1b" not in result.stderr


# Manners

def test_the_note_shows_a_message_in_two_pieces(lab, need):
    """D6: the command in the note."""
    need("nc")
    server = lab.server(SERVER)
    command = f"(printf '12 3'; sleep 0.3; printf '0\\n') | nc -N 127.0.0.1 {server.port}"
    assert subprocess.run(command, shell=True, env=ENVIRONMENT, capture_output=True,
                          timeout=20).stdout == b"42\n"
