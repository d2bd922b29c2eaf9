"""basics/stream_objects: an Employee as a line of JSON (R11, R12)."""
import importlib.util
import json
import os
import pickle
import re
import subprocess
import sys

import pytest

from cases import run_cases
from conftest import ENVIRONMENT, ROOT, THEIRS
from peers import answered, assert_error, connect, dribble, reset, rest

FOLDER = "basics/stream_objects"
SERVER, CLIENT = f"{FOLDER}/server.py", f"{FOLDER}/client.py"
EMPLOYEE = f"{FOLDER}/employee.py"
ADA = b'{"id": 7, "name": "Ada", "salary": 4200}\n'


def line(**changes):
    """Return the line of an employee with some values changed, or left out (None)."""
    values = {"id": 7, "name": "Ada", "salary": 4200, **changes}
    return json.dumps({field: value for field, value in values.items()
                       if value is not None}).encode() + b"\n"


GOOD = {
    "as it comes": (ADA, "id=7, name='Ada', salary=4200"),
    "least": (line(id=1, name="A", salary=0), "id=1, name='A', salary=0"),
    "most": (line(id=999_999, name="\U0001f600" * 40, salary=1e7),
             f"id=999999, name='{chr(0x1f600) * 40}', salary=10000000.0"),
    "fraction": (line(salary=0.5), "id=7, name='Ada', salary=0.5"),
    "another order": (b'{"salary":1,"name":"\xc3\x89va","id":2}\r\n',
                      "id=2, name='\u00c9va', salary=1"),
    "quotes": (line(name="O'Hara"), 'id=7, name="O\'Hara", salary=4200'),
}
BAD = {
    "empty": b"", "newline": b"\n", "ff fe": b"\xff\xfe\n",
    "utf-16": ADA.decode().encode("utf-16-be"),
    "cut off": ADA[:-1], "half": ADA[:20], "padded": b" " * 600 + ADA,
    "deep": b"[" * 599 + b"\n", "list": b"[7]\n", "number": b"7\n", "null": b"null\n",
    "unknown field": line(boss=True), "no id": line(id=None), "no name": line(name=None),
    "id true": line(id=True), "id text": line(id="7"), "id 0": line(id=0),
    "id 7.0": line(id=7.0), "id huge": line(id=10 ** 500), "id list": line(id=[7]),
    "no name in name": line(name=""), "blank": line(name=" "),
    "name long": line(name="x" * 41),
    "name number": line(name=7), "escape": line(name="\x1b[31m"), "lone": line(name="\ud800"),
    "right to left": line(name="\u202eadA"),
    "salary true": line(salary=True), "salary -1": line(salary=-1),
    "salary NaN": line(salary=float("nan")), "salary Infinity": line(salary=float("inf")),
    "salary -Infinity": line(salary=float("-inf")), "salary huge": line(salary=10 ** 400),
    "salary 1e999": b'{"id": 7, "name": "Ada", "salary": 1e999}\n',
    "salary text": line(salary="4200"), "salary 10000001": line(salary=10_000_001),
}


