"""basics/sum: five servers that do the same work, and one client for all of them.

    python -m pytest test_basics_sum.py -k "refused and asyncio"
"""
import concurrent.futures
import contextlib
import itertools
import re
import selectors
import socket
import threading
import time

import pytest

from cases import STARTED, run_cases
from conftest import ENVIRONMENT, Lab, RESET, ROOT, THEIRS
from moments import interrupt
from peers import alone, FalseServer
from relay import TcpRelay, glued, one_byte
from terminal import PATIENCE

FOLDER = "basics/sum"
CLIENT = f"{FOLDER}/client.py"
KINDS = ITERATIVE, CONCURRENT, POOL, SELECTORS, ASYNCIO = [
    f"{FOLDER}/{kind}_server.py"
    for kind in ("iterative", "concurrent", "pool", "selectors", "asyncio")]
TOGETHER = KINDS[1:]  # these serve several clients at once
WORKERS = 4           # of the pool
DELAY = 0.0001        # seconds, of the servers that the tests share
REFUSED = b"error: expected an integer from 1 to 1000, and a newline\n"
BAD = [b"", b"\n", b"5", b"0\n", b"1001\n", b"-5\n", b"+5\n", b"5.0\n", b"1_0\n", b"five\n",
       b"\xff\xfe\n", b"\xd9\xa1\n", b"5 6\n", b"5\0\n", b"9" * 200_000, b"x" * 100 + b"\n"]


