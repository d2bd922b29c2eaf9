"""Problem 1 over TCP: stop and wait (R21 to R25)."""
import os
import re
import socket
import sys
import time

import pytest

from conftest import ROOT
from relay import TcpRelay, cut, glued, late, one_byte

SERVER, CLIENT = "problem1/tcp_server.py", "problem1/tcp_client.py"
SIZES = [0, 1, 99, 100, 101, 200, 1234]
IN_BAND = b"__END__\nEND\n4 0\nack 1\nerror: FILE_NOT_FOUND\n\r\n\0\xff\xfe" * 9


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def make(lab, name, content):
    (lab.folder / name).write_bytes(content)
    return name


def received(lab, name):
    return (lab.folder / "received" / name).read_bytes()


def unit(sequence, payload):
    return b"%d %d\n%b" % (sequence, len(payload), payload)


def parse_units(data):
    """Return the units in all that a client has sent."""
    units = []
    while data:
        header, _, data = data.partition(b"\n")
        sequence, length = map(int, header.split())
        units.append((sequence, data[:length]))
        data = data[length:]
    return units


@pytest.mark.parametrize("size", SIZES)
def test_the_file_arrives_whole_in_units_of_100_bytes(size, lab, server):
    """R21, R22, R25: and what each side says of it."""
    content = os.urandom(size)
    relay = TcpRelay(server)
    client = lab.client(relay, CLIENT, make(lab, "some file.bin", content))
    count = (size + 99) // 100
    assert client.wait() == (
        f"sent some file.bin: {size} bytes in {count} units, 0 retransmitted\r\n")
    server.line(f"received some file.bin: {size} bytes")
    assert received(lab, "some file.bin") == content
    units = parse_units(b"".join(relay.up))
    assert [number for number, _ in units] == list(range(count + 2))
    assert all(len(payload) == 100 for _, payload in units[1:-2])
    assert os.listdir(lab.folder / "received") == ["some file.bin"]
    relay.close()


def test_the_next_unit_waits_for_the_acknowledgment(lab):
    """R23: nothing is sent before the acknowledgment of the last unit."""
    make(lab, "file", b"x" * 250)
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.settimeout(5)
            for sequence, payload in enumerate([b"file", b"x" * 100, b"x" * 100,
                                                b"x" * 50, b""]):
                expected = unit(sequence, payload)
                assert conn.recv(1000) == expected
                conn.setblocking(False)
                with pytest.raises(BlockingIOError):
                    conn.recv(1000)
                conn.settimeout(5)
                conn.sendall(b"ack %d\n" % sequence)
        client.wait()


def test_bytes_that_look_like_the_protocol_arrive(lab, server):
    """D12: no end mark, header or reply is looked for in the file."""
    client = lab.client(server, CLIENT, make(lab, "file", IN_BAND))
    client.wait()
    assert received(lab, "file") == IN_BAND


@pytest.mark.parametrize("treatment", [one_byte, glued(0.01)], ids=["one byte", "glued"])
def test_the_file_is_right_however_it_is_delivered(treatment, lab, server):
    """D6"""
    content = os.urandom(450)
    relay = TcpRelay(server, treatment, treatment)
    lab.client(relay, CLIENT, make(lab, "file", content)).wait()
    assert received(lab, "file") == content
    relay.close()


@pytest.mark.parametrize("numbers", [{2, 3}, {1, 2}, {0}, {5}], ids=str)
def test_a_late_acknowledgment_does_not_duplicate_the_unit(numbers, lab, server):
    """D4: later than the timeout, twice in a row; the unit comes again, is written once,
    and the acknowledgments that come too late are not taken for others."""
    content = os.urandom(450)
    relay = TcpRelay(server, down=late(numbers, 0.5))
    client = lab.client(relay, CLIENT, make(lab, "file", content), "--timeout", "0.3")
    match = re.fullmatch(r"(?:unit \d: no acknowledgment, sent again\r\n)+"
                         r"sent file: 450 bytes in 5 units, (\d+) retransmitted\r\n",
                         client.wait())
    assert int(match[1]) == client.output.count("sent again") >= len(numbers)
    assert received(lab, "file") == content
    relay.close()


