"""Problem 1 over TCP: stop and wait (R21 to R25)."""
import os
import re
import signal
import socket
import sys
import time

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT, THEIRS
from peers import assert_error, connect, dribble, FalseServer, reset, rest, until_served
from relay import TcpRelay, cut, glued, late, one_byte
from terminal import PATIENCE

SERVER, CLIENT = "problem1/tcp_server.py", "problem1/tcp_client.py"
IN_BAND = b"__END__\nEND\n00000004 000\nack 00000001\nerror: FILE_NOT_FOUND\n\r\n\0\xff\xfe" * 9


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def make(lab, name, content):
    (lab.folder / name).write_bytes(content)
    return name


def stored(lab):
    """Return the names and the contents of all in the folder but what is hidden."""
    return {path.name: path.is_file() and path.read_bytes()
            for path in (lab.folder / "received").iterdir() if path.name[:1] != "."}


def unit(sequence, payload):
    return b"%08d %03d\n%b" % (sequence, len(payload), payload)


def ack(*sequences):
    return b"".join(b"ack %08d\n" % sequence for sequence in sequences)


def units(data):
    """Return the units in all that a client has sent: sequence numbers and payloads."""
    found = []
    while data:
        sequence, length = int(data[:8]), int(data[9:12])
        found.append((sequence, data[13:13 + length]))
        data = data[13 + length:]
    return found


# The task

@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 1234])
def test_the_file_arrives_whole_in_units_of_100_bytes(size, lab, server):
    """R21, R22, R25: and each side says so."""
    content = os.urandom(size)
    relay = TcpRelay(server)
    client = lab.client(relay, CLIENT, make(lab, "some file.bin", content))
    count = (size + 99) // 100
    assert client.wait() == (
        f"sent some file.bin: {size} bytes in {count} units, 0 retransmitted\r\n")
    server.line(f"received some file.bin: {size} bytes")
    sent = units(b"".join(relay.up))
    assert [number for number, _ in sent] == list(range(count + 2))
    assert all(len(payload) == 100 for _, payload in sent[1:-2])
    assert stored(lab) == {"some file.bin": content}
    relay.close()


def test_the_next_unit_waits_for_the_acknowledgment(lab):
    """R23: nothing is sent before the acknowledgment of the last unit."""
    make(lab, "file", b"x" * 250)
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            for sequence, payload in enumerate([b"file", b"x" * 100, b"x" * 100,
                                                b"x" * 50, b""]):
                conn.settimeout(PATIENCE)
                assert conn.recv(1000) == unit(sequence, payload)
                conn.settimeout(0.05)
                with pytest.raises(socket.timeout):
                    conn.recv(1000)
                conn.sendall(ack(sequence))
        client.wait()


@pytest.mark.parametrize("seed", [3, 7])
def test_losses_are_repaired_and_counted(seed, lab):
    """R24: what the server says it lost is what the client sent again; the same seed loses
    the same."""
    server = lab.server(SERVER, "--lose", "0.3", "--seed", seed)
    content = os.urandom(1000)
    client = lab.client(server, CLIENT, make(lab, "file", content), "--timeout", "0.3",
                        "--retries", "20")
    output = client.wait()
    assert stored(lab) == {"file": content}
    lost = re.findall(r"lost: (?:unit|ack) \d+\r\n", server.stop())
    assert len(lost) >= 2
    assert output.endswith(f"in 10 units, {len(lost)} retransmitted\r\n")
    assert lost[0] == {3: "lost: ack 0\r\n", 7: "lost: ack 1\r\n"}[seed]


def test_bytes_that_look_like_the_protocol_arrive(lab, server):
    """D12: nobody looks for an end mark, a header or a reply in the file."""
    lab.client(server, CLIENT, make(lab, "file", IN_BAND)).wait()
    assert stored(lab) == {"file": IN_BAND}


# The network

