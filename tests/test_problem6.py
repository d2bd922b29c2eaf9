"""Problem 6: the lock-step chat with many clients (R40), and the hub (R62, R63)."""
import os
import re
import shlex
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time

import pytest

from conftest import OURS, RESET, ROOT, THEIRS
from relay import TcpRelay, one_byte

SERVER, CLIENT = "problem6/server.py", "problem6/client.py"
HUB, MEMBER = "problem6/hub_server.py", "problem6/hub_client.py"


# --- lock-step with many ---------------------------------------------------------------

@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def join(lab, server, number, script=CLIENT):
    client = lab.client(server, script)
    client.see("You: ")
    server.line(rf"client {number} 127\.0\.0\.1:\d+")
    return client


def test_the_operator_answers_in_reverse_order(lab, server):
    """R40, D7: five clients, each in its own lock-step; problem 5's client among them."""
    clients = [join(lab, server, number) for number in range(1, 5)]
    clients.append(join(lab, server, 5, "problem5/tcp_client.py"))
    for round_ in range(2):
        for number, client in enumerate(clients, 1):
            client.type(f"question {round_} of {number}")
            server.see(rf"\[{number}\] question {round_} of {number}\r\n")
        for number, client in reversed(list(enumerate(clients, 1))):
            server.type(f"{number} answer {round_} to {number}")
            client.see(rf"Server: answer {round_} to {number}\r\nYou: ")
    for client in clients:
        assert client.output.count("Server: ") == 2


def test_one_reply_for_each_message(lab, server):
    """R37: no reply without a message, none twice, none to a client that has left."""
    client = join(lab, server, 1)
    for line in "1 too early", "2 nobody", "no number", "", "1", "\u0661 one", "-1 x", "9" * 4000 + " x":
        server.type(line)
        server.see("error: not sent: no client of that number waits; type N TEXT\r\n")
    client.type("hello")
    server.see(r"\[1\] hello\r\n")
    server.type("1 " + "x" * 4001)
    server.see("error: not sent: 4001 characters, at most 4000 please\r\n")
    server.type("1 first")
    client.see("Server: first\r\nYou: ")
    server.type("1 second")
    server.see("error: not sent: .*\r\n")
    client.type("bye")
    server.see(r"\[1\] bye\r\n")
    client.stop()
    server.see("client 1 has left\r\n")
    server.type("1 too late")
    server.see("error: not sent: .*\r\n")
    second = join(lab, server, 2)
    second.type("me")
    server.see(r"\[2\] me\r\n")
    server.type("2 ")
    second.see("Server: \r\nYou: ")
    assert "too" not in client.output + second.output


def test_what_comes_in_does_not_destroy_the_line_being_typed(lab):
    """The half-typed reply is there again, and is sent whole."""
    server = lab.server(SERVER, echo=True)
    first, second = join(lab, server, 1), join(lab, server, 2)
    first.type("one")
    server.see(r"\[1\] one\r\n")
    server.child.send("1 half of ")
    server.see("1 half of ")
    second.type("two")
    server.see(r"\r\x1b\[K\[2\] two\r\n1 half of ")
    server.type("it")
    first.see("Server: half of it\r\n")


def test_a_line_break_in_a_reply_does_not_make_two_of_it(lab):
    """Ctrl+V and Ctrl+J put one into readline's line."""
    server = lab.server(SERVER, echo=True)
    client = join(lab, server, 1)
    client.type("hello")
    server.see(r"\[1\] hello\r\n")
    server.type("1 one\x16\x0atwo")
    client.see(r"Server: one\?two\r\nYou: ")


def test_a_client_cannot_steer_the_operators_terminal(lab, server):
    """D17"""
    with socket.create_connection(("127.0.0.1", server.port)) as conn:
        conn.sendall(b"\x1b[2Jred\x07\n")
        server.see(r"\[1\] \?\[2Jred\?\r\n")


