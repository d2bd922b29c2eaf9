"""The basics over UDP: one datagram, a reply, addresses, echo (R1 to R4, R56, R58)."""
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import ENVIRONMENT, ROOT
from relay import UdpRelay, doubled, lossy, shuffled, without

RECEIVER, SENDER = "basics/datagram/receiver.py", "basics/datagram/sender.py"
DUPLEX_RECEIVER = "basics/datagram_duplex/receiver.py"
DUPLEX_SENDER = "basics/datagram_duplex/sender.py"
ADDRESS_SERVER = "basics/datagram_address/server.py"
ADDRESS_CLIENT = "basics/datagram_address/client.py"
ECHO_SERVER, ECHO_CLIENT = "basics/datagram_echo/server.py", "basics/datagram_echo/client.py"
WHO = r"127\.0\.0\.1:\d+"
GARBAGE = [b"", b"\xff\xfe", b"\x1b[2J\r\n", b"\0" * 60_000]


class Peer:
    """A bare UDP socket in place of a script, on a port of its own."""

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.settimeout(5)
        self.port = self.sock.getsockname()[1]

    def tell(self, server, payload):
        self.sock.sendto(payload, ("127.0.0.1", server.port))

    def ask(self, server, payload):
        """Send, and return the reply and where it came from."""
        self.tell(server, payload)
        return self.sock.recvfrom(65_535)


@pytest.fixture
def peer():
    peer = Peer()
    yield peer
    peer.sock.close()


@pytest.fixture
def stranger():
    stranger = Peer()
    yield stranger.sock
    stranger.sock.close()


@pytest.mark.parametrize("script", [RECEIVER, SENDER, DUPLEX_RECEIVER, DUPLEX_SENDER,
                                    ADDRESS_SERVER, ADDRESS_CLIENT, ECHO_SERVER,
                                    ECHO_CLIENT])
@pytest.mark.parametrize("host", ["a..b", "\u00e9..b", "\u00e9" * 70])
def test_a_name_that_cannot_be_is_one_error_line(host, script, lab):
    """D15: Python has a TypeError for it if the name is not ASCII."""
    terminal = lab.start(script, "--host", host)
    terminal.see(r"\Aerror: cannot [^\r]+\r\n")
    terminal.wait(status=1)


# ---- basics/datagram

CUTS = [
    # message, what of it is shown, what is lost
    ("", "", None),
    ("x" * 40, "x" * 40, None),
    ("x" * 41, "x" * 40, "1 of 41"),
    ("x" * 60_000, "x" * 40, "59960 of 60000"),
    ("\u00e9" * 20, "\u00e9" * 20, None),
    ("\u00e9" * 21, "\u00e9" * 20, "2 of 42"),
    ("x" + "\u00e9" * 20, "x" + "\u00e9" * 19, "1 of 41"),  # half a character is left
    ("\u20ac" * 14, "\u20ac" * 13, "2 of 42"),
    ("xyz" + "\U0001f642" * 10, "xyz" + "\U0001f642" * 9, "3 of 43"),
]


@pytest.mark.parametrize("message,shown,lost", CUTS, ids=[text[:41] for text, *_ in CUTS])
def test_forty_bytes_arrive_and_the_rest_is_said_to_be_lost(message, shown, lost, lab):
    """R1, D15: the limit is kept, and told; then both end."""
    receiver = lab.server(RECEIVER)
    sender = lab.client(receiver, SENDER, message)
    assert sender.wait() == (f"sent {len(message.encode())} bytes "
                             f"to 127.0.0.1:{receiver.port}\r\n")
    receiver.see(rf"\Areceived {shown} from {WHO}\r\n")
    if lost:
        receiver.see(rf"\Athe rest is lost: {lost} bytes\r\n")
    receiver.wait()
    assert receiver.output[receiver.seen:] == ""


@pytest.mark.parametrize("payload,shown", [(b"\xff\xfe", ""), (b"\x1b[2J\r\n", r"\?\[2J\?\?"),
                                           (b"\xe2\x82" * 30, "")], ids=repr)
def test_what_is_no_text_harms_nobody(payload, shown, lab, peer):
    """D10, D17"""
    receiver = lab.server(RECEIVER)
    peer.tell(receiver, payload)
    receiver.see(rf"\Areceived {shown} from 127\.0\.0\.1:{peer.port}\r\n")
    receiver.wait()
    assert "\x1b" not in receiver.output


def test_one_datagram_is_taken_however_many_come(lab, peer):
    """A datagram is a message: two of them are never glued."""
    receiver = lab.server(RECEIVER)
    for payload in b"one", b"two", b"three":
        peer.tell(receiver, payload)
    assert receiver.wait().endswith(f"received one from 127.0.0.1:{peer.port}\r\n")


