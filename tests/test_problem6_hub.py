"""Problem 6, the chat hub: members, rooms, lines (R62)."""
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from cases import noted
from conftest import ENVIRONMENT, RESET, ROOT, THEIRS
from hub import HUB, MEMBER, Raw, add, enter, says
from moments import interrupt
from peers import FalseServer
from relay import TcpRelay, one_byte
from terminal import redrawn

# The task

@pytest.fixture
def hub(lab):
    return lab.server(HUB)


def test_three_members(lab, hub):
    """R62: each line once to everybody else, and not to oneself."""
    ann, bob, eve = (enter(lab, hub, name) for name in ("ann", "bob", "eve"))
    ann.type("hello caf\u00e9 \U0001f600")
    for other in bob, eve:
        other.see("ann: hello caf\u00e9 \U0001f600\r\n")
    bob.type("")
    ann.see("bob: \r\n")
    eve.see("bob: \r\n")
    assert "ann: " not in ann.output


def test_rooms(lab, hub):
    """R63: what is said in one room is not heard in another."""
    ann, bob = Raw(hub, "ann lobby"), Raw(hub, "bob games")
    assert ann.line() == "joined lobby as ann" and bob.line() == "joined games as bob"
    assert ann.ask("/who") == "in lobby: ann"
    assert ann.ask("/rooms") == "open rooms: games, lobby"
    ann.say("nobody hears this")
    assert ann.ask("/join games") == "joined games as ann"
    assert ann.ask("/who") == "in games: ann, bob"
    ann.say("but this")
    assert bob.line() == "ann: but this"
    assert says(ann.ask("/join no such room"), "error: the commands are")
    assert says(ann.ask("/nonsense"), "error: the commands are")
    bob.say("/quit")
    assert bob.line() == ""
    hub.line("bob has left")
    assert ann.ask("/who") == "in games: ann"
    ann.close()


def test_a_name_without_a_room_comes_into_the_lobby(lab, hub, need):
    """Any nc can join."""
    need("nc")
    nc = lab.start("nc", "127.0.0.1", hub.port)
    nc.type("ann")
    nc.line("joined lobby as ann")


NO_NAMES = ["", " ", "a" * 21, "caf\u00e9", "two words", "a:b", "../x", "\x1b[2J", "error",
            "ann room!"]


@pytest.mark.parametrize("name", NO_NAMES, ids=repr)
def test_a_name_that_is_not_allowed_is_refused(name, hub):
    member = Raw(hub, name)
    if name == "two words":  # a name and a room
        assert member.line() == "joined words as two"
    else:
        assert says(member.line(), "error: names have 1 to 20 letters, digits, - and _")
        assert member.line() == ""
    member.close()


def test_a_name_that_is_not_text(lab, hub):
    member = lab.start("sh", "-c", f"exec {sys.executable} {MEMBER} $(printf '\\377') "
                       f"--port {hub.port}")
    assert says(member.wait({1, 2}), "error: names have 1 to 20 ")


def test_a_name_is_there_once(lab, hub):
    ann = enter(lab, hub, "ann")
    second = lab.client(hub, MEMBER, "ann")
    assert says(second.wait(status=1), "error: ann is here already\r\n")
    ann.stop()
    hub.line("ann has left")
    enter(lab, hub, "ann")


def test_long_lines(lab, hub):
    """1000 characters, of up to 4 bytes; at the client, and at the hub."""
    ann, bob = Raw(hub, "ann"), Raw(hub, "bob")
    ann.line(), bob.line()
    ann.say("\U0001f600" * 1000)
    assert bob.line() == "ann: " + "\U0001f600" * 1000
    assert says(ann.ask("x" * 1001), "error: a line takes at most 1000 characters")
    ann.say("still here")
    assert bob.line() == "ann: still here"
    assert says(ann.ask("x" * 100_000), "error: a line takes at most 1000 characters")
    assert ann.line() == ""
    bob.close()
    eve = enter(lab, hub, "eve")
    eve.type("x" * 1001)
    eve.see("error: not sent: 1001 characters, at most 1000 please")


# The network