@pytest.fixture(scope="module")
def employee():
    """The module employee.py, imported as both scripts import it."""
    spec = importlib.util.spec_from_file_location("employee", ROOT / FOLDER / "employee.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The task

@pytest.mark.skipif(EMPLOYEE in THEIRS, reason="its functions are their own")
@pytest.mark.parametrize("data, shown", GOOD.values(), ids=GOOD)
def test_an_employee_is_what_its_line_describes(data, shown, employee):
    """R11: and the line that describes it again gives an equal one."""
    made = employee.from_line(data)
    assert repr(made) == f"Employee({shown})"
    assert vars(employee.from_line(employee.to_line(made))) == vars(made)
    assert len(employee.to_line(made)) <= employee.MAX_LINE


@pytest.mark.skipif(EMPLOYEE in THEIRS, reason="its functions are their own")
@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_line_that_describes_no_employee_is_refused(data, employee):
    """D10, D11, D17"""
    with pytest.raises(ValueError) as caught:
        employee.from_line(data[:employee.MAX_LINE])
    assert str(caught.value).isprintable()


def test_the_client_asks_for_the_values_and_the_server_prints_them(lab):
    """R12, D15: they are asked again until they are allowed."""
    server = lab.server(SERVER)
    client = lab.client(server, CLIENT)
    for values in [("x",)] * (not THEIRS) + [("7", "Ada", "much"), ("0", "Ada", "1"), ("7", "a\x1b[31m", "1"),
                   ("7", "Zo\u00eb" if THEIRS else " Zo\u00eb ", "4200.5")]:
        for prompt, value in zip(("id: ", "name: ", "salary: "), values):
            client.see(prompt)
            client.type(value)
        if "4200.5" not in values:
            client.line("error: [^\r]+")
    shown = r"Employee\(id=7, name='Zo\u00eb', salary=4200\.5\)"
    client.line(f"sent {shown}")
    client.wait()
    server.line(rf"127\.0\.0\.1:\d+: {shown}")
    server.wait()


# The network

@pytest.mark.parametrize("data", [ADA, ADA + line(id=8)], ids=["byte by byte", "two lines"])
def test_one_employee_is_received_however_it_arrives(data, lab):
    """D6: the rest is not read."""
    server = lab.server(SERVER)
    with connect(server) as conn:
        if data == ADA:
            dribble(conn, data)
            assert rest(conn) == b"ok\n"
        else:
            conn.sendall(data)
            assert rest(conn) in (b"ok\n", b"")  # unread input makes its close a reset
    server.line(r"127\.0\.0\.1:\d+: Employee\(id=7, name='Ada', salary=4200(\.0)?\)")
    server.wait()


@pytest.mark.parametrize("data", [b"", ADA[:-1], line(id=0), b"x" * 200_000],
                         ids=["nothing", "cut off", "id 0", "long"])
def test_a_bad_client_ends_the_server_with_an_error(data, lab):
    """D9, D10: this server serves one client."""
    server = lab.server(SERVER)
    with connect(server) as conn:
        conn.sendall(data)
        assert rest(conn) == b""
    server.line(r"error: 127\.0\.0\.1:\d+: [^\r]+")
    assert "Employee" not in server.wait(status=1)


def test_a_client_that_resets_ends_the_server_with_an_error(lab):
    """D10"""
    server = lab.server(SERVER)
    conn = connect(server)
    conn.sendall(ADA[:10])
    reset(conn)
    server.line(r"error: 127\.0\.0\.1:\d+: .*")
    server.wait(status=1)


@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_runs_a_command_and_our_encoding_does_not(protocol, lab):
    """D11: pickle.loads() in a program of its own runs it; our server refuses the bytes."""
    marker = lab.folder / "marker"
    attack = pickle.dumps(Marker(marker), protocol)
    (lab.folder / "attack").write_bytes(attack)
    victim = "import pickle; pickle.load(open('attack', 'rb'))"
    subprocess.run([sys.executable, "-c", victim], cwd=lab.folder, env=ENVIRONMENT, check=True)
    assert marker.is_dir(), "the attack works, where it can"
    marker.rmdir()
    server = lab.server(SERVER)
    with connect(server) as conn:
        conn.sendall(attack + b"\n")
        assert rest(conn) == b""
    server.line("error: .*")
    server.wait(status=1)
    assert not marker.exists()


class Marker:
    """What an attacker would pickle; this one only makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_without_a_whole_ok_it_is_not_sent(tmp_path):
    """D6, D9, D15, D17"""
    replies = [b"o", b"k", b"\n"], b"", b"ok", b"no\n", b"\x1b[2J\n"
    (whole, sent), *broken = answered(CLIENT, ["7", "Ada", "4200"], replies, tmp_path)
    assert whole.stdout == "sent Employee(id=7, name='Ada', salary=4200.0)\n"
    assert json.loads(sent) == {"id": 7, "name": "Ada", "salary": 4200}
    for result, _ in broken:
        assert_error(result, "did not accept the employee")
        assert "sent" not in result.stdout


# Manners

def test_bad_values_on_the_command_line(tmp_path):
    """D15: they are refused before anything is sent."""
    for result in run_cases(ROOT / CLIENT, [
            values + ["--port", "1"] for values in (
                ["x", "Ada", "1"], ["7", "", "1"], ["7", "Ada", "nan"], ["7", "Ada", "-1"],
                ["7", "Ada", "1", "2"])], tmp_path, ENVIRONMENT):
        assert result.status in ((1, 2) if THEIRS else (2,)), result
        assert "error: " in result.stderr and (THEIRS or "usage: " in result.stderr), result


def test_the_pair_runs_from_any_folder(lab, tmp_path_factory):
    """Its one import of ours stands beside it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    server = lab.server(ROOT / SERVER, cwd=elsewhere)
    client = lab.client(server, ROOT / CLIENT, "7", "Ada", "1", cwd=elsewhere)
    assert client.wait() == "sent Employee(id=7, name='Ada', salary=1.0)\r\n"
    server.wait()


@pytest.mark.parametrize("key", ["C", "D"])
def test_leaving_at_a_prompt_is_no_error(key, lab):
    """D15"""
    client = lab.start(CLIENT, "--port", "1")
    client.see("id: ")
    client.type("7")
    client.see("name: ")
    assert client.stop(key=key).endswith("\r\nstopped\r\n")