def test_old_acknowledgments_are_no_reason_to_send_again(lab):
    """RFC 1123 4.2.3.1: each acknowledgment three times, and not one unit more."""
    make(lab, "file", b"x" * 150)
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        sent = b""
        with conn:
            for sequence in range(4):
                sent += conn.recv(1000)
                conn.sendall(b"ack %d\n" % sequence * 3)
            sent += conn.recv(1000)
        client.wait()
    assert [number for number, _ in parse_units(sent)] == [0, 1, 2, 3]


def test_a_storm_of_old_acknowledgments_does_not_prolong_the_wait(lab):
    """One deadline a wait: the unit is sent again although something always arrives."""
    make(lab, "file", b"x")
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1],
                           "--timeout", "0.4", "--retries", "2")
        conn, _ = false_server.accept()
        with conn:
            conn.recv(1000)
            conn.sendall(b"ack 0\n")
            end = time.monotonic() + 3
            while time.monotonic() < end and not client.closed:
                try:
                    conn.sendall(b"ack 0\n")
                except OSError:
                    break
                time.sleep(0.05)
        client.see(r"unit 1: no acknowledgment, sent again\r\n")
        client.see(r"error: file: unit 1 was sent 2 times without an acknowledgment")
        client.wait(status=1)


@pytest.mark.parametrize("seed", [3, 7, 8])
def test_losses_are_repaired_and_counted(seed, lab):
    """R24: --lose; what the server says it lost is what the client sent again."""
    server = lab.server(SERVER, "--lose", "0.3", "--seed", seed)
    content = os.urandom(1000)
    client = lab.client(server, CLIENT, make(lab, "file", content), "--timeout", "0.05",
                        "--retries", "20")
    output = client.wait()
    assert received(lab, "file") == content
    server.stop()
    lost = len(re.findall(r"lost: (?:unit|ack) \d+\r\n", server.output))
    assert lost >= 2
    assert output.endswith(f"in 10 units, {lost} retransmitted\r\n")


def test_the_same_seed_loses_the_same(lab):
    said = []
    for _ in range(2):
        server = lab.server(SERVER, "--lose", "0.4", "--seed", "5")
        make(lab, "file", b"x" * 500)
        lab.client(server, CLIENT, "file", "--timeout", "0.05", "--retries", "30").wait()
        server.stop()
        said.append(re.findall("lost: .*", server.output))
    assert said[0] == said[1] and said[0]


def test_everything_lost_is_given_up(lab):
    server = lab.server(SERVER, "--lose", "1")
    client = lab.client(server, CLIENT, "README.md", "--timeout", "0.05", "--retries", "3")
    client.line("error: README.md: unit 0 was sent 3 times without an acknowledgment; .*")
    client.wait(status=1)
    assert client.output.count("sent again") == 2
    server.line("error: .*: cut off after 0 bytes; nothing is kept")
    assert os.listdir(lab.folder / "received") == []


@pytest.mark.parametrize("size", [0, 3, 50, 400])
def test_what_is_cut_off_is_not_kept(size, lab, server):
    """D9: neither side says that all went well, and nothing is left of the file."""
    relay = TcpRelay(server, up=cut(size))
    client = lab.client(relay, CLIENT, make(lab, "file", b"x" * 1000))
    client.line("error: file: .*")
    client.wait(status=1)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.stop()
    assert "received file" not in server.output
    assert os.listdir(lab.folder / "received") == []
    relay.close()


def test_ctrl_c_in_the_client_leaves_nothing(lab, server):
    """Status 130; the file that was there before stays."""
    (lab.folder / "received" / "README.md").write_bytes(b"before")
    relay = TcpRelay(server, down=late({2}, 30))
    client = lab.client(relay, CLIENT, "README.md", "--timeout", "0.3")
    client.see("sent again")
    client.press("C")
    assert client.wait(status=130, timeout=3).endswith(
        "\r\ncut off: the server keeps the file only if it had all of it\r\n")
    server.line(r"error: .*: cut off after \d+ bytes; nothing is kept")
    assert os.listdir(lab.folder / "received") == ["README.md"]
    assert received(lab, "README.md") == b"before"
    relay.close()


