"""Problem 4, streaming over UDP (R33 to R35, R51)."""
import os
import random
import re
import signal
import socket
import sys
import time
import wave

import pytest

from conftest import ROOT
from relay import UdpRelay, doubled, lossy, shuffled, without

SERVER, CLIENT = "problem4/server.py", "problem4/client.py"
TUNE = (ROOT / "problem4" / "media" / "tune.wav").read_bytes()


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
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(3)
        yield sock


def make(folder, name, size, seed=1):
    content = random.Random(seed).randbytes(size)
    (folder / name).write_bytes(content)
    return content


def saved(lab, name):
    return (lab.folder / f"streamed_{name}").read_bytes()


def data(relay):
    """Return the (offset, payload) of the data that a relay has seen."""
    found = []
    for datagram in relay.down:
        if datagram.startswith(b"data "):
            header, _, payload = datagram.partition(b"\n")
            found.append((int(header.split()[1]), payload))
    return found


def data_only(treatment):
    """Treat the data only, eight pieces at a time, so that none is held back for ever."""
    def treated(datagrams):
        for datagram in datagrams:
            if not datagram.startswith(b"data "):
                yield datagram
                continue
            held = [datagram]
            while len(held) < 9 and not held[-1].startswith(b"end "):
                held.append(next(datagrams))
            yield from treatment(held[:-1])
            yield held[-1]
    return treated


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
    client.line("error: streamed_file.incomplete .*")
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
    assert time.monotonic() - start < 1
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
        for garbage in b"", b"get", b"get x", b"\xff\xfe", b"data 0 1\nx", b"end 5":
            other.sendto(garbage, address)
        other.settimeout(0.3)
        with pytest.raises(socket.timeout):
            other.recv(2000)
    sock.sendto(b"get " + token + b" file", address)
    assert sock.recv(3000).startswith(b"data 0 100000\n")


@pytest.mark.waits
def test_the_server_stops_soon_after_its_client_is_gone(lab, folder, sock):
    make(folder, "file", 1_000_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "20000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 1000000 bytes")
    client.kill()
    match = server.line(r".*: file, (\d+) bytes sent", timeout=6)
    assert int(match[1]) < 5 * 20_000


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


@pytest.mark.waits
def test_a_server_that_falls_silent_is_given_up(lab, folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        client = lab.start(CLIENT, "file", "--port", silent.getsockname()[1])
        client.line("error: .*nothing from the server for 10 seconds.*", timeout=12)
        client.wait(status=1)
    assert not list(lab.folder.glob("streamed*"))


def test_ctrl_c_in_the_client(lab, folder):
    """Status 130, and nothing under the file's name."""
    make(folder, "file", 1_000_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "20000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 1000000 bytes")
    client.press("C")
    client.see("\r\ncut off: .*\r\n")
    client.wait(status=130, timeout=2)
    assert not (lab.folder / "streamed_file").exists()


def test_no_path_leaves_the_folder(lab, folder, server):
    """D11"""
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "sub").mkdir()
    for name in "../README.md", "/etc/passwd", "link", "sub", "..", "nothing":
        client = lab.client(server, CLIENT, name, "--output", "out")
        client.line(r"error: .* is not received: no such file")
        client.wait(status=1)
    assert not list(lab.folder.glob("out*"))


def test_an_output_that_is_no_file_is_left_as_it_is(lab, folder, server):
    """A pipe or a device: os.replace() would put the file in its place."""
    make(folder, "file", 5000)
    os.mkfifo(lab.folder / "pipe")
    client = lab.client(server, CLIENT, "file", "--output", "pipe")
    client.line("error: file is not received: pipe is no file; try another --output")
    client.wait(status=1)
    assert (lab.folder / "pipe").is_fifo()


@pytest.mark.waits
def test_a_client_that_was_stopped_for_a_while(lab, folder):
    """The server begins anew, with other pieces; what comes twice is counted once."""
    content = make(folder, "file", 400_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "100000")
    client = lab.client(server, CLIENT, "file")
    server.line(".*: file, 400000 bytes")
    time.sleep(2)
    os.kill(client.pid, signal.SIGSTOP)
    server.line(r".*: file, \d+ bytes sent", timeout=8)
    time.sleep(3)
    os.kill(client.pid, signal.SIGCONT)
    client.line(r"received file: 400000 of 400000 bytes in \d+ datagrams, 0 missing")
    client.wait()
    assert saved(lab, "file") == content


