"""Problem 1 over UDP: a line a datagram, no acknowledgment (R26, R27)."""
import os
import random
import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT, THEIRS, reserve_port
from peers import Talker, assert_error
from relay import UdpRelay, doubled, lossy, shuffled, without

SERVER, CLIENT = "problem1/udp_server.py", "problem1/udp_client.py"
CONTENTS = {
    "empty": b"",
    "one line": b"hello\n",
    "no newline at the end": b"one\ntwo",
    "only newlines": b"\n\n\n",
    "indented": b"    def f():\n\treturn 1   \n",
    "carriage returns": b"one\r\ntwo\rstill two\r\n",
    "other line ends": "a\u2028b\x0bc\x0cd\x85e\n".encode(),
    "not UTF-8": bytes(range(256)) * 3,
    "looks like the protocol": b"1 1 file\n0 0 file\nEND\n\n__END__\n",
    "long lines": b"x" * 30_000 + b"\n" + b"y" * 60_000 + b"\n",
    "the longest line": b"x" * (65_507 - len("1 1 the file\n")),
}


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


@pytest.fixture
def impatient(lab):
    """A server that stores a file after half a second of silence, not after two."""
    if THEIRS:
        return lab.server(SERVER)
    copy = lab.folder / "impatient.py"
    source = (ROOT / SERVER).read_text("utf-8")
    assert source.count("\nSILENCE = 2 ") == 1
    copy.write_text(source.replace("\nSILENCE = 2 ", "\nSILENCE = 0.5 "), "utf-8")
    return lab.server(copy)


@pytest.fixture
def sock():
    with Talker(socket.SOCK_DGRAM) as sock:
        yield sock


def make(lab, name, content):
    (lab.folder / name).write_bytes(content)
    return name


def stored(lab):
    """Return the names and the contents of all in the folder but what is hidden."""
    return {path.name: path.is_file() and path.read_bytes()
            for path in (lab.folder / "received").iterdir() if path.name[:1] != "."}


# The task

def test_a_complete_file_is_the_same_byte_for_byte(lab, server):
    """D5: newlines, indentation and long lines are kept."""
    for number, content in enumerate(CONTENTS.values()):
        lines = len(re.findall(rb"[^\n]*\n|[^\n]+", content))
        client = lab.client(server, CLIENT, make(lab, f"file {number:03}", content))
        assert client.wait() == f"sent file {number:03}: {lines} lines\r\n"
        server.line(f"received file {number:03}: {lines} of {lines} lines")
        assert stored(lab) == {f"file {number:03}": content}
        (lab.folder / "received" / f"file {number:03}").unlink()


def test_each_line_is_a_datagram_and_nothing_comes_back(lab, server):
    """R26, R27"""
    relay = UdpRelay(server)
    lab.client(relay, CLIENT, make(lab, "file", b"one\ntwo\nthree")).wait()
    server.line("received file: 3 of 3 lines")
    assert relay.up == [b"1 3 file\none\n", b"2 3 file\ntwo\n", b"3 3 file\nthree"]
    assert relay.down == []
    relay.close()


def test_the_rate_is_kept_against_the_clock(lab, server):
    """300 lines at 300 a second take a second; a fixed sleep would take much longer."""
    make(lab, "file", b"x\n" * 300)
    start = time.monotonic()
    lab.client(server, CLIENT, "file", "--rate", "300").wait()
    assert time.monotonic() - start > 0.99
    server.line("received file: 300 of 300 lines")


# The network

LOST = {  # numbers of the datagrams lost, of 10: what the server says
    (0,): "1", (9,): "10", (0, 1, 4, 9): "1-2, 5, 10", tuple(range(9)): "1-9",
}


def test_lost_lines_are_named(lab, impatient):
    """D5, D8: the first, the last, any; kept as .incomplete, and never "received"."""
    lines = [b"line %d\n" % number for number in range(1, 11)]
    relays = []
    for case, lost in enumerate(LOST):
        relays.append(UdpRelay(impatient, without(lost)))
        lab.client(relays[-1], CLIENT, make(lab, f"file{case}", b"".join(lines))).wait()
    for missing in LOST.values():
        impatient.see(rf"incomplete file\d: \d of 10 lines, missing {missing}\r\n")
        impatient.seen = 0
    assert stored(lab) == {f"file{case}.incomplete": b"".join(
        line for number, line in enumerate(lines) if number not in lost)
        for case, lost in enumerate(LOST)}
    for relay in relays:
        relay.close()


