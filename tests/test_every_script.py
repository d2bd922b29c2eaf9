"""The contract's rules for every script; a new script is held to them at once.

Each test has one case for each script, so that `make test P=problem3` asks all of them of
the scripts in that folder. What a script needs on its command line is taken from its own
transcript. cases.py runs many cases of one script for the price of one start.
"""
import ast
import os
import re
import resource
import shlex
import time

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, OURS, ROOT, SCRIPTS as NAMES, THEIRS, reserve_port
from peers import answered, connect, FalseServer, hurried, rest
from terminal import Unmet
from test_transcripts import NOTES
from transcripts import ENDING as ENDING_FOLDERS
from transcripts import transcripts

SOURCES = {name: (OURS / name).read_text("utf-8") for name in NAMES}
GROUPS = [name for name in NAMES if '"--interface"' in SOURCES[name] or
          '"--broadcast"' in SOURCES[name]]
MEMBERS = [name for name in GROUPS if "sender" not in name]
SERVERS = [name for name in NAMES if name not in GROUPS
           and 'print("listening on"' in SOURCES[name]]
CLIENTS = [name for name in NAMES if name not in SERVERS + GROUPS
           and '"--host"' in SOURCES[name] and "sender" not in name]
SENDERS = [name for name in NAMES if name.endswith("sender.py")]
TCP = [name for name in NAMES if "SOCK_DGRAM" not in SOURCES[name]]
ENDING = [name for name in SERVERS if name.split("/")[1] in ENDING_FOLDERS]
OURS_ONLY = [name for name in NAMES if name not in THEIRS]
PORTS = {  # the contract's table
    "basics/datagram": 12001, "basics/datagram_duplex": 12002,
    "basics/datagram_address": 12003, "basics/datagram_echo": 12004,
    "basics/stream_welcome": 12005, "basics/stream_duplex": 12006,
    "basics/stream_iterative": 12007, "basics/stream_objects": 12008,
    "basics/stream_integers": 12009, "basics/stream_address": 12010,
    "basics/stream_echo": 12011, "basics/stream_hello_file": 12012, "basics/sum": 12013,
    "basics/multicast": 12014, "basics/multicast_group": 12015, "basics/broadcast": 12016,
    **{f"problem{number}": 12000 + 100 * number for number in range(1, 100)}}
LONGEST = {  # bytes of a reply, with its newline
    **{f"basics/stream_{pair}/client.py": 1000
       for pair in ("welcome", "address", "duplex", "integers", "iterative")},
    "basics/sum/client.py": 100, "problem3/client.py": 2100}
# Names that are no names raise errors of other kinds; nobody else needs to know these.
NO_NAMES = ["a..b", "\u00e4..b", "x" * 70]
NO_PLACES = ["192.0.2.1", "no.such.host.invalid", ""] + ([] if THEIRS else NO_NAMES)


def arguments(name):
    """Return the first arguments in a transcript with which this script is started."""
    for steps in transcripts(NOTES[name]):
        for step in steps:
            if step.kind == "$" and name in step.text:
                return shlex.split(step.text)[2:]


def cases(name, folder, *lists):
    """Run a script with each list of arguments, after those that it needs."""
    needed = arguments(name)
    return run_cases(ROOT / name, [
        ("ready", [*needed, *case[1]]) if case[:1] == ("ready",) else [*needed, *case]
        for case in lists], folder, ENVIRONMENT)


def assert_error(result):
    """One line that starts with "error: " on standard error, and status 1."""
    assert re.fullmatch(r"error: [^\n]+\n", result.stderr) and result.status == 1, result


def assert_refused(result):
    """Bad arguments: an `error: ` line with status 1, or argparse's message with 2."""
    if result.status == 2:
        assert "usage:" in result.stderr
    else:
        assert_error(result)
    assert result.stdout == ""


@pytest.mark.parametrize("name", OURS_ONLY)
def test_a_script_is_plain_python(name):
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
    standard = getattr(__import__("sys"), "stdlib_module_names", modules)  # from 3.10 on
    assert modules - set(standard) <= ({"employee"} if "stream_objects" in name else set())
    assert not modules & {"logging", "typing"}


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_is_received_can_be_run(name):
    """D11: no pickle and its like, no eval, exec or compile, no shell."""
    for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
        names = set()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            names &= {"pickle", "cPickle", "marshal", "shelve", "dill"}
        if isinstance(node, ast.Call):  # re.compile() is fine
            names = {getattr(node.func, "id", None)} & {"eval", "exec", "compile"}
            names |= {getattr(node.func, "attr", None)} & {"system", "popen"}
        if names:
            raise Unmet(f"{name}, line {node.lineno}: {names}", "no call that runs a text",
                        f"{names.pop()} in line {node.lineno} of {name}", False)


