"""basics/multicast: one message to all receivers of a group.

    python -m pytest test_basics_multicast.py -k hundred
"""
import sys

from cases import run_cases
from conftest import ENVIRONMENT, ROOT
from peers import assert_error
from relay import joined, stranger
from terminal import PATIENCE
from test_network import lan  # noqa: F401 (a fixture)

RECEIVER, SENDER = "basics/multicast/receiver.py", "basics/multicast/sender.py"
GROUP = "239.255.12.14"


# The task

def test_one_message_reaches_all_receivers_and_all_end(lab):
    """R17, R18: several receivers on one host; 100 bytes, of whatever characters."""
    first = lab.server(RECEIVER)
    others = [lab.client(first, RECEIVER) for _ in range(2)]
    for other in others:
        other.ready()
    text = "\U0001f600" * 25
    assert lab.client(first, SENDER, text).wait() == f"sent to {GROUP}:{first.port}\r\n"
    for receiver in [first] + others:
        receiver.line(rf"received {text} from 127\.0\.0\.1:\d+")
        assert receiver.wait().count("received") == 1


def test_the_sender_sends_at_most_one_hundred_bytes(tmp_path):
    """R18, D15: bytes, not characters; a longer message is not sent at all."""
    with joined(GROUP, 0) as receiver:
        receiver.settimeout(PATIENCE)
        port = str(receiver.getsockname()[1])
        messages = ["x" * 101, "\u00e9" * 51, "\u00e9" * 50, ""]
        *refused, longest, empty, default, alone = run_cases(
            ROOT / SENDER, [["--port", port, text] for text in messages]
            + [["--port", port], ["--port", "12999"]], tmp_path, ENVIRONMENT)
        for result, size in zip(refused, (101, 102)):
            assert_error(result, f"not sent: {size} bytes; the limit is 100")
            assert result.stdout == ""
        for result in longest, empty, default:
            assert (result.status, result.stderr) == (0, "")
            assert result.stdout == f"sent to {GROUP}:{port}\n"
        assert alone.stdout == f"sent to {GROUP}:12999\n", "nobody receives it"
        arrived = [receiver.recv(65_535).decode() for _ in range(3)]
        assert arrived == ["\u00e9" * 50, "", "Hello, everybody!"]


# The network

def test_a_receiver_reports_a_message_that_is_too_long_and_waits_on(lab):
    """D10, D17: a stranger's bytes neither end the receiver nor steer its terminal."""
    receiver = lab.server(RECEIVER)
    stranger(GROUP, receiver.port, b"x" * 101, b"x" * 60_000, b"\xff\xfe\x1b[2J")
    for _ in range(2):
        receiver.line(r"error: 127\.0\.0\.1:\d+: more than 100 bytes")
    receiver.line(r"received \ufffd\ufffd\?\[2J from 127\.0\.0\.1:\d+")
    receiver.wait()


def test_a_receiver_shows_only_messages_to_its_group(lab):
    """D22: not what is for another group, or for the machine, on the same port."""
    receiver = lab.server(RECEIVER)
    with joined("239.255.12.99", receiver.port) as neighbour:
        neighbour.settimeout(PATIENCE)
        stranger("239.255.12.99", receiver.port, b"for the neighbour")
        assert neighbour.recv(100) == b"for the neighbour"
        stranger("127.0.0.1", receiver.port, b"for the machine")
        stranger(GROUP, receiver.port, b"for the group")
        receiver.line(r"received for the group from 127\.0\.0\.1:\d+")
        assert receiver.wait().count("received") == 1


def test_a_receiver_hears_its_group_on_its_own_interface_only(lab, lan):  # noqa: F811
    """D22: another program of the machine has joined the group on the network."""
    host = lan(1).on(1)

    def start(script, interface, *words):
        return lab.start(*host, sys.executable, script, "--interface", interface, *words)

    local, other = (start(RECEIVER, address) for address in ("127.0.0.1", "10.12.0.1"))
    local.ready(), other.ready()
    start(SENDER, "10.12.0.1", "from the network").wait()
    other.line(r"received from the network from 10\.12\.0\.1:\d+")
    start(SENDER, "127.0.0.1", "from this machine").wait()
    local.line(r"received from this machine from 127\.0\.0\.1:\d+")
    assert "the network" not in local.wait()


# Manners

def test_an_empty_message_is_a_message(lab):
    receiver = lab.server(RECEIVER)
    stranger(GROUP, receiver.port, b"")
    receiver.line(r"received  from 127\.0\.0\.1:\d+")
    receiver.wait()
