"""Problem 5 over UDP: a chat in lock-step, numbered and repeated (R36 to R39)."""
import os
import re
import signal
import socket
import sys
import time

import pytest

from conftest import ROOT, THEIRS
from peers import Talker, hurried
from relay import UdpRelay, doubled, lossy, shuffled, without
from terminal import PATIENCE

SERVER, CLIENT = "problem5/udp_server.py", "problem5/udp_client.py"

@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def enter(lab, server):
    """Start a client whose turn it is."""
    client = lab.client(server, CLIENT)
    client.see("You: ")
    return client


@pytest.fixture
def client(lab, server):
    return enter(lab, server)


def tell(sender, receiver, name, text):
    """One message from prompt to screen; afterwards the receiver is at the prompt."""
    sender.type(text)
    receiver.see(rf"{name}: {re.escape(text)}\r\nYou: ")


def talk(client, server, count):
    for number in range(count):
        tell(client, server, "Client", f"question {number}")
        tell(server, client, "Server", f"answer {number}")


# The task

def test_ten_exchanges_and_a_prompt_for_each_turn(client, server):
    """R36, R37: each message once. A line that is typed early waits for its turn."""
    talk(client, server, 10)
    assert client.output.count("You: ") == 11 and server.output.count("You: ") == 10
    assert client.output.count("answer") == 10 and server.output.count("question") == 10
    client.type("one")
    server.see("Client: one\r\nYou: ")
    client.type("two")
    server.type("reply")
    client.see("Server: reply\r\nYou: ")
    server.see("Client: two\r\nYou: ")


def test_an_empty_line_is_a_message(client, server):
    """D14: nobody is blocked."""
    tell(client, server, "Client", "")
    tell(server, client, "Server", "")
    tell(client, server, "Client", "  two spaces before and one after ")