def test_a_server_cannot_steer_the_clients_terminal(lab):
    """D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.sendall(b"ready\n")
            client.see("You: ")
            client.type("hello")
            assert conn.recv(100) == b"hello\n"
            conn.sendall(b"\x1b[2Jred\x07\n")
            client.see(r"Server: \?\[2Jred\?\r\n")


def test_rude_clients_harm_only_themselves(lab, server):
    """D10"""
    address = ("127.0.0.1", server.port)
    for data in b"\xff\xfe\n", b"x" * 100_000, b"one\ntwo\n", b"half":
        with socket.create_connection(address, timeout=5) as conn:
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            assert re.search(rb"ready\nerror: [^\n]+\n\Z", conn.makefile("rb").read())
        server.see(r"error: 127\.0\.0\.1:\d+: ")
    with socket.create_connection(address) as bad:
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    silent = socket.create_connection(address)
    client = lab.client(server, CLIENT)
    client.see("You: ")
    client.type("hello")
    number = server.see(r"\[(\d+)\] hello\r\n")[1]
    server.type(f"{number} hi")
    client.see("Server: hi")
    silent.close()


def test_the_operator_leaves(lab, server):
    clients = [join(lab, server, number) for number in (1, 2)]
    assert server.stop(key="D").endswith("stopped\r\n")
    for client in clients:
        client.line("the server has left", timeout=2)
        client.wait()


@pytest.mark.skipif(bool(THEIRS), reason="of our own two scripts")
def test_the_new_idea_is_the_diff():
    """diff problem5/tcp_server.py problem6/server.py shows little more than that."""
    code = [(ROOT / name).read_text().partition("import argparse")[2].splitlines()
            for name in ("problem5/tcp_server.py", SERVER)]
    diff = subprocess.run(["diff", "-", str(ROOT / SERVER)], text=True, capture_output=True,
                          input=(ROOT / "problem5/tcp_server.py").read_text()).stdout
    note = len((ROOT / SERVER).read_text().partition("import argparse")[0].splitlines())
    changed = [line for line in diff.splitlines() if line.startswith(">")]
    assert len(changed) - note < 50 and len(code[0]) > 100


# --- the hub ---------------------------------------------------------------------------

@pytest.fixture
def hub(lab):
    return lab.server(HUB)


def enter(lab, hub, name, *options, echo=False):
    member = lab.client(hub, MEMBER, name, *options, echo=echo)
    room = options[1] if options else "lobby"
    member.line(f"joined {room} as {name}")
    return member


class Raw:
    """A member of the hub without a program: a socket and lines."""

    def __init__(self, hub, *lines, timeout=10):
        self.conn = socket.create_connection(("127.0.0.1", hub.port), timeout=timeout)
        self.stream = self.conn.makefile("rb")
        self.say(*lines)

    def say(self, *lines):
        self.conn.sendall("".join(f"{line}\n" for line in lines).encode())

    def line(self):
        return self.stream.readline().decode().rstrip("\n")

    def ask(self, line):
        self.say(line)
        return self.line()

    def close(self):
        self.stream.close()
        self.conn.close()


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
    assert ann.ask("/join no such room").startswith("error: the commands are")
    assert ann.ask("/nonsense").startswith("error: the commands are")
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
def test_names_that_are_none(name, hub):
    member = Raw(hub, name)
    if name == "two words":  # a name and a room
        assert member.line() == "joined words as two"
    else:
        assert member.line() == "error: names have 1 to 20 letters, digits, - and _"
        assert member.line() == ""
    member.close()


def test_a_name_that_is_no_text(lab, hub):
    member = lab.start("sh", "-c", f"exec {sys.executable} {MEMBER} $(printf '\\377') "
                       f"--port {hub.port}")
    assert member.wait(1) == "error: names have 1 to 20 letters, digits, - and _\r\n"


def test_a_name_is_there_once(lab, hub):
    ann = enter(lab, hub, "ann")
    second = lab.client(hub, MEMBER, "ann")
    assert second.wait(status=1) == "error: ann is here already\r\n"
    ann.stop()
    hub.line("ann has left")
    enter(lab, hub, "ann")


def test_long_lines(lab, hub):
    """4000 characters, of up to 4 bytes; at the client, and at the hub."""
    ann, bob = Raw(hub, "ann"), Raw(hub, "bob")
    ann.line(), bob.line()
    ann.say("\U0001f600" * 4000)
    assert bob.line() == "ann: " + "\U0001f600" * 4000
    assert ann.ask("x" * 4001) == "error: a line takes at most 4000 characters"
    ann.say("still here")
    assert bob.line() == "ann: still here"
    assert ann.ask("x" * 100_000) == "error: a line takes at most 4000 characters"
    assert ann.line() == ""
    bob.close()
    eve = enter(lab, hub, "eve")
    eve.type("x" * 4001)
    eve.see("error: not sent: 4001 characters, at most 4000 please")


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
    with socket.create_server(("127.0.0.1", 0)) as false_hub:
        member = lab.start(MEMBER, "ann", "--port", false_hub.getsockname()[1])
        conn, _ = false_hub.accept()
        with conn:
            conn.sendall(b"joined \x1b[2J\n\x1b[2J\n")
            member.see(r"joined \?\[2J\r\n")
            member.see(r"\?\[2J\r\n")


def test_a_password_is_not_shown_while_it_is_typed(lab):
    add(lab, "ann", "secret", "secret", echo=True)
    hub = lab.server(HUB, "--users", "users")
    ann = lab.client(hub, MEMBER, "ann", echo=True)
    ann.see("password: ")
    ann.type("secret")
    ann.line("joined lobby as ann")
    assert not any("secret" in terminal.output for terminal in lab.terminals)


def test_what_comes_in_leaves_the_typed_line_whole(lab, hub):
    ann, bob = Raw(hub, "ann"), enter(lab, hub, "bob", echo=True)
    ann.line()
    bob.child.send("half of ")
    bob.see("half of ")
    ann.say("hello")
    bob.see(r"\r\x1b\[Kann: hello\r\nhalf of ")
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
    assert answer or inside
    bob = Raw(hub, "bob")
    bob.line()
    ann.say("hello")
    assert bob.line() == "ann: hello"
    assert ann.ask("/who") == "in lobby: ann, bob"
    ann.close(), bob.close(), rude.close()


def test_who_talks_to_one_that_is_being_shown_out_is_not_harmed(hub):
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


def test_who_floods_the_hub_does_not_have_it_alone(hub):
    """D10"""
    ann, flooder = Raw(hub, "ann games"), Raw(hub, "flooder")
    crowd = [Raw(hub, f"member{number}") for number in range(20)]
    for member in ann, flooder, *crowd:
        member.line()
    flooder.conn.sendall(b"\n" * 200_000)
    start = time.monotonic()
    assert ann.ask("/who") == "in games: ann"
    assert time.monotonic() - start < 1
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
        member.line("the hub has hung up", timeout=2)
        member.wait()


def test_the_terminal_is_as_before_when_the_hub_leaves(lab, hub):
    """readline switches echo and line editing off; a prompt without an echo is no prompt."""
    member = shlex.join([sys.executable, MEMBER, "ann", "--port", str(hub.port)])
    shell = lab.start("sh", "-c", f"{member}; echo status $?; stty -a", echo=True)
    shell.line("joined lobby as ann")
    hub.stop()
    shell.line("status 0")
    assert re.search(r"(?s)(?<!-)icanon.*(?<!-)\becho\b", shell.wait())


BAD_HUBS = {b"joined lobby as ann\n" + b"x" * 100_000: "the hub sends lines that .*",
            b"joined lobby as ann\nerror: bob has kicked you out\n": "bob has kicked you out",
            b"SSH-2.0-x\n": "that is no hub, or one that needs --ca",
            b"\xff\n": "that is no hub, or one that needs --ca",
            b"x" * 100_000: "the hub does not answer: .*",
            b"": "that is no hub, or one that needs --ca"}


@pytest.mark.parametrize("data", BAD_HUBS, ids=["endless", "kicked", "other", "ff", "long",
                                                "nothing"])
def test_a_hub_that_is_none(data, lab):
    """One error line, status 1."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        member = lab.start(MEMBER, "ann", "--port", listener.getsockname()[1])
        conn, _ = listener.accept()
        with conn:
            conn.recv(100)
            conn.sendall(data)
            conn.shutdown(socket.SHUT_WR)
            member.line(f"error: {BAD_HUBS[data]}")
            member.wait(status=1)


