"""Problem 2, the concurrent file server (R28 to R31)."""
import ast
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from cases import STARTED, run_cases
from conftest import ENVIRONMENT, ROOT, THEIRS
from peers import answered, assert_error, connect, dribble, FalseServer, reset, rest, until_served
from relay import TcpRelay, stalled

SERVER, CLIENT = "problem2/server.py", "problem2/client.py"
FILES = ROOT / "problem2" / "files"
PORTS = (FILES / "ports.txt").read_bytes()


@pytest.fixture
def server(lab):
    return lab.server(SERVER, "--delay", "0.01")


@pytest.fixture
def folder(lab):
    folder = lab.folder / "served"
    folder.mkdir()
    return folder


def saved(lab, name):
    return (lab.folder / name).read_bytes()


def ask(server, request):
    """Send these bytes and return all that comes back."""
    with connect(server) as conn:
        conn.sendall(request)
        return rest(conn)


# The task

def test_the_file_arrives_whole_whatever_its_size_and_name(lab, folder):
    """D17: UTF-8 and spaces in a name; no control characters are shown."""
    server = lab.server(SERVER, "--dir", folder, "--delay", "0")
    for size, name in [(0, "some file.bin"), (1, "caf\u00e9 \u4f60.txt"), (999, ".hidden"),
                       (1000, "\x1b[2Jred"), (1001, "a\rb"), (5432, "n" * 240)]:
        content = os.urandom(size)
        (folder / name).write_bytes(content)
        lab.client(server, CLIENT, name).wait()
        assert saved(lab, f"download_{name}") == content
        shown = re.escape("".join(c if c.isprintable() else "?" for c in name))
        server.line(rf"127\.0\.0\.1:\d+: sent {shown}, {size} bytes")
    assert "\x1b[2J" not in "".join(terminal.output for terminal in lab.terminals)


def test_a_thousand_bytes_a_flush_and_then_a_sleep(lab, folder):
    """R30, R31: seen at the wire; 200 ms after each piece."""
    (folder / "file").write_bytes(b"x" * 2500)
    server = lab.server(SERVER, "--dir", folder)
    relay = TcpRelay(server)
    start = time.monotonic()
    lab.client(relay, CLIENT, "file").wait()
    assert time.monotonic() - start >= 0.4
    sizes = [len(piece) for piece in relay.down]
    if THEIRS and sizes[0] == len(b"2500\n"):  # the size may be a piece of its own
        sizes[:2] = [sum(sizes[:2])]
    assert sizes == [len(b"2500\n") + 1000, 1000, 500]
    relay.close()


def without_threads():
    """Skip the test where somebody's own server has no thread."""
    if SERVER in THEIRS and "threading" not in (ROOT / SERVER).read_text("utf-8"):
        pytest.skip("this server has no threads")


def test_the_name_of_the_file_is_an_argument_of_its_thread():
    """R29: one threading.Thread(..., args=(NAME, ...)), the name read from the client."""
    without_threads()
    STARTED.append(SERVER)  # at least it is read
    tree = ast.parse((ROOT / SERVER).read_text("utf-8"))
    threads = [node for node in ast.walk(tree) if isinstance(node, ast.Call)
               and getattr(node.func, "attr", getattr(node.func, "id", "")) == "Thread"]
    arguments = [ast.unparse(word.value) for node in threads for word in node.keywords
                 if word.arg == "args"]
    assert any("line" in words or "name" in words for words in arguments)


def test_twenty_clients_take_as_long_as_one_and_silent_ones_delay_nobody(lab):
    """R28, D1, D10, D16: all files identical."""
    server = lab.server(SERVER)
    silent = [connect(server) for _ in range(3)]
    silent[1].sendall(b"ports")
    times = []
    for count in 1, 20:
        start = time.monotonic()
        conns = [connect(server) for _ in range(count)]
        for conn in conns:
            conn.sendall(b"ports.txt\n")
        for conn in conns:
            assert rest(conn) == b"1547\n" + PORTS
        times.append(time.monotonic() - start)
    assert times[1] < 5 * times[0], "one after the other would take 20 times as long"
    for one in silent:
        one.close()


# The network

