"""Problem 1 over UDP: a line a datagram, no acknowledgment (R26, R27)."""
import os
import random
import re
import signal
import socket
import sys
import time

import pytest

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
    "looks like the protocol": b"1 1 4 file x\n0 0 4 file \nEND\n\n__END__\n",
    "long lines": b"x" * 30_000 + b"\n" + b"y" * 60_000 + b"\n",
    "the longest line": b"x" * (65_507 - len("1 1 8 the file ")),
}


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


@pytest.fixture
def sock():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        yield sock


def make(lab, name, content):
    (lab.folder / name).write_bytes(content)
    return name


def received(lab, name):
    return (lab.folder / "received" / name).read_bytes()


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_complete_file_is_the_same_byte_for_byte(content, lab, server):
    """D5: newlines, indentation and long lines are kept."""
    lines = len(re.findall(rb"[^\n]*\n|[^\n]+", content))
    client = lab.client(server, CLIENT, make(lab, "the file", content))
    assert client.wait() == f"sent the file: {lines} lines\r\n"
    server.line(f"received the file: {lines} of {lines} lines")
    assert received(lab, "the file") == content
    assert os.listdir(lab.folder / "received") == ["the file"]


def test_each_line_is_a_datagram(lab, server):
    """R26, R27: one datagram a line, and nothing comes back."""
    relay = UdpRelay(server)
    lab.client(relay, CLIENT, make(lab, "file", b"one\ntwo\nthree")).wait()
    server.line("received file: 3 of 3 lines")
    assert relay.up == [b"1 3 4 file one\n", b"2 3 4 file two\n", b"3 3 4 file three"]
    assert relay.down == []
    relay.close()


LOST = {  # numbers of the datagrams lost, of 10: what the server says
    (0,): "1", (9,): "10", (8, 9): "9-10", (0, 1, 4, 9): "1-2, 5, 10",
    tuple(range(9)): "1-9", tuple(range(1, 10)): "2-10", (1, 2, 3, 5, 7): "2-4, 6, 8",
}


@pytest.mark.waits
def test_what_is_lost_is_named(lab, server):
    """D5, D8: the first, the last, any; kept as .incomplete, and never "received"."""
    lines = [b"line %d\n" % number for number in range(1, 11)]
    relays = []
    for case, lost in enumerate(LOST):
        relays.append(UdpRelay(server, without(lost)))
        lab.client(relays[-1], CLIENT, make(lab, f"file{case}", b"".join(lines))).wait()
    for case, (lost, missing) in enumerate(LOST.items()):
        server.line(f"incomplete file{case}: {10 - len(lost)} of 10 lines, "
                    f"missing {missing}")
        assert received(lab, f"file{case}.incomplete") == b"".join(
            line for number, line in enumerate(lines) if number not in lost)
        assert not (lab.folder / "received" / f"file{case}").exists()
    assert "received file" not in server.output
    for relay in relays:
        relay.close()


def test_order_and_duplicates_do_not_matter(lab, server):
    content = b"".join(b"%d\n" % number for number in range(500))
    make(lab, "file", content)
    for treatment in doubled, shuffled(50, seed=1):
        relay = UdpRelay(server, treatment)
        lab.client(relay, CLIENT, "file").wait()
        server.line("received file: 500 of 500 lines")
        assert received(lab, "file") == content
        (lab.folder / "received" / "file").unlink()
        relay.close()


@pytest.mark.waits
def test_loss_is_counted_exactly(lab, server):
    """D8: 10 % lost, and the server knows which."""
    content = [b"%d\n" % number for number in range(1, 1001)]
    chance = random.Random(4)
    lost = {number for number in range(1, 1001) if chance.random() < 0.1}
    relay = UdpRelay(server, lossy(0.1, seed=4))
    lab.client(relay, CLIENT, make(lab, "file", b"".join(content))).wait()
    match = server.line(rf"incomplete file: {1000 - len(lost)} of 1000 lines, missing .*")
    named = set()
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", match[0].split("missing ")[1]):
        named |= set(range(int(first), int(last or first) + 1))
    assert named == lost
    relay.close()


def test_several_clients_at_once_do_not_mix(lab, server):
    """D5: not even with the same file name and length."""
    for number in range(4):
        (lab.folder / f"d{number}").mkdir()
        make(lab, f"d{number}/file", b"%d\n" % number * 300)
        make(lab, f"file{number}", b"%d\n" % number * 300)
    clients = [lab.client(server, CLIENT, f"d{number}/file", "--rate", "1000")
               for number in range(4)]
    clients += [lab.client(server, CLIENT, f"file{number}", "--rate", "1000")
                for number in range(4)]
    for client in clients:
        client.wait()
    for number in range(8):
        server.line(r"received file\d?: 300 of 300 lines")
    assert received(lab, "file") in [b"%d\n" % number * 300 for number in range(4)]
    for number in range(4):
        assert received(lab, f"file{number}") == b"%d\n" % number * 300


def test_the_rate_is_kept(lab, server):
    """Against the clock: 200 lines at 200 a second take a second, not more."""
    relay = UdpRelay(server)
    make(lab, "file", b"x\n" * 200)
    start = time.monotonic()
    lab.client(relay, CLIENT, "file", "--rate", "200").wait()
    assert 0.99 < time.monotonic() - start < 1.6
    relay.close()


@pytest.mark.waits
def test_a_hundred_thousand_lines_arrive_whole(lab, server):
    """D8: at the default rate."""
    content = b"".join(b"line %d\n" % number for number in range(100_000))
    lab.client(server, CLIENT, make(lab, "file", content)).wait(timeout=20)  # 10 s at least
    server.line("received file: 100000 of 100000 lines")
    assert received(lab, "file") == content