@pytest.mark.parametrize("treatment", [one_byte, glued(0.01)], ids=["one byte", "glued"])
def test_the_file_is_right_however_it_arrives(treatment, lab, server):
    """D6"""
    content = os.urandom(350)
    relay = TcpRelay(server, treatment, treatment)
    lab.client(relay, CLIENT, make(lab, "file", content), "--timeout", "9").wait()
    assert stored(lab) == {"file": content}
    relay.close()


@pytest.mark.parametrize("numbers", [{2, 3}, {0}, {5}], ids=str)
def test_a_late_acknowledgment_does_not_duplicate_the_unit(numbers, lab, server):
    """D4: later than the timeout; the unit comes again, is written once, and the
    acknowledgments that come too late are not taken for others."""
    content = os.urandom(450)
    relay = TcpRelay(server, down=late(numbers, 0.5))
    client = lab.client(relay, CLIENT, make(lab, "file", content), "--timeout", "0.3",
                        "--retries", "50")
    match = re.fullmatch(r"(?:unit \d: no acknowledgment, sent again\r\n)+"
                         r"sent file: 450 bytes in 5 units, (\d+) retransmitted\r\n",
                         client.wait())
    assert int(match[1]) == client.output.count("sent again") >= len(numbers)
    assert stored(lab) == {"file": content}
    relay.close()


def test_old_acknowledgments_are_no_reason_to_send_again(lab):
    """RFC 1123 4.2.3.1: each acknowledgment three times, and not one unit more."""
    make(lab, "file", b"x" * 150)
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        sent, length = b"", 0
        with conn:
            conn.settimeout(PATIENCE)
            for number, payload in enumerate([4, 100, 50, 0]):
                length += len(b"00000000 000\n") + payload
                while len(sent) < length:
                    piece = conn.recv(1000)
                    assert piece, "the client has closed"
                    sent += piece
                conn.sendall(ack(*[max(number - 1, 0)] * 2, number))
            assert rest(conn) == b""
    assert client.wait() == "sent file: 150 bytes in 2 units, 0 retransmitted\r\n"
    assert [number for number, _ in units(sent)] == [0, 1, 2, 3]


def test_a_stream_of_old_acknowledgments_does_not_prolong_the_wait(lab):
    """One deadline for each wait: the unit is sent again although something always arrives."""
    make(lab, "file", b"x")
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1],
                           "--timeout", "0.4", "--retries", "2")
        conn, _ = false_server.accept()
        with conn:
            conn.recv(1000)
            end = time.monotonic() + 60
            while time.monotonic() < end and not client.closed:
                try:
                    conn.sendall(ack(0))
                except OSError:
                    break
                time.sleep(0.05)
        client.see(r"unit 1: no acknowledgment, sent again\r\n")
        client.see(r"error: no acknowledgment of unit 1 after 2 tries; the server may have it")
        client.wait(status=1)


def test_a_duplicate_is_acknowledged_again_and_written_once(lab, server):
    """D4: also the first unit and the last, and after the file is stored."""
    with connect(server) as conn:
        stream = conn.makefile("rb")
        for sequence, payload in enumerate([b"file", b"abc", b"def", b""]):
            for _ in range(3):
                conn.sendall(unit(sequence, payload))
                assert stream.readline() == ack(sequence)
        conn.sendall(unit(1, b"abc"))
        assert stream.readline() == ack(1)
    assert stored(lab) == {"file": b"abcdef"}


@pytest.mark.parametrize("size", [0, 5, 120])
def test_a_file_that_is_cut_off_is_not_kept(size, lab, server):
    """D9: neither side says that all went well, and the old file stays."""
    (lab.folder / "received" / "file").write_bytes(b"old")
    relay = TcpRelay(server, up=cut(size))
    client = lab.client(relay, CLIENT, make(lab, "file", b"x" * 1000))
    client.line("error: .*")
    client.wait(status=1)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert "received file" not in server.stop()
    assert stored(lab) == {"file": b"old"}
    relay.close()


