"""The contract's rules for every script; a new script is held to them at once.

What a script needs on its command line is taken from its own transcript.
"""
import ast
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time

import pytest

from conftest import ENVIRONMENT, OURS, ROOT, SCRIPTS as NAMES, THEIRS
from test_transcripts import NOTES
from transcripts import ENDING as ENDING_FOLDERS
from transcripts import transcripts

SOURCES = {name: (OURS / name).read_text("utf-8") for name in NAMES}
GROUPS = [name for name in NAMES if "--interface" in SOURCES[name] or
          "--broadcast" in SOURCES[name]]
SERVERS = [name for name in NAMES if '"listening on"' in SOURCES[name]
           and name not in GROUPS]
CLIENTS = [name for name in NAMES if "the server's address" in SOURCES[name]]
SENDERS = [name for name in NAMES if "the receiver's address" in SOURCES[name]]
TCP = [name for name in NAMES if "SOCK_DGRAM" not in SOURCES[name]]
ENDING = [name for name in SERVERS if name.split("/")[1] in ENDING_FOLDERS]
BANNER = r"listening on 127\.0\.0\.1:\d+\r\n"


def arguments(name):
    """Return the first arguments in a transcript with which this script is started."""
    for steps in transcripts(NOTES[name]):
        for step in steps:
            if step.kind == "$" and name in step.text:
                return shlex.split(step.text)[2:]


def run(name, *options, cwd=ROOT, **keywords):
    """Run a script to its end without a terminal."""
    return subprocess.run([sys.executable, name, *options], cwd=cwd, env=ENVIRONMENT,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          encoding="utf-8", timeout=30, **keywords)


def assert_error(result):
    """One line that starts with "error: " on standard error, and status 1."""
    assert re.fullmatch(r"error: [^\n]+\n", result.stderr), result
    assert result.returncode == 1


@pytest.mark.parametrize("name", [name for name in NAMES if name not in THEIRS])
def test_source(name):
    """Python 3.9, standard library, standalone, 88 columns, nothing runs on import."""
    source, tree = SOURCES[name], ast.parse(SOURCES[name], feature_version=(3, 9))
    assert source.isascii()
    assert max(map(len, source.splitlines())) <= 88
    for node in tree.body:
        if isinstance(node, ast.Try):  # of a module that not every system has
            node = node.body[0]
        assert isinstance(node, (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef,
                                 ast.AsyncFunctionDef, ast.ClassDef, ast.Expr, ast.If))
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant)
        if isinstance(node, ast.If):
            assert ast.unparse(node.test) == "__name__ == '__main__'"
    modules = {alias.name.split(".")[0] for node in ast.walk(tree)
               if isinstance(node, ast.Import) for alias in node.names}
    modules |= {node.module.split(".")[0] for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)}
    # sys.stdlib_module_names came with Python 3.10
    ours = modules - set(getattr(sys, "stdlib_module_names", modules))
    assert ours <= ({"employee"} if "stream_objects" in name else set())
    assert not modules & {"logging", "typing"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_received_can_be_run(name):
    """D11: no pickle and its like, no eval or exec, no shell."""
    for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not names & {"pickle", "marshal", "shelve", "dill", "cPickle"}
        if isinstance(node, ast.Call):
            assert getattr(node.func, "id", None) not in ("eval", "exec", "compile")
            assert getattr(node.func, "attr", None) not in ("system", "popen")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in THEIRS])
def test_help_is_the_note(name, tmp_path):
    """--help prints the note and the flags, from any folder, on 80 columns."""
    result = run(str(ROOT / name), "--help", cwd=tmp_path)
    assert result.returncode == 0 and result.stderr == ""
    assert NOTES[name] in result.stdout
    assert "--port" in result.stdout or name not in SERVERS + CLIENTS
    assert max(map(len, result.stdout.splitlines())) < 80


@pytest.mark.parametrize("options", [["--port", "65536"], ["--port", "-1"]], ids=" ".join)
@pytest.mark.parametrize("name", SERVERS + CLIENTS + GROUPS + SENDERS)
def test_bad_arguments_are_refused(name, options):
    result = run(name, *arguments(name), *options)
    assert result.returncode == 2 and "usage:" in result.stderr


