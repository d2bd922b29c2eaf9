"""Problem 4, streaming over UDP: rude peers, names, files in the way."""
import os
import re
import signal
import socket
import sys
import time
import wave

import pytest

from conftest import ROOT, THEIRS
from streaming import CLIENT, SERVER, make, saved
from peers import Talker
from terminal import PATIENCE

TUNE = (ROOT / "problem4" / "media" / "tune.wav").read_bytes()


@pytest.fixture
def folder(lab):
    folder = lab.folder / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def server(lab, folder):
    return lab.server(SERVER, "--dir", folder, "--rate", "1000000")


@pytest.fixture
def sock():
    with Talker(socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        yield sock


# The network

def test_no_path_leaves_the_folder(lab, folder, server):
    """D11"""
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "sub").mkdir()
    for name in "../README.md", "/etc/passwd", "link", "sub", "..", "nothing":
        client = lab.client(server, CLIENT, name, "--output", "out")
        client.line(r"error: the server says: '.*' (is not the name of a file here|does not exist)")
        client.wait(status=1)
    assert not list(lab.folder.glob("out*"))


def test_an_output_that_is_not_a_file_is_left_as_it_is(lab, folder, server):
    """A pipe or a device: os.replace() would put the file in its place."""
    make(folder, "file", 5000)
    os.mkfifo(lab.folder / "pipe")
    client = lab.client(server, CLIENT, "file", "--output", "pipe")
    client.line("error: pipe exists and is not a regular file; choose another --output")
    client.wait(status=1)
    assert (lab.folder / "pipe").is_fifo()


@pytest.mark.waits
def test_a_client_that_was_stopped_for_a_while(lab, folder):
    """The server begins anew, with other pieces; what comes twice is counted once."""
    content = make(folder, "file", 400_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "100000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 400000 bytes")
    time.sleep(2)
    os.kill(client.pid, signal.SIGSTOP)
    server.line(r".*: file, \d+ bytes sent", timeout=40)
    time.sleep(3)
    os.kill(client.pid, signal.SIGCONT)
    client.line(r"received file: 400000 of 400000 bytes in \d+ datagrams, 0 missing")
    client.wait()
    assert saved(lab, "file") == content


def test_two_clients_that_write_one_file(lab, folder):
    """D9: the one whose file was taken away does not say that it has all."""
    content = make(folder, "file", 60_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "30000")
    first = lab.client(server, CLIENT, "file")
    incomplete = lab.folder / "streamed_file.incomplete"
    first.runs_until(lambda: incomplete.exists() and incomplete.stat().st_size > 20_000)
    second = lab.client(server, CLIENT, "file")
    if THEIRS:  # its own way, if only no file is wrong
        first.wait({0, 1}), second.wait({0, 1})
        file = lab.folder / "streamed_file"
        assert not file.exists() or file.read_bytes() == content
        return
    first.line("error: another program writes .*")
    first.wait(status=1)
    assert not (lab.folder / "streamed_file").exists()
    second.wait()
    assert saved(lab, "file") == content


def test_absurd_sizes(lab, sock):
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1], "--play", "wc -c")
    _, peer = sock.recvfrom(2000)
    for _ in range(3):
        sock.sendto(b"end 99999999999999999999", peer)
    client.line("error: .*")
    client.wait(status=1)


@pytest.mark.skipif(CLIENT in THEIRS, reason="the note is silent")
def test_a_gap_larger_than_the_memory(lab, sock):
    """The file has a hole there, which takes no room; the player gets a part of it."""
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1], "--play", "wc -c")
    _, peer = sock.recvfrom(2000)
    for datagram in [b"data 4000000000000 4000000000002\nxx"] + 3 * [b"end 4000000000002"]:
        sock.sendto(datagram, peer)
    client.line("received file: 2 of 4000000000002 bytes in 1 datagrams, 4000000000000 missing"
                "|error: .*(too large|Invalid).*")  # where files cannot be as long
    client.wait(status=1)
    (lab.folder / "streamed_file.incomplete").unlink(missing_ok=True)


def test_pieces_that_overlap_or_exceed_the_file(lab, sock):
    """D9: the sum of the pieces is not the file then."""
    sock.bind(("127.0.0.1", 0))
    for last in b"data 1 6\n23456", b"data 5 2\nx", b"end 3":
        client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1])
        _, peer = sock.recvfrom(2000)
        sock.sendto(b"data 0 6\n1234", peer)
        for datagram in last, b"end 3", b"end 3", b"end 3":
            sock.sendto(datagram, peer)
        if THEIRS:  # it may also use what fits
            client.wait({0, 1})
            saved = lab.folder / "streamed_file"
            assert not saved.exists() or saved.read_bytes() == b"123456"
            continue
        client.line("error: the (server sent a piece that is not of this file|"
                    "file is not whole).*")
        client.wait(status=1)
        assert not (lab.folder / "streamed_file").exists()


