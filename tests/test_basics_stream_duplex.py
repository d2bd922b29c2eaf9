"""basics/stream_duplex: a welcome and an answer, on one connection (R7, R8)."""

import pytest

from peers import answered, assert_error, connect, dribble, FalseServer, reset, rest

SERVER, CLIENT = "basics/stream_duplex/server.py", "basics/stream_duplex/client.py"


# The task

def test_the_client_answers_the_welcome_and_both_end(lab):
    """R7, R8"""
    server = lab.server(SERVER)
    assert lab.client(server, CLIENT).wait() == "Server: Welcome!\r\n"
    server.line("Client: Thank you!")
    server.wait()
    with pytest.raises(ConnectionRefusedError):
        connect(server)


# The network

GOOD = {"in pieces": (b"Thank you!\n", "Thank you!"), "two lines": (b"One\nTwo\n", "One"),
        "control characters": (b"\x1b[2Jgr\xc3\xbc\xc3\x9fe\n", r"\?\[2Jgr\u00fc\u00dfe")}
BAD = {"nothing": b"", "half a line": b"Thank", "no UTF-8": b"\xff\xfe\n",
       "too long": b"9" * 100_000}


@pytest.mark.parametrize("answer, shown", GOOD.values(), ids=GOOD)
def test_the_server_shows_the_first_line_however_it_arrives(answer, shown, lab):
    """D6, D17"""
    server = lab.server(SERVER)
    with connect(server) as conn:
        dribble(conn, answer)
        assert rest(conn) in (b"Welcome!\n", b"")
    server.line(f"Client: {shown}")
    server.wait()
    assert "\x1b" not in server.output


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_a_bad_client_ends_the_server_with_an_error(answer, lab):
    """D9, D10, D15: this server serves one client."""
    server = lab.server(SERVER)
    with connect(server) as conn:
        conn.sendall(answer)
        rest(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.wait(status=1)


def test_a_client_that_resets_ends_the_server_with_an_error(lab):
    """D10"""
    server = lab.server(SERVER)
    conn = connect(server)
    server.line("client .*")
    reset(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.wait(status=1)


def test_the_client_waits_for_the_whole_line_and_for_nothing_less(tmp_path):
    """D6, D9, D17"""
    whole = [b"Wel", b"come!", b"\n"], b"Welcome!\nmore\n", b"\x1b[2J\n"
    broken = b"", b"Wel", b"\xff\xfe\n", b"9" * 100_000 + b"\n"
    results = answered(CLIENT, [], [*whole, *broken], tmp_path, read=False)
    assert [result.stdout for result, _ in results] == [
        "Server: Welcome!\n", "Server: Welcome!\n", "Server: ?[2J\n", "", "", "", ""]
    assert [sent for _, sent in results[:3]] == [b"Thank you!\n"] * 3
    for result, _ in results[len(whole):]:
        assert_error(result)


# Manners

def test_ctrl_c_at_either_side_is_no_error(lab):
    """D15"""
    server = lab.server(SERVER)
    with connect(server) as conn:
        assert conn.recv(100) == b"Welcome!\n"
        assert "\r\nstopped\r\n" in server.stop()
        assert conn.makefile("rb").read() == b""
    with FalseServer() as silent:
        client = lab.start(CLIENT, "--port", silent.getsockname()[1])
        with silent.accept()[0]:
            assert client.stop().endswith("stopped\r\n")
