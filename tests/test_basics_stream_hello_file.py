"""basics/stream_hello_file: hello, hello back, then a file (R64)."""
import os
import signal

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT
from peers import answered, assert_error, connect, dribble, FalseServer, reset, rest

FOLDER = "basics/stream_hello_file"
SERVER, CLIENT = f"{FOLDER}/server.py", f"{FOLDER}/client.py"
POEM = b"roses\nare red\n"
HELLO = b"hello, server\n"


def request(size, name, data=b""):
    return HELLO + b"%d %b\n%b" % (size, name, data)


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def stored(lab):
    """Return the names and the contents of all in the folder, hidden ones too."""
    return {path.name: path.is_file() and path.read_bytes()
            for path in (lab.folder / "received").iterdir()}


# The task

@pytest.mark.parametrize("data", [b"", b"9", bytes(range(256)) * 1000],
                         ids=["empty", "1", "256000"])
def test_hello_is_answered_and_the_file_is_stored_whole(data, lab, server):
    """R64: then both end."""
    (lab.folder / "a poem \u00e4.txt").write_bytes(data)
    client = lab.client(server, CLIENT, "a poem \u00e4.txt")
    client.line("the server says hello")
    client.line(f"sent a poem \u00e4.txt: {len(data)} bytes")
    client.wait()
    server.line(r"hello from 127\.0\.0\.1:\d+")
    server.line(f"received a poem \u00e4.txt: {len(data)} bytes")
    server.wait()
    assert stored(lab) == {"a poem \u00e4.txt": data}


def test_without_a_file_the_client_sends_its_own_source(lab, server):
    lab.client(server, CLIENT).wait()
    server.wait()
    assert stored(lab) == {"client.py": (ROOT / CLIENT).read_bytes()}


# The network