@pytest.mark.parametrize("name", [name for name in OURS_ONLY if "employee" not in name])
def test_the_help_is_the_note(name, tmp_path):
    """--help prints the note and the flags, from any folder, on 80 columns."""
    result, = run_cases(ROOT / name, [["--help"]], tmp_path, ENVIRONMENT)
    assert result.status == 0 and result.stderr == ""
    assert NOTES[name] in result.stdout
    assert "--port" in result.stdout or name not in SERVERS + CLIENTS + GROUPS + SENDERS
    assert max(map(len, result.stdout.splitlines())) < 80


@pytest.mark.parametrize("name", SERVERS + CLIENTS + MEMBERS + SENDERS)
def test_the_default_port_is_the_one_of_the_contract(name):
    """D7: client and server fit without any flag."""
    port = 12601 if "hub_" in name else PORTS[name.rpartition("/")[0]]
    numbers = {str(node.value) for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8")))
               if isinstance(node, ast.Constant)}
    ports = {str(PORTS[name.rpartition("/")[0]]) for name in SERVERS + MEMBERS} | {"12601"}
    if numbers & ports != {str(port)}:
        raise Unmet(name, f"the default port {port}",
                    f"a default port that is not {port}", False)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_listens_where_it_is_told(name, tmp_path):
    """D23, D28: IPv4, IPv6 and names; the ready line appears at once, in a pipe, too; SIGTERM
    ends it like Ctrl+C. Places and ports that do not exist are refused."""
    everywhere = "127.0.0.1", "::1", "localhost"
    results = cases(name, tmp_path,
                    *[("ready", ["--port", "0", "--host", host]) for host in everywhere],
                    *[["--port", "0", "--host", host] for host in NO_PLACES],
                    ["--port", "65536"], ["--port", "-1"], ["--port", "x"])
    for host, result in zip((r"127\.0\.0\.1", r"\[::1\]", r"(127\.0\.0\.1|\[::1\])"), results):
        assert re.fullmatch(rf"listening on {host}:\d+\n\n?stopped\n", result.stdout), result
        assert result.status == 0 and result.stderr == "", result
    for result in results[3:]:
        assert_refused(result)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_starts_stops_and_starts_again(name, lab, tmp_path):
    """D13, D15: Ctrl+C is one last line and status 0; a second server on the port says that
    it is taken; the port is free again at once, with a client still connected."""
    server = lab.server(name)
    second, = cases(name, lab.folder, ["--port", str(server.port)])
    assert_error(second)
    assert THEIRS or "in use" in second.stderr and "--port" in second.stderr
    if name in TCP:  # a connection that the server closes first leaves TIME_WAIT behind
        conn = connect(server)
    if name not in ENDING or name not in TCP:
        assert "\r\nstopped\r\n" in server.stop()
    else:
        rest(conn)  # a server that closes with unread input resets the connection
        server.wait({0, 1})
    again = lab.start(name, "--port", server.port)
    assert again.ready() == server.port
    if name in TCP:
        conn.close()
    again.stop()


@pytest.mark.parametrize("name", [name for name in NAMES if "def refuse(" in SOURCES[name]])
def test_a_refused_client_can_read_why_and_is_then_dropped(name, lab):
    """D10: it is not reset while it talks on, and it is closed soon after its last word."""
    server = lab.server(name)
    with connect(server) as conn:
        conn.sendall(b"9" * 3_000_000)  # more than the buffers of the system
        server.line("error: .*")
        for _ in range(3):
            conn.sendall(b"9")
        answer = conn.makefile("rb").read()
        assert re.search(rb"(?m)^error: [^\n]+\n\Z", answer)
        deadline = time.monotonic() + 20
        with pytest.raises(OSError):
            while time.monotonic() < deadline:
                time.sleep(0.1)
                conn.sendall(b"9")


@pytest.mark.parametrize("name", ["basics/stream_address/server.py",
                                  "basics/stream_iterative/server.py", "problem5/tcp_server.py"])
def test_a_server_without_a_free_descriptor_says_so_and_serves_again(name, lab):
    """D10: it tries again in a while, and not all the time. (Servers with many clients at
    once run out of descriptors in tests of their own.)"""
    if not hasattr(resource, "prlimit"):
        pytest.skip("only Linux changes the limits of another program")
    server = lab.server(name)
    soft, hard = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    used = max(int(number) for number in os.listdir(f"/proc/{server.pid}/fd")) + 1
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (used, hard))
    start = time.monotonic()
    connect(server).close()  # accept() has had a descriptor for this one since before
    with connect(server):
        for _ in range(3):
            server.line("error: cannot .*")
        many = (time.monotonic() - start) / 0.1 + 2
        assert THEIRS or server.output.count("error: cannot") <= many, "it spins"
        resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (soft, hard))
        server.line("client .*")