def test_a_reset_of_the_hub(lab):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        member = lab.start(MEMBER, "ann", "--port", listener.getsockname()[1])
        conn, _ = listener.accept()
        conn.sendall(b"joined lobby as ann\n")
        member.line("joined lobby as ann")
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        conn.close()
        member.line(r"error: .*[Cc]onnection.*; start again")
        member.wait(status=1)


def test_piped_lines_all_arrive(lab, hub):
    bob = Raw(hub, "bob")
    bob.line()
    lines = [f"line {number}" for number in range(1000)]
    ann = subprocess.run([sys.executable, MEMBER, "ann", "--port", str(hub.port)],
                         cwd=lab.folder, input="\n".join(lines) + "\n", text=True,
                         capture_output=True, timeout=30)
    assert (ann.returncode, ann.stderr) == (0, "")
    assert [bob.line() for _ in lines] == [f"ann: {line}" for line in lines]
    bob.close()


@pytest.mark.parametrize("key", ["C", "D", "/quit"])
def test_a_member_leaves(key, lab, hub):
    ann = enter(lab, hub, "ann")
    if key == "/quit":
        ann.type(key)
        assert ann.wait().endswith("stopped\r\n")
    else:
        assert ann.stop(key=key).endswith("stopped\r\n")
    hub.line("ann has left", timeout=2)


