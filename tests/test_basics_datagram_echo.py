"""basics/datagram_echo: an echo that lives with loss and disorder (R58)."""
import re
import socket
import time

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT
from peers import Talker, assert_error, hurried
from relay import UdpRelay, doubled, lossy, shuffled
from terminal import PATIENCE

SERVER, CLIENT = "basics/datagram_echo/server.py", "basics/datagram_echo/client.py"


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


@pytest.fixture
def false_server():
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(PATIENCE)
        yield sock


# The task

def test_every_message_comes_back_once(lab, server):
    """R58: equal messages, an empty one, letters of two bytes."""
    client = lab.client(server, CLIENT, "one", "one", "", "gr\u00fc\u00dfe", "a b")
    output = client.wait()
    assert sorted(re.findall(r"echo: (.*)\r\n", output)) == [
        "1 one", "2 one", "3 ", "4 gr\u00fc\u00dfe", "5 a b"]
    server.line(r"127\.0\.0\.1:\d+: 4 gr\u00fc\u00dfe")


def test_the_server_sends_back_the_bytes_as_they_are(server):
    """D10, D15, D17: too many are refused in a line of its own output."""
    with Talker(socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        for payload in b"", b"\xff\xfe\x1b[2J\0", b"x" * 1000:
            sock.sendto(payload, ("127.0.0.1", server.port))
            assert sock.recv(2000) == payload
        sock.sendto(b"x" * 1001, ("127.0.0.1", server.port))
        server.line(r"error: 127\.0\.0\.1:\d+ sent 1001 bytes; the limit is 1000")
        sock.sendto(b"last", ("127.0.0.1", server.port))
        assert sock.recv(2000) == b"last"
    assert "\x1b" not in server.output


# The network

@pytest.mark.parametrize("up, down", [
    (lossy(0.3, 1), lossy(0.3, 2)), (doubled, doubled), (shuffled(4, 1), shuffled(4, 2))],
    ids=["loss", "duplicates", "disorder"])
def test_every_message_comes_back_once_over_a_bad_network(up, down, lab, server):
    """R58, R66: in both directions."""
    relay = UdpRelay(server, up, down)
    words = [f"word{number}" for number in range(8)]
    client = lab.client(relay, CLIENT, *words)
    output = client.wait(timeout=30)
    assert sorted(re.findall(r"echo: (.*)\r\n", output)) == [
        f"{number} {word}" for number, word in enumerate(words, 1)]
    relay.close()


def test_a_late_echo_a_stranger_and_nonsense_are_not_taken_for_an_echo(lab, false_server):
    """R58: and a message that has its echo is not sent again."""
    client = lab.start(CLIENT, "a", "b", "--port", false_server.getsockname()[1])
    first, peer = false_server.recvfrom(100)
    second = false_server.recv(100)
    assert (first, second) == (b"1 a", b"2 b")
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"2 b", peer)
    for payload in b"1 a", b"1 a", b"3 c", b"\xff", b"":
        false_server.sendto(payload, peer)
    assert false_server.recv(100) == b"2 b", "only the second is sent again"
    false_server.sendto(b"2 b", peer)
    output = client.wait()
    assert re.findall(r"echo: (.*)\r\n", output) == ["1 a", "2 b"]


def test_the_tries_are_counted_and_chatter_does_not_prolong_them(lab, false_server):
    """D15: eight tries of one second (in this copy 0.2), whatever else arrives meanwhile."""
    client = lab.start(hurried(CLIENT, lab.folder, seconds=0.2, usual=1), "a",
                       "--port", false_server.getsockname()[1])
    tries, start = 0, time.monotonic()
    while tries < 8:
        payload, peer = false_server.recvfrom(100)
        tries += payload == b"1 a"
        for _ in range(5):
            false_server.sendto(b"chatter", peer)
    assert time.monotonic() - start > 1.2
    client.line("error: 1 messages without an echo after 8 tries; .*")
    client.wait(status=1)


def test_the_same_seed_makes_the_same_losses(lab):
    """R66: loss and disorder, to run and see."""
    lost = []
    for _ in range(2):
        server = lab.server(SERVER, "--lose", "0.5", "--seed", "3")
        with Talker(socket.SOCK_DGRAM) as sock:
            for number in range(20):
                sock.sendto(b"%d" % number, ("127.0.0.1", server.port))
            sock.sendto(b"x" * 1001, ("127.0.0.1", server.port))  # is refused: the end
            server.line("error: .*")
        lost.append(re.findall(r"lost: (\w+ \d+)\r\n", server.output))
    assert lost[0] == lost[1] and 4 < len(lost[0]) < 16
    assert {line.split()[0] for line in lost[0]} == {"request", "reply"}


# Manners

def test_a_message_that_is_too_long_is_refused_and_nothing_is_sent(tmp_path, false_server):
    """D15: 1000 bytes with the number."""
    result, = run_cases(ROOT / CLIENT, [["a", "x" * 999, "--port", str(false_server.getsockname()[1])]],
                        tmp_path, ENVIRONMENT)
    assert_error(result, "the limit is 1000 bytes")
    false_server.setblocking(False)
    with pytest.raises(BlockingIOError):
        false_server.recv(100)


def test_a_server_that_leaves_is_noticed(lab, false_server):
    """D15: the client does not go on with nobody."""
    client = lab.start(CLIENT, "a", "--port", false_server.getsockname()[1])
    false_server.recv(100)
    false_server.close()
    client.line("error: .*Connection refused.*")
    client.wait(status=1)