@pytest.mark.parametrize("name", SERVERS)
def test_no_host_is_not_every_host(name):
    """--host "" would bind to 0.0.0.0, and the whole network could come."""
    result = run(name, *arguments(name), "--port", "0", "--host", "")
    assert result.returncode == 2 and "usage:" in result.stderr and not result.stdout


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_starts_stops_and_starts_again(name, lab):
    """D13, D15: ready on the port it says; Ctrl+C is one last line and status 0; a second
    server on the port is told so; the port is free again at once."""
    server = lab.start(name, "--port", "0")
    match = server.see(r"\Alistening on 127\.0\.0\.1:(\d+)\r\n")
    second = run(name, "--port", match[1], cwd=lab.folder)
    assert_error(second)
    assert "--port" in second.stderr
    if name in TCP:  # a connection that the server closes first leaves TIME_WAIT behind
        conn = socket.create_connection(("127.0.0.1", int(match[1])), timeout=5)
        conn.sendall(b"no such thing\n")
        conn.recv(1000)
        time.sleep(0.1)  # what is not read yet would make it a reset, which leaves nothing
    if name not in ENDING or not server.ended(within=1):
        start = time.monotonic()
        output = server.stop()
        assert time.monotonic() - start < 1.5
        assert output.endswith("\r\nstopped\r\n")
    if name in TCP:
        conn.close()
    again = lab.start(name, "--port", match[1])
    again.see(rf"\Alistening on 127\.0\.0\.1:{match[1]}\r\n")
    again.stop()


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_listens_where_it_is_told(name, lab):
    """IPv6 in brackets, names, and addresses that are not this machine's."""
    lab.start(name, "--port", "0", "--host", "::1").see(r"\Alistening on \[::1\]:\d+\r\n")
    lab.start(name, "--port", "0", "--host", "localhost").see("\\A" + BANNER)
    for host in "192.0.2.1", "no.such.host.invalid", "a..b", "\u00e4..b", "x" * 70:
        assert_error(run(name, "--port", "0", "--host", host, cwd=lab.folder))


