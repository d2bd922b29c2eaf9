"""basics/multicast_group: every member sends one message and receives those of all.

    python -m pytest test_basics_multicast_group.py -k prompt
"""
import re
import sys

import pytest

from relay import joined, stranger
from terminal import PATIENCE
from test_network import lan  # noqa: F401 (a fixture)

MEMBER = "basics/multicast_group/member.py"
GROUP = "239.255.12.15"


# The task

def test_every_member_receives_the_message_of_each(lab):
    """R19, R20: one message each, one's own comes back; all receive before they send."""
    first = lab.server(MEMBER)
    members = [first] + [lab.client(first, MEMBER) for _ in range(2)]
    for member in members:
        member.line("press Enter when all have started")
    for number, member in enumerate(members):
        member.type("")
        member.line("type your message")
        member.type(f"hello from {number}")
        member.type("no second message")
        for other in members:
            other.see(rf"received hello from {number} from 127\.0\.0\.1:\d+\r\n")
    for member in members:
        assert member.stop().count("received") == len(members)


def test_a_message_that_is_too_long_is_asked_for_again(lab):
    """D15: 100 bytes, not 100 characters; the member receives while it asks."""
    member = lab.server(MEMBER)
    member.type("")
    member.line("type your message")
    member.type("\u00e9" * 51)
    member.line("error: not sent: 102 bytes; the limit is 100")
    stranger(GROUP, member.port, b"meanwhile")
    member.see(r"received meanwhile from 127\.0\.0\.1:\d+\r\n")
    member.type("\u00e9" * 50)
    member.see("received \u00e9{50} from")
    assert "\u00e9" * 51 not in member.stop(), "it was sent"


# The network

def test_a_member_survives_any_datagram(lab):
    """D10, D17: too long, no UTF-8, control characters, empty."""
    member = lab.server(MEMBER)
    stranger(GROUP, member.port, b"x" * 101, b"\xff\x1b[2J", b"")
    member.see(r"error: 127\.0\.0\.1:\d+: more than 100 bytes\r\n")
    member.see(r"received \ufffd\?\[2J from 127\.0\.0\.1:\d+\r\n")
    member.see(r"received  from 127\.0\.0\.1:\d+\r\n")
    assert "x" * 101 not in member.stop()


def test_a_member_shows_only_messages_to_its_group(lab):
    """D22: not what is for another group, or for the machine, on the same port."""
    member = lab.server(MEMBER)
    with joined("239.255.12.99", member.port) as neighbour:
        neighbour.settimeout(PATIENCE)
        stranger("239.255.12.99", member.port, b"for the neighbour")
        assert neighbour.recv(100) == b"for the neighbour"
        stranger("127.0.0.1", member.port, b"for the machine")
        stranger(GROUP, member.port, b"for the group")
        member.see(r"received for the group from 127\.0\.0\.1:\d+\r\n")
        assert member.stop().count("received") == 1


def test_a_member_hears_its_group_on_its_own_interface_only(lab, lan):  # noqa: F811
    """D22: another member of the machine has joined the group on the network."""
    host = lan(1).on(1)
    local, other = members = [
        lab.start(*host, sys.executable, MEMBER, "--interface", address)
        for address in ("127.0.0.1", "10.12.0.1")]
    for member in members:
        member.line("press Enter when all have started")
    for member, text in (other, "from the network"), (local, "from this machine"):
        member.type("")
        member.line("type your message")
        member.type(text)
        member.see(rf"received {text} from [\d.]+:\d+\r\n")
    assert "the network" not in local.stop() and "this machine" not in other.stop()


# Manners

@pytest.mark.parametrize("typed, key", [(0, "C"), (0, "D"), (1, "C"), (1, "D"), (2, "C")])
def test_a_member_can_leave_at_any_moment(typed, key, lab):
    """D15: Ctrl+C, or Ctrl+D at a prompt; before Enter, before the message, and after it."""
    member = lab.server(MEMBER)
    member.line("press Enter when all have started")
    for text, answer in [("", "type your message"), ("hello", "received hello")][:typed]:
        member.type(text)
        member.see(answer)
    assert "\r\nstopped\r\n" in member.stop(key=key)


def screen(output, columns):
    """Return the lines that a terminal of this width shows after this output."""
    lines, row, column = [""], 0, 0
    for piece in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|[^\x1b]", output):
        if piece == "\n":
            row += 1
        elif piece == "\r":
            column = 0
        elif piece == "\b":
            column -= 1
        elif piece == "\x1b[A":
            row -= 1
        elif piece in ("\x1b[J", "\x1b[K"):
            lines[row] = lines[row][:column]
            lines = lines[:row + 1] if piece == "\x1b[J" else lines
        elif piece.isprintable():
            row, column = (row + 1, 0) if column == columns else (row, column)
            lines += [""] * (row + 1 - len(lines))
            lines[row] = lines[row][:column].ljust(column) + piece + lines[row][column + 1:]
            column += 1
        lines += [""] * (row + 1 - len(lines))
    return lines


@pytest.mark.parametrize("length", [30, 70, 110])
def test_a_message_does_not_disturb_the_line_that_is_typed(length, lab):
    """The window has 40 columns, and the line has one row, two rows or three."""
    member = lab.start("sh", "-c", "read go; stty columns 40; TERM=xterm exec "
                       f"{sys.executable} {MEMBER} --port 0", echo=True)
    member.type("go")
    member.ready()
    member.line("press Enter when all have started")
    member.type("")
    member.line("type your message")
    typed = "".join(chr(ord("a") + number % 26) for number in range(length))
    member.child.send(typed)
    member.until(lambda _: "".join(screen(member.output, 40)).endswith(typed), typed)
    before = screen(member.output, 40)
    stranger(GROUP, member.port, b"hello")
    member.see(r"received hello from 127\.0\.0\.1:\d+")
    rows = [typed[start:start + 40] for start in range(0, length, 40)]
    member.until(lambda _: screen(member.output, 40)[-len(rows):] == rows, " ".join(rows))
    after = screen(member.output, 40)
    assert after[:len(before) - len(rows)] == before[:-len(rows)]
    assert re.fullmatch(r"received hello from 127\.0\.0\.1:\d+", after[len(before) - len(rows)])
    assert len(after) == len(before) + 1