def test_the_file_is_right_however_it_arrives(lab, server, folder):
    """D1, D6, D12: the size and the data in one segment, or each byte alone; what looks like
    the protocol is not looked for in the file."""
    content = b"error: no such file\n" * 20 + b"END\n5\n\0\xff\xfe__END__\n"
    reply = b"%d\n" % len(content) + content
    replies = reply, [reply[number:number + 1] for number in range(20)] + [reply[20:]]
    for reply in replies:
        (result, sent), = answered(CLIENT, ["file"], [reply], lab.folder)
        assert result.stdout.endswith(f"saved download_file: {len(content)} bytes\n")
        assert sent == b"file\n" and saved(lab, "download_file") == content
        (lab.folder / "download_file").unlink()
    with connect(server) as conn:
        dribble(conn, b"ports.txt\n")
        assert rest(conn) == b"1547\n" + PORTS


def test_a_file_that_is_cut_off_is_not_saved(lab):
    """D9, D15, D17: neither under its name nor under another; the old file stays."""
    (lab.folder / "download_file").write_bytes(b"before")
    before = sorted(os.listdir(lab.folder))
    replies = [b"", b"3", b"300", b"300\n", b"300\nabc", b"-5\n", b"1_0\n0123456789", b" 3\nabc",
               b"x\n", b"\n", b"9" * 5000, b"\xff\xfe\n", b"error: \x1b[2J\n"]
    for result, _ in answered(CLIENT, ["file"], replies, lab.folder):
        assert_error(result)
        assert "\x1b" not in result.stderr and "saved" not in result.stdout
        assert sorted(os.listdir(lab.folder)) == before
    assert saved(lab, "download_file") == b"before"


def test_an_error_after_the_size_is_not_taken_for_the_file(lab, folder):
    """D9: the file becomes shorter; nothing but its bytes comes after the size."""
    path = folder / "file"
    path.write_bytes(b"x" * 20_020)  # more than Python reads ahead
    server = lab.server(SERVER, "--dir", folder, "--delay", "0.1")
    client = lab.client(server, CLIENT, "file")
    client.see("1000 of 20020 bytes")
    os.truncate(path, 20_000)
    client.see("error: cut off after 20000 of 20020 bytes; .*")
    client.wait(status=1)
    assert not list(lab.folder.glob("download*"))


def test_a_server_that_dies_is_noticed(lab, folder):
    """D9"""
    (folder / "file").write_bytes(b"x" * 20_000)
    server = lab.server(SERVER, "--dir", folder)
    client = lab.client(server, CLIENT, "file")
    client.see("1000 of 20000 bytes")
    server.kill()
    client.see("error: .*")
    client.wait(status=1)
    assert not list(lab.folder.glob("download*"))


REFUSAL = rb"error: [^\n\x1b]+\n" if THEIRS else rb"error: '[ -~]*' [ -~]+\n"
OUTSIDE = [b"../server.py", b"/etc/passwd", b"sub/file", b"..", b".", b"", b"link out",
           b"folder link/server.py", b"folder link", b"pipe", b"a\0b", b"\xff\xfe", b"n" * 255,
           b"./../served2/file", b"../served/file", b"sub/../file"]


def test_no_path_leaves_the_folder(lab, folder):
    """D11, D30: not through a symbolic link either, and a pipe is not opened."""
    for name in "sub", "served2":
        (folder / name).mkdir()
        (folder / name / "file").write_bytes(b"x")
    (folder / "link out").symlink_to("/etc/passwd")
    (folder / "folder link").symlink_to(ROOT / "problem2")
    (folder / "file").write_bytes(b"x")
    os.mkfifo(folder / "pipe")
    server = lab.server(SERVER, "--dir", folder)
    for name in OUTSIDE:
        assert re.fullmatch(REFUSAL, ask(server, name + b"\n")), name
    assert ask(server, b"file\n") == b"1\nx"


def test_a_bad_client_is_told_why_and_harms_only_itself(server):
    """D10"""
    for request in b"x" * 100_000, b"ports.txt", b"\0" * 300 + b"\n":
        assert re.fullmatch(rb"error: [ -~]+\n", ask(server, request))
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    for request in b"", b"ports", b"ports.txt\n":
        bad = connect(server)
        bad.sendall(request)
        reset(bad)
    assert ask(server, b"ports.txt\n") == b"1547\n" + PORTS


# Manners