@pytest.mark.parametrize("options", [["x" * 70_000], ["--host", "a..b"], ["--port", "0"],
                                     ["--host", "no.such.host.invalid"]],
                         ids=lambda options: options[-1][:20])
def test_what_cannot_be_sent_is_said(options, lab):
    sender = lab.start(SENDER, *options)
    sender.see(r"\Aerror: cannot send to \S+: [^\r]+; try a [^\r]+\r\n")
    sender.wait(status=1)


@pytest.mark.parametrize("script", [SENDER, DUPLEX_SENDER, ECHO_CLIENT])
def test_a_message_that_is_no_text_is_sent_with_question_marks(script, peer):
    """D15: no traceback; what leaves is UTF-8."""
    with subprocess.Popen([sys.executable, str(ROOT / script), b"caf\xe9", "--port",
                           str(peer.port)], env=ENVIRONMENT) as sender:
        payload, where = peer.sock.recvfrom(100)
        assert payload in (b"caf?", b"1 caf?")
        peer.sock.sendto(payload, where)
    assert sender.returncode == 0


def test_one_datagram_over_ipv6(lab):
    receiver = lab.server(RECEIVER, "--host", "::1")
    lab.client(receiver, SENDER, "hi", "--host", "::1").line(r"sent 2 bytes to \[::1\]:\d+")
    receiver.line(r"received hi from \[::1\]:\d+")
    receiver.wait()


# ---- basics/datagram_duplex

def test_the_reply_goes_to_where_the_message_came_from(lab, peer, stranger):
    """R2, R3"""
    receiver = lab.server(DUPLEX_RECEIVER)
    reply, where = peer.ask(receiver, b"hello")
    assert reply == b"I am." and where == ("127.0.0.1", receiver.port)
    receiver.line(f"received hello from 127\\.0\\.0\\.1:{peer.port}")
    receiver.wait()
    stranger.setblocking(False)
    with pytest.raises(BlockingIOError):
        stranger.recv(100)


@pytest.mark.parametrize("message", ["", "x" * 60, "\u00e9" * 30], ids=len)
def test_sixty_bytes_are_answered(message, lab):
    """R4"""
    receiver = lab.server(DUPLEX_RECEIVER)
    sender = lab.client(receiver, DUPLEX_SENDER, message)
    assert sender.wait() == f"received I am. from 127.0.0.1:{receiver.port}\r\n"
    receiver.line(f"received {message} from {WHO}")
    receiver.wait()


@pytest.mark.parametrize("message", ["x" * 61, "\u00e9" * 31, "x" * 70_000], ids=len)
def test_a_longer_message_is_refused_by_the_sender(message, lab, peer):
    """R4, D15: and nothing is sent."""
    output = lab.client(peer, DUPLEX_SENDER, message).wait(status=1)
    assert output == (f"error: not sent: {len(message.encode())} bytes, "
                      "at most 60 please\r\n")
    peer.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.sock.recv(100)


def test_a_bad_message_does_not_end_the_receiver(lab, peer):
    """D10: it says so, and answers the next."""
    receiver = lab.server(DUPLEX_RECEIVER)
    for payload in b"x" * 61, b"\0" * 60_000, b"\xff\xfe":
        peer.tell(receiver, payload)
        receiver.line(f"error: 127\\.0\\.0\\.1:{peer.port}: .*")
    assert peer.ask(receiver, b"\x1b[2J")[0] == b"I am."
    receiver.line(f"received \\?\\[2J from 127\\.0\\.0\\.1:{peer.port}")
    receiver.wait()
    assert "\x1b" not in receiver.output


@pytest.mark.parametrize("script,shown", [(DUPLEX_SENDER, "received yes from"),
                                          (ADDRESS_CLIENT, "the server sees: yes")])
def test_a_reply_from_a_stranger_is_ignored(script, shown, lab, peer, stranger):
    client = lab.client(peer, script)
    _, where = peer.sock.recvfrom(100)
    stranger.sendto(b"no", where)
    peer.sock.sendto(b"yes", where)
    assert shown in client.wait()
    assert "no" not in client.output


def test_no_receiver(lab, peer):
    """D15: one error line, at once."""
    peer.sock.close()
    sender = lab.client(peer, DUPLEX_SENDER)
    sender.see(rf"\Aerror: cannot reach 127\.0\.0\.1:{peer.port}: [^\r]+refused; "
               r"is the receiver running there\?\r\n")
    sender.wait(status=1)