def refused(reply, words=REFUSED):
    """Return whether a reply is the server's refusal. (The words of others are their own.)"""
    return reply == words or bool(THEIRS and re.fullmatch(rb"error: [ -~]+\n", reply))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Servers for all tests that ask a server without memory: shared(NAME) starts one."""
    lab, running = Lab(tmp_path_factory.mktemp("shared")), {}

    def server(name):
        if name not in running or running[name].closed:
            running[name] = lab.server(name, "--delay", DELAY)
        STARTED.append(name)
        return running[name]

    yield server
    for terminal in lab.terminals:
        terminal.clean_up()


@pytest.fixture(params=KINDS, ids=lambda name: name[len(FOLDER) + 1:-len("_server.py")])
def server(request, shared):
    return shared(request.param)


def connect(server, data=b""):
    conn = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
    conn.sendall(data)
    return conn


def ask(server, data):
    """Send these bytes and return all that comes back."""
    with connect(server, data) as conn:
        conn.shutdown(socket.SHUT_WR)
        return conn.makefile("rb").read()


def crowd(requests):
    """Send each request (SERVER, COUNT), then wait; return how long each took, in order.

    The clients connect one after the other, in this order, and then wait all at once.
    """
    start, times = time.monotonic(), [None] * len(requests)
    with selectors.DefaultSelector() as waiting:
        for place, (server, count) in enumerate(requests):
            conn = connect(server, b"%d\n" % count)
            waiting.register(conn, selectors.EVENT_READ, place)
        while waiting.get_map():
            events = waiting.select(20)
            assert events, "no sum for 20 seconds"
            for key, _ in events:
                waiting.unregister(key.fileobj)
                with key.fileobj as conn:
                    count = requests[key.data][1]
                    assert conn.recv(100) == b"%d\n" % sum(range(count + 1))
                times[key.data] = time.monotonic() - start
    return times


# The task

def test_the_sum_is_right(server):
    """R14: from the smallest COUNT to the largest; and for a line as telnet ends it."""
    for count in 1, 2, 5, 100, 1000:
        assert ask(server, b"%d\n" % count) == b"%d\n" % sum(range(count + 1))
        server.line(rf"127\.0\.0\.1:\d+: adding 1\.\.{count}")
        server.line(rf"127\.0\.0\.1:\d+: sum of 1\.\.{count} = {sum(range(count + 1))}")
    assert THEIRS or ask(server, b"7\r\n") == b"28\n"


def test_each_sleep_takes_200_ms_and_only_the_iterative_server_lets_others_wait(lab):
    """R14 to R16, D16: COUNT 4, and 1 that comes after it; all the servers at once."""
    servers = [lab.server(name) for name in KINDS]
    times = crowd([(server, count) for server in servers for count in (4, 1)])
    for name, long, short in zip(KINDS, times[::2], times[1::2]):
        assert 0.8 <= long < 1.6, name
        if name == ITERATIVE:
            assert short >= 1
        else:
            assert 0.2 <= short < long / 2, name


def test_the_delays_of_the_sleeps_do_not_add_up(server):
    """R14: plain sleeps add it up; those beside it, on the same machine, are twice as late."""
    count, tries = 1000, []

    def sleep():
        start = time.monotonic()
        for _ in range(count):
            time.sleep(DELAY)
        plain.append(time.monotonic() - start - count * DELAY)
    good = 0
    while len(tries) < 30:  # on a busy machine one sleep alone may be very late
        plain, sleeper = [], threading.Thread(target=sleep)
        sleeper.start()
        late = crowd([(server, count)])[0] - count * DELAY
        sleeper.join()
        assert late >= 0
        good += late < plain[0] / 2
        if good == 3:  # once may be luck: something has held up the plain sleeps
            return
        tries.append((late, *plain))
    raise AssertionError(f"seconds late, and the plain sleeps: {tries}")


def test_the_iterative_server_serves_in_the_order_of_arrival(shared):
    """R14, R15"""
    times = crowd([(shared(ITERATIVE), count) for count in (400, 2, 100, 2)])
    assert times == sorted(times) and times[-1] >= 504 * DELAY


def test_two_hundred_clients_take_the_time_of_one(lab):
    """R61: one after the other they would need 100 seconds, four at a time 25."""
    servers = [lab.server(name, "--delay", "0.1") for name in TOGETHER if name != POOL]
    times = crowd([(server, 5) for server in servers for _ in range(200)])
    assert 0.5 <= min(times) and max(times) < 20


def test_the_pool_serves_four_clients_at_once_and_the_others_wait(lab):
    """R61: it refuses nobody; eight clients take the time of two."""
    server = lab.server(POOL, "--delay", "0.05")
    times = sorted(crowd([(server, 4)] * (2 * WORKERS)))
    assert times[0] >= 0.2 and times[WORKERS] >= 0.4
    done = re.findall("adding|sum of", server.output)
    assert done[:WORKERS] == ["adding"] * WORKERS and done[WORKERS] == "sum of"


# The network

def test_a_line_that_is_not_a_count_is_refused(server):
    """D10, D15: the client reads why, the server says so, and the next one is served."""
    for data in BAD:
        assert refused(ask(server, data)), data[:20]
        server.line(r"error: 127\.0\.0\.1:\d+: expected an integer .*")
    if not THEIRS:
        with connect(server, b"x" * 10) as conn:  # before the end of the line
            assert conn.makefile("rb").read() == REFUSED
    assert ask(server, b"5\n") == b"15\n"


@pytest.mark.parametrize("name", [SELECTORS, ASYNCIO])
def test_the_refusal_arrives_although_much_is_unread(name, shared):
    """D10: no reset destroys it; the loops have a refuse() of their own."""
    for _ in range(3):
        assert refused(ask(shared(name), b"x" * 3_000_000))


def test_two_counts_in_one_segment_are_one_request(server):
    """D6: not 53, and not 5 and 3."""
    assert ask(server, b"5\n3\n") == b"15\n"


def test_a_count_in_two_pieces_is_one_request(server):
    """D6: not 1, and not 2."""
    with connect(server, b"1") as conn:
        alone(conn)
        conn.sendall(b"2\n")
        assert conn.makefile("rb").read() == b"78\n"


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_the_client_shows_the_right_sum_however_it_arrives(treatment, lab, shared):
    """D6"""
    relay = TcpRelay(shared(CONCURRENT), treatment, treatment)
    assert lab.client(relay, CLIENT, "12").wait().startswith("sum of 1..12 = 78\r\n")
    assert b"".join(relay.up) == b"12\n" and b"".join(relay.down) == b"78\n"
    relay.close()


def test_clients_that_reset_or_leave_harm_only_themselves(server):
    """D10: before the line, in the middle of it, and while the server adds."""
    for data, way in itertools.product([b"", b"1", b"200\n"], ["reset", "close"]):
        bad = connect(server, data)
        if data.endswith(b"\n"):
            server.line(".*: adding 1..200")
        if way == "reset":
            bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        bad.close()
        if not data.endswith(b"\n"):
            server.line(r"error: 127\.0\.0\.1:\d+: \S.*")
    assert ask(server, b"5\n") == b"15\n"


@pytest.mark.parametrize("name", TOGETHER)
def test_a_silent_client_delays_nobody(name, shared):
    """D10: three silent ones; the pool has four threads."""
    silent = [connect(shared(name), data) for data in (b"", b"5", b"5 ")]
    assert ask(shared(name), b"5\n") == b"15\n"
    for one in silent:
        one.settimeout(0)
        with pytest.raises(BlockingIOError):  # none of them is given up yet
            one.recv(100)
        one.close()


def test_a_silent_client_delays_the_iterative_server_until_its_time_is_over(lab):
    """D10: a copy of the server that waits for 1 second."""
    copy = lab.folder / "copy.py"
    copy.write_text(re.sub(r"(?m)^(TIMEOUT|PATIENCE) = \d+", r"\1 = 1",
                           (ROOT / ITERATIVE).read_text("utf-8")), "utf-8")
    server = lab.server("copy.py", "--delay", "0")
    start = time.monotonic()
    with connect(server, b"5") as silent, connect(server, b"5\n") as second:
        second.settimeout(0.5)
        with pytest.raises(socket.timeout):
            second.recv(100)
        assert refused(silent.makefile("rb").read(), b"error: timed out\n")
        assert time.monotonic() - start >= 0.9
        silent.close()
        second.settimeout(PATIENCE)
        assert second.recv(100) == b"15\n"


@pytest.mark.parametrize("name", TOGETHER)
def test_a_server_without_free_descriptors_says_so_and_goes_on(name, lab):
    """D10: it tries again in a while, and not all the time."""
    server = lab.server(name, "--delay", "0", descriptors=20)
    start, many = time.monotonic(), [connect(server) for _ in range(30)]
    if name != POOL:  # the pool accepts no more than it can serve
        for _ in range(3):
            server.line("error: cannot accept: .*")
        passed = time.monotonic() - start
        assert server.output.count("cannot accept") <= passed / 0.1 + 2
    for one in many:
        one.close()
    assert ask(server, b"5\n") == b"15\n"


def test_a_server_that_cannot_start_a_thread_says_so_and_goes_on(lab):
    """D19: there is room for some threads only."""
    server = lab.cramped_server(CONCURRENT)
    many = [connect(server) for _ in range(40)]
    server.line("error: cannot accept: can't start new thread")
    for one in many:
        one.close()

    def served():
        with contextlib.suppress(OSError):
            return ask(server, b"1\n") == b"1\n"
    server.runs_until(served)  # the threads of the crowd end one by one


# Manners

@pytest.mark.parametrize("name", KINDS)
def test_ctrl_c_ends_a_server_that_serves_at_once(name, lab):
    """D15: however many clients wait; and they learn it."""
    server = lab.server(name)
    clients = [connect(server, b"1000\n") for _ in range(20)]
    server.line(r".*: adding 1\.\.1000")
    assert "\r\nstopped\r\n" in server.stop()  # a thread may print its line then, too
    for client in clients:
        with client:
            try:
                assert client.recv(100) == b""
            except ConnectionResetError:
                pass


@pytest.mark.parametrize("names", [[ASYNCIO], KINDS[:-1]], ids=["asyncio", "the others"])
def test_ctrl_c_at_any_moment_is_one_last_line(names):
    """D15, D29: fifty moments for asyncio, whose loop could lose it."""
    count = 50 if names == [ASYNCIO] and not THEIRS else 5
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for name, results in zip(names, pool.map(lambda name: interrupt(
                count, "3\n", ENVIRONMENT, ROOT / name, "--delay", DELAY), names)):
            assert len(results) == count
            for moment, status, output in results:
                assert status == 0 and "\nstopped" in output, (name, moment, output[-999:])
                assert "Traceback" not in output and "Exception" not in output, (name, output)


def test_ctrl_c_ends_the_client_that_waits(lab):
    """D15"""
    with FalseServer() as false_server:
        client = lab.start(CLIENT, "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        assert conn.recv(100) == b"5\n"
        time.sleep(0.1)  # the client prints nothing while it waits
        assert "\r\nstopped\r\n" in client.stop()
        conn.close()


SUMS = [  # what a false server replies to COUNT 5, and what the client says
    (b"15\n", None),
    (b"", "the server closed the connection before the end of the line; .*"),
    (b"1", "the server closed the connection before the end of the line; .*"),
    (b"1" * 5000, "the server closed the connection before the end of the line; .*"),
    (b"\n", "invalid literal .*"), (b"\x1b[2J15\n", "invalid literal .*"),
    (b"\xff\xfe\n", "invalid literal .*"), (b"error: \x1b[2Jno\n", r"\?\[2Jno")]


def test_the_client_believes_only_a_whole_sum(tmp_path):
    """D9, D15, D17: and otherwise ends with one error line and status 1."""
    def serve():
        for reply, _ in SUMS:
            conn, _ = false_server.accept()
            with conn:
                conn.makefile("rb").readline()
                conn.sendall(reply)

    with FalseServer() as false_server:
        threading.Thread(target=serve, daemon=True).start()
        port = str(false_server.getsockname()[1])
        results = run_cases(ROOT / CLIENT, [["--port", port]] * len(SUMS), tmp_path,
                            ENVIRONMENT)
    for result, (reply, said) in zip(results, SUMS):
        if said:
            said = "[^\n\x1b]+" if THEIRS else said
            assert re.fullmatch(f"error: {said}\n", result.stderr), (reply, result)
            assert result.status == 1 and result.stdout == ""
        else:
            shown = re.fullmatch(r"sum of 1\.\.5 = 15\nwaited (\d+\.\d+) s\n", result.stdout)
            assert shown and float(shown[1]) < PATIENCE
            assert result.status == 0


def test_the_client_waits_as_long_as_it_is_told(shared, tmp_path):
    """D15: a reply that does not come; what the server refuses; what is not a COUNT."""
    port = str(shared(CONCURRENT).port)
    with FalseServer() as false_server:  # which never replies
        silent, start = str(false_server.getsockname()[1]), time.monotonic()
        late, zero, much, *bad = run_cases(ROOT / CLIENT, [
            ["5", "--port", silent, "--timeout", "0.3"], ["0", "--port", port],
            ["1001", "--port", port], ["x"], ["5.0"], ["--timeout", "x"]],
            tmp_path, ENVIRONMENT)
    assert 0.3 <= time.monotonic() - start < 9, "10 seconds are for the connection"
    if THEIRS:  # in their own words
        for result in late, zero, much, *bad:
            assert result.status in (1, 2) and "error: " in result.stderr
        return
    assert late.status == 1 and late.stderr.startswith("error: timed out; ")
    assert zero.status == much.status == 1
    assert zero.stderr == much.stderr == REFUSED.decode()
    for result in bad:
        assert result.status == 2 and "usage:" in result.stderr


@pytest.mark.parametrize("name", KINDS)
def test_a_delay_is_0_to_9_seconds(name, tmp_path):
    wrong = ["-1", "x"] if THEIRS else ["-1", "nan", "inf", "9.1", "x"]
    for result in run_cases(ROOT / name, [["--delay", delay] for delay in wrong], tmp_path,
                            ENVIRONMENT):
        assert result.status in (1, 2) if THEIRS else result.status == 2
        assert "error: " in result.stderr and (THEIRS or "--delay" in result.stderr)


def test_over_ipv6(lab):
    """D23: the server names the client as IPv6 is written."""
    server = lab.server(ITERATIVE, "--host", "::1", "--delay", "0")
    client = lab.client(server, CLIENT, "6", "--host", "::1")
    assert client.wait().startswith("sum of 1..6 = 21\r\n")
    server.line(r"\[::1\]:\d+: sum of 1\.\.6 = 21")