def test_control_characters_are_not_relayed(lab, hub):
    """D17: eve may have no program of ours, but nc."""
    ann, bob, eve = Raw(hub, "ann"), enter(lab, hub, "bob"), Raw(hub, "eve")
    assert eve.line() == "joined lobby as eve"
    ann.say("\x1b[2Jred\x07")
    bob.see(r"ann: \?\[2Jred\?\r\n")
    assert eve.line() == "ann: ?[2Jred?"
    ann.close(), eve.close()


def test_a_hub_cannot_steer_the_terminal(lab):
    """D17"""
    with FalseServer() as false_hub:
        member = lab.start(MEMBER, "ann", "--port", false_hub.getsockname()[1])
        conn, _ = false_hub.accept()
        with conn:
            conn.sendall(b"joined \x1b[2J\n")
            member.see(r"joined \?\[2J" if THEIRS else r"joined \?\[2J\r\n")


def test_a_password_is_not_shown_while_it_is_typed(lab):
    add(lab, "ann", "secret", "secret", echo=True)
    hub = lab.server(HUB, "--users", "users")
    ann = lab.client(hub, MEMBER, "ann", echo=True)
    ann.see("password: ")
    ann.type("secret")
    ann.line("joined lobby as ann")
    assert not any("secret" in terminal.output for terminal in lab.terminals)


def test_a_message_leaves_the_typed_line_whole(lab, hub):
    ann, bob = Raw(hub, "ann"), enter(lab, hub, "bob", echo=True)
    ann.line()
    bob.child.send("half of ")
    bob.see("half of ")
    ann.say("hello")
    bob.see(redrawn("ann: hello", "half of "))
    bob.type("it")
    assert ann.line() == "bob: half of it"
    ann.close()


@pytest.mark.parametrize("data", [b"\xff\xfe\n", b"x" * 100_000, b"half", b""],
                         ids=["ff fe", "endless", "cut off", "nothing"])
@pytest.mark.parametrize("inside", [False, True])
def test_rude_clients_of_the_hub_harm_only_themselves(inside, data, lab, hub):
    """D10"""
    ann, rude = Raw(hub, "ann"), Raw(hub)
    ann.line()
    if inside:
        rude.say("rude")
        rude.line()
    rude.conn.sendall(data)
    rude.conn.shutdown(socket.SHUT_WR)
    answer = rude.stream.read()
    assert re.fullmatch(rb"(error: [^\n]+\n)?", answer)
    assert answer or inside or THEIRS and not data
    bob = Raw(hub, "bob")
    bob.line()
    ann.say("hello")
    assert bob.line() == "ann: hello"
    assert ann.ask("/who") == "in lobby: ann, bob"
    ann.close(), bob.close(), rude.close()


def test_a_client_that_is_being_refused_does_not_harm_the_room(hub):
    """A client that is refused may stay for a while to read why; the room is without it."""
    ann, bob, rude = Raw(hub, "ann"), Raw(hub, "bob"), Raw(hub, "rude")
    for member in ann, bob, rude:
        member.line()
    rude.conn.sendall(b"\xff\n")
    assert rude.line().startswith("error: ")
    ann.say("one", "two")
    assert [bob.line(), bob.line()] == ["ann: one", "ann: two"]
    assert ann.ask("/who") == "in lobby: ann, bob"
    ann.close(), bob.close(), rude.close()


def test_a_member_that_floods_the_hub_does_not_block_the_others(hub):
    """D10"""
    ann, flooder = Raw(hub, "ann games"), Raw(hub, "flooder")
    crowd = [Raw(hub, f"member{number}") for number in range(20)]
    for member in ann, flooder, *crowd:
        member.line()
    flooder.conn.sendall(b"\n" * 200_000)
    start = time.monotonic()
    assert ann.ask("/who") == "in games: ann"
    assert time.monotonic() - start < 10, "200,000 lines take longer"
    for member in ann, flooder, *crowd:
        member.close()


def test_one_byte_at_a_time(lab, hub):
    """D6"""
    relay = TcpRelay(hub, one_byte, one_byte)
    ann, bob = enter(lab, relay, "ann"), enter(lab, hub, "bob")
    bob.type("caf\u00e9 \U0001f600")
    ann.see("bob: caf\u00e9 \U0001f600\r\n")
    ann.type("and back")
    bob.see("ann: and back\r\n")
    relay.close()