@pytest.mark.waits
@pytest.mark.parametrize("script", [DUPLEX_SENDER, ADDRESS_CLIENT])
def test_no_reply_is_given_up(script, lab, peer):
    client = lab.client(peer, script)
    peer.sock.recvfrom(100)
    client.see(r"error: cannot reach [^\r]+: timed out; [^\r]+\r\n", timeout=3)
    client.wait(status=1)


@pytest.mark.parametrize("script", [DUPLEX_SENDER, ADDRESS_CLIENT, ECHO_CLIENT])
def test_ctrl_c_while_waiting_for_the_reply(script, lab, peer):
    """D15"""
    client = lab.client(peer, script)
    peer.sock.recvfrom(100)
    assert client.stop().endswith("\r\nstopped\r\n")


@pytest.mark.parametrize("reply,error", [(b"x" * 61, "more than 60 bytes"),
                                         (b"\xff\xfe", "can't decode")],
                         ids=["long", "no text"])
def test_a_bad_reply_is_an_error(reply, error, lab, peer):
    sender = lab.client(peer, DUPLEX_SENDER)
    peer.sock.sendto(reply, peer.sock.recvfrom(100)[1])
    sender.see(rf"\Aerror: cannot reach [^\r]+{error}[^\r]+\r\n")
    sender.wait(status=1)


@pytest.mark.parametrize("script", [DUPLEX_SENDER, ADDRESS_CLIENT])
def test_a_reply_does_not_steer_the_terminal(script, lab, peer):
    """D17"""
    client = lab.client(peer, script)
    peer.sock.sendto(b"\x1b[2J", peer.sock.recvfrom(100)[1])
    assert "?[2J" in client.wait() and "\x1b" not in client.output


def test_a_reply_over_ipv6(lab):
    receiver = lab.server(DUPLEX_RECEIVER, "--host", "::1")
    sender = lab.client(receiver, DUPLEX_SENDER, "--host", "::1")
    assert sender.wait() == f"received I am. from [::1]:{receiver.port}\r\n"


# ---- basics/datagram_address

@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_ends_print_the_same_address(host, lab):
    """R56: one client after the other, without an end."""
    server = lab.server(ADDRESS_SERVER, "--host", host)
    for _ in range(3):
        output = lab.client(server, ADDRESS_CLIENT, "--host", host).wait()
        mine, seen = re.fullmatch("my address: (.*)\r\nthe server sees: (.*)\r\n",
                                  output).groups()
        assert mine == seen == server.line("client (.*)")[1]
        assert mine.startswith("[::1]:" if host == "::1" else "127.0.0.1:")


def test_any_datagram_is_a_client(lab, peer):
    """D10"""
    server = lab.server(ADDRESS_SERVER)
    for payload in GARBAGE:
        assert peer.ask(server, payload)[0] == f"127.0.0.1:{peer.port}".encode()
        server.line(f"client 127\\.0\\.0\\.1:{peer.port}")


@pytest.mark.parametrize("script", [ADDRESS_SERVER, ECHO_SERVER])
def test_clients_that_leave_before_the_reply_harm_nobody(script, lab, peer):
    """R56, D10"""
    server = lab.server(script)
    for _ in range(20):
        hasty = Peer()
        hasty.tell(server, b"hello")
        hasty.sock.close()
    assert peer.ask(server, b"hello")[1] == ("127.0.0.1", server.port)


# ---- basics/datagram_echo

def echoes(client):
    return re.findall(r"^echo: (.*)\r$", client.output, re.M)


def test_echoes(lab):
    """R58: text, equal messages and no text at all."""
    server = lab.server(ECHO_SERVER)
    client = lab.client(server, ECHO_CLIENT, "hello", "hello", "", "\u00e9")
    assert client.wait() == "echo: 1 hello\r\necho: 2 hello\r\necho: 3 \r\necho: 4 \u00e9\r\n"
    server.line(rf"{WHO}: 4 \u00e9")


def test_the_server_sends_back_the_bytes_as_they_are(lab, peer):
    """D10, D17: whatever they are; too many are refused in a line of its output."""
    server = lab.server(ECHO_SERVER)
    for payload in b"", b"\xff\xfe", b"\x1b[2J\r\n", b"x" * 1000:
        assert peer.ask(server, payload)[0] == payload
    peer.tell(server, b"x" * 1001)
    server.line(f"error: 127\\.0\\.0\\.1:{peer.port}: more than 1000 bytes")
    assert peer.ask(server, b"still there?")[0] == b"still there?"
    assert "\x1b" not in server.output