def test_order_and_duplicates_do_not_matter(lab, server):
    content = b"".join(b"%d\n" % number for number in range(300))
    make(lab, "file", content)
    for treatment in doubled, shuffled(50, seed=1):
        relay = UdpRelay(server, treatment)
        lab.client(relay, CLIENT, "file").wait()
        server.line("received file: 300 of 300 lines")
        assert stored(lab) == {"file": content}
        relay.close()


def test_loss_is_counted_exactly(lab, impatient):
    """D8: 10 % lost, and the server knows which."""
    content = [b"%d\n" % number for number in range(1, 1001)]
    chance = random.Random(4)
    lost = {number for number in range(1, 1001) if chance.random() < 0.1}
    relay = UdpRelay(impatient, lossy(0.1, seed=4))
    lab.client(relay, CLIENT, make(lab, "file", b"".join(content))).wait()
    match = impatient.line(rf"incomplete file: {1000 - len(lost)} of 1000 lines, missing .*")
    named = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", match[0].split("missing ")[1]):
        named |= set(range(int(first), int(last or first) + 1))
    assert named == lost
    relay.close()


def test_several_clients_at_once_do_not_mix(lab, server):
    """D5: not even with the same file name and length."""
    for number in range(4):
        (lab.folder / f"d{number}").mkdir()
        make(lab, f"d{number}/file", b"%d\n" % number * 200)
    clients = [lab.client(server, CLIENT, f"d{number}/file", "--rate", "300")
               for number in range(4)]
    for client in clients:
        client.wait()
    for _ in clients:
        server.line("received file: 200 of 200 lines")
    assert stored(lab)["file"] in [b"%d\n" % number * 200 for number in range(4)]


def dropped(port):
    """Return how many datagrams the system has dropped at this port (Linux), or 0."""
    try:
        lines = Path("/proc/net/udp").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[-1]) for line in lines if f":{port:04X} " in line[:24])


@pytest.mark.waits
def test_ten_thousand_lines_arrive_whole(lab, server):
    """D8: at the default rate, in a second. (On a machine that is so busy that the system
    drops datagrams before the server runs, just those are missing, and the next try counts.)
    """
    content = b"".join(b"line %d\n" % number for number in range(10_000))
    before, lost = 0, []
    while len(lost) < 20:
        lab.client(server, CLIENT, make(lab, "file", content)).wait(timeout=60)
        arrived = int(server.line(r"(?:received|incomplete) file: (\d+) of 10000 lines.*")[1])
        lost.append(dropped(server.port) - before)
        before += lost[-1]
        assert arrived + lost[-1] == 10_000
        if not lost[-1]:
            assert stored(lab)["file"] == content
            return
    raise AssertionError(f"the system drops datagrams at the default rate: {lost}")


GARBAGE = [b"", b"\xff\xfe", b"hello", b"1 1", b"1 1\n", b"1 1 \nx", b"3 2 file\nx",
           b"0 2 file\nx", b"-1 2 file\nx", b"1 -2 file\nx", b"1 1 ..\nx",
           b"1 1 ../file\nx", b"1 1 /absolute/file\nx", b"9" * 60_000, b"1 1 link\nx",
           b"1 2 " + b"n" * 245 + b"\nx", b"1 9999999999 file\nx"]


def test_garbage_is_refused_and_harms_nobody(lab, server, sock):
    """D10, D11, D17, D25: a name that gets too long is refused at once."""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    (lab.folder / "received" / "link").symlink_to(outside)
    before = sorted(os.listdir(lab.folder))
    for datagram in GARBAGE[:-1] if THEIRS else GARBAGE:  # the note has no limit for TOTAL
        sock.sendto(datagram, ("127.0.0.1", server.port))
        if THEIRS and b"link" in datagram:
            server.line(".*")  # a file in place of the link will do, too
            continue
        server.line("error: [^\x1b]*")
    sock.sendto(b"1 1 a\x1b[2Jb\nx", ("127.0.0.1", server.port))
    server.line(r"received a\?\[2Jb: 1 of 1 lines")
    lab.client(server, CLIENT, "problem2/files/haiku.txt").wait()
    server.line("received haiku.txt: 7 of 7 lines")
    assert sorted(stored(lab)) == ["a\x1b[2Jb", "haiku.txt", "link"]
    assert sorted(os.listdir(lab.folder)) == before and outside.read_bytes() == b"precious"


def test_a_file_that_claims_a_billion_lines(lab, impatient, sock):
    """What is missing is computed from what has come, not from what was claimed."""
    sock.sendto(b"5 999999999 file\nx\n", ("127.0.0.1", impatient.port))
    impatient.line("incomplete file: 1 of 999999999 lines, missing 1-4, 6-999999999")


