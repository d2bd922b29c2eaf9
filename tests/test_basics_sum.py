"""basics/sum: five servers, one client (R14 to R16, R61)."""
import itertools
import re
import socket
import threading
import time

import pytest

from conftest import RESET
from relay import TcpRelay, cut, glued, one_byte

FOLDER = "basics/sum"
CLIENT = f"{FOLDER}/client.py"
ITERATIVE = f"{FOLDER}/iterative_server.py"
POOL = f"{FOLDER}/pool_server.py"
TOGETHER = [f"{FOLDER}/{kind}_server.py"
            for kind in ("concurrent", "pool", "selectors", "asyncio")]
SERVERS = [ITERATIVE, *TOGETHER]
WORKERS = 4
REFUSED = b"error: expected an integer from 1 to 1000, and a newline\n"
BAD = [b"", b"\n", b"5", b"0\n", b"1001\n", b"-5\n", b"+5\n", b"5.0\n", b"1_0\n", b"five\n",
       b"\xff\xfe\n", b"\xd9\xa1\n", b"5 6\n", b"5\0\n", b"9" * 200_000, b"x" * 100 + b"\n"]


@pytest.fixture(params=SERVERS, ids=lambda name: name[len(FOLDER) + 1:-len("_server.py")])
def server(request, lab):
    return lab.server(request.param, "--delay", "0")


def connect(server, data=b""):
    conn = socket.create_connection(("127.0.0.1", server.port), timeout=15)
    conn.sendall(data)
    return conn


def ask(server, data):
    """Send these bytes and return all that comes back."""
    with connect(server, data) as conn:
        conn.shutdown(socket.SHUT_WR)
        return conn.makefile("rb").read()