def test_two_clients_that_write_one_file(lab, folder):
    """D9: the one whose file was taken away does not say that it has all."""
    content = make(folder, "file", 60_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "30000")
    first = lab.client(server, CLIENT, "file")
    incomplete = lab.folder / "streamed_file.incomplete"
    first.runs_until(lambda: incomplete.exists() and incomplete.stat().st_size > 20_000)
    second = lab.client(server, CLIENT, "file")
    first.line("error: file is not received: another program writes .*")
    first.wait(status=1)
    assert not (lab.folder / "streamed_file").exists()
    second.wait()
    assert saved(lab, "file") == content


@pytest.mark.parametrize("end", [b"end 99999999999999999999",
                                 b"data 4000000000000 4000000000002\nxx"], ids=repr)
def test_absurd_sizes(end, lab, sock):
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1], "--play", "cat")
    _, peer = sock.recvfrom(2000)
    for _ in range(3):
        sock.sendto(end, peer)
    client.line("error: .*")
    client.wait(status=1)


def test_ctrl_c_while_the_player_still_plays(lab, folder, server):
    """The file is whole: that is no transfer cut off."""
    content = make(folder, "file", 5000)
    client = lab.client(server, CLIENT, "file", "--play", "sleep 60")
    client.line(".* 0 missing")
    client.press("C")
    client.line("stopped")
    client.wait(timeout=2)
    assert saved(lab, "file") == content


NONSENSE = [b"data x 5\nabc", b"data 0\nabc", b"data -3 9\nabc", b"data 8 9\nabc",
            b"data 0 9\n", b"end x", b"end -1", b"error \x1b[2J", b"data"]


@pytest.mark.parametrize("datagram", NONSENSE, ids=repr)
def test_a_server_that_talks_nonsense(datagram, lab, sock):
    """D9, D17"""
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1])
    _, peer = sock.recvfrom(2000)
    sock.sendto(datagram, peer)
    client.line(r"error: [^\x1b]*")
    client.wait(status=1)
    assert not (lab.folder / "streamed_file").exists()


def test_strangers_are_not_heard(lab, sock):
    sock.bind(("127.0.0.1", 0))
    client = lab.start(CLIENT, "file", "--port", sock.getsockname()[1])
    _, peer = sock.recvfrom(2000)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"data 0 3\nbad", peer)
    sock.sendto(b"data 0 3\nyes", peer)
    sock.sendto(b"end 3", peer)
    client.wait()
    assert saved(lab, "file") == b"yes"


def test_a_terminal_that_knows_ascii_only(lab, folder):
    """A name that it cannot show is shown with a ?, and the file arrives."""
    make(folder, "caf\u00e9", 1500)
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0", "--dir", folder)
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, "caf\u00e9")
    client.line(r"received caf\?: 1500 of 1500 bytes in [12] datagrams, 0 missing")
    client.wait()
    server.line(r".*: caf\?, 1500 bytes sent")


def test_a_link_in_the_way_is_not_followed(lab, folder, server):
    """D11"""
    outside = lab.folder / "outside"
    outside.write_bytes(b"precious")
    content = make(folder, "file", 5000)
    (lab.folder / "streamed_file").symlink_to(outside)
    (lab.folder / "streamed_file.incomplete").symlink_to(outside)
    lab.client(server, CLIENT, "file").wait()
    assert outside.read_bytes() == b"precious" and saved(lab, "file") == content


# --- playing ---------------------------------------------------------------------------

def player(lab, body):
    """Return the command of a player written in Python; `read` is its standard input."""
    path = lab.folder / "player.py"
    path.write_text("import os, sys, time\nread = sys.stdin.buffer.read\n" + body)
    return f"'{sys.executable}' '{path}'"


