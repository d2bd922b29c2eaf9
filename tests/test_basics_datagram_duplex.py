"""basics/datagram_duplex: a message and its reply (R2, R3, R4)."""
import socket

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT
from peers import DatagramAnswers, Talker, answered, assert_error
from terminal import PATIENCE

RECEIVER, SENDER = "basics/datagram_duplex/receiver.py", "basics/datagram_duplex/sender.py"


# The task

def test_the_reply_goes_to_the_address_that_the_message_came_from(lab):
    """R2, R3: then both end."""
    receiver = lab.server(RECEIVER)
    sender = lab.client(receiver, SENDER, "Who is there?")
    sender.line(rf"received I am\. from 127\.0\.0\.1:{receiver.port}")
    sender.wait()
    receiver.line(r"received Who is there\? from 127\.0\.0\.1:\d+")
    receiver.wait()


@pytest.mark.parametrize("payload, shown", [
    (b"x" * 60, "x{60}"), (b"", ""), (b"\xff\x1b[2J", "\ufffd\\?\\[2J")],
    ids=["60 bytes", "none", "no text"])
def test_the_receiver_answers_up_to_sixty_bytes(payload, shown, lab):
    """R4, D10, D17"""
    receiver = lab.server(RECEIVER)
    with Talker(socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(payload, ("127.0.0.1", receiver.port))
        reply, peer = sock.recvfrom(100)
        assert (reply, peer) == (b"I am.", ("127.0.0.1", receiver.port))
        receiver.line(rf"received {shown} from 127\.0\.0\.1:{sock.getsockname()[1]}")
    assert "\x1b" not in receiver.wait()


def test_a_longer_message_is_refused_by_both(lab, tmp_path):
    """R4, D15: bytes count, not characters; the sender sends nothing."""
    receiver = lab.server(RECEIVER)
    for result in run_cases(ROOT / SENDER, [
            [text, "--port", str(receiver.port)] for text in ("x" * 61, "\u00e4" * 31)],
            tmp_path, ENVIRONMENT):
        assert_error(result, "not sent")
    assert "error" not in receiver.output, "it was sent all the same"
    with Talker(socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x" * 61, ("127.0.0.1", receiver.port))
    receiver.line(r"error: 127\.0\.0\.1:\d+ sent 61 bytes; the limit is 60")
    receiver.wait(status=1)


# The network

def test_a_bad_reply_is_an_error_and_a_good_one_is_shown_harmlessly(tmp_path):
    """D9, D15, D17: a reply that is too long is not called a missing server."""
    replies = b"x" * 60, b"\x1b[2J\xff", b"x" * 61, None
    longest, escape, long, none = [result for result, _ in answered(
        SENDER, [], replies, tmp_path, server=DatagramAnswers)]
    assert f"received {'x' * 60} from " in longest.stdout
    assert "received ?[2J\ufffd from " in escape.stdout
    assert_error(long, "61 bytes")
    assert "server" not in long.stderr
    assert_error(none, "timed out")


def test_a_reply_from_a_stranger_is_ignored(lab):
    with socket.socket(type=socket.SOCK_DGRAM) as receiver, \
            socket.socket(type=socket.SOCK_DGRAM) as stranger:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE)
        sender = lab.start(SENDER, "--port", receiver.getsockname()[1])
        _, peer = receiver.recvfrom(100)
        stranger.sendto(b"I am not.", peer)
        receiver.sendto(b"I am.", peer)
        sender.line(r"received I am\. from .*")
        sender.wait()


# Manners

def test_ctrl_c_while_the_sender_waits(lab):
    """D15"""
    with socket.socket(type=socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE)
        sender = lab.start(SENDER, "--port", receiver.getsockname()[1])
        receiver.recvfrom(100)
        assert sender.stop(status={0, 1}).endswith("\r\n")


def test_over_ipv6(lab):
    """D23"""
    receiver = lab.server(RECEIVER, "--host", "::1")
    sender = lab.client(receiver, SENDER, "--host", "::1")
    sender.line(rf"received I am\. from \[::1\]:{receiver.port}")
    sender.wait()