@pytest.mark.parametrize("name", SERVERS)
def test_the_ready_line_appears_at_once_in_a_pipe(name, tmp_path):
    with subprocess.Popen([sys.executable, str(ROOT / name), "--port", "0"], cwd=tmp_path,
                          env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as server:
        watch = threading.Timer(10, server.kill)
        watch.start()
        assert re.fullmatch(r"listening on 127\.0\.0\.1:\d+\n", server.stdout.readline())
        server.terminate()
        watch.cancel()


@pytest.mark.parametrize("name", [name for name in GROUPS if "sender" not in name])
def test_a_member_comes_and_goes(name, lab, tmp_path):
    """Any number on one port of one machine; in a pipe, too; Ctrl+C ends it, status 0."""
    first = lab.server(name, *arguments(name))
    second = lab.start(name, *arguments(name), "--port", first.port)
    assert second.ready() == first.port
    for member in first, second:
        assert member.stop().endswith("\r\nstopped\r\n")
    with subprocess.Popen([sys.executable, str(ROOT / name), *arguments(name), "--port", "0"],
                          cwd=tmp_path, env=ENVIRONMENT, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as member:
        watch = threading.Timer(10, member.kill)
        watch.start()
        assert re.fullmatch(r"(joined|listening on) [\d.]+:\d+\n", member.stdout.readline())
        member.terminate()
        watch.cancel()


NO_GROUPS = ["--group 127.0.0.1", "--group x", "--group ''", "--interface 198.51.100.1",
             "--interface x", "--broadcast 198.51.100.255", "--broadcast x..y",
             "--group \u00e4..b", "--broadcast \u00e4..b"]


@pytest.mark.parametrize("options", NO_GROUPS)
@pytest.mark.parametrize("name", GROUPS)
def test_groups_and_interfaces_that_are_none(name, options):
    if options.split()[0] in SOURCES[name] and not (
            "sender" in name and options in ("--group 127.0.0.1", "--group ''")):
        assert_error(run(name, *arguments(name), *shlex.split(options), "--port", "12999"))


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_without_a_server_says_so(name, tmp_path):
    """D15: one error line that says what to do; nothing is left in the folder."""
    (tmp_path / "problem2").symlink_to(ROOT / "problem2")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
    for host, where in [("127.0.0.1", f"127.0.0.1:{port}"), ("::1", f"[::1]:{port}"),
                        ("a..b", f"a..b:{port}"), ("\u00e4..b", f"\u00e4..b:{port}")]:
        options = "--host", host, "--port", port
        result = run(str(ROOT / name), *arguments(name), *options, cwd=tmp_path)
        assert_error(result)
        assert "is the server running there?" in result.stderr
        assert f"cannot reach {where}: " in result.stderr
        assert os.listdir(tmp_path) == ["problem2"]


@pytest.mark.waits
def test_a_silent_peer_is_given_up(lab):
    """After 10 seconds, by every script over TCP, all of them tried at once here."""
    held, waits = [], []
    for name in CLIENTS:
        if name in TCP:
            listener = socket.create_server(("127.0.0.1", 0))
            held.append(listener)
            port = listener.getsockname()[1]
            waits.append(lab.start(name, *arguments(name), "--port", port))
    silent = []
    for name in SERVERS:
        if name in TCP and "PATIENCE" in SOURCES[name]:  # the others wait for people
            server = lab.server(name)
            silent.append((name, socket.create_connection(("127.0.0.1", server.port))))
    start = time.monotonic()
    for client in waits:
        client.see(r"error: [^\r]+\r\n",
                   timeout=max(0.1, start + 12 - time.monotonic()))
        client.wait(status=1)
    for name, conn in silent:
        conn.settimeout(max(0.1, start + 12 - time.monotonic()))
        answer = conn.makefile("rb").read()
        assert answer.endswith(b"error: timed out\n"), name  # some begin with a welcome
    assert time.monotonic() - start > 5, "that was no wait"
    for listener in held:
        listener.close()


@pytest.mark.waits
def test_a_refused_client_can_read_why_and_is_then_dropped(lab):
    """Not reset while it talks on, and closed a second after its last word.

    (Servers with one client at a time wait a tenth of that: too short to be tested.)
    """
    servers = [(name, lab.server(name)) for name in SERVERS
               if re.search(r"settimeout\(1\)|1_000_000\), 1\)", SOURCES[name])]
    refused = []
    for name, server in servers:
        conn = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        conn.sendall(b"9" * 100_000)
        refused.append((name, conn))
    for _ in range(3):
        time.sleep(0.1)
        for name, conn in refused:
            conn.sendall(b"9")
    for name, conn in refused:
        assert re.search(rb"(?m)^error: [^\n]+\n\Z", conn.makefile("rb").read()), name
    time.sleep(1.5)
    for name, conn in refused:
        with pytest.raises(OSError):
            conn.sendall(b"9")
            time.sleep(0.05)
            conn.sendall(name.encode())  # (the name is for the report of a failure)
        conn.close()


@pytest.mark.parametrize("name", [name for name in SERVERS if '"--dir"' in SOURCES[name]])
def test_a_folder_that_cannot_be_used_is_said_at_the_start(name, lab):
    (lab.folder / "file").write_bytes(b"")
    result = run(str(ROOT / name), "--port", "0", "--dir", "file", cwd=lab.folder)
    assert_error(result)
    assert "--dir" in result.stderr and result.stdout == ""


FOLDERS = sorted({name.rpartition("/")[0] for name in NAMES})


@pytest.mark.skipif(bool(THEIRS), reason="of our own notes")
@pytest.mark.parametrize("folder", [name for name in FOLDERS if name.startswith("basics/")])
def test_the_notes_of_the_basics_answer_a_question(folder):
    """R65, R66: and README.md has each folder in its table, with a link."""
    notes = "\n".join(NOTES[name] for name in NAMES if name.startswith(f"{folder}/"))
    assert re.search(r"\nQuestion: (.|\n)+\?\nAnswer: ", notes)
    assert f"]({folder})" in NOTES["README.md"]


@pytest.mark.parametrize("name", NOTES)
def test_what_a_note_points_at_is_there(name):
    for path in re.findall(r"(?<![\w/=])(?:problem\d|basics)/[\w/.]*\w", NOTES[name]):
        assert (OURS / path).exists() or "nothing" in path, path