@pytest.mark.waits
def test_the_tune_plays_while_it_downloads(lab, need):
    """R35, R51: a real decoder has decoded seconds of sound before the download ends."""
    need("ffmpeg")
    server = lab.server(SERVER, "--rate", "25000")
    client = lab.client(server, CLIENT, "tune.wav", "--play", "ffmpeg -v error -probesize 32 "
                        "-i - -f s16le -flush_packets 1 -y decoded.raw")
    client.line("playing")
    decoded = lab.folder / "decoded.raw"
    client.runs_until(  # a second of sound is there
        lambda: decoded.exists() and decoded.stat().st_size >= 16_000)
    assert not (lab.folder / "streamed_tune.wav").exists(), "played after the download"
    client.wait()
    with wave.open(str(lab.folder / "streamed_tune.wav")) as tune:
        assert decoded.read_bytes() == tune.readframes(10 ** 9)
    assert saved(lab, "tune.wav") == TUNE


def test_the_player_gets_everything_in_order_while_it_comes(lab, folder):
    content = make(folder, "file", 150_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "150000")
    relay = UdpRelay(server, down=data_only(shuffled(4, seed=2)))
    command = player(lab, "first = read(20000)\n"
                     "open('early', 'w').write(str(os.path.exists('streamed_file')))\n"
                     "open('played', 'wb').write(first + read())\n")
    lab.client(relay, CLIENT, "file", "--play", command).wait()
    assert (lab.folder / "early").read_text() == "False"
    assert (lab.folder / "played").read_bytes() == content
    relay.close()


def test_gaps_are_filled_so_that_the_rest_stays_in_place(lab, folder, server):
    make(folder, "file", 300_000)
    relay = UdpRelay(server, down=lossy(0.1, seed=5))
    command = player(lab, "open('played', 'wb').write(read())\n")
    lab.client(relay, CLIENT, "file", "--play", command).wait(status=1)
    kept = (lab.folder / "streamed_file.incomplete").read_bytes()
    assert (lab.folder / "played").read_bytes() == kept and len(kept) == 300_000
    relay.close()


def test_a_player_that_dies_does_not_end_the_download(lab, folder, server):
    content = make(folder, "file", 300_000)
    client = lab.client(server, CLIENT, "file", "--play", player(lab, "read(5)\n"))
    client.line("the player has ended.*")
    client.line(".* 0 missing")
    client.wait()
    assert saved(lab, "file") == content


def test_a_player_that_stalls_loses_nothing(lab, folder, server):
    content = make(folder, "file", 300_000)
    command = player(lab, "while not os.path.exists('streamed_file'): time.sleep(0.05)\n"
                     "open('played', 'wb').write(read())\n")
    lab.client(server, CLIENT, "file", "--play", command).wait()
    assert (lab.folder / "played").read_bytes() == content == saved(lab, "file")


def test_a_player_that_is_not_there(lab, server):
    """An error before the download."""
    for command in "no-such-player -", "''":
        client = lab.client(server, CLIENT, "file", "--play", command)
        client.line("error: .* is not installed")
        client.wait(status=1)
    assert "usage:" in lab.client(server, CLIENT, "file", "--play", "'").wait(status=2)
    assert "file" not in server.output


@pytest.mark.parametrize("rate", ["0", "999", "-1", "nan", "x"])
def test_bad_rates(rate, lab):
    assert "usage:" in lab.start(SERVER, "--rate", rate).wait(status=2)


def test_over_ipv6(lab, folder):
    content = make(folder, "file", 5000)
    server = lab.server(SERVER, "--host", "::1", "--dir", folder)
    lab.client(server, CLIENT, "file", "--host", "::1").wait()
    assert saved(lab, "file") == content


def test_the_tune_is_what_its_script_makes(lab):
    lab.start("problem4/make_tune.py", "--output", "tune.wav").wait()
    assert (lab.folder / "tune.wav").read_bytes() == TUNE
    with wave.open(str(lab.folder / "tune.wav")) as tune:
        assert tune.getnframes() / tune.getframerate() == pytest.approx(5.76)
    client = lab.start("problem4/make_tune.py", "--output", "no/such/folder")
    client.line("error: .*")
    client.wait(status=1)
    assert re.search("error: cannot write the tune", client.output)