@pytest.mark.parametrize("way", ["byte by byte", "in one segment"])
def test_the_file_is_right_however_it_arrives(way, lab, server):
    """D6, D12: no hello ends up in the file; what looks like an end does not end it."""
    data = b"ok\nhello, server\n__END__\n"
    message = request(len(data), b"poem.txt", data)
    with connect(server) as conn:
        if way == "byte by byte":
            dribble(conn, message)
            assert rest(conn) == b"hello, client\nok\n"
        else:
            conn.sendall(message + b"and more")
            assert rest(conn) in (b"hello, client\nok\n", b"hello, client\n", b"")
    server.wait()
    assert stored(lab) == {"poem.txt": data}


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_file_that_is_cut_off_leaves_nothing_and_the_old_one_stays(how, lab, server):
    """D9"""
    (lab.folder / "received" / "poem.txt").write_bytes(b"old")
    conn = connect(server)
    conn.sendall(request(len(POEM) + 1, b"poem.txt", POEM))
    assert conn.recv(100) == b"hello, client\n"
    if how == "closed":
        assert rest(conn) == b""
    reset(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.wait(status=1)
    assert stored(lab) == {"poem.txt": b"old"}


BAD = {
    "no hello": b"hello\n", "nothing": b"", "hello only": HELLO, "half a hello": HELLO[:-1],
    "no name": request(3, b"", b"abc"), "a path": request(3, b"../poem.txt", b"abc"),
    "an absolute path": request(3, b"/tmp/poem.txt", b"abc"), "dot": request(3, b".", b"abc"),
    "dot dot": request(3, b"..", b"abc"), "a null": request(3, b"a\0b", b"abc"),
    "a long name": request(3, b"x" * 256, b"abc"), "a longer line": request(3, b"x" * 900),
    "no length": HELLO + b"poem.txt\n", "a negative length": HELLO + b"-1 poem.txt\nabc",
    "a length that is none": HELLO + b"3x poem.txt\nabc", "cut in the name": HELLO + b"0 poem",
    "a length of 300 digits": HELLO + b"9" * 290 + b" poem.txt\nabc",
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_a_bad_client_ends_the_server_with_an_error_and_stores_nothing(message, lab, server):
    """D9, D10, D11: no file lands outside its folder."""
    with connect(server) as conn:
        conn.sendall(message)
        assert b"ok\n" not in rest(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.wait(status=1)
    assert stored(lab) == {} and not (lab.folder / "poem.txt").exists()


def test_a_symbolic_link_is_not_followed(lab, server):
    """D11: a link in the folder does not lead a file out of it."""
    (lab.folder / "outside").write_bytes(b"mine")
    os.symlink("../outside", lab.folder / "received" / "poem.txt")
    with connect(server) as conn:
        conn.sendall(request(len(POEM), b"poem.txt", POEM))
        rest(conn)
    server.line("error: .* is not the name of a file here")
    server.wait(status=1)
    assert (lab.folder / "outside").read_bytes() == b"mine"


def test_two_servers_with_one_folder_do_not_mix(lab, server):
    """D18: neither knows the other's hidden folder."""
    second = lab.server(SERVER)
    conns = [connect(server), connect(second)]
    for conn, byte in zip(conns, (b"a", b"b")):
        conn.sendall(request(2000, byte, byte * 1000))
        assert conn.recv(100) == b"hello, client\n"
    for conn, byte in zip(conns, (b"a", b"b")):
        conn.sendall(byte * 1000)
        assert rest(conn) == b"ok\n"
    for terminal in server, second:
        terminal.wait()
    assert stored(lab) == {"a": b"a" * 2000, "b": b"b" * 2000}


def test_ok_means_that_the_file_has_its_name(lab, server):
    """D9: a file that cannot get its name is an error."""
    (lab.folder / "received" / "poem.txt").mkdir()
    with connect(server) as conn:
        conn.sendall(request(len(POEM), b"poem.txt", POEM))
        assert rest(conn) == b"hello, client\n"
    server.line("error: .*")
    server.wait(status=1)


def test_without_a_whole_ok_it_is_not_sent(tmp_path):
    """D6, D9, D15, D17"""
    (tmp_path / "poem.txt").write_bytes(POEM)
    hello = b"hello, client\n"
    replies = [hello[:5], hello[5:], b"o", b"k\n"], b"", b"\x1b[2J\n", hello, hello + b"ok"
    (whole, sent), *broken = answered(CLIENT, [str(tmp_path / "poem.txt")], replies, tmp_path)
    assert whole.stdout == "the server says hello\nsent poem.txt: 14 bytes\n"
    assert sent == request(len(POEM), b"poem.txt", POEM)
    for result, _ in broken:
        assert_error(result, "the server did not answer")
        assert "sent" not in result.stdout and "\x1b" not in result.stderr


# Manners

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "kill"])
def test_a_server_that_is_stopped_amid_a_file_leaves_nothing(number, lab, server):
    """D15, D28: and the client ends with an error."""
    with connect(server) as conn:
        conn.sendall(request(2000, b"poem.txt", b"x" * 1000))
        assert conn.recv(100) == b"hello, client\n"
        os.kill(server.pid, number)
        assert "\r\nstopped\r\n" in server.wait()
        assert rest(conn) == b""
    assert stored(lab) == {}


def test_ctrl_c_amid_the_file_is_status_130_at_the_client(lab):
    """D15"""
    with FalseServer() as silent:
        client = lab.start(CLIENT, "--port", silent.getsockname()[1])
        with silent.accept()[0]:
            assert client.stop(status=130).endswith("stopped\r\n")


def test_a_file_that_cannot_be_sent_is_an_error(tmp_path):
    """D15, D30: no such file, an empty name, a folder, a device without a length."""
    names = "nothing.txt", "", ".", "/dev/zero"
    for name, result in zip(names, run_cases(
            ROOT / CLIENT, [[name, "--port", "1"] for name in names], tmp_path, ENVIRONMENT)):
        assert_error(result, f"{name!r} does not exist or is not a regular file")


def test_a_file_of_any_length_of_name(lab, server):
    name = "x" * 255
    (lab.folder / name).write_bytes(POEM)
    lab.client(server, CLIENT, name).wait()
    server.wait()
    assert stored(lab) == {name: POEM}