@pytest.mark.waits
def test_a_hundred_members_and_one_that_stops_reading(lab, hub):
    """20,000 lines: 98 get every line, in order, once; the stopped one delays nobody."""
    lines, length = 20_000, 60
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
def test_who_takes_nothing_any_more_is_dropped(lab, hub):
    """What is kept for it has a limit; the others do not notice."""
    talker, reader, stuck = Raw(hub, "talker"), Raw(hub, "reader"), Raw(hub, "stuck")
    for member in talker, reader, stuck:
        member.line()
    memory = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{hub.pid}/status").read())[1]
    for number in range(30_000):
        talker.say(f"{number:01000}")
        assert reader.line() == f"talker: {number:01000}"
        if "stuck has left" in hub.output:
            break
    hub.line("error: stuck does not take what is sent: dropped")
    hub.line("stuck has left")
    after = re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{hub.pid}/status").read())[1]
    assert int(after) - int(memory) < 20_000, "kB"
    for member in talker, reader, stuck:
        member.close()


# --- users and TLS ---------------------------------------------------------------------

def add(lab, name, *passwords, moderator=False, status=0, echo=False):
    options = ["--moderator"] if moderator else []
    adding = lab.start(HUB, "--users", "users", "--add-user", name, *options, echo=echo)
    for prompt, password in zip(["password: ", "once more: "], passwords):
        adding.see(prompt)
        adding.type(password)
    return adding.wait(status)


def test_users(lab):
    """R63: only those in the file, with their password, come in; moderators may /kick."""
    assert add(lab, "ann", "secret", "secret", moderator=True).endswith(
        "added ann to users\r\n")
    add(lab, "bob", "secret", "secret")
    hub = lab.server(HUB, "--users", "users")
    for name, password, welcome in [("ann", "secret", True), ("bob", "secret", True),
                                    ("bob", "wrong", False), ("eve", "secret", False),
                                    ("eve", "", False)]:
        client = lab.client(hub, MEMBER, name)
        client.see("password: ")
        client.type(password)
        if welcome:
            client.line(f"joined lobby as {name}")
            bob_or_ann = client
        else:
            client.line("error: wrong name or password")
            client.wait(status=1)
        assert "secret" not in client.output
    bob_or_ann.type("/kick ann")
    bob_or_ann.see("error: nobody of that name, or you are no moderator\r\n")
    ann = lab.terminals[3]
    ann.type("/kick nobody")
    ann.see("error: nobody of that name")
    ann.type("/kick bob")
    ann.see("kicked out: bob\r\n")
    bob_or_ann.see("error: ann has kicked you out\r\n")
    bob_or_ann.wait(status=1)
    assert "secret" not in hub.output


def test_who_is_kicked_leaves_even_if_it_reads_nothing(lab):
    add(lab, "ann", "secret", "secret", moderator=True)
    add(lab, "bob", "secret", "secret")
    hub = lab.server(HUB, "--users", "users")
    ann, bob = Raw(hub, "ann", "secret"), Raw(hub, timeout=30)
    bob.conn.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    bob.say("bob", "secret")
    assert [bob.line(), bob.line()] == ["password?", "joined lobby as bob"]
    assert [ann.line(), ann.line()] == ["password?", "joined lobby as ann"]
    for _ in range(700):
        ann.say("x" * 4000)  # the system takes some of it, the hub keeps the rest
    assert ann.ask("/kick bob") == "kicked out: bob"
    hub.line("bob has left", timeout=5)
    assert ann.ask("/who") == "in lobby: ann"
    ann.close(), bob.close()


