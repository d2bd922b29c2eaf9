"""Problem 2, the concurrent file server (R28 to R31)."""
import ast
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import ENVIRONMENT, RESET, ROOT
from relay import TcpRelay, cut, glued, one_byte, stalled

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
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(request)
        return conn.makefile("rb").read()


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000, 5432])
def test_the_file_arrives_whole(size, lab, folder):
    content = os.urandom(size)
    (folder / "some file.bin").write_bytes(content)
    server = lab.server(SERVER, "--dir", folder, "--delay", "0")
    client = lab.client(server, CLIENT, "some file.bin")
    client.line(f"saved download_some file.bin: {size} bytes")
    client.wait()
    assert saved(lab, "download_some file.bin") == content
    server.line(rf"127\.0\.0\.1:\d+: sent some file.bin, {size} bytes")


def test_a_thousand_bytes_a_flush_and_then_a_sleep(lab, folder):
    """R30, R31: seen at the wire."""
    (folder / "file").write_bytes(b"x" * 2500)
    server = lab.server(SERVER, "--dir", folder)
    relay = TcpRelay(server)
    start = time.monotonic()
    lab.client(relay, CLIENT, "file").wait()
    assert 0.4 <= time.monotonic() - start < 1
    assert [len(piece) for piece in relay.down] == [len(b"2500\n") + 1000, 1000, 500]
    relay.close()


def test_bytes_that_look_like_the_protocol_arrive(lab, folder):
    """D12: no error word, size or end mark is looked for in the file."""
    content = b"error: no such file\n".ljust(1000) * 2 + b"END\n5\n\0\xff\xfe__END__\n"
    (folder / "file").write_bytes(content)
    server = lab.server(SERVER, "--dir", folder, "--delay", "0")
    lab.client(server, CLIENT, "file").wait()
    assert saved(lab, "download_file") == content


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_the_file_is_right_however_it_is_delivered(treatment, lab, server):
    """D1, D6: the size and the data in one segment, or each byte alone."""
    relay = TcpRelay(server, treatment, treatment)
    lab.client(relay, CLIENT, "ports.txt").wait()
    assert saved(lab, "download_ports.txt") == PORTS
    relay.close()


