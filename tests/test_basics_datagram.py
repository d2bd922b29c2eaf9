"""basics/datagram: one message that travels alone (R1)."""
import socket
import subprocess
import sys

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT, THEIRS
from peers import Talker, assert_error
from terminal import PATIENCE

RECEIVER, SENDER = "basics/datagram/receiver.py", "basics/datagram/sender.py"
MESSAGES = {
    # sent, shown, bytes lost
    "five bytes": (b"Hello", "Hello", 0),
    "an empty one": (b"", "", 0),
    "forty": (b"x" * 40, "x" * 40, 0),
    "one more": (b"x" * 41, "x" * 40, 1),
    "the longest": (b"x" * 65_507, "x" * 40, 65_467),
    "half a letter at the border": (("\u00e4" * 19 + "xx\u00e4").encode(), "\u00e4" * 19 + "xx", 2),
    "a letter cut in two": (("x" + "\u00e4" * 20).encode(), "x" + "\u00e4" * 19 + "\ufffd", 1),
    "no UTF-8": (b"\xff\xfeok", "\ufffd\ufffdok", 0),
    "control characters": (b"\x1b[2Jok", r"\?\[2Jok", 0),
}


def send(receiver, *payloads):
    """Send datagrams from one socket; return the port that they come from."""
    with Talker(socket.SOCK_DGRAM) as sock:
        for payload in payloads:
            sock.sendto(payload, ("127.0.0.1", receiver.port))
        return sock.getsockname()[1]


# The task

@pytest.mark.parametrize("payload, shown, lost", MESSAGES.values(), ids=MESSAGES)
def test_forty_bytes_arrive_and_the_rest_is_said_to_be_lost(payload, shown, lost, lab):
    """R1, D10, D15, D17: then the receiver ends."""
    receiver = lab.server(RECEIVER)
    port = send(receiver, payload)
    receiver.line(rf"received {shown} from 127\.0\.0\.1:{port}")
    if lost:
        receiver.line(rf"the rest is lost: {lost} of {len(payload)} bytes")
    output = receiver.wait()
    assert "\x1b" not in output and ("the rest" in output) == (lost > 0)


def test_the_sender_says_how_much_it_sent(tmp_path):
    """R1: and a message that no datagram can carry is an error."""
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        port = str(sock.getsockname()[1])
        hello, empty, long = run_cases(ROOT / SENDER, [
            ["Hello", "--port", port], ["", "--port", port], ["x" * 65_508, "--port", port]],
            tmp_path, ENVIRONMENT)
        assert hello.stdout == f"sent 5 bytes to 127.0.0.1:{port}\n"
        assert empty.stdout == f"sent 0 bytes to 127.0.0.1:{port}\n"
        assert_error(long, "65508 bytes")
        assert [sock.recv(100), sock.recv(100)] == [b"Hello", b""]


# The network

def test_two_datagrams_are_never_glued(lab):
    """A datagram is a message: the receiver takes one, however many come."""
    receiver = lab.server(RECEIVER)
    send(receiver, b"one", b"two")
    receiver.line("received one from .*")
    receiver.wait()


# Manners

@pytest.mark.skipif(RECEIVER in THEIRS or SENDER in THEIRS, reason="the note is silent")
def test_a_message_that_is_not_text_is_sent_with_question_marks(lab):
    """D15: no traceback; what leaves is UTF-8."""
    receiver = lab.server(RECEIVER)
    subprocess.run([sys.executable, ROOT / SENDER, b"gr\xfc\xdfe", "--port", str(receiver.port)],
                   env=ENVIRONMENT, capture_output=True, check=True, timeout=20)
    receiver.line(r"received gr\?\?e from .*")
    receiver.wait()


def test_over_ipv6(lab):
    """D23"""
    receiver = lab.server(RECEIVER, "--host", "::1")
    sender = lab.client(receiver, SENDER, "--host", "::1")
    sender.line(rf"sent 16 bytes to \[::1\]:{receiver.port}")
    sender.wait()
    receiver.line(r"received Hello, datagram! from \[::1\]:\d+")
    receiver.wait()