def test_a_server_that_dies_is_noticed(lab, server):
    """D9"""
    relay = TcpRelay(server, down=late({2}, 30))
    client = lab.client(relay, CLIENT, "README.md", "--timeout", "0.3")
    client.see("sent again")
    server.kill()
    relay.close()
    client.line("error: README.md: .*")
    client.wait(status=1)


BAD_NAMES = [b"", b".", b"..", b"../file", b"/etc/passwd", b"sub/file", b"file/", b"a\0b",
             b"two\nlines", b"\x1b[2Jred", b"\xff\xfe"]


@pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
def test_no_file_lands_outside_its_folder(name, lab, server):
    """D11, D17: an error reply, and nothing is written."""
    before = sorted(os.listdir(lab.folder))
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(unit(0, name) + unit(1, b""))
        reply = conn.makefile("rb").read()
        assert re.search(rb"error: [^\n]+\n\Z", reply), reply
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert sorted(os.listdir(lab.folder)) == before
    assert os.listdir(lab.folder / "received") == []


def test_a_symbolic_link_is_replaced_not_followed(lab, server):
    """D11: a link in the folder does not lead a file out of it."""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    (lab.folder / "received" / "file").symlink_to(outside)
    lab.client(server, CLIENT, make(lab, "file", b"new")).wait()
    assert outside.read_bytes() == b"precious" and received(lab, "file") == b"new"


BAD_UNITS = {
    "no header": b"hello\n",
    "ff fe": b"\xff\xfe\n",
    "a long line": b"9" * 100_000,
    "a long header": unit(0, b"file") + b"1 %018d\nabc" % 4 + unit(2, b""),
    "too long": unit(0, b"file") + unit(1, b"x" * 101) + unit(2, b""),
    "negative": unit(0, b"file") + b"1 -5\n",
    "before the first": unit(0, b"file") + unit(-1, b"") + unit(1, b""),
    "a gap": unit(0, b"file") + unit(2, b"x"),
    "cut off": unit(0, b"file") + b"1 100\nabc",
    "after the end": unit(0, b"file") + unit(1, b"") + unit(2, b"x"),
}


@pytest.mark.parametrize("data", BAD_UNITS.values(), ids=BAD_UNITS)
def test_a_bad_client_is_told_and_harms_only_itself(data, lab, server):
    """D10"""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        assert re.search(rb"(?m)^error: [^\n]+\n\Z", conn.makefile("rb").read())
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    lab.client(server, CLIENT, make(lab, "other", b"x" * 150)).wait()
    assert received(lab, "other") == b"x" * 150