def test_who_is_kicked_says_no_more(lab):
    add(lab, "ann", "secret", "secret", moderator=True)
    add(lab, "bob", "secret", "secret")
    hub = lab.server(HUB, "--users", "users")
    ann, bob = Raw(hub, "ann", "secret"), Raw(hub, "bob", "secret")
    for member in ann, bob:
        assert member.line() == "password?" and member.line().startswith("joined lobby")
    bob.conn.sendall(b"x\n" * 100_000)
    assert ann.line() == "bob: x"
    ann.say("/kick bob", "/who")
    while (line := ann.line()) == "bob: x":
        pass
    assert line == "kicked out: bob"
    rest = [ann.line()]
    while rest[-1] and not rest[-1].startswith("in lobby"):
        rest.append(ann.line())
    assert len(rest) == 1, "bob goes on talking"
    ann.close(), bob.close()


def test_the_users_file_holds_no_password(lab):
    """Salted, slow-hashed, for its owner alone; the same password looks different."""
    add(lab, "ann", "secret", "secret", moderator=True)
    add(lab, "bob", "secret", "secret")
    text = (lab.folder / "users").read_text()
    rows = [line.split(":") for line in text.splitlines()]
    assert [row[0] for row in rows] == ["ann", "bob"] and rows[0][3:] == ["moderator"]
    assert all(re.fullmatch("[0-9a-f]{32}", row[1]) for row in rows)
    assert all(re.fullmatch("[0-9a-f]{128}", row[2]) for row in rows)
    assert rows[0][1] != rows[1][1] and rows[0][2] != rows[1][2] and "secret" not in text
    assert stat.S_IMODE((lab.folder / "users").stat().st_mode) == 0o600


def test_users_that_are_not_added(lab):
    add(lab, "ann", "secret", "secret")
    before = (lab.folder / "users").read_text()
    assert "error: ann is in users already" in add(lab, "ann", status=1)
    assert "error: no password, or not the same" in add(lab, "bob", "one", "two", status=1)
    assert "error: no password, or not the same" in add(lab, "bob", "", status=1)
    assert "error: a name has 1 to 20" in add(lab, "b:b", status=1)
    assert (lab.folder / "users").read_text() == before


LINE = f"ann:{'0' * 32}:{'0' * 128}"
NO_USERS = ["ann:zz\n", f"{LINE}:admin\n", LINE, f"{LINE}\n{LINE}\n", "\n", f"{LINE} \n",
            f"caf\u00e9{LINE}\n", f":{LINE[4:]}\n"]


@pytest.mark.parametrize("text", NO_USERS)
def test_a_users_file_that_is_none(text, lab):
    (lab.folder / "users").write_text(text, "utf-8")
    for more in [], ["--add-user", "bob"]:
        hub = lab.start(HUB, "--port", "0", "--users", "users", *more)
        hub.line(r"error: users: line \d is not NAME:SALT:HASH or .*")
        hub.wait(status=1)


@pytest.mark.parametrize("options", ["--users missing", "--users ''", "--cert '' --key ''",
                                     "--cert README.md --key README.md",
                                     "--cert x --key y", "--users u --add-user ''"])
def test_files_that_are_none_switch_nothing_off(options, lab):
    hub = lab.start(HUB, "--port", "0", *shlex.split(options))
    hub.line("error: .*")
    assert "listening" not in hub.wait(status=1)
    member = lab.start(MEMBER, "ann", "--ca", "README.md")
    assert member.wait(status=1).startswith("error: cannot use --ca README.md: ")


@pytest.mark.parametrize("options", ["--add-user ann", "--moderator", "--cert x", "--key x",
                                     "--users f --moderator"])
def test_flags_that_belong_together(options, lab):
    assert "usage:" in lab.start(HUB, *options.split()).wait(status=2)


def certificate(lab, need):
    """Make a certificate with the line that the note prints."""
    need("openssl")
    note = (OURS / HUB).read_text()
    command = re.search(r"openssl req(?:[^\n]*\\\n)*[^\n]*", note)[0]
    subprocess.run(shlex.split(command.replace("\\\n", " ")), cwd=lab.folder, check=True,
                   capture_output=True)


