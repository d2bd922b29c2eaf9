"""The marks: what is said before any mark, the three parts, and the words of the report."""
import os
import re
import subprocess
import sys

import pytest

import explain
import gallery
import report
from conftest import OURS, THEIRS
from terminal import Unmet

pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own tools")
SERVER = "problem3/server.py"
READY = 'print("listening on 127.0.0.1:1", flush=True)\ninput()\n'


@pytest.mark.parametrize("source, words", [
    (READY, None),
    ("x = 1\n  y = 2\n", "problem3/server.py, line 2: IndentationError: unexpected indent"),
    ("x = '\0'\n", "problem3/server.py, line"),
    ("print('hello')\n1 / 0\n", "ended; expected a line like: listening on 127.0.0.1:12300\n"
                               "it printed last:\n    hello\n"),
    ("import sys; sys.exit()", "ended; expected a line like: listening on 127.0.0.1:12300\n"
                               "it printed nothing"),
    ("while True: print('x' * 999)", "printed 100,000 bytes; expected a line like"),
    ("import time; time.sleep(60)", "was silent for 0.5 s; expected a line like"),
    ("import time; print('listening on 127.0.0.1:1'); time.sleep(60)", "write print(..., flush=True)"),
], ids=["right", "indentation", "zero byte", "traceback", "ends", "floods", "silent", "no flush"])
def test_what_cannot_be_marked_is_said_before_any_mark(source, words, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "SECONDS", 6 if words is None else 0.5)
    if words and words.startswith("ended"):
        monkeypatch.setattr(report, "SECONDS", 20)
    (tmp_path / "problem3").mkdir()
    (tmp_path / SERVER).write_text(source)
    said = report.look(tmp_path, [SERVER])
    assert said is None if words is None else words in said
    assert said is None or len(said.splitlines()) < 15


@pytest.mark.parametrize("node, part", [
    ("test_problem3.py::test_every_operation_has_the_right_result", "task"),
    ("test_problem3.py::test_a_request_is_right_however_it_arrives[1]", "network"),
    ("test_problem3.py::test_over_ipv6", "manners"),
    ("test_every_script.py::test_a_silent_peer_is_given_up[problem3/server.py]", "network"),
    ("test_every_script.py::test_the_help_is_the_note[problem3/server.py]", "manners")])
def test_the_part_that_a_check_belongs_to(node, part):
    assert report.part(node) == part


@pytest.mark.parametrize("pattern, words", [
    (r"received (\d+) of 5 bytes", "received <number> of 5 bytes"),
    (r"12 \+ 30 = 42", "12 + 30 = 42"), (r"(?m)^error: .*\r\n", "error: …"),
    (r"(?:listening on|joined) \S+", "listening on or joined …")])
def test_a_regular_expression_is_shown_as_a_person_would_write_it(pattern, words):
    assert explain.plain(pattern) == words


def test_a_reason_has_what_was_done_expected_and_came():
    lines = explain.explain(Unmet("", r"42\r\n", "1\r\n2\x1b", True), [], [])
    assert lines == ["expected  42", "came      1\\n2\\x1b; the program ended"]
    explain.COMPARED[:] = "==", ["1", "5"], ["1", "2"]
    assert explain.explain(AssertionError(), [], []) == ["expected  2", "came      5"]
    explain.COMPARED.clear()
    assert explain.explain(ConnectionResetError(), [], []) == [
        "came      the connection was reset"]
    assert len(explain.shown("x" * 1000)) < 170


def test_two_programs_of_a_folder_may_have_the_same_sentence(tmp_path, capsys):
    results = {f"test_problem5_{kind}.py::test_the_client_leaves": (outcome, "came      1", "", 1)
               for kind, outcome in (("tcp", "failed"), ("udp", "passed"))}
    assert report.show(results, [], tmp_path / "details") == 1
    said = capsys.readouterr().out
    assert "not  tcp: the client leaves" in said and "ok   udp: the client leaves" in said
    assert said.endswith("problem5: task 0 of 0, network 0 of 0, manners 1 of 2\n")


def test_one_cause_is_told_once_and_the_last_line_sums_up(tmp_path, capsys):
    cause = f"traceback {SERVER}, line 9: ValueError: no\ndid       a command\ncame      nothing"
    file = "test_problem3.py::test_"
    results = {f"{file}every_operation_has_the_right_result[1]": ("passed", "", "", 1),
               f"{file}every_operation_has_the_right_result[2]": ("failed", "did       it\ncame      3", "the whole", 1),
               f"{file}the_client_shows_the_result": ("passed", "", "", 1),
               f"{file}over_ipv6": ("failed", cause, "the whole", 1),
               f"{file}answers_from_a_file": ("failed", cause, "the whole", 1),
               f"{file}more_clients_than_threads": ("skipped", "no Linux", "", 0)}
    assert report.show(results, [SERVER], tmp_path / "details") == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "problem3, with your server.py:" in lines
    assert "not every operation has the right result" in lines and "ok the client shows the result" in lines
    assert sum("ValueError" in line for line in lines) == 1
    assert "not 1 more, which may have the same reasons" in lines
    assert lines[-1] == "problem3: task 1 of 2, network 0 of 0, manners 0 of 2"
    assert (tmp_path / "details").read_text().count("the whole") == 3
    held = {node: result for node, result in results.items() if result[0] == "passed"}
    held.pop(f"{file}every_operation_has_the_right_result[1]")
    assert report.show(held, [SERVER], tmp_path / "details") == 0


