"""Problem 7: the multicast chat (R41; D14, D17)."""
import re
import socket
import subprocess
import sys
import threading

import pytest

from relay import stranger

from conftest import ENVIRONMENT, ROOT

SCRIPT = "problem7/chat.py"
GROUP = "239.255.12.7"


class Chat:
    """Members of one chat, on a port of its own."""

    def __init__(self, lab, *options):
        self.lab, self.options, self.port = lab, options, 0

    def join(self, name, *options, echo=False):
        member = self.lab.start(SCRIPT, "--name", name, "--port", self.port, *self.options,
                                *options, echo=echo)
        self.port = member.ready()
        return member

    def send(self, *payloads):
        """Send datagrams to the group as a stranger."""
        stranger(GROUP, self.port, *payloads)


@pytest.fixture
def chat(lab):
    return Chat(lab)


def test_each_line_once_to_every_other_member(chat):
    """R41: any number of lines, from each, at any time; not to oneself."""
    names = "ann", "bob", "eve"
    members = {name: chat.join(name) for name in names}
    for round_ in range(3):
        for name in names:
            members[name].type(f"{round_} caf\u00e9 \U0001f600")
            for other in names:
                if other != name:
                    members[other].line(f"{name}: {round_} caf\u00e9 \U0001f600")
    for name in names:
        assert members[name].output.count(": ") == 6
        assert f"{name}: " not in members[name].output


def test_members_of_one_name_see_each_other(chat):
    """Own lines are known by their address, not by their name."""
    first, second = chat.join("ann"), chat.join("ann")
    first.type("from the first")
    second.line("ann: from the first")
    second.type("")
    first.line("ann: ")
    assert "from the first" not in first.output


def test_members_come_and_go(chat):
    first, second = chat.join("ann"), chat.join("bob")
    assert second.stop(key="D").endswith("\r\nstopped\r\n")
    first.type("nobody hears this")
    third = chat.join("eve")
    first.type("but this")
    third.line("ann: but this")
    assert "nobody" not in third.output
    first.kill()
    fourth = chat.join("dan")
    fourth.type("hello")
    third.line("dan: hello")


def test_a_thousand_characters(chat):
    """D14: characters, of up to four bytes, and not bytes; one more is refused, and said."""
    ann, bob = chat.join("a" * 20), chat.join("bob")
    ann.type("\U0001f600" * 1000)
    bob.line("a" * 20 + ": " + "\U0001f600" * 1000)
    ann.type("x" * 1001)
    ann.line("error: not sent: 1001 characters, at most 1000 please")
    ann.type("still here")
    bob.line("a{20}: still here")
    assert "x" not in bob.output


def test_in_a_pipe(chat):
    """D15: errors are not in the output; what a terminal can't show is shown as ?"""
    ann = chat.join("ann")
    with subprocess.Popen(
            [sys.executable, SCRIPT, "--name", "bob", "--port", str(chat.port)], cwd=ROOT,
            env={**ENVIRONMENT, "PYTHONIOENCODING": "ascii"}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as bob:
        watch = threading.Timer(10, bob.kill)
        watch.start()
        assert bob.stdout.readline().startswith("joined ")
        ann.type("caf\u00e9")
        assert bob.stdout.readline() == "ann: caf?\n"
        output, errors = bob.communicate("x" * 1001 + "\n", timeout=10)
        watch.cancel()
    assert (bob.returncode, output) == (0, "\nstopped\n")
    assert errors == "error: not sent: 1001 characters, at most 1000 please\n"


GARBAGE = [b"", b"\xff\xfe", b"no name", b": no name", b"a b: x", b"x" * 65_507,
           b"a" * 21 + b": x", b"ann: " + b"x" * 1001, b"error: no", b"\x1b[2J: x"]


def test_what_is_no_line_of_the_chat_is_ignored(chat):
    """D14, D17: half a character kills nobody; nobody steers the terminal."""
    bob = chat.join("bob")
    chat.send(*GARBAGE, b"ann: \xf0\x9f\x98", b"ann: \x1b[2J\r\nbob: me\x07",
              b"ann: the end")
    bob.line("ann: \ufffd")
    bob.line(r"ann: \?\[2J\?\?bob: me\?")
    bob.line("ann: the end")
    assert bob.output.count("\n") == 4


def test_what_comes_in_leaves_the_typed_line_whole(chat):
    ann, bob = chat.join("ann", echo=True), chat.join("bob")
    ann.child.send("half of ")
    ann.see("half of ")
    bob.type("hello")
    ann.see(r"\r\x1b\[Kbob: hello\r\nhalf of ")
    ann.type("it")
    bob.line("ann: half of it")


def test_simulated_loss(chat):
    """About half of the lines, the same for the same seed, in order, each once."""
    ann = chat.join("ann")
    losers = [chat.join("bob", "--lose", "0.5", "--seed", seed) for seed in (1, 1, 2)]
    bob = chat.join("eve")
    for number in range(60):
        ann.type(f"line {number}.")
        bob.line(f"ann: line {number}\\.")
    ann.stop()
    screens = []
    for loser in losers:
        chat.send(*[b"ann: over"] * 20)
        loser.line("ann: over")
        screens.append(re.findall(r"ann: line \d+\.", loser.output))
    assert screens[0] == screens[1] != screens[2]
    everything = [f"ann: line {number}." for number in range(60)]
    for screen in screens:
        assert 15 < len(screen) < 45
        assert [line for line in everything if line in screen] == screen


@pytest.mark.parametrize("script", [SCRIPT, "basics/broadcast/client.py"])
def test_piped_lines_and_the_end_of_them(script, lab):
    """No thread is caught reading from a socket that is closed."""
    for _ in range(15):
        done = subprocess.run([sys.executable, script, "--port", "0"], cwd=lab.folder,
                              input="hello\n", capture_output=True, text=True, timeout=10)
        assert done.returncode == 0 and done.stderr == ""
        assert done.stdout.endswith("\nstopped\n")


def test_groups_do_not_mix(lab):
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


@pytest.mark.parametrize("options", ["--name ''", "--name a:b", "--name caf\u00e9",
                                     f"--name {'a' * 21}", "--name error", "--lose 1.5", "--lose x"])
def test_bad_flags(options, lab):
    words = [word.strip("'") for word in options.split()]
    assert "usage:" in lab.start(SCRIPT, *words).wait(status=2)