def test_the_last_acknowledgment_means_that_the_file_has_its_name(lab, server):
    """D9: a file that cannot get its name is an error, not "sent"."""
    (lab.folder / "received" / "file").mkdir()
    with connect(server) as conn:
        conn.sendall(unit(0, b"file") + unit(1, b"x") + unit(2, b""))
        assert re.fullmatch(ack(0, 1) + rb"error: [^\n]+\n", rest(conn))
    client = lab.client(server, CLIENT, make(lab, "file", b"x"))
    client.line("error: the server answered error: .*directory.*")
    client.wait(status=1)


def test_a_server_that_dies_is_noticed(lab, server):
    """D9"""
    relay = TcpRelay(server, down=late({2}, 300))
    client = lab.client(relay, CLIENT, "README.md", "--timeout", "0.3", "--retries", "99")
    client.see("sent again")
    server.kill()
    relay.close()
    client.line("error: .*")
    client.wait(status=1)


def test_everything_lost_is_given_up(lab):
    server = lab.server(SERVER, "--lose", "1")
    client = lab.client(server, CLIENT, "README.md", "--timeout", "0.05", "--retries", "3")
    client.line("error: no acknowledgment of unit 0 after 3 tries; .*")
    client.wait(status=1)
    assert client.output.count("sent again") == 2
    server.line("error: .*: the file was cut off")
    assert stored(lab) == {}


BAD = {
    "no name": unit(0, b""), "dot dot": unit(0, b".."),
    "a path": unit(0, b"../file") + unit(1, b"x") + unit(2, b""), "a null": unit(0, b"a\0b") + unit(1, b""),
    "a link": unit(0, b"link") + unit(1, b"x") + unit(2, b""),
    "no header": b"hello, server\n", "ff fe": b"\xff\xfe" * 10, "endless": b"9" * 100_000,
    "a unit of 101 bytes": unit(0, b"file") + unit(1, b"x" * 101),
    "a negative length": unit(0, b"file") + b"00000001 -05\n",
    "a negative number": unit(0, b"file") + b"-0000001 000\n" + unit(1, b""),
    "a sign": unit(0, b"file") + b"+0000001 001\nx" + unit(2, b""),
    "a gap": unit(0, b"file") + unit(2, b"x"), "no unit 0": unit(1, b"x"),
    "cut in a unit": unit(0, b"file") + b"00000001 100\nabc",
    "cut in a header": unit(0, b"file") + b"00000001 1",
    "more after the end": unit(0, b"file") + unit(1, b"") + unit(2, b"x"),
}


def test_a_bad_client_is_told_why_and_harms_only_itself(lab, server):
    """D10, D11, D17: no file lands outside its folder; a link is not followed."""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    (lab.folder / "received" / "link").symlink_to(outside)
    before = sorted(os.listdir(lab.folder))
    absolute = unit(0, os.fsencode(lab.folder / "absolute")) + unit(1, b"x") + unit(2, b"")
    for name, data in [*BAD.items(), ("an absolute path", absolute)]:
        with connect(server) as conn:
            conn.sendall(data)
            replied = rest(conn)
        if THEIRS and name == "a link":
            continue  # a file in place of the link will do, too
        assert re.search(rb"error: [ -~]+\n\Z", replied), name
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert sorted(os.listdir(lab.folder)) == before and outside.read_bytes() == b"precious"
    assert set(stored(lab)) == {"file", "link"}  # "more after the end": it was whole
    with connect(server) as conn:
        dribble(conn, unit(0, b"other") + unit(1, b""))
        assert rest(conn) == ack(0, 1)