def test_a_duplicate_is_acknowledged_again_and_written_once(lab, server):
    """D4, at the wire: also the first unit and the last, and after the file is stored."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        stream = conn.makefile("rb")
        for sequence, payload in enumerate([b"file", b"abc", b"def", b""]):
            for _ in range(3):
                conn.sendall(unit(sequence, payload))
                assert stream.readline() == b"ack %d\n" % sequence
        conn.sendall(unit(1, b"abc"))
        assert stream.readline() == b"ack 1\n"
        assert received(lab, "file") == b"abcdef"


def test_the_last_acknowledgment_means_that_the_file_is_there(lab, server):
    """D9: a file that can't get its name is an error, not "sent"."""
    (lab.folder / "received" / "file").mkdir()
    client = lab.client(server, CLIENT, make(lab, "file", b"x"))
    client.line("error: file: .*directory.*")
    client.wait(status=1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        stream = conn.makefile("rb")
        conn.sendall(unit(0, b"file") + unit(1, b"x") + unit(2, b""))
        assert [stream.readline() for _ in range(2)] == [b"ack 0\n", b"ack 1\n"]
        assert stream.readline().startswith(b"error: ")


def test_silent_clients_delay_nobody(lab, server):
    """D10, and clients of the same name do not mix."""
    address = ("127.0.0.1", server.port)
    silent = [socket.create_connection(address) for _ in range(3)]
    silent[0].sendall(unit(0, b"file") + unit(1, b"half"))
    start = time.monotonic()
    lab.client(server, CLIENT, make(lab, "file", b"x" * 150)).wait()
    assert time.monotonic() - start < 3
    assert received(lab, "file") == b"x" * 150
    for one in silent:
        one.close()


def test_the_names_of_files(lab, server):
    """UTF-8 and spaces, up to 255 bytes; the folder part is not sent."""
    (lab.folder / "sub").mkdir()
    for name in "caf\u00e9 \u4f60.txt", "n" * 255, ".hidden":
        make(lab, "sub/" + name, name.encode())
        lab.client(server, CLIENT, "sub/" + name).wait()
        assert received(lab, name) == name.encode()
    server.line("received caf\u00e9 \u4f60.txt: 13 bytes")


def test_a_terminal_that_knows_ascii_only(lab):
    """A name that it cannot show is shown with a ?, and the file arrives."""
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0")
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, make(lab, "caf\u00e9", b"x"))
    client.line(r"sent caf\?: 1 bytes in 1 units, 0 retransmitted")
    client.wait()
    server.line(r"received caf\?: 1 bytes")


def test_what_cannot_be_read_is_said(lab, server):
    for name in "nothing", "sub":
        (lab.folder / "sub").mkdir(exist_ok=True)
        client = lab.client(server, CLIENT, name)
        client.line(f"error: cannot read {name}: .*")
        client.wait(status=1)


@pytest.mark.parametrize("options", [["--timeout", "0"], ["--timeout", "-1"],
                                     ["--timeout", "nan"], ["--timeout", "10"], ["--retries", "0"]], ids=" ".join)
def test_bad_options_of_the_client(options, lab, server):
    assert "usage:" in lab.client(server, CLIENT, "README.md", *options).wait(status=2)


@pytest.mark.parametrize("options", [["--lose", "1.1"], ["--lose", "-1"],
                                     ["--lose", "nan"]], ids=" ".join)
def test_bad_options_of_the_server(options, lab):
    assert "usage:" in lab.start(SERVER, *options).wait(status=2)


def test_tens_of_thousands_of_units_a_second(lab, server):
    """A header sent alone would cost 40 ms a unit: 400 seconds for this file."""
    content = os.urandom(1_048_576)
    start = time.monotonic()
    client = lab.client(server, CLIENT, make(lab, "mega", content))
    assert client.wait() == (
        "sent mega: 1048576 bytes in 10486 units, 0 retransmitted\r\n")
    assert time.monotonic() - start < 5
    assert received(lab, "mega") == content


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    lab.client(server, CLIENT, "README.md", "--host", "::1").wait()
    assert received(lab, "README.md") == (ROOT / "README.md").read_bytes()


def test_ctrl_c_in_the_server_leaves_nothing(lab, server):
    relay = TcpRelay(server, down=late({2}, 30))
    lab.client(relay, CLIENT, "README.md")
    server.runs_until(lambda: relay.up)
    server.stop()  # whatever it has of the file by now
    assert os.listdir(lab.folder / "received") in ([], ["README.md"])
    relay.close()


def test_a_client_that_takes_another_ones_hidden_name(lab, server):
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(unit(0, b".part-%d-9" % server.pid))
        assert conn.makefile("rb").readline().startswith(b"error: ")


def test_a_file_from_a_pipe(lab, server):
    """Its size is known only at its end."""
    os.mkfifo(lab.folder / "pipe")
    client = lab.client(server, CLIENT, "pipe")
    (lab.folder / "pipe").write_bytes(b"x" * 250)
    client.line("sent pipe: 250 bytes in 3 units, 0 retransmitted")
    client.wait()