def test_tls(lab, need):
    """R63: encrypted, and only a hub with the certificate is believed."""
    certificate(lab, need)
    hub = lab.server(HUB, "--cert", "cert.pem", "--key", "key.pem")
    relay = TcpRelay(hub)
    ann = enter(lab, relay, "ann", "--room", "lobby", "--ca", "cert.pem")
    bob = enter(lab, hub, "bob", "--room", "lobby", "--ca", "cert.pem", "--host",
                "localhost")
    ann.type("a secret")
    bob.see("ann: a secret\r\n")
    bob.type("another one")
    ann.see("bob: another one\r\n")
    assert b"secret" not in b"".join(relay.up) and b"another" not in b"".join(relay.down)
    ann.stop()
    hub.line("ann has left")
    relay.close()
    (lab.folder / "cert.pem").rename(lab.folder / "old.pem")
    certificate(lab, need)
    eve = lab.client(hub, MEMBER, "eve", "--ca", "cert.pem")
    eve.line("error: no TLS to be trusted at .*certificate verify failed.*; see --ca")
    eve.wait(status=1)
    plain = lab.client(hub, MEMBER, "plain")
    plain.line("error: (that is no hub, or one that needs --ca|the hub does not answer: .*)")
    plain.wait(status=1)
    bob.type("/who")
    bob.see("in lobby: bob\r\n")


@pytest.mark.waits
def test_a_client_that_never_begins_with_tls_is_given_up(lab, need):
    certificate(lab, need)
    hub = lab.server(HUB, "--cert", "cert.pem", "--key", "key.pem")
    with socket.create_connection(("127.0.0.1", hub.port), timeout=12) as silent:
        assert silent.recv(1) == b""


@pytest.mark.waits
def test_a_silent_program_is_given_up_a_slow_person_is_not(lab):
    add(lab, "ann", "secret", "secret")
    hub = lab.server(HUB, "--users", "users")
    silent, slow = Raw(hub, timeout=12), Raw(hub, "ann")
    assert slow.line() == "password?"
    start = time.monotonic()
    assert silent.line() == "error: timed out"
    assert 8 < time.monotonic() - start < 12
    assert slow.ask("secret") == "joined lobby as ann"
    silent.close(), slow.close()


def test_who_leaves_a_hub_with_tls_harms_nobody(lab, need):
    """Lines to a member whose connection has just been reset."""
    certificate(lab, need)
    hub = lab.server(HUB, "--cert", "cert.pem", "--key", "key.pem")
    context = ssl.create_default_context(cafile=lab.folder / "cert.pem")

    def member(name):
        conn = socket.create_connection(("127.0.0.1", hub.port), timeout=10)
        conn = context.wrap_socket(conn, server_hostname="localhost")
        conn.sendall(f"{name}\n".encode())
        assert conn.recv(100) == f"joined lobby as {name}\n".encode()
        return conn

    with member("ann") as ann:
        for round_ in range(20):
            crowd = [member(f"bob{round_}-{number}") for number in range(3)]
            for one in crowd:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.close()
                ann.sendall(b"hello\n" * 100)
        ann.sendall(b"/rooms\n")
        assert ann.recv(100) == b"open rooms: lobby\n"


def test_a_key_that_is_not_there_is_said(lab, need):
    certificate(lab, need)
    hub = lab.start(HUB, "--cert", "cert.pem", "--key", "nothing")
    hub.line("error: cannot use cert.pem and nothing: .*No such file or directory")
    hub.wait(status=1)


def test_the_last_lines_of_who_leaves_a_hub_with_tls_arrive(lab, need):
    """It hangs up at once, and all that it has sent is relayed all the same."""
    certificate(lab, need)
    hub = lab.server(HUB, "--cert", "cert.pem", "--key", "key.pem")
    context = ssl.create_default_context(cafile=lab.folder / "cert.pem")

    def member(name):
        conn = socket.create_connection(("127.0.0.1", hub.port), timeout=10)
        conn = context.wrap_socket(conn, server_hostname="localhost")
        conn.sendall(f"{name}\n".encode())
        assert conn.recv(100) == f"joined lobby as {name}\n".encode()
        return conn

    with member("ann") as ann:
        with member("bob") as bob:
            bob.sendall(b"hello\n" * 500)
        with ann.makefile("rb") as stream:
            assert [stream.readline() for _ in range(500)] == [b"bob: hello\n"] * 500
    hub.line("ann has left")


@pytest.mark.waits
def test_a_silent_hub_is_given_up(lab):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        member = lab.start(MEMBER, "ann", "--port", silent.getsockname()[1])
        member.line("error: the hub does not answer: .*", timeout=12)
        member.wait(status=1)
