"""`make wire` in its terminal: folds, colours, resizes, Ctrl+C, files; P= and all folders."""
import random
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from conftest import OURS, THEIRS, reserve_port
from diagrams import columns
from relay import stranger
from terminal import ENVIRONMENT
from test_wire import WIRE, Plain, connect, drawn, start
from wire import command, servers

ASKS = {"problem3/server.py": "1 + 1", "basics/stream_objects/server.py": "7 Ada 3000"}
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own tools")


@pytest.fixture
def tcp(lab):
    def open_one(*options, **more):
        server = Plain()
        wire = start(lab, "problem3", server, *options, **more)
        return wire, connect(wire), server.accept()
    return open_one


def stop_and_wait(client, server, units):
    for unit in range(units):
        client.sendall(b"%08d 001\nx" % unit)
        server.recv(100)
        server.sendall(b"ack %08d\n" % unit)
        client.recv(100)


# ---- The terminal ------------------------------------------------------------------------

def test_equal_arrows_in_a_row_are_counted_and_not_drawn(tcp):
    wire, client, server = tcp()
    stop_and_wait(client, server, 1000)
    client.close()
    wire.line(r"   \| -+ \(end of stream\) -+> \|.*")
    assert len(drawn(wire)) < 30 and "\r\n   |  … 1,976 more units and acknowledgments" in wire.output
    wire.press("C")
    assert "client: 1,000 pieces, 14,000 bytes; server: 1,000 pieces, 13,000 bytes" in wire.wait()


def test_after_a_pause_arrows_are_drawn_again(tcp):
    wire, client, server = tcp()
    stop_and_wait(client, server, 20)
    wire.line(r"   \|  … 16 more units and acknowledgments +\|   216 bytes .*")
    client.sendall(b"a new one")
    wire.line(r"   \| ----- a new one -+> \|.*")


def test_what_is_only_repeated_is_counted_however_slowly_it_comes(lab):
    server = Plain(socket.SOCK_DGRAM)
    wire = start(lab, "datagram_echo", server)
    client = connect(wire, socket.SOCK_DGRAM)
    for text in (b"here 1",) * 10 + (b"say 2",):
        client.send(text)
        server.socket.recv(100)
    wire.line(r"   \| ----- say 2 -+> \|.*")
    assert wire.output.count("| ----- here 1 ") == 5
    assert "\r\n   |  … 5 more datagrams, all again " in wire.output


def test_on_a_terminal_it_is_coloured_and_the_counting_line_moves(tcp):
    wire, client, server = tcp(before=["env", "TERM=xterm"])
    stop_and_wait(client, server, 20)
    wire.see("\\r   \\|  … 16 more units and acknowledgments .* s\x1b\\[K\r\n")
    assert re.search("\n   \\|\x1b\\[36m ----- 0{8} 001.nx -+> \x1b\\[0m\\|", wire.output)
    assert re.search("\n   \\|\x1b\\[33m <-+ ack 0{8}.n --- \x1b\\[0m\\|", wire.output)


def test_what_a_peer_sends_cannot_control_the_terminal(tcp):
    wire, client, server = tcp(before=["env", "TERM=xterm"])
    client.sendall("\x1b]0;title\x07\x1b[2J\r\x9b31m\u202e\u200b".encode() + b"\x9b\xff")
    wire.see(r"\\x1b\]0;title\\x07.* bytes ")
    assert set(re.findall("\x1b[^m]*.", wire.output)) <= {"\x1b[36m", "\x1b[0m"}
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1a\x7f-\x9f\u202e\u200b]", wire.output)


def test_it_is_as_wide_as_the_window_also_after_a_resize(tcp):
    wire, client, server = tcp()
    for width in 80, 120, 100, 64, 50, 20:
        wire.child.setwinsize(24, width)
        client.sendall(b"x" * width + b"y" * 200)
        server.recv(1000)
        wire.line(r"   \| ----- x+y*…y+ -+> \|.*")
        assert width - 12 <= columns(drawn(wire)[-1]) < width or width < 50