def test_a_client_has_one_file_at_a_time(lab, server, sock):
    """The memory for one sender is bounded: a second name stores the first."""
    sock.sendto(b"1 2 one\nx\n", ("127.0.0.1", server.port))
    sock.sendto(b"1 1 two\ny\n", ("127.0.0.1", server.port))
    server.line("incomplete one: 1 of 2 lines, missing 2")
    server.line("received two: 1 of 1 lines")


@pytest.mark.skipif(bool(THEIRS), reason="of our own client")
def test_a_client_held_up_does_not_catch_up_in_a_burst(lab, server):
    """D8: stopped for a while, it goes on at its rate."""
    times = []

    def timed(datagrams):
        for datagram in datagrams:
            times.append(time.monotonic())
            yield datagram

    relay = UdpRelay(server, timed)
    client = lab.client(relay, CLIENT, make(lab, "file", b"x\n" * 1500), "--rate", "1000")
    client.runs_until(lambda: len(times) >= 100)
    os.kill(client.pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(client.pid, signal.SIGCONT)
    client.wait()
    assert times[-1] - times[0] > 1.8  # 1.5 s of sending and the half second
    relay.close()


# Manners

def test_a_client_that_is_stopped(lab, impatient):
    """D15: status 130."""
    relay = UdpRelay(impatient)
    client = lab.client(relay, CLIENT, make(lab, "file", b"x\n" * 100), "--rate", "3")
    client.runs_until(lambda: relay.up)  # it prints nothing while it sends
    assert client.stop(status=130).endswith("stopped\r\n")
    impatient.line(r"incomplete file: \d+ of 100 lines, missing .*")
    relay.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "kill"])
def test_a_server_that_is_stopped_keeps_what_has_arrived(number, lab, server, sock):
    """D28: and leaves no part file."""
    sock.sendto(b"2 3 file\nx\n", ("127.0.0.1", server.port))
    with socket.socket(type=socket.SOCK_DGRAM) as other:
        other.sendto(b"1 1 other\nx\n", ("127.0.0.1", server.port))
    server.line("received other: 1 of 1 lines")
    os.kill(server.pid, number)
    server.line("incomplete file: 1 of 3 lines, missing 1, 3")
    assert "\r\nstopped\r\n" in server.wait()
    assert sorted(os.listdir(lab.folder / "received")) == ["file.incomplete", "other"]


def test_a_file_that_cannot_be_stored_is_said(lab, server):
    (lab.folder / "received" / "file").mkdir()
    lab.client(server, CLIENT, make(lab, "file", b"x")).wait()
    server.line("error: file is not stored: .*")


def test_a_file_that_cannot_be_sent_is_an_error(lab, server, tmp_path):
    """D15, D30: before anything is sent, a line too long for a datagram too."""
    make(lab, "long", b"short\n" + b"x" * 65_499)
    names = "nothing.txt", "", ".", "/dev/zero", "long"
    *others, long = run_cases(ROOT / CLIENT, [[name, "--port", str(server.port)]
                                              for name in names], tmp_path, ENVIRONMENT)
    for name, result in zip(names, others):
        assert_error(result, f"{name!r} does not exist or is not a regular file")
    assert_error(long, "line 2 does not fit into a datagram")


def test_a_single_line_that_nobody_takes_is_an_error(tmp_path):
    """D15: the system reports it after the last datagram, too."""
    (tmp_path / "file").write_bytes(b"a line\n")
    reserved, port = reserve_port()
    with reserved:  # and nobody listens there
        result, = run_cases(ROOT / CLIENT, [["file", "--port", str(port)]], tmp_path, ENVIRONMENT)
    assert_error(result)


def test_a_terminal_that_knows_ascii_only(lab):
    """A character that it cannot show is shown as ?, and the file arrives; no file is made
    on another disk first, from where it could not be moved to its name."""
    ascii_python = "env", "PYTHONIOENCODING=ascii", "TMPDIR=/dev/shm", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0")
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, make(lab, "caf\u00e9", b"x"))
    client.line(r"sent caf\?: 1 lines")
    client.wait()
    server.line(r"received caf\?: 1 of 1 lines")


def test_over_ipv6(lab):
    """D23"""
    server = lab.server(SERVER, "--host", "::1")
    lab.client(server, CLIENT, "problem2/files/haiku.txt", "--host", "::1").wait()
    server.line("received haiku.txt: 7 of 7 lines")
