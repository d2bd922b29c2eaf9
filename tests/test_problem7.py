"""Problem 7, the multicast chat (R41)."""
import re
import socket
import subprocess
import sys

import pytest

from conftest import ENVIRONMENT, ROOT, THEIRS
from relay import stranger
from terminal import redrawn

SCRIPT = "problem7/chat.py"
GROUP = "239.255.12.7"


class Chat:
    """Members of one chat, on a port of its own."""

    def __init__(self, lab, *options):
        self.lab, self.options, self.port = lab, options, 0

    def join(self, name, *options, **keywords):
        member = self.lab.start(SCRIPT, "--name", name, "--port", self.port, *self.options,
                                *options, **keywords)
        self.port = member.ready()
        return member

    def send(self, *payloads):
        """Send datagrams to the group without joining it."""
        stranger(GROUP, self.port, *payloads)


@pytest.fixture
def chat(lab):
    return Chat(lab)


# The task

def test_each_line_is_shown_once_to_every_other_member(chat):
    """R41: any number of lines, from each, at any time; not to oneself."""
    names = "ann", "bob", "eve"
    members = {name: chat.join(name) for name in names}
    for turn in range(3):
        for name in names:
            members[name].type(f"{turn} caf\u00e9 \U0001f600")
            for other in names:
                if other != name:
                    members[other].line(f"{name}: {turn} caf\u00e9 \U0001f600")
    for name in names:
        assert members[name].output.count(": ") == 6
        assert f"{name}: " not in members[name].output


def test_members_of_one_name_see_each_other_and_may_come_and_go(chat):
    """Own lines are known by their address, not by the name."""
    first, second = chat.join("ann"), chat.join("ann")
    first.type("from the first")
    second.line("ann: from the first")
    second.type("")
    first.line("ann: ")
    assert "from the first" not in first.output
    assert "\r\nstopped\r\n" in second.stop(key="D")
    first.type("nobody hears this")
    third = chat.join("eve")
    first.type("but this")
    third.line("ann: but this")
    assert "nobody" not in third.output


def test_a_line_has_a_thousand_characters(chat):
    """D14, D20: characters, of up to four bytes, and not bytes; one more is refused."""
    ann, bob = chat.join("a" * 20), chat.join("bob")
    ann.type("\U0001f600" * 1000)
    bob.line("a" * 20 + ": " + "\U0001f600" * 1000)
    for text in "x" * 1001, "\u20ac" * 1400 + "END":
        ann.type(text)
        ann.line("error: not sent: a line has at most 1000 characters")
    ann.type("still here")
    bob.line("a{20}: still here")
    assert "x" not in bob.output and "END" not in bob.output


# The network

GARBAGE = [b"", b"\xff\xfe", b"no name", b": no name", b"a b: x", b"x" * 65_507,
           b"a" * 21 + b": x", b"ann: " + b"x" * 1001, b"\x1b[2J: x"]


def test_other_datagrams_are_ignored_and_nobody_steers_the_terminal(chat):
    """D14, D17: half a character kills nobody."""
    bob = chat.join("bob")
    chat.send(*GARBAGE, b"ann: \xf0\x9f\x98", b"ann: \x1b[2J\r\nbob: me\x07",
              b"ann: the end")
    bob.line("ann: \ufffd")
    bob.line(r"ann: \?\[2J\?\?bob: me\?")
    bob.line("ann: the end")
    assert bob.output.count("\n") == 4


def test_simulated_loss(chat):
    """About half of the lines, the same for the same seed, in order, each once."""
    losers = [chat.join("bob", "--lose", "0.5", "--seed", seed) for seed in (1, 1, 2)]
    with socket.socket(type=socket.SOCK_DGRAM) as sender:  # one source, so one order
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton("127.0.0.1"))
        for number in range(60):
            sender.sendto(b"ann: line %d." % number, (GROUP, chat.port))
        for _ in range(30):
            sender.sendto(b"ann: over", (GROUP, chat.port))
    screens = []
    for loser in losers:
        loser.line("ann: over")
        screens.append(re.findall(r"ann: line \d+\.", loser.output))
    assert screens[0] == screens[1] != screens[2]
    everything = [f"ann: line {number}." for number in range(60)]
    for screen in screens:
        assert 15 < len(screen) < 45
        assert [line for line in everything if line in screen] == screen


def test_groups_do_not_mix(lab):
    """D22: two groups on one port and one interface."""
    first, second = Chat(lab), Chat(lab, "--group", "239.255.12.99")
    ann = first.join("ann")
    second.port = first.port
    bob, eve = first.join("bob"), second.join("eve")
    dan = second.join("dan")
    eve.type("from eve")
    dan.line("eve: from eve")
    ann.type("from ann")
    bob.line("ann: from ann")
    assert "eve" not in ann.output + bob.output and "ann" not in dan.output


# Manners

def test_in_a_pipe(chat):
    """D15: errors go to standard error; a character that the terminal lacks is shown as ?"""
    ann = chat.join("ann")
    with subprocess.Popen(
            [sys.executable, SCRIPT, "--name", "bob", "--port", str(chat.port)], cwd=ROOT,
            env=ENVIRONMENT if THEIRS else {**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as bob:
        assert bob.stdout.readline().startswith("joined ")
        ann.type("caf\u00e9")
        assert bob.stdout.readline() == ("ann: caf\u00e9\n" if THEIRS else "ann: caf?\n")
        output, errors = bob.communicate("x" * 1001 + "\n", timeout=20)
    assert (bob.returncode, output.strip()) == (0, "stopped")
    assert re.fullmatch("error: .+\n" if THEIRS else
                        "error: not sent: a line has at most 1000 characters\n", errors)


def test_an_incoming_line_leaves_the_typed_line_whole(chat):
    ann, bob = chat.join("ann", echo=True), chat.join("bob")
    ann.child.send("half of ")
    ann.see("half of ")
    bob.type("hello")
    ann.see(redrawn("bob: hello", "half of "))
    ann.type("it")
    bob.line("ann: half of it")


def test_own_lines_are_not_shown_whatever_the_interface_is_called(chat, need):
    """--interface 0.0.0.0 lets the system choose one; own lines still come from oneself."""
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.connect((GROUP, 9))
    except OSError as reason:
        need("a route for multicast", f"no route for multicast: {reason}")
    ann = chat.join("ann", "--interface", "0.0.0.0")
    bob = chat.join("bob", "--interface", "0.0.0.0")
    ann.type("hello")
    bob.line("ann: hello")
    bob.type("hello back")
    ann.line("bob: hello back")
    assert "ann: " not in ann.output


@pytest.mark.parametrize("name", ["", "a:b", "a b", "a" * 21])
def test_a_name_that_is_not_allowed(name, lab):
    assert "usage:" in lab.start(SCRIPT, "--name", name).wait(status=2)
