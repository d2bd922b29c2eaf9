"""Each requirement and each defect has tests: the table is made from their docstrings.

`python tests/test_requirements.py` prints it. A number in a test's docstring ("R26", "R26 to
R28", "D6, D10") says that the test holds it; one in a file's docstring is not enough.
"""
import ast
import functools
import re
from pathlib import Path

import pytest

REQUIREMENTS = {
    "R1": "one datagram of at most 40 bytes",
    "R2": "the sender sends first, and waits for the reply on the same socket",
    "R3": "the reply goes to the address that the datagram came from",
    "R4": "at most 60 bytes each way",
    "R5": "a welcome line to the client that connects; then the end",
    "R6": "the client waits until a whole line is there",
    "R7": "the client answers the greeting, and the server waits for that",
    "R8": "sockets closed at both sides, and the listening one before the end",
    "R9": "for ever, one client at a time, the others wait in order",
    "R10": "Ctrl+C ends the server and closes its listening socket",
    "R11": "an Employee (ID, name, salary) is sent as an object",
    "R12": "its values are asked for at the client, and the server prints them",
    "R13": "two integers are sent, and the server computes and prints their sum",
    "R14": "1 + 2 + ... + count, a wait after each addition, first come first served",
    "R15": "the published measurement: count 5 waits for count 100",
    "R16": "a thread for each client: count 5 does not wait",
    "R17": "one multicast message reaches all receivers, several on a host",
    "R18": "all end after one message of at most 100 bytes",
    "R19": "each member sends one message, and receives as many as there are members",
    "R20": "listening begins before sending",
    "R21": "file transfer over both kinds of socket",
    "R22": "units of 100 bytes, the last may be less",
    "R23": "the next unit only after the acknowledgment of the last",
    "R24": "no acknowledgment in time: send again",
    "R25": "until all of the file is there",
    "R26": "a line at a time, a datagram each",
    "R27": "no acknowledgment",
    "R28": "a thread for each client",
    "R29": "the file's name is an argument of the thread",
    "R30": "at most 1000 bytes a flush",
    "R31": "then the thread sleeps 200 ms",
    "R32": "two integers and one of * / % + -: the server answers, the client shows it",
    "R33": "pieces of a random 1000 to 2000 bytes, a datagram each",
    "R34": "only the last piece may be shorter",
    "R35": "a media player plays what is there while the rest arrives",
    "R36": "Enter sends what was typed, over both kinds of socket",
    "R37": "no second message before the reply",
    "R38": "UDP: at most 1000 characters",
    "R39": "Ctrl+C on both sides ends the chat",
    "R40": "many clients, a thread each; the server chats with all of them",
    "R41": "any number of messages from each, shown to all the others",
    "R42": "candidates A and B, five electorates",
    "R43": "each votes once and for one",
    "R44": "the vote is the character A or B, multicast to all the others",
    "R45": "most votes win, and each electorate finds the winner by itself",
    "R51": "playing in real time",
    "R55": "each client's address, over TCP",
    "R56": "each client's address, from datagrams, continuously",
    "R57": "echo over TCP",
    "R58": "echo over UDP, which lives with loss and disorder",
    "R59": "multicast among several hosts",
    "R60": "broadcast: to all other clients and the server",
    "R61": "threads that neither block nor disturb each other",
    "R62": "a chat hub relays among many clients",
    "R63": "with passwords, moderators, encryption and rooms",
    "R64": "hello, hello back, then a file, on one connection",
    "R65": "the questions that the notes answer",
    "R66": "TCP against UDP, to be run and seen",
    "D1": "a status and the data after it taken by one recv",
    "D2": "voters counted by address",
    "D3": "votes not counted, counted twice, or never awaited to an end",
    "D4": "a unit written twice after a late acknowledgment",
    "D5": "newlines, indentation, long or first or last lines lost, clients mixed",
    "D6": "one recv taken for one message",
    "D7": "client and server do not fit; replies that go to the wrong client",
    "D8": "silent loss on a clean loopback",
    "D9": "truncation reported as success",
    "D10": "one bad client ends or blocks the server",
    "D11": "what was received is executed; paths that leave the folder",
    "D12": "end marks in band",
    "D13": "the address already in use after a normal run",
    "D14": "an empty Enter, a lost reply, half a character: the chat stands still",
    "D15": "limits not kept, tracebacks, failures with status 0",
    "D16": "one request waits behind another client's whole stream",
    "D17": "control characters of a peer take over the terminal",
    "D18": "two servers with one folder write into one another's part file",
    "D19": "no thread can be started, and the server ends",
    "D20": "a line cut at 4095 bytes by the terminal, silently",
    "D21": "one address of a name is tried, and no other",
    "D22": "a group is heard on interfaces that the member did not join on",
    "D23": "the address family guessed from the look of the text",
    "D24": "several lines pasted at once are not as many lines",
    "D25": "a file name that we make longer is too long for the file system",
    "D26": "a users file taken wrongly, or a user not added, with status 0",
    "D27": "lines of two threads glued where PYTHONUNBUFFERED is set",
    "D28": "SIGTERM ignored, or a part file left behind",
    "D29": "Ctrl+C in an unlucky moment: a player stays, or a traceback",
    "D30": "an error that does not name what it is about",
    "D31": "a server that Ctrl+C cannot stop on Windows",
    "D32": "a suite that is red for right scripts",
    "D33": "UDP servers on 0.0.0.0 answer from another address",
}


@functools.lru_cache(maxsize=None)
def table():
    """Return for each number the tests that name it: file and function."""
    held = {number: [] for number in REQUIREMENTS}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                note = re.sub(r"([RD])(\d+)(?: to |-)[RD]?(\d+)", lambda m: " ".join(
                    f"{m[1]}{n}" for n in range(int(m[2]), int(m[3]) + 1)),
                    ast.get_docstring(node) or "")
                for number in sorted(set(re.findall(r"\b[RD]\d+\b", note))):
                    held.setdefault(number, []).append(f"{path.name}::{node.name}")
    return held


@pytest.mark.parametrize("number", REQUIREMENTS)
def test_the_requirement_has_a_test(number):
    assert table()[number], REQUIREMENTS[number]


def test_there_is_no_requirement_of_another_number():
    assert set(table()) == set(REQUIREMENTS)


if __name__ == "__main__":
    for number, tests in table().items():
        print(f"{number}: {REQUIREMENTS.get(number, '?')}")
        for test in tests:
            print(f"    {test}")