def test_ctrl_c_while_the_player_still_plays(lab, folder, server):
    """The file is whole: that is no transfer cut off."""
    content = make(folder, "file", 5000)
    client = lab.client(server, CLIENT, "file", "--play", "sleep 60")
    client.line(".* 0 missing")
    client.press("C")
    client.line("stopped")
    client.wait(timeout=40)
    assert saved(lab, "file") == content


NONSENSE = [b"data x 5\nabc", b"data 0\nabc", b"data -3 9\nabc", b"data 8 9\nabc",
            b"data 0 9\n", b"end x", b"end -1", b"error \x1b[2J", b"error \xff", b"data"]


@pytest.mark.parametrize("datagram", NONSENSE, ids=repr)
def test_a_server_that_talks_nonsense(datagram, lab, sock):
    """D9, D17"""
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1])
    _, peer = sock.recvfrom(2000)
    for _ in range(3):
        sock.sendto(datagram, peer)
    client.line(r"error: [^\x1b]*")
    client.wait(status=1)
    assert not (lab.folder / "streamed_file").exists()


def test_strangers_are_not_heard(lab, sock):
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1])
    _, peer = sock.recvfrom(2000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"data 0 3\nbad", peer)
    sock.sendto(b"data 0 3\nyes", peer)
    sock.sendto(b"end 3", peer)
    client.wait()
    assert saved(lab, "file") == b"yes"


def test_a_link_in_the_way_is_not_followed(lab, folder, server):
    """D11"""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    content = make(folder, "file", 5000)
    (lab.folder / "streamed_file").symlink_to(outside)
    (lab.folder / "streamed_file.incomplete").symlink_to(outside)
    lab.client(server, CLIENT, "file").wait({0, 1} if THEIRS else 0)
    assert outside.read_bytes() == b"precious"
    assert THEIRS or saved(lab, "file") == content


# Manners

def test_a_terminal_that_knows_ascii_only(lab, folder):
    """A name that it cannot show is shown with a ?, and the file arrives."""
    make(folder, "caf\u00e9", 1500)
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0", "--dir", folder)
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, "caf\u00e9")
    client.line(r"received caf\?: 1500 of 1500 bytes in [12] datagrams, 0 missing")
    client.wait()
    server.line(r".*: caf\?, 1500 bytes sent")


def test_a_name_that_is_empty_or_gets_too_long(lab, server):
    """D25, D30: refused before anything is fetched; an error names what it is about."""
    client = lab.client(server, CLIENT, "n" * 240)
    client.line("error: .* is too long; choose another --output")
    client.wait(status=1)
    client = lab.client(server, CLIENT, "")
    client.line(".*error: .*" if THEIRS else
                "error: the server says: '' is not the name of a file here")
    client.wait({1, 2} if THEIRS else 1)
    assert not list(lab.folder.glob("streamed*"))


def test_more_streams_than_threads(lab, folder):
    """D19: a thread that cannot be started is an `error: ` line, and the server goes on."""
    make(folder, "file", 100_000)
    server = lab.cramped_server(SERVER, "--dir", folder, "--rate", "1000")
    address, socks = ("127.0.0.1", server.port), []
    for _ in range(40):
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.settimeout(PATIENCE)
        socks.append(sock)
        sock.sendto(b"get - file", address)
        sock.sendto(b"get " + sock.recv(100).split()[1] + b" file", address)
    server.line("error: .*start new thread.*")
    socks[-1].sendto(b"get - file", address)
    while not socks[-1].recv(3000).startswith(b"token "):
        pass
    for sock in socks:
        sock.close()


def test_over_ipv6(lab, folder):
    content = make(folder, "file", 5000)
    server = lab.server(SERVER, "--host", "::1", "--dir", folder)
    lab.client(server, CLIENT, "file", "--host", "::1").wait()
    assert saved(lab, "file") == content


def test_the_tune_is_what_its_script_makes(lab):
    lab.start("problem4/make_tune.py", "--output", "tune.wav").wait()
    assert (lab.folder / "tune.wav").read_bytes() == TUNE
    with wave.open(str(lab.folder / "tune.wav")) as tune:
        assert tune.getnframes() / tune.getframerate() == pytest.approx(5.76)
    client = lab.start("problem4/make_tune.py", "--output", "no/such/folder")
    client.line("error: .*")
    client.wait(status=1)
    assert re.search("error: cannot write the tune", client.output)