def test_a_traceback_is_told_with_its_own_line():
    """Tracebacks of other threads, and of Ctrl+C, may follow."""
    first, second = (f'''Traceback (most recent call last):
  File "threading.py", line 982, in run
  File "/somewhere/{SERVER}", line {line}, in handle
    data = conn.recv(1024)
{error}
''' for line, error in ((7, "ConnectionResetError: reset"), (34, "KeyboardInterrupt")))
    assert explain.cause([(first + second, f"python {SERVER}")], [SERVER]).endswith(
        f"{SERVER}, line 7: ConnectionResetError: reset")
    half = first[:first.index("Conn")]
    assert explain.cause([(half, f"python {SERVER}")], [SERVER]).endswith(explain.HALF)
    assert explain.cause([(first, "python another.py")], [SERVER]) is None


def said(*sent, end=False, pause=1):
    pieces = [(number * pause, "sent", data) for number, data in enumerate(sent)]
    return pieces + [(99, "end", b"")] * end


@pytest.mark.parametrize("pieces, command", [
    (said(b"12 +", b" 30\n", end=True), r"(printf '12 +'; sleep 1; printf ' 30\n')"),
    (said(b"7 % 2\n"), r"(printf '7 %% 2\n'; sleep 3)"),
    (said(b"12 +", b" 30\n", pause=0, end=True), r"(printf '12 + 30\n')"),
    (said(*[bytes([byte]) for byte in b"1 + 1\n"], end=True),
     r"(printf '1 +'; sleep 1; printf ' 1\n')"),
    (said(b"it's \\ \x1b\xff\r\n", end=True), r"(printf 'it'\''s \\ \033\377\r\n')"),
    (said(b"9" * 100_000), "python3 -c \"print(end='9' * 100000)\""),
    (said(b"ab" * 100), None), ([], None)])
def test_what_a_socket_sent_becomes_a_command(pieces, command):
    assert explain.shell(pieces) == command
    if command:
        printed = subprocess.run(["sh", "-c", command.replace("sleep", "true")],
                                 stdout=subprocess.PIPE, check=True, timeout=20).stdout
        assert printed == b"".join(data for _, _, data in pieces)


def test_datagrams_become_a_command_that_sends_each_alone():
    assert explain.shell(said(b"one", b"two", pause=0), True) == (
        "(printf 'one'; sleep 1; printf 'two'; sleep 3)")
    assert explain.shell(said(b"9" * 9000), True) is None


def test_the_last_exchange_on_a_socket_is_what_is_shown():
    said_ = [(0, "sent", b"1"), (0, "came", b"a"), (1, "sent", b"2"), (2, "sent", b"3"),
             (3, "came", b"b"), (3, "came", b"c"), (4, "end", b"")]
    assert explain.last_exchange(said_) == (
        [(1, "sent", b"2"), (2, "sent", b"3"), (4, "end", b"")], b"bc")
    assert explain.last_exchange(said_[:4]) == ([(1, "sent", b"2"), (2, "sent", b"3")], None)


@pytest.mark.waits
def test_the_commands_of_a_report_show_what_it_says(tmp_path, lab, need):
    """A textbook server that takes one recv() for one message: its mark, typed by hand."""
    need("nc")
    need("patch")
    gallery.make(OURS / "tests" / "wrong" / "problem3_one_recv_for_one_message.diff",
                 tmp_path / "mine")
    done = subprocess.run(
        [sys.executable, str(OURS / "tests" / "run.py"), "problem3", "--limit", "45"],
        text=True, timeout=300,
        env={**os.environ, "LAB": str(tmp_path / "mine")}, capture_output=True)
    found = re.search(r"""(?m)^  not  a request is right however it arrives.*
         1\$ python (.*/problem3/server.py)
         2\$ (.*) \| nc -N 127.0.0.1 12300
(?:            [(].*
)?         expected  (.*)
         came      (.*)$""", done.stdout)
    assert found, done.stdout
    server = lab.start(found[1], "--port", "0")
    server.ready()
    shown = subprocess.run(["sh", "-c", f"{found[2]} | nc -N 127.0.0.1 {server.port}"],
                           stdout=subprocess.PIPE, text=True, timeout=20).stdout
    assert explain.shown(shown) == found[4] != found[3]
    assert done.stdout.splitlines()[-1].startswith("problem3: task ")
