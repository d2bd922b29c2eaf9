"""basics/stream_hello_file: hello, hello back, then a file, on one connection (R64)."""
import os
import re
import socket
import time

import pytest

from conftest import RESET, ROOT
from relay import TcpRelay, cut, glued, one_byte, stalled

FOLDER = "basics/stream_hello_file"
SERVER, CLIENT = f"{FOLDER}/server.py", f"{FOLDER}/client.py"
HELLO = b"hello, server\n"
IN_BAND = b"__END__\nEND\nhello, server\nok\nerror: FILE_NOT_FOUND\n\r\n\0\xff\xfe" * 9


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def make(lab, name, content):
    (lab.folder / name).write_bytes(content)
    return name


def received(lab, name):
    return (lab.folder / "received" / name).read_bytes()


def kept(lab):
    return sorted(os.listdir(lab.folder / "received"))


def send(server, data):
    """Send these bytes as a client would, and return all that the server says."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        return conn.makefile("rb").read()


def assert_still_serves(lab, server):
    """A client that does it right is served, and then the server ends."""
    assert send(server, HELLO + b"3 good\nabc") == b"hello, client\nok\n"
    server.line("received good: 3 bytes")
    server.wait()
    assert received(lab, "good") == b"abc"


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_hello_is_answered_and_the_file_kept_whole(size, lab, server):
    """R64"""
    content = os.urandom(size)
    client = lab.client(server, CLIENT, make(lab, "some file.bin", content))
    assert client.wait() == ("the server says hello\r\n"
                             f"sent some file.bin: {size} bytes\r\n")
    server.see(rf"\Ahello from 127\.0\.0\.1:\d+\r\nreceived some file\.bin: {size} bytes\r\n")
    server.wait()
    assert received(lab, "some file.bin") == content
    assert kept(lab) == ["some file.bin"]


def test_without_a_file_the_client_sends_its_own_source(lab, tmp_path_factory):
    """From any folder; and both end."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    server = lab.server(SERVER, "--dir", elsewhere / "kept")
    lab.client(server, ROOT / CLIENT, cwd=elsewhere).wait()
    server.wait()
    assert (elsewhere / "kept" / "client.py").read_bytes() == (ROOT / CLIENT).read_bytes()


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_the_file_is_right_however_it_is_delivered(treatment, lab, server):
    """D6, D12: no hello ends up inside the file, and nothing in it is taken for an end."""
    relay = TcpRelay(server, treatment, treatment)
    lab.client(relay, CLIENT, make(lab, "file", IN_BAND)).wait()
    server.wait()
    assert received(lab, "file") == IN_BAND
    assert b"".join(relay.up) == HELLO + b"%d file\n" % len(IN_BAND) + IN_BAND
    assert b"".join(relay.down) == b"hello, client\nok\n"
    relay.close()


def test_everything_in_one_segment(lab, server):
    """D6: and what follows the file is not in it."""
    assert send(server, HELLO + b"3 file\nabcdef") == b"hello, client\nok\n"
    server.wait()
    assert received(lab, "file") == b"abc"


@pytest.mark.parametrize("size", [0, 5, 14, 18, 22, 500])
def test_of_a_file_that_is_cut_off_nothing_is_left(size, lab, server):
    """D9: both say so, what was there stays, and the server waits for the next client."""
    (lab.folder / "received" / "file").write_bytes(b"before")
    relay = TcpRelay(server, up=cut(size))
    client = lab.client(relay, CLIENT, make(lab, "file", b"x" * 1000))
    client.line("error: file: .*")
    client.wait(status=1)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert kept(lab) == ["file"] and received(lab, "file") == b"before"
    relay.close()
    assert_still_serves(lab, server)


def test_the_end_of_the_stream_is_not_the_end_of_the_file(lab, server):
    """D9: a polite end after 5 of 9 bytes."""
    assert send(server, HELLO + b"9 file\nroses") == (
        b"hello, client\nerror: cut off after 5 of 9 bytes; nothing is kept\n")
    assert kept(lab) == []
    assert_still_serves(lab, server)


@pytest.mark.parametrize("size", [0, 5, 14, 16])
def test_without_a_whole_ok_it_is_not_sent(size, lab, server):
    """D9"""
    relay = TcpRelay(server, down=cut(size, polite=True))
    client = lab.client(relay, CLIENT, make(lab, "file", b"x" * 10))
    client.line("error: file: the server hung up, or talks nonsense")
    client.wait(status=1)
    relay.close()


@pytest.mark.parametrize("key", ["client", "server"])
def test_ctrl_c_amid_the_file_leaves_nothing(key, lab, server):
    """Status 130 at the client; and the other side is told."""
    relay = TcpRelay(server, up=stalled(200))
    client = lab.client(relay, CLIENT, make(lab, "file", b"x" * 100_000))
    client.line("the server says hello")
    deadline = time.monotonic() + 5
    while sum(map(len, relay.up)) < 1000 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert re.fullmatch(r"\.part-\d+-0", *kept(lab))
    if key == "client":
        client.press("C")
        assert client.wait(status=130, timeout=3).endswith(
            "\r\ncut off: the server keeps the file only if it had all of it\r\n")
        server.line(r"error: .*: cut off after \d+ of 100000 bytes; nothing is kept")
        assert kept(lab) == []
        assert_still_serves(lab, server)
    else:
        server.stop()
        client.line("error: file: .*")
        client.wait(status=1)
        assert kept(lab) == []
    relay.close()


