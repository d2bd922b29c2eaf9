"""The basics on multicast and broadcast (R17 to R20, R59, R60; D15, D17)."""
import pytest

from relay import stranger

RECEIVER, SENDER = "basics/multicast/receiver.py", "basics/multicast/sender.py"
MEMBER = "basics/multicast_group/member.py"
SERVER, CLIENT = "basics/broadcast/server.py", "basics/broadcast/client.py"


def test_one_message_reaches_all_receivers_and_all_end(lab):
    """R17, R18: 100 bytes, of whatever characters."""
    first = lab.server(RECEIVER)
    others = [lab.client(first, RECEIVER) for _ in range(4)]
    for other in others:
        other.ready()
    text = "\U0001f600" * 25
    assert lab.client(first, SENDER, text).wait() == f"sent to 239.255.12.14:{first.port}\r\n"
    for receiver in [first] + others:
        receiver.line(rf"received {text} from 127\.0\.0\.1:\d+")
        receiver.wait()


@pytest.mark.parametrize("text", ["x" * 101, "\u00e9" * 51])
def test_more_than_100_bytes_are_refused(text, lab):
    """R18, D15: bytes, not characters; nothing is sent."""
    receiver = lab.server(RECEIVER)
    sender = lab.client(receiver, SENDER, text)
    assert sender.wait(1) == f"error: not sent: {len(text.encode())} bytes, at most 100 please\r\n"
    lab.client(receiver, SENDER, "")
    receiver.line(r"received  from 127\.0\.0\.1:\d+")
    assert receiver.wait().count("\n") == 2


def test_a_receiver_of_too_much_says_so_and_goes_on(lab):
    """D10, D17: strangers' bytes end nothing and steer nothing."""
    receiver = lab.server(RECEIVER)
    stranger("239.255.12.14", receiver.port, b"x" * 101, b"x" * 60_000, b"\xff\xfe\x1b[2J")
    for _ in range(2):
        receiver.line(r"error: 127\.0\.0\.1:\d+: a message takes at most 100 bytes")
    receiver.line(r"received \ufffd\ufffd\?\[2J from 127\.0\.0\.1:\d+")
    receiver.wait()


@pytest.mark.parametrize("script", [RECEIVER, MEMBER])
def test_what_is_for_another_group_is_not_shown(script, lab):
    """Also on the same port of the same machine."""
    first = lab.server(script)
    other = lab.client(first, script, "--group", "239.255.12.99")
    other.ready()
    stranger("239.255.12.99", first.port, b"for the others")
    other.see(r"received for the others from 127\.0\.0\.1:\d+\r\n")
    stranger({RECEIVER: "239.255.12.14", MEMBER: "239.255.12.15"}[script], first.port, b"for us")
    first.see(r"received for us from 127\.0\.0\.1:\d+\r\n")
    assert "for the others" not in first.output and "for us" not in other.output


def test_a_sender_without_receivers_ends_all_the_same(lab):
    lab.start(SENDER, "--port", "12999").wait()


def test_every_member_gets_the_messages_of_all(lab):
    """R19, R20: one message each, one's own comes back; listening begins before sending."""
    first = lab.server(MEMBER)
    members = [first] + [lab.client(first, MEMBER) for _ in range(3)]
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


def test_a_member_that_says_too_much_is_asked_again(lab):
    member = lab.server(MEMBER)
    member.type("")
    member.line("type your message")
    member.type("\u00e9" * 51)
    member.line("error: not sent: 102 bytes, at most 100 please")
    stranger("239.255.12.15", member.port, b"x" * 101, b"\x1b[2J")
    member.see(r"error: 127\.0\.0\.1:\d+: a message takes at most 100 bytes\r\n")
    member.see(r"received \?\[2J from 127\.0\.0\.1:\d+\r\n")
    member.type("\u00e9" * 50)
    member.see("received \u00e9{50} from")


@pytest.mark.parametrize("key", ["C", "D"])
@pytest.mark.parametrize("typed", [0, 1, 2])
def test_a_member_can_leave_at_any_prompt(typed, key, lab):
    member = lab.server(MEMBER)
    member.line("press Enter when all have started")
    for text in ["", "hello"][:typed]:
        member.type(text)
        member.see("type your message" if not text else "received")
    assert member.stop(key=key).endswith("\r\nstopped\r\n")


def test_a_broadcast_reaches_all_the_others_and_the_server(lab):
    """R60: not oneself."""
    server = lab.server(SERVER)
    clients = [lab.client(server, CLIENT) for _ in range(3)]
    for client in clients:
        client.ready()
    for number, client in enumerate(clients):
        client.type(f"line {number} caf\u00e9")
        for other in clients + [server]:
            if other is not client:
                other.see(rf"received line {number} caf\u00e9 from 127\.0\.0\.1:\d+\r\n")
    for number, client in enumerate(clients):
        assert f"received line {number}" not in client.output
    server.stop()
    clients[0].type("without the server")
    clients[1].see("received without the server from")


def test_long_broadcasts(lab):
    """1000 characters, of up to 4 bytes; strangers' longer ones are ignored."""
    server = lab.server(SERVER)
    client, other = lab.client(server, CLIENT), lab.client(server, CLIENT)
    client.ready(), other.ready()
    stranger("127.255.255.255", server.port, b"x" * 1001, b"\xff\x1b[2J")
    server.line(r"received \ufffd\?\[2J from .*")
    client.see(r"received \ufffd\?\[2J from .*\r\n")
    client.type("\U0001f600" * 1000)
    server.line("received \U0001f600{1000} from .*")
    client.type("x" * 1001)
    client.line("error: not sent: 1001 characters, at most 1000 please")
    client.type("still here")
    server.line("received still here from .*")
    other.see("received still here from")
    assert "x" not in server.output