def test_the_hub_leaves(lab, hub):
    members = [enter(lab, hub, name) for name in ("ann", "bob")]
    assert re.search(r"bob \S+ joined lobby\r\n(bob has left\r\n)?\r\nstopped\r\n\Z", hub.stop())
    for member in members:
        member.line("the hub has hung up", timeout=40)
        member.wait()


def test_the_terminal_is_as_before_when_the_hub_leaves(lab, hub):
    """readline switches echo and line editing off; a prompt without an echo is no prompt."""
    member = shlex.join([sys.executable, MEMBER, "ann", "--port", str(hub.port)])
    shell = lab.start("sh", "-c", f"{member}; echo status $?; stty -a", echo=True)
    shell.line("joined lobby as ann")
    hub.stop()
    shell.line("status 0")
    assert re.search(r"(?s)(?<!-)icanon.*(?<!-)\becho\b", shell.wait())


BAD_HUBS = {b"joined lobby as ann\n" + b"x" * 100_000: "the hub sent a line that is too long.*",
            b"joined lobby as ann\nbob: \xff\n": "the hub sent .*not UTF-8.*",
            b"joined lobby as ann\nerror: bob has kicked you out\n": "bob has kicked you out",
            b"SSH-2.0-x\n": "this is not a hub, or it needs --ca",
            b"\xff\n": "this is not a hub, or it needs --ca",
            b"x" * 100_000: "the hub does not answer: .*",
            b"": "this is not a hub, or it needs --ca"}


@pytest.mark.parametrize("data", BAD_HUBS, ids=[
    "endless", "no text", "kicked", "other", "ff", "long", "nothing"])
def test_a_server_that_is_not_a_hub_is_an_error(data, lab):
    """One error line, status 1."""
    with FalseServer() as listener:
        member = lab.start(MEMBER, "ann", "--port", listener.getsockname()[1])
        conn, _ = listener.accept()
        with conn:
            conn.recv(100)
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            member.line(f"error: {BAD_HUBS[data]}")
            member.wait(status=1)


def test_a_reset_of_the_hub(lab):
    with FalseServer() as listener:
        member = lab.start(MEMBER, "ann", "--port", listener.getsockname()[1])
        conn, _ = listener.accept()
        conn.sendall(b"joined lobby as ann\n")
        member.line("joined lobby as ann")
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        conn.close()
        member.line(r"error: .*[Cc]onnection.*; start again")
        member.wait(status=1)


def test_control_characters_are_shown_by_the_client_as_question_marks(lab):
    """D17: the hub of somebody else may relay them."""
    with FalseServer() as listener:
        member = lab.start(MEMBER, "ann", "--port", listener.getsockname()[1])
        conn, _ = listener.accept()
        with conn:
            conn.sendall("joined lobby as ann\nbob: gr\u00fc\u00df\x1b[2J\n".encode())
            member.line("bob: gr\u00fc\u00df\\?\\[2J")


def test_piped_lines_all_arrive(lab, hub):
    bob = Raw(hub, "bob")
    bob.line()
    lines = [f"line {number}" for number in range(1000)]
    ann = noted(subprocess.run([sys.executable, MEMBER, "ann", "--port", str(hub.port)],
                               cwd=lab.folder, input=("\n".join(lines) + "\n").encode(),
                               capture_output=True, timeout=30), MEMBER)
    assert (ann.returncode, ann.stderr) == (0, b"")
    assert [bob.line() for _ in lines] == [f"ann: {line}" for line in lines]
    bob.close()


