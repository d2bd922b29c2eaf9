"""Problem 4, streaming over UDP: playing while it downloads (R35, R51)."""
import os
import sys
import time
import wave

import pytest

from conftest import ROOT, THEIRS
from relay import UdpRelay, lossy, shuffled
from streaming import CLIENT, SERVER, data_only, make, saved

TUNE = (ROOT / "problem4" / "media" / "tune.wav").read_bytes()


@pytest.fixture
def folder(lab):
    folder = lab.folder / "served"
    folder.mkdir()
    return folder


@pytest.fixture
def server(lab, folder):
    return lab.server(SERVER, "--dir", folder, "--rate", "1000000")


# The task

def player(lab, body):
    """Return the command of a player written in Python; `read` is its standard input."""
    path = lab.folder / "player.py"
    path.write_text("import os, sys, time\nread = sys.stdin.buffer.read\n" + body)
    return f"'{sys.executable}' '{path}'"


@pytest.mark.waits
def test_the_tune_plays_while_it_downloads(lab, need):
    """R35, R51: a real decoder has decoded seconds of sound before the download ends."""
    need("ffmpeg")
    server = lab.server(SERVER, "--rate", "12000")
    client = lab.client(server, CLIENT, "tune.wav", "--play", "ffmpeg -v error -probesize 32 "
                        "-i - -f s16le -flush_packets 1 -y decoded.raw")
    client.line("playing")
    decoded = lab.folder / "decoded.raw"
    client.runs_until(  # a second of sound is there
        lambda: decoded.exists() and decoded.stat().st_size >= 16_000, timeout=20)
    assert not (lab.folder / "streamed_tune.wav").exists(), "played after the download"
    client.wait(timeout=20)
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
    output = client.wait()
    assert (THEIRS or "the player has ended" in output) and " 0 missing" in output
    assert saved(lab, "file") == content


def test_a_player_that_stalls_loses_nothing(lab, folder, server):
    content = make(folder, "file", 300_000)
    command = player(lab, "while not os.path.exists('streamed_file'): time.sleep(0.05)\n"
                     "open('played', 'wb').write(read())\n")
    lab.client(server, CLIENT, "file", "--play", command).wait()
    assert (lab.folder / "played").read_bytes() == content == saved(lab, "file")


def test_ctrl_c_at_any_moment_leaves_no_player(lab, folder):
    """D29: the player starts in a thread, and Ctrl+C may come just before that."""
    make(folder, "file", 400_000)
    server = lab.server(SERVER, "--dir", folder, "--rate", "200000")
    started = lab.folder / "started"
    started.mkdir()
    command = "sh -c 'echo > started/$$; exec cat > /dev/null'"
    clients = []
    for moment in range(10):
        client = lab.client(server, CLIENT, "file", "--output", f"copy{moment}",
                            "--play", command)
        clients.append(client)
        server.line(".*: file, 400000 bytes")
        time.sleep(0.05 * moment)  # enough has arrived after 0.16 seconds
        client.press("C")
    for client in clients:
        client.wait(status={0, 130})
        assert "Traceback" not in client.output
    time.sleep(0.3)
    for path in started.iterdir():
        with pytest.raises(ProcessLookupError):
            while True:
                os.kill(int(path.name), 0)
                time.sleep(0.05)


def test_a_player_that_is_not_there(lab, server):
    """An error before the download."""
    for command in "no-such-player -", "''":
        client = lab.client(server, CLIENT, "file", "--play", command)
        client.line(".*error: .*" if THEIRS else "error: .* is not installed")
        client.wait(status={1, 2} if THEIRS else 1)
    bad = lab.client(server, CLIENT, "file", "--play", "'").wait({1, 2} if THEIRS else 2)
    assert THEIRS or "usage:" in bad
    assert "file" not in server.output
