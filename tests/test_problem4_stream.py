"""Problem 4, streaming over UDP: what arrives (R33, R34)."""
import socket
import time

import pytest

from conftest import THEIRS
from peers import Talker, hurried
from relay import UdpRelay, doubled, lossy, shuffled, without
from streaming import CLIENT, SERVER, data, data_only, make, saved
from terminal import PATIENCE


@pytest.fixture
def folder(lab):
    folder = lab.folder / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def server(lab, folder):
    return lab.server(SERVER, "--dir", folder, "--rate", "1000000")


@pytest.fixture
def sock():
    with Talker(socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        yield sock


# The task

@pytest.mark.parametrize("size", [0, 1, 999, 1000, 2000, 2001, 54_321])
def test_the_file_arrives_whole(size, lab, folder, server):
    content = make(folder, "some file", size)
    client = lab.client(server, CLIENT, "some file")
    client.line(rf"received some file: {size} of {size} bytes in \d+ datagrams, 0 missing")
    client.wait()
    assert saved(lab, "some file") == content
    assert not (lab.folder / "streamed_some file.incomplete").exists()


def test_pieces_of_1000_to_2000_bytes_at_random(lab, folder, server):
    """R33, R34: only the last may be shorter; each says where it belongs."""
    content = make(folder, "file", 100_000)
    relay = UdpRelay(server)
    lab.client(relay, CLIENT, "file").wait()
    pieces = sorted(data(relay))
    sizes = [len(payload) for _, payload in pieces]
    assert all(1000 <= size <= 2000 for size in sizes[:-1]) and sizes[-1] <= 2000
    assert len(set(sizes)) > 20
    assert b"".join(payload for _, payload in pieces) == content
    relay.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_loss_is_reported_to_the_byte(seed, lab, folder, server):
    """10 % lost: what came is in its place, zeros for the rest, .incomplete, status 1."""
    content = make(folder, "file", 200_000)
    relay = UdpRelay(server, down=lossy(0.1, seed))
    client = lab.client(relay, CLIENT, "file")
    match = client.line(r"received file: (\d+) of 200000 bytes in (\d+) datagrams, "
                        r"(\d+) missing")
    client.line("error: the file is not whole; streamed_file.incomplete has what came")
    client.wait(status=1)
    got, count, left = map(int, match.groups())
    kept = (lab.folder / "streamed_file.incomplete").read_bytes()
    assert not (lab.folder / "streamed_file").exists()
    assert len(kept) == 200_000 and got + left == 200_000 and left > 5000
    # the pieces of random bytes that are zeros now: the losses, found in the file itself
    lost = sum(len(payload) for offset, payload in data(relay)
               if kept[offset:offset + len(payload)] != payload)
    assert lost == left
    for offset, payload in data(relay):
        there = kept[offset:offset + len(payload)]
        assert there == payload == content[offset:offset + len(payload)] or not any(there)
    assert count < len(data(relay))
    relay.close()


@pytest.mark.parametrize("treatment", [doubled, shuffled(4, seed=3)],
                         ids=["doubled", "shuffled"])
def test_order_and_duplicates_do_not_matter(treatment, lab, folder, server):
    content = make(folder, "file", 100_000)

    relay = UdpRelay(server, down=data_only(treatment))
    lab.client(relay, CLIENT, "file").line(".* 0 missing")
    assert saved(lab, "file") == content
    relay.close()


def test_a_lost_start_and_a_lost_end(lab, folder, server):
    """Requests, tokens and ends are repeated: any of them may be lost."""
    content = make(folder, "file", 30_000)

    def deaf(datagrams):
        ends = 0
        for datagram in datagrams:
            ends += datagram.startswith(b"end ")
            if not datagram.startswith(b"end ") or ends > 2:
                yield datagram

    relay = UdpRelay(server, without({0, 2}), deaf)
    lab.client(relay, CLIENT, "file").wait()
    assert saved(lab, "file") == content
    relay.close()


def test_the_last_pieces_lost(lab, folder, server):
    """The client knows the size, and an "end" that comes once too early is no harm."""
    make(folder, "file", 30_000)

    def without_the_tail(datagrams):
        for datagram in datagrams:
            offset = datagram.startswith(b"data ") and int(datagram.split()[1])
            if offset < 25_000:
                yield datagram

    relay = UdpRelay(server, down=without_the_tail)
    client = lab.client(relay, CLIENT, "file")
    client.line(r"received file: \d+ of 30000 bytes .*")
    client.wait(status=1)
    assert len((lab.folder / "streamed_file.incomplete").read_bytes()) == 30_000
    relay.close()


def test_the_rate_is_kept(lab, folder):
    """Within 5 %, measured from the first piece to the last."""
    make(folder, "file", 100_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "100000")
    times = []

    def timed(datagrams):
        for datagram in datagrams:
            if datagram.startswith(b"data "):
                times.append(time.monotonic())
            yield datagram

    relay = UdpRelay(server, down=timed)
    lab.client(relay, CLIENT, "file").wait()
    rate = sum(len(payload) for _, payload in data(relay)[:-1]) / (times[-1] - times[0])
    assert 95_000 < rate < 105_000
    relay.close()


def test_a_short_file_does_not_wait_behind_a_long_one(lab, folder):
    """D16: two streams at once, each at its own rate."""
    make(folder, "long", 100_000)
    short = make(folder, "short", 500)
    server = lab.server(SERVER, "--dir", folder, "--rate", "20000")
    first = lab.client(server, CLIENT, "long")
    server.line(".*: long, 100000 bytes")
    start = time.monotonic()
    lab.client(server, CLIENT, "short").wait()
    assert time.monotonic() - start < 4, "the long one takes 5 seconds"
    assert saved(lab, "short") == short
    assert not first.closed


def test_two_streams_of_one_file_at_once(lab, folder, server):
    content = make(folder, "file", 100_000)
    clients = [lab.client(server, CLIENT, "file", "--output", f"copy{number}")
               for number in range(2)]
    for number, client in enumerate(clients):
        client.wait()
        assert (lab.folder / f"copy{number}").read_bytes() == content


def test_a_stranger_gets_a_small_answer_only(server, folder, sock):
    """No reflection: without the token no more comes back than was sent, or little more,
    and the token of one address is none for another."""
    make(folder, "file", 100_000)
    address = ("127.0.0.1", server.port)
    sock.sendto(b"get - file", address)
    word, token = sock.recv(2000).split()
    assert word == b"token" and len(token) < 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(3)
        for request in b"get " + token + b" file", b"get - file", b"get  file":
            other.sendto(request, address)
            answer = other.recv(2000)
            assert answer.startswith(b"token ") and token not in answer
            assert len(answer) < 30
        for garbage in b"", b"got - file", b"\xff\xfe", b"data 0 1\nx", b"end 5":
            other.sendto(garbage, address)
        other.settimeout(0.3)
        with pytest.raises(socket.timeout):
            other.recv(2000)
    sock.sendto(b"get " + token + b" file", address)
    assert sock.recv(3000).startswith(b"data 0 100000\n")


@pytest.mark.waits
def test_the_server_stops_soon_after_its_client_has_left(lab, folder, sock):
    make(folder, "file", 1_000_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "20000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 1000000 bytes")
    client.kill()
    # In the words of others the client is silent, which is an error.
    silent = "" if not THEIRS else "|error: .*"
    match = server.line(rf".*: file, (\d+) bytes sent{silent}", timeout=40)
    assert int(match[1] or 0) < 5 * 20_000


@pytest.mark.waits
def test_a_server_that_dies_is_noticed(lab, folder):
    make(folder, "file", 1_000_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "50000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 1000000 bytes")
    time.sleep(1)  # so that some of it has come
    server.kill()
    client.line(r"received file: [1-9]\d+ of 1000000 bytes in \d+ datagrams, \d+ missing")
    client.wait(status=1)
    assert len((lab.folder / "streamed_file.incomplete").read_bytes()) == 1_000_000


def test_a_server_that_falls_silent_is_given_up(lab, folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        client = lab.start(hurried(CLIENT, lab.folder), "file", "--port",
                           silent.getsockname()[1])
        client.line("error: .*no progress for 1 seconds.*")
        client.wait(status=1)
    assert not list(lab.folder.glob("streamed*"))


def test_ctrl_c_in_the_client(lab, folder):
    """Status 130, and nothing under the file's name."""
    make(folder, "file", 1_000_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "20000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 1000000 bytes")
    client.press("C")
    assert "\r\nstopped\r\n" in client.wait(status=130)
    assert not (lab.folder / "streamed_file").exists()
