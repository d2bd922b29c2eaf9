"""basics/stream_objects: an Employee as a line of JSON (R11, R12)."""
import json
import os
import pickle
import re
import socket
import subprocess
import sys

import pytest

from conftest import ENVIRONMENT, RESET, ROOT
from relay import TcpRelay, cut, glued, one_byte

FOLDER = "basics/stream_objects"
SERVER, CLIENT = f"{FOLDER}/server.py", f"{FOLDER}/client.py"
ADA = b'{"id": 7, "name": "Ada", "salary": 4200}\n'


@pytest.fixture
def server(lab):
    return lab.server(SERVER)


def send(server, data):
    """Send these bytes as a client would, and return the server's reply."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        return conn.makefile("rb").read()


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
    "cut off": ADA[:-1], "half": ADA[:20], "long": b"x" * 200_000,
    "padded": b" " * 600 + ADA,
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


@pytest.mark.parametrize("data, shown", GOOD.values(), ids=GOOD)
def test_an_employee_is_printed_acknowledged_and_both_end(data, shown, server):
    """R11, R12"""
    assert send(server, data) == b"ok\n"
    server.line(r"127\.0\.0\.1:\d+: " + re.escape(f"Employee({shown})"))
    server.wait()


def test_what_is_no_employee_is_refused_and_the_next_client_served(server):
    """D10, D15, D17: a reason for the client, a line in the server, and nothing else."""
    for name, data in BAD.items():
        reply = send(server, data)
        assert re.fullmatch(rb"error: [ -~]+\n", reply), (name, reply)
        shown = server.see(r"error: 127\.0\.0\.1:\d+: ([^\r]+)\r\n")[1]
        assert shown == reply[7:-1].decode(), name
    assert send(server, ADA) == b"ok\n"
    server.wait()
    assert server.output.count("Employee(") == 1
    assert "\x1b" not in server.output


class Marker:
    """What an attacker would pickle; this one only makes a folder."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [0, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_would_have_run_what_it_names_and_here_it_does_not(protocol, lab, server):
    """D11: pickle.loads() in a program of its own runs it; our server refuses the bytes."""
    marker = lab.folder / "marker"
    attack = pickle.dumps(Marker(marker), protocol)
    (lab.folder / "attack").write_bytes(attack)
    victim = "import pickle; pickle.load(open('attack', 'rb'))"
    subprocess.run([sys.executable, "-c", victim], cwd=lab.folder, env=ENVIRONMENT, check=True)
    assert marker.is_dir(), "the attack works, where it can"
    marker.rmdir()
    for data in attack, attack + b"\n":
        assert send(server, data).startswith(b"error: ")
        server.line(r"error: .*")
    assert send(server, ADA) == b"ok\n"
    server.wait()
    assert not marker.exists()


@pytest.mark.parametrize("treatment", [one_byte, glued(0.05)], ids=["one byte", "glued"])
def test_the_employee_is_right_however_it_is_delivered(treatment, lab, server):
    """D6"""
    relay = TcpRelay(server, treatment, treatment)
    client = lab.client(relay, CLIENT, "7", "Ada", "4200")
    assert client.wait() == "sent Employee(id=7, name='Ada', salary=4200)\r\n"
    server.wait()
    assert b"".join(relay.up) == ADA and b"".join(relay.down) == b"ok\n"
    relay.close()


def test_two_employees_in_one_segment_are_not_taken_for_one(server):
    """D6: one employee a connection, and the rest is not read."""
    assert send(server, ADA + line(id=8)) == b"ok\n"
    server.line(r"127\.0\.0\.1:\d+: Employee\(id=7, name='Ada', salary=4200\)")
    server.wait()
    assert "id=8" not in server.output


def test_clients_that_reset_or_leave_do_not_end_the_server(server):
    """D10"""
    for data in b"", ADA[:9], b"x" * 1000:
        bad = socket.create_connection(("127.0.0.1", server.port))
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        bad.sendall(data)
        bad.close()
        server.line(r"error: 127\.0\.0\.1:\d+: .*")
    assert send(server, ADA) == b"ok\n"
    server.wait()


@pytest.mark.parametrize("size", [0, 1, 2])
def test_without_a_whole_ok_it_is_not_sent(size, lab, server):
    """D9"""
    relay = TcpRelay(server, down=cut(size, polite=True))
    client = lab.client(relay, CLIENT, "7", "Ada", "4200")
    client.line(r"error: Employee\(.*\) is not acknowledged: the server hung up, or .*")
    client.wait(status=1)
    relay.close()