BAD_NAMES = [b"", b".", b"..", b"../file", b"/etc/passwd", b"sub/file", b"file/", b"a\0b",
             b"\x1b[2Jred", b"\xff\xfe", b"n" * 300]


def test_no_file_lands_outside_its_folder(lab, server):
    """D11, D17: an error reply, and nothing is written."""
    before = sorted(os.listdir(lab.folder))
    for name in BAD_NAMES + [b".part-%d-0" % server.pid]:
        reply = send(server, HELLO + b"3 " + name + b"\nabc")
        assert re.fullmatch(rb"hello, client\nerror: expected [^\n]+\n", reply), name
        server.line(r"error: 127\.0\.0\.1:\d+: expected .*")
    assert sorted(os.listdir(lab.folder)) == before and kept(lab) == []
    assert "\x1b" not in server.output
    assert_still_serves(lab, server)


def test_a_symbolic_link_is_replaced_not_followed(lab, server):
    """D11: a link in the folder does not lead a file out of it."""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    (lab.folder / "received" / "file").symlink_to(outside)
    lab.client(server, CLIENT, make(lab, "file", b"new")).wait()
    assert outside.read_bytes() == b"precious" and received(lab, "file") == b"new"


def test_ok_means_that_the_file_is_there(lab, server):
    """D9: a file that cannot get its name is an error, not "sent"."""
    (lab.folder / "received" / "file").mkdir()
    client = lab.client(server, CLIENT, make(lab, "file", b"x"))
    client.line("error: file: .*")
    client.wait(status=1)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert kept(lab) == ["file"]
    assert_still_serves(lab, server)


@pytest.mark.parametrize("data", [
    b"", b"\n", b"hello", b"hello\n", b"\xff\xfe\n", b"x" * 200_000, HELLO,
    HELLO + b"\n", HELLO + b"file\n", HELLO + b"-3 file\n", HELLO + b"3.0 file\n",
    HELLO + b"9999999999999999 file\n", HELLO + b"3file\nabc", HELLO + b"3 file",
    HELLO + b"9" * 200_000, b"hi, server\n3 file\nabc"], ids=lambda data: repr(data[:30]))
def test_a_bad_client_is_told_and_does_not_end_the_server(data, lab, server):
    """D10"""
    assert re.search(rb"(?m)^error: [ -~]+\n\Z", send(server, data))
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert kept(lab) == []
    assert_still_serves(lab, server)


def test_clients_that_reset_do_not_end_the_server(lab, server):
    """D10"""
    for data in b"", b"hel", HELLO + b"9 file\nroses":
        bad = socket.create_connection(("127.0.0.1", server.port))
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        bad.sendall(data)
        bad.close()
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert_still_serves(lab, server)
    assert kept(lab) == ["good"]


@pytest.mark.parametrize("reply", [b"", b"hello, cl", b"hi\n", b"\xff\xfe\n", b"x" * 5000,
                                   b"error: no \x1b[31mway\n"], ids=repr)
def test_a_server_that_does_not_say_hello_gets_no_file(reply, lab):
    """D15, D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.settimeout(5)
            stream = conn.makefile("rb")
            assert stream.readline() == HELLO
            conn.sendall(reply)
            conn.shutdown(socket.SHUT_WR)
            assert stream.read() == b""
        client.line(r"error: client\.py: (no \?\[31mway|the server hung up, or .*)")
        client.wait(status=1)
    assert "\x1b" not in client.output


def test_a_server_that_dies_is_noticed(lab, server):
    """D9"""
    relay = TcpRelay(server, up=stalled(200))
    client = lab.client(relay, CLIENT, make(lab, "file", b"x" * 5000))
    client.line("the server says hello")
    server.kill()
    client.line("error: file: .*")
    client.wait(status=1)
    relay.close()


def test_what_cannot_be_sent_is_said(lab, server):
    """D15: nothing there, a folder, and what has no length to tell."""
    os.mkfifo(lab.folder / "pipe")
    for name in "nothing", "received", "pipe", "/dev/zero":
        client = lab.client(server, CLIENT, name)
        client.line(f"error: (cannot read )?{name}.*")
        client.wait(status=1)
    assert "usage:" in lab.client(server, CLIENT, make(lab, "a\nb", b"")).wait(status=2)


def test_the_names_of_files(lab):
    """UTF-8 and spaces, up to 255 bytes; the folder part is not sent."""
    (lab.folder / "sub").mkdir()
    for name in "caf\u00e9 \u4f60.txt", "n" * 255, ".hidden", "3 4":
        server = lab.server(SERVER)
        make(lab, "sub/" + name, name.encode())
        lab.client(server, CLIENT, "sub/" + name).wait()
        server.wait()
        assert received(lab, name) == name.encode()


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    lab.client(server, CLIENT, "README.md", "--host", "::1").wait()
    server.line(r"hello from \[::1\]:\d+")
    server.wait()
    assert received(lab, "README.md") == (ROOT / "README.md").read_bytes()