def test_silent_clients_delay_nobody_and_equal_names_do_not_mix(lab, server):
    """D10, D18: nor do the files of two servers with one folder."""
    second = lab.server(SERVER)
    silent = [connect(each) for each in (server, server, second)]
    for one in silent:
        one.sendall(unit(0, b"file") + unit(1, b"half"))
    for each, content in (server, b"x" * 150), (second, b"y" * 150):
        lab.client(each, CLIENT, make(lab, "file", content)).wait()
        assert stored(lab) == {"file": content}
    silent[0].sendall(unit(2, b"") )
    assert rest(silent[0]) == ack(0, 1, 2)
    assert stored(lab) == {"file": b"half"}
    for one in silent:
        one.close()


def test_units_are_not_held_back(lab, server):
    """A header that is sent alone costs 40 ms for each unit: 160 seconds for this file."""
    content = os.urandom(400_000)
    client = lab.client(server, CLIENT, make(lab, "mega", content))
    assert client.wait(timeout=40) == (
        "sent mega: 400000 bytes in 4000 units, 0 retransmitted\r\n")
    assert stored(lab) == {"mega": content}


def test_more_clients_than_threads(lab):
    """D19: a thread that cannot be started is an `error: ` line, and the server goes on."""
    server = lab.cramped_server(SERVER)
    crowd = [connect(server) for _ in range(40)]
    server.line(r"error: cannot accept: .*")
    for one in crowd:
        one.close()
    until_served(server, unit(0, b"haiku.txt"), ack(0))
    lab.client(server, CLIENT, "problem2/files/haiku.txt").wait()
    server.line("received haiku.txt: 153 bytes")


# Manners

def test_a_client_that_is_stopped_leaves_nothing(lab, server):
    """D15: status 130; the file that was there before stays."""
    (lab.folder / "received" / "README.md").write_bytes(b"before")
    relay = TcpRelay(server, down=late({2}, 300))
    client = lab.client(relay, CLIENT, "README.md", "--timeout", "0.3", "--retries", "99")
    client.see("sent again")
    assert client.stop(status=130).endswith("\r\nstopped\r\n")
    server.line(r"error: .*: the file was cut off")
    assert stored(lab) == {"README.md": b"before"}
    if not THEIRS:  # many of these would fill the disk
        server.runs_until(lambda: not list((lab.folder / "received").glob(".part-*/*")))
    relay.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "kill"])
def test_a_server_that_is_stopped_leaves_nothing(number, lab, server):
    """D15, D28: no part file, no hidden folder."""
    with connect(server) as conn:
        conn.sendall(unit(0, b"file") + unit(1, b"x"))
        assert conn.recv(100)
        os.kill(server.pid, number)
        assert "\r\nstopped\r\n" in server.wait()
        reset(conn)
    assert os.listdir(lab.folder / "received") == []


def test_the_names_of_files(lab, server):
    """UTF-8 and spaces, up to 255 bytes; the folder part is not sent."""
    (lab.folder / "sub").mkdir()
    for name in "caf\u00e9 \u4f60.txt", "n" * 255:
        make(lab, "sub/" + name, name.encode())
        lab.client(server, CLIENT, "sub/" + name).wait()
        assert stored(lab)[name] == name.encode()
    server.line("received caf\u00e9 \u4f60.txt: 13 bytes")


def test_a_terminal_that_knows_ascii_only(lab):
    """A character that it cannot show is shown as ?, and the file arrives."""
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0")
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, make(lab, "caf\u00e9", b"x"))
    client.line(r"sent caf\?: 1 bytes in 1 units, 0 retransmitted")
    client.wait()
    server.line(r"received caf\?: 1 bytes")


def test_a_file_that_cannot_be_sent_is_an_error(tmp_path):
    """D15, D30: before anything is sent."""
    names = "nothing.txt", "", ".", "/dev/zero"
    for name, result in zip(names, run_cases(
            ROOT / CLIENT, [[name, "--port", "1"] for name in names], tmp_path, ENVIRONMENT)):
        assert_error(result, f"{name!r} does not exist or is not a regular file")