@pytest.mark.parametrize("reply, shown", [
    (b"no\n", "the server hung up, or talks nonsense"), (b"ok", "the server hung .*"),
    (b"error: no \x1b[31mway\n", r"no \?\[31mway"), (b"\xff\n", "the server hung .*"),
    (b"x" * 5000, "the server hung .*")], ids=repr)
def test_a_reply_that_is_not_ok(reply, shown, lab):
    """D15, D17"""
    with socket.create_server(("127.0.0.1", 0)) as false_server:
        client = lab.start(CLIENT, "7", "Ada", "1", "--port", false_server.getsockname()[1])
        conn, _ = false_server.accept()
        with conn:
            assert conn.makefile("rb").readline()
            conn.sendall(reply)
        client.line(rf"error: Employee\(.*\) is not acknowledged: {shown}")
        client.wait(status=1)
    assert "\x1b" not in client.output


def test_prompts_ask_again_until_the_answer_will_do(lab, server):
    """R12, D15"""
    client = lab.client(server, CLIENT)
    for prompt, wrong, right in [
            ("id: ", ["", "x", "0", "7.0", "1000000", "True"], " 7 "),
            ("name: ", ["", "x" * 41, "a\x1b[31m"], "Ada"),
            ("salary: ", ["", "much", "-1", "nan", "inf", "1e999", "9" * 500], "4200.5")]:
        client.see(prompt)
        for text in wrong:
            client.type(text)
            client.see(rf"error: the {prompt[:-2]} must be [^\r]+\r\n{prompt}")
        client.type(right)
    client.see(r"sent Employee\(id=7, name='Ada', salary=4200\.5\)\r\n")
    client.wait()
    server.line(r"127\.0\.0\.1:\d+: Employee\(id=7, name='Ada', salary=4200\.5\)")
    server.wait()


def test_what_is_typed_and_is_no_utf_8_is_asked_again(lab, server):
    client = lab.client(server, CLIENT)
    client.see("id: ")
    client.type("7")
    client.see("name: ")
    os.write(client.child.child_fd, b"\xff\xfe\n")
    client.see(r"error: the name must be [^\r]+\r\nname: ")
    client.stop()


@pytest.mark.parametrize("key", ["C", "D"])
@pytest.mark.parametrize("typed", [[], ["7"], ["7", "Ada"]], ids=len)
def test_leaving_at_a_prompt(typed, key, lab, server):
    """D15: and the server does not even notice."""
    client = lab.client(server, CLIENT)
    for text in typed:
        client.see(": ")
        client.type(text)
    client.see(": ")
    assert client.stop(key=key).endswith("\r\nstopped\r\n")
    assert send(server, ADA) == b"ok\n"


@pytest.mark.parametrize("values", [["7"], ["7", "Ada"], ["x", "Ada", "1"], ["7", "", "1"],
                                    ["7", "Ada", "nan"], ["7", "Ada", "-1"],
                                    ["7", "Ada", "1", "2"]], ids=" ".join)
def test_bad_values_on_the_command_line(values, lab, server):
    output = lab.client(server, CLIENT, *values).wait(status=2)
    assert re.search("usage: .*error: ", output, re.S)


def test_the_pair_runs_from_any_folder(lab, tmp_path_factory):
    """Its one import of ours stands beside it."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    server = lab.server(ROOT / SERVER, cwd=elsewhere)
    client = lab.client(server, ROOT / CLIENT, "7", "Zo\u00eb", "1", cwd=elsewhere)
    assert client.wait() == "sent Employee(id=7, name='Zo\u00eb', salary=1)\r\n"
    server.wait()


def test_over_ipv6(lab):
    server = lab.server(SERVER, "--host", "::1")
    lab.client(server, CLIENT, "7", "Ada", "1", "--host", "::1").wait()
    server.line(r"\[::1\]:\d+: Employee\(id=7, name='Ada', salary=1\)")
    server.wait()


def test_a_line_can_be_checked_by_hand(lab):
    shown = lab.start(f"{FOLDER}/employee.py", ADA.decode().strip()).wait()
    assert shown == "Employee(id=7, name='Ada', salary=4200)\r\n"
    for bad in "", "[", line(id=True).decode(), ADA.decode() * 30:
        output = lab.start(f"{FOLDER}/employee.py", bad).wait(status=1)
        assert re.fullmatch(r"error: [^\r]+\r\n", output), output
