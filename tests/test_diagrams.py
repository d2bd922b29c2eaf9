"""Every line of every wire diagram in a note is on the wire while its transcripts are typed."""
import re
import time

import pytest

from conftest import THEIRS
from diagrams import lines, unproven
from peers import connect, rest
from recorder import Recorder
from relay import TcpRelay
from test_transcripts import NOTES
from transcripts import play, transcripts

DRAWN = [name for name, note in NOTES.items() if lines(note or "") and name != "README.md"]
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own notes")


def sessions(name):
    """Return the transcripts in the note with the diagram, and then those in the other notes
    of the same folder (of the same kind, where a folder has two pairs)."""
    if name == "basics/stream_address/server.py":
        return []  # they show the client's address, and a relay has another one
    def kind(script):
        folder, _, file = script.rpartition("/")
        return folder, re.match("(tcp_|udp_|hub_|)", file)[1]
    notes = [NOTES[name]] + [NOTES[other] for other in NOTES
                             if other != name and kind(other) == kind(name)]
    return [steps for note in notes for steps in transcripts(note or "")
            if not any("make net" in step.text for step in steps)]


# What no transcript shows: these bytes, sent to the server, bring the reason.
PROVOKED = {"problem1/tcp_server.py": b"How are you?\n", "problem5/tcp_server.py": b"half",
            "basics/stream_echo/server.py": b"half", "basics/stream_address/server.py": b"",
            "basics/stream_iterative/server.py": b"half"}


@pytest.mark.parametrize("name", DRAWN)
def test_the_diagram_is_what_is_on_the_wire(name, lab, need):
    diagram, events, stream = lines(NOTES[name]), [], "The wire (TCP" in NOTES[name]
    if name in PROVOKED:
        relay = TcpRelay(lab.server(name), events=events)
        with connect(relay) as conn:
            conn.sendall(PROVOKED[name])
            rest(conn)
        relay.close()
    for steps in sessions(name):
        with Recorder(lab, need, stream) as stage:
            play(steps, stage)
            for _ in range(10):  # the last event may be a moment late
                if unproven(diagram, events + stage.events, stream) is None:
                    break
                time.sleep(0.05)
            events += stage.events
        if unproven(diagram, events, stream) is None:
            break
    assert unproven(diagram, events, stream) is None


DIAGRAM = r"""
       | ----- (connects) ---------------> |
       | ----- 12 + 30\n ----------------> |   a comment
       | <----------------------- 42\n --- |
       | ----- 7 / 0\n(3 bytes) ---------> |
       | <--- error: (the reason)\n ------ |
       | ----- (end of stream) ----------> |

    or | <----- Bye!\n ------------------- |
"""
EVENTS = [(">", 1, None), ("<", 1, b"Bye!\n"), (">", 1, b"12 +"), (">", 1, b" 30\n7 / 1\n"),
          ("<", 1, b"42\n7\n"), (">", 1, b"7 / 0\n\n\0\xff"), ("<", 1, b"error: zero\n"),
          (">", 1, b"")]


def test_a_right_diagram_is_proven():
    assert [line.apart for line in lines(DIAGRAM)] == 6 * [False] + [True]
    assert unproven(lines(DIAGRAM), EVENTS, stream=True) is None


@pytest.mark.parametrize("old, new, line", [
    ("12 + 30", "2 + 30", "2 + 30"), ("12 + 30", "12 + 3", "12 + 3"),
    (r"30\n", "30", "12 + 30"), ("42", "43", "43"), ("3 bytes", "2 bytes", "(2 bytes)"),
    ("3 bytes", "4 bytes", "(4 bytes)"), ("error: (", "error (", "error ("),
    ("Bye!", "bye!", "bye!"), (r"| <----------------------- 42\n --- |",
                              r"| ----- 42\n ---------------------> |", "42"),
    ("(end of stream)", "more", "more"), ("12 + 30", "7 / 0", "42")])
def test_a_wrong_byte_in_a_diagram_is_found(old, new, line):
    wrong = DIAGRAM.replace(old, new, 1)
    if new == "7 / 0":  # the two requests in the other order
        wrong = wrong.replace(r"7 / 0\n(3 bytes)", r"12 + 30\n")
    assert line in unproven(lines(wrong), EVENTS, stream=True)


def test_each_datagram_is_a_message_of_its_own():
    line = lines(r"       | -- ab -------------> |")
    assert unproven(line, [(">", 1, b"ab")], stream=False) is None
    assert unproven(line, [(">", 1, b"a"), (">", 1, b"b")], stream=False)
    assert unproven(line, [(">", 1, b"abc")], stream=False)