QUICKER = {"problem1/tcp_client.py": ["--timeout", "0.3"]}  # five tries take 10 seconds
LOCK_STEP = "problem5/tcp_client.py", "problem6/client.py"


@pytest.mark.parametrize("name", [name for name in SERVERS + CLIENTS if name in TCP
                                  and re.search(r"(?m)^(TIMEOUT|PATIENCE) = ", SOURCES[name])
                                  and name not in LOCK_STEP])
def test_a_silent_peer_is_given_up(name, lab):
    """D10: after 10 seconds. (A copy of the script waits for 1 second here. The chats in
    lock-step wait for a person, without a limit.)"""
    copy = hurried(name, lab.folder)
    if name in SERVERS:
        server = lab.server(copy, *arguments(name))
        with connect(server, 13 if THEIRS else 20) as conn:
            if name in ENDING:
                server.wait(status=1)
            conn.makefile("rb").read()  # until the server closes
    else:
        with FalseServer() as listener:
            client = lab.start(copy, *arguments(name), *QUICKER.get(name, []), "--port",
                               listener.getsockname()[1])
            client.see(r"error: [^\r]+\r\n", timeout=20)
            client.wait(status=1)


@pytest.mark.parametrize("name", [name for name in LONGEST if name not in THEIRS])
def test_a_client_reads_no_longer_line_than_it_says(name, tmp_path):
    """D10: so a server that never ends its line cannot fill the memory."""
    longest = b"9" * (LONGEST[name] - 1)
    (whole, _), (cut, _) = answered(
        name, arguments(name), [longest + b"\n", longest + b"9\n"], tmp_path, read=False)
    assert longest.decode() in whole.stdout and whole.status == 0
    assert_error(cut)


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_without_a_server_says_so(name, tmp_path):
    """D15, D33: one error line that says what to do; nothing is left in the folder."""
    (tmp_path / "problem2").symlink_to(ROOT / "problem2")
    reserved, port = reserve_port()
    with reserved:  # and nobody listens there
        results = cases(name, tmp_path, *[["--host", host, "--port", str(port)] for host in
                                          ("127.0.0.1", "::1", *NO_PLACES[3:])],
                        ["--port", "-1"], ["--port", "x"])
    for result in results[:-2]:
        assert_error(result)
        assert THEIRS or "--host" in result.stderr and "--port" in result.stderr
    for result in results[-2:]:
        assert result.status in (1, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["problem2"]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_comes_and_goes(name, lab):
    """D28: any number on one port of one machine; Ctrl+C ends it, with status 0."""
    first = lab.server(name, *arguments(name))
    second = lab.start(name, *arguments(name), "--port", first.port)
    assert second.ready() == first.port
    for member in first, second:
        assert "\r\nstopped\r\n" in member.stop()


NO_GROUPS = ["--group 127.0.0.1", "--group x", "--group ''", "--interface 198.51.100.1",
             "--interface x", "--broadcast 198.51.100.255", "--port 65536", "--port -1"]
NO_GROUPS += [f"{flag} {name}" for flag in ("--group", "--broadcast") for name in NO_PLACES[3:]]


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_or_an_interface_that_does_not_exist_is_refused(name, tmp_path):
    for result in cases(name, tmp_path, *[
            ["--port", "12999", *shlex.split(options)] for options in NO_GROUPS
            if f'"{options.split()[0]}"' in SOURCES[name] and not (
                "sender" in name and options in ("--group 127.0.0.1", "--group ''"))]):
        assert_refused(result)


@pytest.mark.parametrize("name", [name for name in SERVERS if '"--dir"' in SOURCES[name]])
def test_a_folder_that_cannot_be_used_is_said_at_the_start(name, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    result, = cases(name, tmp_path, ["--port", "0", "--dir", "file"])
    assert_error(result)
    assert (THEIRS or "file" in result.stderr) and result.stdout == ""


FOLDERS = sorted({name.rpartition("/")[0] for name in NAMES})


@pytest.mark.skipif(bool(THEIRS), reason="of our own notes")
@pytest.mark.parametrize("folder", [name for name in FOLDERS if name.startswith("basics/")])
def test_the_notes_of_the_basics_answer_a_question(folder):
    """R65, R66: and README.md has each folder in its table, with a link."""
    notes = "\n".join(NOTES[name] for name in NAMES if name.startswith(f"{folder}/"))
    assert re.search(r"\nQuestion: (.|\n)+\?\nAnswer: ", notes)
    assert f"]({folder})" in NOTES["README.md"]


@pytest.mark.skipif(bool(THEIRS), reason="of our own notes")
@pytest.mark.parametrize("name", NOTES)
def test_a_note_points_only_at_scripts_that_exist(name):
    for path in re.findall(r"(?<![\w/=])(?:problem\d|basics)/[\w/.]*\w", NOTES[name]):
        assert (OURS / path).exists() or "nothing" in path, path