@pytest.mark.parametrize("up,down", [
    (without({0}), without(())), (without(()), without({0})), (without({1}), doubled),
    (doubled, doubled), (shuffled(3, 2), shuffled(3, 2)), (lossy(0.3, 3), lossy(0.3, 3)),
], ids=["request", "reply", "twice", "doubled", "shuffled", "30 percent"])
def test_every_message_comes_back_once_over_a_bad_network(up, down, lab):
    """R58, R66: loss, duplicates and disorder, in both directions."""
    relay = UdpRelay(lab.server(ECHO_SERVER), up, down)
    client = lab.client(relay, ECHO_CLIENT, "one", "two", "two")
    client.wait()
    assert sorted(echoes(client)) == ["1 one", "2 two", "3 two"]
    relay.close()


def test_an_echo_that_is_late_is_not_taken_for_that_of_the_next(lab, peer):
    """R58: nor is a stranger's, or nonsense; what has come back is not sent again."""
    client = lab.client(peer, ECHO_CLIENT, "hello", "hello")
    (first, where), (second, _) = peer.sock.recvfrom(100), peer.sock.recvfrom(100)
    with Peer().sock as stranger:
        stranger.sendto(second, where)
    for payload in first, first, b"", b"\xff\xfe", b"hello", b"1", b"x" * 60_000:
        peer.sock.sendto(payload, where)
    client.line("2 hello: no echo, sent again")
    assert echoes(client) == ["1 hello"] and "1 hello: no" not in client.output
    assert peer.sock.recv(100) == second
    peer.sock.sendto(second, where)
    client.wait()
    assert echoes(client) == ["1 hello", "2 hello"]


@pytest.mark.waits
def test_the_tries_are_counted_and_chatter_does_not_prolong_them(lab, peer):
    """D15: eight tries of one second each, whatever else arrives meanwhile."""
    heard = []

    def chatter():
        try:
            while True:
                payload, where = peer.sock.recvfrom(100)
                heard.append(payload)
                for _ in range(9):
                    time.sleep(0.1)
                    peer.sock.sendto(b"chatter", where)
        except OSError:
            pass

    client = lab.client(peer, ECHO_CLIENT, "hello")
    threading.Thread(target=chatter, daemon=True).start()
    start = time.monotonic()
    client.see(r"error: cannot reach [^\r]+: 1 without an echo after 8 tries; "
               r"is the server running there\?\r\n", timeout=12)
    client.wait(status=1)
    assert 7 < time.monotonic() - start < 10
    assert heard == [b"1 hello"] * 8


def test_the_same_seed_makes_the_same_losses(lab):
    """R66: loss and disorder, to run and see (the note's transcript shows what follows)."""
    outputs = []
    for _ in range(2):
        server, peer = lab.server(ECHO_SERVER, "--lose", "0.5", "--seed", "3"), Peer()
        for number in range(20):
            peer.tell(server, b"%d" % number)
            server.line(f".*: .*{number}")
        outputs.append(re.findall("lost: .*", server.output))
        peer.sock.close()
    assert outputs[0] == outputs[1] and len(outputs[0]) > 5


def test_what_is_lost_by_the_server_is_not_sent_back(lab, peer):
    server = lab.server(ECHO_SERVER, "--lose", "1", "--seed", "1")
    for number in range(10):
        peer.tell(server, b"%d" % number)
        server.line(f"lost: (request|reply) {number}")
    peer.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        peer.sock.recv(100)


def test_a_message_too_long_to_echo_is_refused(lab):
    """D15: 1000 bytes with the number; nothing is sent of the others either."""
    server = lab.server(ECHO_SERVER)
    client = lab.client(server, ECHO_CLIENT, "x" * 998)
    client.wait()
    assert echoes(client) == ["1 " + "x" * 998]
    seen = len(server.output)
    output = lab.client(server, ECHO_CLIENT, "hello", "x" * 999).wait(status=1)
    assert output == "error: not sent: more than 1000 bytes in a message\r\n"
    assert len(server.output) == seen


@pytest.mark.parametrize("options", [["--lose", "1.1"], ["--lose", "-1"], ["--lose", "nan"],
                                     ["--seed", "x"]], ids=" ".join)
def test_bad_losses_are_refused(options, lab):
    assert "usage: " in lab.start(ECHO_SERVER, *options).wait(status=2)


def test_a_server_that_leaves_is_noticed(lab):
    """D15: the client does not go on with nobody."""
    server = lab.server(ECHO_SERVER, "--lose", "1")
    client = lab.client(server, ECHO_CLIENT, "hello")
    server.line("lost: .*")
    server.stop()
    client.see(r"error: cannot reach [^\r]+refused; [^\r]+\r\n", timeout=3)
    client.wait(status=1)