def test_progress_is_one_moving_line_on_a_terminal_and_nothing_in_a_pipe(lab, server):
    client = lab.client(server, CLIENT, "ports.txt")
    shown = client.wait()
    assert THEIRS or shown == ("1000 of 1547 bytes\r1547 of 1547 bytes\r\r\n"
                               "saved download_ports.txt: 1547 bytes\r\n")
    piped = subprocess.run([sys.executable, str(ROOT / CLIENT), "ports.txt", "--port",
                            str(server.port)], cwd=lab.folder,
                           env={**ENVIRONMENT, "TMPDIR": "/dev/shm"},  # another disk
                           capture_output=True, timeout=20)
    assert piped.stdout.endswith(b"saved download_ports.txt: 1547 bytes\n")
    assert THEIRS or piped.stdout.count(b"\n") == 1
    assert piped.stderr == b"" and piped.returncode == 0


def test_the_parts_lie_in_the_folder_of_the_output(lab, server):
    """D18: so that the file gets its name in one step, whatever the disks are."""
    (lab.folder / "sub").mkdir()
    client = lab.client(TcpRelay(server, down=stalled(1005)), CLIENT, "ports.txt",
                        "--output", "sub/file")
    client.see("1000 of 1547 bytes")
    assert THEIRS or [name[:6] for name in os.listdir(lab.folder / "sub")] == [".part-"]
    client.stop(status=130)
    assert os.listdir(lab.folder / "sub") == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl+C", "kill"])
def test_a_client_that_is_stopped_leaves_nothing(number, lab):
    """D15, D28: status 130."""
    server = lab.server(SERVER)
    relay = TcpRelay(server, down=stalled(1005))
    before = sorted(os.listdir(lab.folder))
    client = lab.client(relay, CLIENT, "ports.txt")
    client.see("1000 of 1547 bytes")
    os.kill(client.pid, number)
    assert client.wait(status=130).endswith("\r\nstopped\r\n")
    assert sorted(os.listdir(lab.folder)) == before
    relay.close()


def test_a_name_or_an_output_that_cannot_be_used_is_refused_first(lab):
    """D25, D30: before anything is fetched, naming --output; what is there stays."""
    os.mkfifo(lab.folder / "pipe")
    (lab.folder / "taken").mkdir()
    with FalseServer() as listener:
        port = "--port", str(listener.getsockname()[1])
        pipe, taken, nowhere, long, newline = run_cases(ROOT / CLIENT, [
            ["x", "--output", "pipe", *port], ["x", "--output", "taken", *port],
            ["x", "--output", "no/such/folder", *port], ["n" * 250, *port],
            ["two\nlines", *port]], lab.folder, ENVIRONMENT)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()
    for result in pipe, taken:
        assert_error(result, "exists and is not a regular file; choose another --output")
    assert_error(nowhere, "lies in a folder that does not exist; choose another --output")
    assert_error(long, "is too long; choose another --output")
    assert newline.status == 2
    assert (lab.folder / "pipe").is_fifo() and os.listdir(lab.folder / "taken") == []


def test_a_refusal_is_an_error_that_names_the_file(lab, server):
    """D15, D30"""
    for name in "nothing", "":
        output = lab.client(server, CLIENT, name).wait(status=1)
        assert re.fullmatch(f"error: '{name}' [^\r]+\r\n", output)
    assert not list(lab.folder.glob("download*"))


def test_a_terminal_that_knows_ascii_only(lab, folder):
    """A character that it cannot show is shown as ?, and the file arrives."""
    (folder / "caf\u00e9").write_bytes(b"x")
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0", "--dir", folder)
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, "caf\u00e9")
    client.line(r"saved download_caf\?: 1 bytes")
    client.wait()
    server.line(r".*: sent caf\?, 1 bytes")


def test_more_clients_than_descriptors(lab):
    """The server says so, goes on, and serves again when some have left."""
    server = lab.server(SERVER, "--delay", "0", descriptors=20)
    crowd = [connect(server) for _ in range(30)]
    server.line("error: cannot accept: .*")
    for one in crowd:
        one.close()
    assert ask(server, b"ports.txt\n") == b"1547\n" + PORTS
    assert server.output.count("cannot accept") < 200, "it spins"


def test_more_clients_than_threads(lab):
    """D19: either of the two threads; the server says so, and goes on."""
    without_threads()
    server = lab.cramped_server(SERVER, "--delay", "0.5")
    crowd = [connect(server) for _ in range(40)]
    for one in crowd:
        one.sendall(b"ports.txt\n")
    server.line(r"error: .*start new thread.*")
    for one in crowd:
        one.close()
    until_served(server, b"haiku.txt\n", b"153\n")