def crowd(server, counts, pause=0):
    """Ask for all these sums at once; return when each came, and the replies in order."""
    replies, start = [None] * len(counts), time.monotonic()

    def one(place):
        time.sleep(place * pause)
        reply = ask(server, b"%d\n" % counts[place])
        replies[place] = time.monotonic() - start, reply

    threads = [threading.Thread(target=one, args=(place,)) for place in range(len(counts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [when for when, _ in replies], [reply for _, reply in replies]


def test_sums(server):
    for count in 1, 2, 5, 100, 999, 1000:
        assert ask(server, b"%d\n" % count) == b"%d\n" % sum(range(count + 1))
    assert ask(server, b"007\r\n"[1:]) == b"28\n", "a line as telnet ends it"


def test_what_the_client_and_the_server_say(lab, server):
    """R16: one client for all; the same words from all servers."""
    client = lab.client(server, CLIENT, "100")
    assert re.fullmatch(r"sum of 1\.\.100 = 5050\r\nwaited 0\.\d{3} s\r\n", client.wait())
    server.line(r"127\.0\.0\.1:(\d+): adding 1\.\.100")
    server.line(r"127\.0\.0\.1:(\d+): sum of 1\.\.100 = 5050")
    server.stop()
    assert server.output.count("\n") == 5  # listening, adding, sum, an empty one, stopped


def test_without_a_count_the_client_takes_five(lab, server):
    assert lab.client(server, CLIENT).wait().startswith("sum of 1..5 = 15\r\n")


@pytest.mark.parametrize("name", SERVERS)
def test_a_sleep_after_each_addition_by_the_clock(name, lab):
    """R14: 500 sleeps of 1 ms; what each one is late does not add up.

    The best of some tries: on a busy machine the last sleep alone may be late by more.
    """
    server = lab.server(name, "--delay", "0.001")
    times = []
    while not times or min(times) >= 0.53 and len(times) < 8:
        (when,), _ = crowd(server, [500])
        times.append(when)
    assert 0.5 <= min(times) < 0.53


@pytest.mark.parametrize("name", SERVERS)
def test_a_sleep_after_the_last_addition_too(name, lab):
    """R14"""
    server = lab.server(name, "--delay", "0.3")
    (when,), _ = crowd(server, [1])
    assert 0.3 <= when < 1


@pytest.mark.parametrize("name", SERVERS)
def test_the_sleep_is_200_ms_if_nobody_says_otherwise(name, lab):
    """R14, R16"""
    (when,), _ = crowd(lab.server(name), [2])
    assert 0.4 <= when < 0.8


def test_iterative_first_come_first_served(lab):
    """R14, R15: the second waits for the first, the third for both."""
    server = lab.server(ITERATIVE, "--delay", "0.01")
    times, replies = crowd(server, [50, 5, 5], pause=0.05)
    assert replies == [b"1275\n", b"15\n", b"15\n"]
    assert 0.5 <= times[0] < 1.5
    assert 0.55 <= times[1] < times[0] + 0.3  # 50 and 5 additions after the start
    assert 0.6 <= times[2] < times[1] + 0.3


@pytest.mark.parametrize("name", TOGETHER)
def test_a_short_sum_does_not_wait_for_a_long_one(name, lab):
    """R16, D16: only the one that adds up to 100 waits for that."""
    server = lab.server(name, "--delay", "0.01")
    times, replies = crowd(server, [60, 5], pause=0.1)
    assert replies == [b"1830\n", b"15\n"]
    assert 0.6 <= times[0] < 2
    assert 0.15 <= times[1] < 0.5


@pytest.mark.parametrize("name", [name for name in TOGETHER if name != POOL])
def test_two_hundred_at_once(name, lab):
    """R61: in the time of one."""
    server = lab.server(name, "--delay", "0.1")
    times, replies = crowd(server, [5] * 200)
    assert set(replies) == {b"15\n"}
    assert 0.5 <= min(times) and max(times) < 3


def test_the_pool_serves_four_at_once_and_the_others_wait(lab):
    """R61: nobody is refused; eight clients take the time of two."""
    server = lab.server(POOL, "--delay", "0.1")
    times, replies = crowd(server, [5] * (2 * WORKERS))
    assert set(replies) == {b"15\n"}
    times.sort()
    assert 0.5 <= times[0] and times[WORKERS - 1] < 0.95
    assert 1.0 <= times[WORKERS] and times[-1] < 1.9


def test_what_is_no_count_is_refused_and_the_next_client_served(server):
    """D10, D15: the client is told, and the server says so."""
    for data in BAD:
        assert ask(server, data) == REFUSED, data[:20]
        server.line(r"error: 127\.0\.0\.1:\d+: expected an integer .*")
    assert ask(server, b"5\n") == b"15\n"


def test_refused_at_once_without_waiting_for_the_end_of_the_line(server):
    with connect(server, b"x" * 10) as conn:
        start = time.monotonic()
        assert conn.makefile("rb").read() == REFUSED
        assert time.monotonic() - start < 0.9


@pytest.mark.parametrize("name", [ITERATIVE, *TOGETHER[2:]])
def test_a_refused_client_that_stays_is_hung_up_on(name, lab):
    """It delays the next one by a second at most."""
    server = lab.server(name, "--delay", "0")
    with connect(server, b"no\n") as bad:
        assert bad.makefile("rb").read() == REFUSED
        start = time.monotonic()
        assert ask(server, b"5\n") == b"15\n"
        assert time.monotonic() - start < 2
        time.sleep(max(0, start + 1.2 - time.monotonic()))
        with pytest.raises(OSError):
            for _ in range(10):  # the first one may succeed; the answer to it is a reset
                bad.sendall(b"x")
                time.sleep(0.02)


def test_two_counts_in_one_segment_are_one_request(server):
    """D6: not 53, and not 5 and 3."""
    assert ask(server, b"5\n3\n") == b"15\n"


def test_a_count_in_two_pieces(server):
    """D6: the server has read the first one when the second one comes."""
    with connect(server, b"1") as conn:
        time.sleep(0.1)
        conn.sendall(b"2\n")
        assert conn.makefile("rb").read() == b"78\n"


@pytest.mark.parametrize("name", TOGETHER[2:])
def test_the_refusal_arrives_although_much_is_unread(name, lab):
    """It is not destroyed by a reset; the loops read and drop like the others."""
    server = lab.server(name)
    for _ in range(5):
        assert ask(server, b"x" * 3_000_000) == REFUSED


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_the_sum_is_right_however_it_is_delivered(treatment, lab, server):
    """D6: no sum of 1 for 78."""
    relay = TcpRelay(server, treatment, treatment)
    client = lab.client(relay, CLIENT, "12")
    assert client.wait().startswith("sum of 1..12 = 78\r\n")
    assert b"".join(relay.up) == b"12\n" and b"".join(relay.down) == b"78\n"
    relay.close()


@pytest.mark.parametrize("name", SERVERS)
def test_clients_that_reset_or_leave_harm_only_themselves(name, lab):
    """D10: before the line, amid it, and while their sum is added."""
    server = lab.server(name, "--delay", "0.01")
    for data, way in itertools.product([b"", b"1", b"10\n"], ["reset", "close"]):
        bad = connect(server, data)
        if data.endswith(b"\n"):
            server.line(".*: adding 1..10")
        if way == "reset":
            bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        bad.close()
    assert ask(server, b"5\n") == b"15\n"
    assert len(re.findall(r"error: 127\.0\.0\.1:\d+: \S", server.output)) >= 4


@pytest.mark.parametrize("name", TOGETHER)
def test_a_silent_client_delays_nobody(name, lab):
    """D10"""
    server = lab.server(name, "--delay", "0.01")
    silent = [connect(server, data) for data in (b"", b"5", b"5 ")]
    start = time.monotonic()
    assert ask(server, b"5\n") == b"15\n"
    assert time.monotonic() - start < 0.5
    for one in silent:
        one.close()


@pytest.mark.waits
def test_a_silent_client_delays_the_iterative_server_for_ten_seconds_at_most(lab):
    server = lab.server(ITERATIVE, "--delay", "0")
    with connect(server):
        start = time.monotonic()
        assert ask(server, b"5\n") == b"15\n"
        assert 5 < time.monotonic() - start <= 10.5


@pytest.mark.parametrize("name", TOGETHER)
def test_more_clients_than_descriptors(name, lab):
    """The server says so, goes on without spinning, and serves when some have left."""
    server = lab.server(name, "--delay", "0", descriptors=20)
    many = [connect(server) for _ in range(30)]
    if name != POOL:  # which does not accept more than it can serve
        server.line("error: cannot accept: .*")
    time.sleep(0.3)
    for one in many:
        one.close()
    assert ask(server, b"5\n") == b"15\n"
    assert server.output.count("cannot accept") < 20, "it spins"


@pytest.mark.parametrize("name", SERVERS)
def test_ctrl_c_while_clients_are_served(name, lab):
    """D15: at once, however many wait and sleep; and the clients learn it."""
    server = lab.server(name, "--delay", "0.2")
    others = [connect(server, b"1000\n") for _ in range(20)]
    client = lab.client(server, CLIENT, "1000")
    server.line(r".*: adding 1\.\.1000")
    time.sleep(0.3)
    start = time.monotonic()
    assert server.stop().endswith("\r\nstopped\r\n")
    assert time.monotonic() - start < 1
    client.line(r"error: (no sum of 1\.\.1000|cannot reach .*): .*")
    client.wait(status=1)
    for one in others:
        one.close()


def test_ctrl_c_while_many_come_and_go(server):
    """No traceback, whatever the server is doing just then."""
    stop = threading.Event()

    def hammer():
        try:
            while not stop.is_set():
                ask(server, b"3\n")
                ask(server, b"no\n")
        except OSError:
            pass

    threads = [threading.Thread(target=hammer) for _ in range(10)]
    for thread in threads:
        thread.start()
    server.line(".* = 6")
    server.stop()
    stop.set()
    for thread in threads:
        thread.join()
    assert "stopped" in server.output and "Fatal" not in server.output


def test_the_client_is_told_of_an_interrupt(lab, server):
    """D15: at the client; the server goes on."""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        assert conn.recv(100) == b"5\n"
        time.sleep(0.2)  # it says nothing when it waits; a Ctrl+C in makefile() is CPython's
        assert client.stop().endswith("\r\nstopped\r\n")
        conn.close()


@pytest.mark.parametrize("size", [0, 1, 4])
def test_half_a_sum_is_no_sum(size, lab, server):
    """D9: 5050 cut off before the newline."""
    relay = TcpRelay(server, down=cut(size, polite=True))
    client = lab.client(relay, CLIENT, "100")
    client.see(r"\Aerror: no sum of 1\.\.100: the server hung up, or talks nonsense\r\n")
    client.wait(status=1)
    relay.close()


@pytest.mark.parametrize("reply, shown", [
    (b"\n", "the server hung up, .*"), (b"-5\n", "the server hung up, .*"),
    (b"\x1b[2J15\n", "the server hung up, .*"), (b"1" * 5000, "the server hung up, .*"),
    (b"error: \x1b[2Jno\n", r"\?\[2Jno"), (b"\xff\xfe\n", "the server hung up, .*")], ids=repr)
def test_a_reply_that_is_no_sum(reply, shown, lab):
    """D9, D15, D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.recv(100)
            conn.sendall(reply)
        client.line(rf"error: no sum of 1\.\.5: {shown}")
        client.wait(status=1)
    assert "\x1b" not in client.output


def test_the_client_waits_as_long_as_it_is_told(lab):
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        start = time.monotonic()
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1], "--timeout", "0.3")
        client.line(r"error: no sum of 1\.\.5: timed out")
        client.wait(status=1)
        assert 0.3 <= time.monotonic() - start < 5


@pytest.mark.parametrize("options", [["0"], ["-1"], ["1001"], ["x"], ["5.0"], ["\u0661"],
                                     ["--timeout", "0"], ["--timeout", "nan"]], ids=" ".join)
def test_bad_arguments_of_the_client(options, lab):
    assert "usage:" in lab.start(CLIENT, *options).wait(status=2)


@pytest.mark.parametrize("name", SERVERS)
def test_bad_delays_of_the_servers(name, lab):
    for delay in "-1", "nan", "9.1":
        assert "usage:" in lab.start(name, "--delay", delay).wait(status=2)


def test_over_ipv6(lab):
    for name in SERVERS:
        server = lab.server(name, "--host", "::1", "--delay", "0")
        client = lab.client(server, CLIENT, "6", "--host", "::1")
        assert client.wait().startswith("sum of 1..6 = 21\r\n")
        server.line(r"\[::1\]:\d+: sum of 1\.\.6 = 21")
        server.stop()