def test_a_line_too_long_is_refused_before_anything_is_sent(lab, server):
    relay = UdpRelay(server)
    client = lab.client(relay, CLIENT, make(lab, "file", b"short\n" + b"x" * 65_497))
    client.line("error: cannot send file: line 2 is too long for a datagram")
    client.wait(status=1)
    assert relay.up == []
    relay.close()


GARBAGE = [b"", b"\xff\xfe", b"hello", b"1 1 4", b"1 1 4 file", b"1 2 5 file x",
           b"3 2 4 file x", b"0 2 4 file x", b"-1 2 4 file x", b"1 2 -1 file x",
           b"1 1 2 .. x", b"1 1 7 ../file x", b"1 1 11 /etc/passwd x", b"1 1 0  x",
           b"9" * 60_000, b"1 1 4 a\0\0b x", b"1 1 3 a\x1bb x"]


@pytest.mark.parametrize("datagram", GARBAGE, ids=lambda datagram: repr(datagram[:20]))
def test_garbage_is_refused_and_harms_nobody(datagram, lab, server, sock):
    """D10, D11"""
    before = sorted(os.listdir(lab.folder))
    sock.sendto(datagram, ("127.0.0.1", server.port))
    server.line(r"error: .*")
    lab.client(server, CLIENT, "problem2/files/haiku.txt").wait()
    server.line("received haiku.txt: 7 of 7 lines")
    assert os.listdir(lab.folder / "received") == ["haiku.txt"]
    assert sorted(os.listdir(lab.folder)) == before


@pytest.mark.waits
def test_a_file_that_claims_a_billion_lines(lab, server, sock):
    """What is missing is reckoned from what has come, not from what was claimed."""
    sock.sendto(b"5 999999999 4 file x\n", ("127.0.0.1", server.port))
    server.line("incomplete file: 1 of 999999999 lines, missing 1-4, 6-999999999",
                timeout=4)


@pytest.mark.waits
def test_ctrl_c_in_the_client(lab, server):
    relay = UdpRelay(server)
    client = lab.client(relay, CLIENT, make(lab, "file", b"x\n" * 100), "--rate", "1")
    client.runs_until(lambda: relay.up)  # it prints nothing while it sends
    client.press("C")
    assert client.wait(status=130, timeout=2) == (
        "\r\ncut off: the server gets some of the lines only\r\n")
    server.line(r"incomplete file: \d of 100 lines, missing .*")


def test_a_symbolic_link_is_replaced_not_followed(lab, server):
    """D11"""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    (lab.folder / "received" / "file").symlink_to(outside)
    lab.client(server, CLIENT, make(lab, "file", b"new")).wait()
    server.line("received file: 1 of 1 lines")
    assert outside.read_bytes() == b"precious" and received(lab, "file") == b"new"


def test_a_terminal_that_knows_ascii_only(lab):
    """A name that it cannot show is shown with a ?, and the file arrives."""
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0")
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, make(lab, "caf\u00e9", b"x"))
    client.line(r"sent caf\?: 1 lines")
    client.wait()
    server.line(r"received caf\?: 1 of 1 lines")


def test_no_file_is_made_on_another_disk_first(lab):
    """It could not be moved from there to its name."""
    server = lab.start("env", "TMPDIR=/dev/shm", sys.executable, SERVER, "--port", "0")
    server.ready()
    lab.client(server, CLIENT, make(lab, "file", b"x")).wait()
    server.line("received file: 1 of 1 lines")


def test_what_cannot_be_stored_is_said(lab, server):
    (lab.folder / "received" / "file").mkdir()
    lab.client(server, CLIENT, make(lab, "file", b"x")).wait()
    server.line("error: file is not stored: .*")


def test_what_cannot_be_read_is_said(lab, server):
    client = lab.client(server, CLIENT, "nothing")
    client.line("error: cannot read nothing: No such file or directory")
    client.wait(status=1)


@pytest.mark.parametrize("rate", ["0", "-1", "0.5", "nan", "fast"])
def test_bad_rates(rate, lab, server):
    assert "usage:" in lab.client(server, CLIENT, "README.md", "--rate", rate).wait(2)


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    lab.client(server, CLIENT, "problem2/files/haiku.txt", "--host", "::1").wait()
    server.line("received haiku.txt: 7 of 7 lines")


def test_ctrl_c_in_the_server_keeps_what_has_come(lab, server, sock):
    sock.sendto(b"2 3 4 file x\n", ("127.0.0.1", server.port))
    sock.sendto(b"1 1 5 other x\n", ("127.0.0.1", server.port))
    server.line("received other: 1 of 1 lines")
    server.press("C")
    server.line("incomplete file: 1 of 3 lines, missing 1, 3")
    server.wait()
    assert received(lab, "file.incomplete") == b"x\n"


@pytest.mark.waits
def test_a_client_held_up_does_not_catch_up_in_a_burst(lab):
    """D8: stopped for a while, it goes on at its rate."""
    times = []

    def timed(datagrams):
        for datagram in datagrams:
            times.append(time.monotonic())
            yield datagram

    server = lab.server(SERVER)
    relay = UdpRelay(server, timed)
    client = lab.client(relay, CLIENT, make(lab, "file", b"x\n" * 2000), "--rate", "1000")
    client.runs_until(lambda: len(times) >= 100)
    os.kill(client.pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(client.pid, signal.SIGCONT)
    client.wait()
    assert times[-1] - times[0] > 2.3  # 2 s of sending and the half second
    relay.close()