def test_twenty_clients_and_three_that_say_nothing(lab):
    """R28, D1, D10, D16: all files identical, in the time of one."""
    server = lab.server(SERVER)
    address = ("127.0.0.1", server.port)
    silent = [socket.create_connection(address) for _ in range(3)]
    silent[1].sendall(b"ports")
    replies = [None] * 20

    def fetch(number):
        replies[number] = ask(server, b"ports.txt\n"), time.monotonic() - start

    start = time.monotonic()
    threads = [threading.Thread(target=fetch, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply for reply, _ in replies} == {b"1547\n" + PORTS}
    assert max(duration for _, duration in replies) < 0.8  # one alone: 2 x 0.2 s
    for one in silent:
        one.close()


def test_a_short_file_does_not_wait_behind_a_long_one(lab, folder):
    """D16"""
    (folder / "long").write_bytes(b"x" * 100_000)
    (folder / "short").write_bytes(b"x")
    server = lab.server(SERVER, "--dir", folder)
    with socket.create_connection(("127.0.0.1", server.port)) as conn:
        conn.sendall(b"long\n")
        conn.recv(10)
        start = time.monotonic()
        assert ask(server, b"short\n") == b"1\nx"
        assert time.monotonic() - start < 1


def test_progress_is_one_moving_line_on_a_terminal_and_nothing_in_a_pipe(lab, server):
    client = lab.client(server, CLIENT, "ports.txt")
    assert client.wait() == ("\r1000 of 1547 bytes\r1547 of 1547 bytes\r\n"
                             "saved download_ports.txt: 1547 bytes\r\n")
    piped = subprocess.run([sys.executable, str(ROOT / CLIENT), "ports.txt", "--port",
                            str(server.port)], cwd=lab.folder, env=ENVIRONMENT,
                           capture_output=True, timeout=10)
    assert piped.stdout == b"saved download_ports.txt: 1547 bytes\n"
    assert piped.stderr == b"" and piped.returncode == 0


@pytest.mark.parametrize("size", [0, 2, 5, 600, 1551])
@pytest.mark.parametrize("polite", [True, False], ids=["closed", "reset"])
def test_what_was_cut_short_is_not_saved(size, polite, lab, server):
    """D9: neither under its name nor under another."""
    relay = TcpRelay(server, down=cut(size, polite))
    (lab.folder / "download_ports.txt").write_bytes(b"before")
    before = sorted(os.listdir(lab.folder))
    client = lab.client(relay, CLIENT, "ports.txt")
    client.line("error: ports.txt is not saved: .*")
    client.wait(status=1)
    assert sorted(os.listdir(lab.folder)) == before
    assert saved(lab, "download_ports.txt") == b"before"
    relay.close()


def test_a_server_that_dies_is_noticed(lab, folder):
    """D9"""
    (folder / "file").write_bytes(b"x" * 20_000)
    server = lab.server(SERVER, "--dir", folder)
    client = lab.client(server, CLIENT, "file")
    client.see("1000 of 20000 bytes")
    server.kill()
    client.line("error: file is not saved: .*")
    client.wait(status=1)
    assert not list(lab.folder.glob("download*"))


@pytest.mark.parametrize("pieces", [0, 1])
def test_ctrl_c_in_the_client_leaves_nothing(pieces, lab):
    server = lab.server(SERVER, "--delay", "5")  # it has not hung up by then
    relay = TcpRelay(server, down=stalled(1005 * pieces))
    before = sorted(os.listdir(lab.folder))
    client = lab.client(relay, CLIENT, "ports.txt")
    if pieces:
        client.see("1000 of 1547 bytes")
    else:
        client.runs_until(lambda: relay.up)
    client.press("C")
    assert client.wait(status=130, timeout=2).endswith("\r\ncut off: nothing is saved\r\n")
    assert sorted(os.listdir(lab.folder)) == before
    relay.close()


OUTSIDE = [b"../server.py", b"/etc/passwd", b"sub/file", b"..", b".", b"", b"link out",
           b"folder link/server.py", b"pipe", b"a\0b", b"\xff\xfe", b"n" * 255,
           b"./../served2/file", b"../served/file", b"sub/../file"]


def test_no_path_leaves_the_folder(lab, folder):
    """D11: also not through a symbolic link, and nothing that is no file is opened."""
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_bytes(b"x")
    (lab.folder / "served2").mkdir()
    (lab.folder / "served2" / "file").write_bytes(b"x")
    (folder / "link out").symlink_to("/etc/passwd")
    (folder / "folder link").symlink_to(ROOT / "problem2")
    (folder / "file").write_bytes(b"x")
    (folder / "link in").symlink_to("file")
    os.mkfifo(folder / "pipe")
    server = lab.server(SERVER, "--dir", folder)
    for name in OUTSIDE:
        assert re.fullmatch(rb"error: [^\n]+\n", ask(server, name + b"\n")), name
    assert ask(server, b"link in\n") == b"1\nx"


def test_a_refusal_is_an_error(lab, server):
    client = lab.client(server, CLIENT, "nothing")
    assert client.wait(status=1) == "error: nothing is not saved: no such file\r\n"
    assert not list(lab.folder.glob("download*"))


@pytest.mark.parametrize("request_", [b"x" * 100_000, b"ports.txt", b"\0" * 300 + b"\n"],
                         ids=["long", "no newline", "nulls"])
def test_a_bad_client_is_told_and_harms_only_itself(request_, lab, server):
    """D10"""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(request_)
        conn.shutdown(socket.SHUT_WR)
        assert re.fullmatch(rb"error: [^\n]+\n", conn.makefile("rb").read())
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert ask(server, b"ports.txt\n") == b"1547\n" + PORTS


def test_clients_that_reset_harm_only_themselves(server):
    """D10"""
    for request in b"", b"ports", b"ports.txt\n":
        bad = socket.create_connection(("127.0.0.1", server.port))
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        bad.sendall(request)
        bad.close()
    assert ask(server, b"ports.txt\n") == b"1547\n" + PORTS
    server.line("error: .*")


def test_a_file_that_changes_while_it_is_sent(lab, folder):
    """D9: shorter is an error on both sides; longer is sent up to the size announced."""
    path = folder / "file"
    server = lab.server(SERVER, "--dir", folder, "--delay", "0.3")
    for change, status in (b"", 1), (b"x" * 9000, 0):
        path.write_bytes(b"x" * 2500)
        client = lab.client(server, CLIENT, "file")
        client.see("1000 of 2500 bytes")
        path.write_bytes(change)
        client.wait(status)
    assert saved(lab, "download_file") == b"x" * 2500


@pytest.mark.parametrize("reply", [b"-5\n", b"1_0\n0123456789", b" 3\nabc", b"x\n", b"\n",
                                   b"9" * 5000, b"\xff\xfe\n", b"error: \x1b[2J\n", b""],
                         ids=lambda reply: repr(reply[:10]))
def test_a_server_that_talks_nonsense(reply, lab):
    """D9, D17: nothing is saved, and nothing steers the terminal."""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "file", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            conn.recv(100)
            conn.sendall(reply)
        client.line(r"error: file is not saved: [^\x1b]*")
        client.wait(status=1)
    assert not list(lab.folder.glob("download*"))


def test_the_names_of_files(lab, folder):
    """UTF-8 and spaces in a name; --output; no control characters shown (D17)."""
    server = lab.server(SERVER, "--dir", folder, "--delay", "0")
    for name in "caf\u00e9 \u4f60.txt", "\x1b[2Jred", "n" * 240, ".hidden", "a\rb":
        (folder / name).write_bytes(name.encode())
        lab.client(server, CLIENT, name).wait()
        assert saved(lab, f"download_{name}") == name.encode()
    assert "\x1b" not in "".join(terminal.output for terminal in lab.terminals)
    lab.client(server, CLIENT, ".hidden", "--output", "seen").wait()
    assert saved(lab, "seen") == b".hidden"


def test_a_terminal_that_knows_ascii_only(lab, folder):
    """A name that it cannot show is shown with a ?, and the file arrives."""
    (folder / "caf\u00e9").write_bytes(b"x")
    ascii_python = "env", "PYTHONIOENCODING=ascii", sys.executable
    server = lab.start(*ascii_python, SERVER, "--port", "0", "--dir", folder)
    server.ready()
    client = lab.client(server, *ascii_python, CLIENT, "caf\u00e9")
    client.line(r"saved download_caf\?: 1 bytes")
    client.wait()
    server.line(r".*: sent caf\?, 1 bytes")


def test_no_file_is_made_on_another_disk_first(lab, server):
    """It could not be moved from there to its name."""
    client = lab.client(server, "env", "TMPDIR=/dev/shm", sys.executable, CLIENT, "haiku.txt")
    client.wait()
    assert saved(lab, "download_haiku.txt") == (FILES / "haiku.txt").read_bytes()


def test_an_output_that_cannot_be_written(lab, server):
    (lab.folder / "taken").mkdir()
    for output in "taken", "no/such/folder":
        client = lab.client(server, CLIENT, "haiku.txt", "--output", output)
        client.line("error: haiku.txt is not saved: .*")
        client.wait(status=1)
    assert os.listdir(lab.folder / "taken") == []


def test_an_output_that_is_no_file_is_left_as_it_is(lab, server):
    """A pipe or a device: os.replace() would put the file in its place."""
    os.mkfifo(lab.folder / "pipe")
    client = lab.client(server, CLIENT, "haiku.txt", "--output", "pipe")
    client.line("error: haiku.txt is not saved: pipe is no file; try another --output")
    client.wait(status=1)
    assert (lab.folder / "pipe").is_fifo()


def test_more_clients_than_descriptors(lab):
    server = lab.server(SERVER, "--delay", "0", descriptors=20)
    crowd = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
    server.line("error: cannot accept: .*")
    for one in crowd:
        one.close()
    assert ask(server, b"ports.txt\n") == b"1547\n" + PORTS
    assert server.output.count("cannot accept") < 100, "it spins"


@pytest.mark.parametrize("delay", ["-1", "nan", "x"])
def test_bad_delays(delay, lab):
    assert "usage:" in lab.start(SERVER, "--delay", delay).wait(status=2)


def test_the_name_of_the_file_is_an_argument_of_its_thread():
    """R29: one threading.Thread(..., args=(NAME, ...)), the name read from the client."""
    tree = ast.parse((ROOT / SERVER).read_text("utf-8"))
    threads = [node for node in ast.walk(tree) if isinstance(node, ast.Call)
               and getattr(node.func, "attr", getattr(node.func, "id", "")) == "Thread"]
    arguments = [ast.unparse(word.value) for node in threads for word in node.keywords
                 if word.arg == "args"]
    assert any("line" in words or "name" in words for words in arguments)


def test_a_name_with_a_newline_is_refused(lab, server):
    assert "usage:" in lab.client(server, CLIENT, "two\nlines").wait(status=2)


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1", "--delay", "0")
    lab.client(server, CLIENT, "ports.txt", "--host", "::1").wait()
    assert saved(lab, "download_ports.txt") == PORTS


@pytest.mark.parametrize("less", [1, 20, 35])
def test_an_error_after_the_size_is_not_taken_for_the_file(less, lab, folder):
    """D9: nothing but the file's bytes comes after the size."""
    path = folder / "file"
    path.write_bytes(b"x" * 2020)
    server = lab.server(SERVER, "--dir", folder, "--delay", "0.3")
    client = lab.client(server, CLIENT, "file")
    client.see("1000 of 2020 bytes")
    os.truncate(path, 2020 - less)
    client.line(f"error: file is not saved: cut off after {2020 - less} of 2020 bytes")
    client.wait(status=1)