def test_text_is_utf8_and_cannot_steer_the_terminal(lab, server):
    """D17: in both directions."""
    with Talker(socket.SOCK_DGRAM) as other:
        other.sendto(b"here 0", ("127.0.0.1", server.port))
        server.line("client .*")
        other.sendto(b"say 1 caf\xc3\xa9 \xf0\x9f\x98\x80 \x1b[2Jred\x07",
                     ("127.0.0.1", server.port))
        server.see("Client: caf\u00e9 \U0001f600 \\?\\[2Jred\\?\r\n")
    with Talker(socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        other.settimeout(PATIENCE)
        client = lab.start(CLIENT, "--port", other.getsockname()[1])
        payload, peer = other.recvfrom(100)
        other.sendto(b"here 0", peer)
        client.see("You: ")
        client.type("caf\u00e9")
        while not payload.startswith(b"say"):
            payload = other.recv(100)
        assert payload == b"say 1 caf\xc3\xa9"
        other.sendto(b"say 2 \xf0\x9f\x98\x80 \x1b[2Jred\x07", peer)
        client.see("Server: \U0001f600 \\?\\[2Jred\\?\r\n")
    assert "\x1b[2J" not in client.output + server.output


def test_the_limit_is_characters_not_bytes(client, server):
    """R38, D14, D20: 1000 emoji, 4 bytes each; a longer line is refused and asked for again,
    also one that the terminal cuts at 4095 bytes."""
    tell(client, server, "Client", "\U0001f600" * 1000)
    server.type("x" * 1001)
    server.see("error: not sent: 1001 characters, at most 1000 please\r\nYou: ")
    server.type("\u20ac" * 1400 + "END")
    server.see(r"error: not sent: \d+ characters, at most 1000 please\r\nYou: ")
    tell(server, client, "Server", "x" * 1000)


def test_a_second_client_waits_and_has_its_turn(lab, client, server):
    second = lab.client(server, CLIENT)
    second.line("the server talks to another client: wait")
    talk(client, server, 2)
    client.stop()
    second.see("You: ")
    talk(second, server, 2)
    assert second.output.count("wait") == 1


def test_lines_from_a_pipe_wait_for_their_turn(lab, server):
    """As a person does, who sees the prompt."""
    lab.start("sh", "-c", f"printf 'one\\ntwo\\n' | '{sys.executable}' '{ROOT / CLIENT}' "
                          f"--port {server.port}")
    server.see("Client: one\r\nYou: ")
    server.type("and?")
    server.see("Client: two\r\nYou: ")
    server.type("and?")
    server.line("client .* has left")


# The network

@pytest.mark.waits
@pytest.mark.parametrize("seed", [1, 2])
def test_udp_with_30_percent_lost_both_ways(seed, lab, server):
    """D14: ten exchanges, each message shown exactly once, in order."""
    relay = UdpRelay(server, lossy(0.3, seed), lossy(0.3, seed + 10))
    client = enter(lab, relay)
    talk(client, server, 10)
    assert client.output.count("answer") == 10 and server.output.count("question") == 10
    relay.close()


@pytest.mark.parametrize("treatment", [doubled, shuffled(2, seed=1)],
                         ids=["doubled", "shuffled"])
def test_udp_doubled_and_in_another_order(treatment, lab, server):
    relay = UdpRelay(server, treatment, treatment)
    client = enter(lab, relay)
    talk(client, server, 3)
    assert client.output.count("answer") == 3 and server.output.count("question") == 3
    relay.close()


def test_udp_loses_the_first_and_the_acknowledgments(lab, server):
    relay = UdpRelay(server, without({0, 1}), without({0, 2, 3}))
    client = enter(lab, relay)
    talk(client, server, 3)
    relay.close()


@pytest.mark.waits
def test_a_message_that_is_never_acknowledged_ends_the_chat(lab, server):
    """After 10 seconds of repeating; the other direction works all the time. (Here: 3.)"""

    def no_messages(datagrams):
        for datagram, peer in datagrams:
            if not datagram.startswith(b"say"):
                yield datagram, peer

    relay = UdpRelay(server, no_messages)
    client = lab.client(relay, hurried(CLIENT, lab.folder, 3))
    client.see("You: ")
    client.type("hello")
    start = time.monotonic()
    client.line("error: no answer for 3 seconds; start again")
    client.wait(status=1)
    assert time.monotonic() - start > 2
    assert sum(datagram == b"say 1 hello" for datagram in relay.up) > 3
    relay.close()


@pytest.mark.waits
def test_a_person_may_take_more_than_ten_seconds(lab, server):
    """The programs say that they are there. (The limit is 2 seconds here.)"""
    server = lab.server(hurried(SERVER, lab.folder, 2))
    client = lab.client(server, hurried(CLIENT, lab.folder, 2))
    client.see("You: ")
    tell(client, server, "Client", "think about it")
    with pytest.raises(AssertionError):
        client.see("left|error", timeout=5)
    tell(server, client, "Server", "I have")


@pytest.mark.waits
def test_udp_silence_before_the_chat_has_begun(lab):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        client = lab.start(hurried(CLIENT, lab.folder), "--port", silent.getsockname()[1])
        client.line("error: no answer for 1 seconds; start again")
        client.wait(status=1)


def test_udp_a_late_copy_of_an_old_message_is_not_shown(lab, server):
    """D14: nor one whose turn is yet to come."""
    with Talker(socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", server.port))
        client.settimeout(10)

        def until(datagram):
            while client.recv(1000) != datagram:
                pass

        client.send(b"here 0")
        until(b"here 0")
        client.send(b"say 1 one")
        server.see("Client: one\r\nYou: ")
        server.type("two")
        until(b"say 2 two")
        client.send(b"say 1 one")
        client.send(b"say 5 five")
        client.send(b"here 2")
        until(b"here 2")
        client.send(b"say 3 three")
        server.see("Client: three\r\nYou: ")
        assert server.output.count("Client: ") == 2
        client.send(b"bye")


def test_udp_strangers_and_nonsense_are_ignored(lab, server):
    """Also a datagram like the next message, from another address."""
    client = enter(lab, server)
    peer = re.search(r"client 127\.0\.0\.1:(\d+)", server.line("client .*")[0])[1]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for address in ("127.0.0.1", server.port), ("127.0.0.1", int(peer)):
            for datagram in (b"say 1 stranger", b"say 2 stranger", b"bye", b"here 0", b"",
                             b"here x", b"say", b"\xff\xfe", b"say 99999 stranger"):
                stranger.sendto(datagram, address)
    talk(client, server, 2)
    assert "stranger" not in client.output + server.output


def test_a_udp_client_that_is_killed(lab):
    server = lab.server(hurried(SERVER, lab.folder, 2))
    client = enter(lab, server)
    client.kill()
    server.line(r"error: no answer from 127\.0\.0\.1:\d+ for 2 seconds")


def test_a_stopped_operator_does_not_lose_the_chat(lab, server):
    """SIGSTOP and SIGCONT, as Ctrl+Z and fg do."""
    client = enter(lab, server)
    os.kill(server.pid, signal.SIGSTOP)
    client.type("still there?")
    time.sleep(1.5)  # some repetitions
    os.kill(server.pid, signal.SIGCONT)
    server.see("Client: still there\\?\r\nYou: ")
    tell(server, client, "Server", "yes")
    assert server.output.count("still there") == 1


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    client = lab.client(server, CLIENT, "--host", "::1")
    client.see("You: ")
    talk(client, server, 1)


# Manners

def test_the_client_leaves(lab, server):
    """R39, D15: noticed at once, also by an operator at the prompt; the next is served, and
    does not get the line that was meant for the last one."""
    for turn in "client", "server":
        for key in "CD" if turn == "client" else "CC":
            client = enter(lab, server)
            talk(client, server, 1)
            if turn == "server":
                tell(client, server, "Client", "hello")
            assert client.stop(key=key).endswith("\r\nstopped\r\n")
            server.line(r"client 127\.0\.0\.1:\d+ has left")
            if turn == "server":
                server.type("too late")
    client = enter(lab, server)
    talk(client, server, 1)
    assert "late" not in client.output


SLOW = """
import runpy, sys, threading, time
start = threading.Thread.start
threading.Thread.start = lambda thread: (start(thread), time.sleep(2))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_client_that_leaves_at_once_says_so(lab, server):
    """On a busy machine, while main() has hardly started the thread that shows the prompt."""
    client = lab.client(server, "python", "-c", SLOW, CLIENT)
    client.see("You: ")
    assert client.stop().endswith("\r\nstopped\r\n")
    server.line(r"client 127\.0\.0\.1:\d+ has left")


@pytest.mark.parametrize("key", ["C", "D"])
@pytest.mark.parametrize("turn", ["client", "server"])
def test_the_server_leaves(key, turn, client, server):
    """R39, D15: nobody chats on with nobody."""
    if turn == "server":
        tell(client, server, "Client", "hello")
    assert server.stop(key="C" if turn == "client" else key).endswith("\r\nstopped\r\n")
    client.line("the server has left")
    client.wait()


def test_a_server_that_is_killed(client, server):
    """At once, on one machine: the system says that the port is closed. (The note does not
    say so: somebody's own may wait, and call it an error.)"""
    server.kill()
    client.line("the server has left" + ("|error: .*" if THEIRS else ""))
    client.wait({0, 1} if THEIRS else 0)


def test_a_udp_server_that_ends_says_bye_three_times(lab, server):
    """R39: to a client on another machine nothing else would tell it."""
    with Talker(socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(b"here 0", ("127.0.0.1", server.port))
        assert client.recv(100) == b"here 0"
        server.stop()
        heard = [client.recv(100)]
        while heard.count(b"bye") < 3:
            heard.append(client.recv(100))
        assert set(heard) <= {b"here 0", b"bye"}