def test_ciphertext_is_drawn_as_lengths(lab):
    server = Plain()
    wire = start(lab, "problem6/hub_server.py", server)
    client = connect(wire)
    client.sendall(b"\x16\x03\x01" + bytes(514))
    wire.line(r"   \|  TLS: only the lengths can be seen +\|")
    wire.line(r"   \| ----- \(517 bytes\) -+> \|   517 bytes .*")
    server.accept().sendall(b"\x17\x03\x03\x00\x01x")
    wire.line(r"   \| <-+ \(6 bytes\) --- \|   6 bytes .*")


def spawn(*words, **more):
    return subprocess.Popen([sys.executable, WIRE, *map(str, words), "--listen", "0"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env={**ENVIRONMENT, "PYTHONIOENCODING": "utf-8"}, **more)


class Busy:
    """A conversation through a relay at this port, in a thread."""

    def __init__(self, server, port, units=1_000_000):
        self.port, self.units = port, units
        self.client, self.server = connect(self), server.accept()
        threading.Thread(target=self.talk, daemon=True).start()

    def talk(self):
        try:
            stop_and_wait(self.client, self.server, self.units)
        except OSError:
            pass
        self.client.close()


def test_in_a_file_there_are_no_control_codes_and_the_lines_are_of_80_columns():
    server = Plain()
    process = spawn("problem3", "--port", server.port)
    lines = [process.stdout.readline()]
    conversation = Busy(server, int(lines[0].split()[-1]), units=200)
    while "(end of stream)" not in lines[-1]:
        lines.append(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=20)
    lines += rest.splitlines(keepends=True)
    assert process.returncode == 0 and errors == ""
    assert all(columns(line) <= 80 and line[:-1].isprintable() for line in lines)
    assert any("|  … 376 more units and acknowledgments  " in line for line in lines)
    assert lines[-1] == "client: 200 pieces, 2,800 bytes; server: 200 pieces, 2,600 bytes\n"
    conversation.server.close()


def test_ctrl_c_at_any_moment_ends_it_with_one_line_of_totals():
    """At twenty moments, from the first line on, in the middle of a conversation."""
    dice = random.Random(5)
    for _ in range(20):
        server = Plain()
        process = spawn("problem3", "--port", server.port)
        port = int(process.stdout.readline().split()[-1])
        if dice.random() < 0.8:
            Busy(server, port)
            for _ in range(dice.randrange(25)):  # those that follow are counted
                process.stdout.readline()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0 and errors == ""
        assert len(re.findall("(?m)^client: .*; server: .*$|^0 clients: .*$", output)) == 1


def test_nobody_reads_its_output_any_more():
    server = Plain()
    process = spawn("problem3", "--port", server.port)
    port = int(process.stdout.readline().split()[-1])
    process.stdout.close()
    Busy(server, port)
    assert process.wait(20) == 0 and process.stderr.read() == ""
    process.stderr.close()


# ---- Which conversation ------------------------------------------------------------------

@pytest.mark.parametrize("words, says", [
    ([], "name a folder: make wire P=problem3; P= takes one of: basics/broadcast, "),
    (["problem0"], "there is no problem0; P= takes one of: "),
    (["basics"], "there is no basics; "), (["problem3/client.py"], "there is no problem3/client"),
    (["problem1"], "problem1 has several servers: P=problem1/tcp_server.py or P=problem1/udp_"),
    (["problem6"], "problem6 has several servers: P=problem6/hub_server.py or P=problem6/server"),
    (["problem3", "--lose", "0.3"], "LOSE loses datagrams, and problem3/server.py uses TCP"),
    (["datagram", "--split", "1"], "SPLIT cuts what TCP carries, and basics/datagram/receiver.py"),
    (["problem8", "--lose", "0.3"], "LOSE, SPLIT and DELAY change what passes through a relay"),
    (["problem3", "--split", "0"], "argument --split: expected a number from 1 to 65,536, "),
    (["problem3", "--split", "two"], "argument --split: expected a number from 1 to 65,536, "),
    (["datagram", "--lose", "nan"], "argument --lose: expected a number from 0 to 1, such as 0.3"),
    (["datagram", "--delay", "-1"], "argument --delay: expected "),
    (["problem3", "--seed"], "argument --seed: expected one argument"),
    (["problem3", "more"], "unrecognized arguments: more")])
def test_what_it_does_not_take_is_said_in_one_line(words, says):
    done = subprocess.run([sys.executable, WIRE, *words], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: {says}")


@pytest.mark.parametrize("name", ["problem3", "datagram"])
def test_a_port_that_is_taken_is_said_in_one_line(name):
    with socket.socket(type=socket.SOCK_DGRAM if name == "datagram" else socket.SOCK_STREAM) as one:
        one.bind(("127.0.0.1", 0))
        if name == "problem3":
            one.listen()
        port = one.getsockname()[1]
        done = subprocess.run([sys.executable, WIRE, name, "--listen", str(port)],
                              capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: cannot listen on port {port}: ")
    assert done.stderr.count("\n") == 1


RELAYED = [server.script for server in servers() if server.kind != "group"]


@pytest.mark.parametrize("script", RELAYED)
def test_the_command_of_the_first_line_goes_through_it(script, lab):
    """The server is started after it."""
    reserved, port = reserve_port()
    wire = lab.start(sys.executable, WIRE, script, "--port", str(port), "--listen", "0")
    wire.ready()
    words = wire.output.partition("now: python ")[2].split()
    assert words == command(script, wire.port).split()[1:]
    lab.start(script, "--port", str(port)).ready()
    lab.start(words[0], *ASKS.get(script, "").split(), *words[1:])
    wire.line(rf"client 127\.0\.0\.1:\d+ +server 127\.0\.0\.1:{port}")
    wire.line(r"   \| -+ .* -+> \|.*")
    reserved.close()


def test_the_port_is_the_server_s_and_ten_thousand(lab):
    reserved, port = reserve_port()
    while port > 22_000:  # and so below those that the system gives
        reserved.close()
        reserved, port = reserve_port()
    wire = lab.start(sys.executable, WIRE, "problem3", "--port", str(port))
    assert wire.ready() == port + 10_000
    reserved.close()


@pytest.mark.parametrize("name, group", [("problem8", "239.255.12.8"),
                                         ("broadcast", "127.255.255.255")])
def test_in_a_group_each_datagram_is_drawn_once_with_its_sender(name, group, lab):
    reserved, port = reserve_port()
    wire = lab.start(sys.executable, WIRE, name, "--port", str(port), columns=80)
    wire.ready()
    stranger(group, port, b"A--", b"A--")
    wire.line(rf"member 1 127\.0\.0\.1:\d+ +group {group}:{port}")
    wire.line(r" 1 \| ----- A-- -+> \|   3 bytes +0\.000 s")
    wire.line(r" 1 \| ----- A-- -+> \|   3 bytes, again .*")
    stranger(group, port, b"AB-")
    wire.line(rf"member 2 127\.0\.0\.1:\d+ +group {group}:{port}")
    wire.line(r" 2 \| ----- AB- -+> \|   3 bytes .*")
    wire.press("C")
    assert "\r\n2 members: 3 datagrams, 9 bytes, 1 retransmitted\r\n" in wire.wait()
    reserved.close()


def test_an_election_is_seen(lab):
    reserved, port = reserve_port()
    wire = lab.start(sys.executable, WIRE, "problem8", "--port", str(port), columns=80)
    wire.ready()
    members = [lab.start("problem8/electorate.py", number, "--vote", vote, "--electorates", 3,
                         "--port", str(port)) for number, vote in ((1, "A"), (2, "B"), (3, "A"))]
    for member in members:
        member.line("winner: A")
    wire.see(r" \d \| ----- ABA -+> \|")
    wire.press("C")
    assert re.search(r"\r\n3 members: \d+ datagrams, ", wire.wait())
    reserved.close()


def test_make_wire_takes_its_settings_from_the_command_line(lab, need):
    need("make")
    for entry in ("Makefile", "tests"):
        assert (OURS / entry).exists()
    made = lab.start("make", "-C", OURS, f"PYTHON={sys.executable}", "wire", "P=basics/datagram",
                     "LOSE=2")
    assert "error: argument --lose: expected a number from 0 to 1" in made.wait(status=2)