def test_the_next_address_of_a_name_is_tried(lab, hub):
    """D21: the first one is silent, or refuses; asyncio tries the next one soon."""
    silent = socket.create_server(("::1", hub.port), family=socket.AF_INET6, backlog=0)
    crowd = [socket.socket(socket.AF_INET6) for _ in range(3)]
    for one in crowd:  # the queue is full then, and the system drops whoever knocks
        one.setblocking(False)
        one.connect_ex(("::1", hub.port))
    resolver = ("import runpy, socket, sys; real = socket.getaddrinfo; "
                "socket.getaddrinfo = lambda host, *more, **named: "
                "real('::1', *more, **named) + real('127.0.0.1', *more, **named); "
                "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')")
    member = lab.client(hub, "python", "-c", resolver, MEMBER, "ann", "--host", "two.names")
    member.line("joined lobby as ann")
    for one in silent, *crowd:
        one.close()
    member = lab.client(hub, "python", "-c", resolver, MEMBER, "bob", "--host", "two.names")
    member.line("joined lobby as bob")


# Manners

def test_ctrl_c_at_any_moment_is_one_last_line():
    """D29: fifty moments; asyncio's loop could lose it, with a traceback. (A mark has less
    time, and looks at ten.)"""
    count = 10 if THEIRS else 50
    for moment, status, output in interrupt(count, "ann\nHello!\n", ENVIRONMENT, ROOT / HUB):
        assert status == 0 and "\nstopped" in output, (moment, output[-999:])
        assert "Traceback" not in output and "Exception" not in output, (moment, output)


@pytest.mark.parametrize("key", ["C", "D", "/quit"])
def test_a_member_leaves(key, lab, hub):
    ann = enter(lab, hub, "ann")
    if key == "/quit":
        ann.type(key)
        assert ann.wait().endswith("stopped\r\n")
    else:
        assert ann.stop(key=key).endswith("stopped\r\n")
    hub.line("ann has left", timeout=40)


@pytest.mark.waits
def test_a_hundred_members_and_one_that_stops_reading(lab, hub):
    """1,000 lines: 98 get every line, in order, once; the stopped one delays nobody."""
    lines, length = 1_000, 180
    stopped = enter(lab, hub, "stopped")
    os.kill(stopped.pid, signal.SIGSTOP)
    talker = Raw(hub, "talker", timeout=60)
    talker.line()
    wrong = []

    def check(member):
        for number in range(lines):
            if member.line() != f"talker: {number:0{length}}":
                wrong.append((member, number))
                break

    members = [Raw(hub, f"member{number}", timeout=60) for number in range(98)]
    for member in members:
        assert member.line().startswith("joined")
    threads = [threading.Thread(target=check, args=(member,)) for member in members]
    for thread in threads:
        thread.start()
    for first in range(0, lines, 100):
        talker.say(*(f"{number:0{length}}" for number in range(first, first + 100)))
    for thread in threads:
        thread.join(90)
        assert not thread.is_alive()
    assert not wrong
    assert talker.ask("/who").count("member") == 98
    os.kill(stopped.pid, signal.SIGCONT)
    for member in members + [talker]:
        member.close()


@pytest.mark.waits
def test_more_clients_than_descriptors(lab):
    """The hub says so, does not flood its terminal, and serves again."""
    hub = lab.server(HUB, descriptors=30)
    crowd = [socket.create_connection(("127.0.0.1", hub.port)) for _ in range(60)]
    hub.line("error: socket.accept.. out of system resource")
    for one in crowd:
        one.close()
    ann = Raw(hub, "ann")
    assert ann.line() == "joined lobby as ann"
    assert hub.output.count("out of system resource") < 5
    ann.close()


@pytest.mark.waits
def test_a_member_that_does_not_read_is_dropped(lab, hub):
    """What is kept for it has a limit; the others do not notice."""
    talker, reader, stuck = Raw(hub, "talker"), Raw(hub, "reader"), Raw(hub, "stuck")
    for member in talker, reader, stuck:
        member.line()
    memory = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{hub.pid}/status").read())[1]
    for number in range(30_000):
        text = f"{number:0100}{900 * chr(0x1f600)}"  # 3700 bytes
        talker.say(text)
        assert reader.line() == f"talker: {text}"
        if "stuck has left" in hub.output:
            break
    hub.line("error: stuck does not read what is sent: dropped")
    hub.line("stuck has left")
    after = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{hub.pid}/status").read())[1]
    assert int(after) - int(memory) < 20_000, "kB"
    for member in talker, reader, stuck:
        member.close()
