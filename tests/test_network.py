"""Multicast and broadcast across several hosts: namespaces on this machine (R59)."""
import os
import re
import shlex
import subprocess
import sys

import pytest

from conftest import OURS
from lan import Lan
from test_every_script import CLIENTS, GROUPS, SERVERS, arguments


@pytest.fixture
def lan(request, need):
    """Make a network: lan(hosts, lose=PERCENT)."""
    made = []

    def make(hosts, lose=0):
        for tool in ["unshare", "nsenter", "ip"] + ["nft"] * (lose > 0):
            need(tool)
        try:
            made.append(Lan(hosts, lose))
        except OSError as reason:
            need("unshare", f"this system makes no network of its own: {reason}")
        return made[0]

    yield make
    for network in made:
        network.close()


def start(lab, lan, host, *command, interface=True):
    """Start a script on a host, with its interface."""
    more = ["--interface", f"10.12.0.{host}"] if interface else []
    return lab.start(*lan.on(host), sys.executable, *command, *more)


def test_multicast_from_host_to_host(lab, lan):
    """R17, R59: two receivers on one host, one on another, the sender on a third."""
    lan = lan(3)
    receivers = [start(lab, lan, host, "basics/multicast/receiver.py") for host in (1, 1, 2)]
    for receiver in receivers:
        receiver.ready()
    start(lab, lan, 3, "basics/multicast/sender.py", "hello").wait()
    for receiver in receivers:
        receiver.line(r"received hello from 10\.12\.0\.3:\d+")
        receiver.wait()


def test_multicast_group_on_three_hosts(lab, lan):
    lan = lan(3)
    members = [start(lab, lan, host, "basics/multicast_group/member.py") for host in (1, 2, 3)]
    for member in members:
        member.line("press Enter when all have started")
    for host, member in enumerate(members, 1):
        member.type("")
        member.line("type your message")
        member.type("hello")
        for other in members:
            other.see(rf"received hello from 10\.12\.0\.{host}:\d+\r\n")
    for member in members:
        member.stop()


def test_chat_on_three_hosts(lab, lan):
    """R41, R59: each line once to each other member, on the same host or not."""
    lan = lan(3)
    members = {name: start(lab, lan, host, "problem7/chat.py", "--name", name)
               for name, host in [("ann", 1), ("bob", 2), ("eve", 3), ("dan", 3)]}
    for member in members.values():
        member.ready()
    for name, member in members.items():
        member.type("hello")
        for other in members.values():
            if other is not member:
                other.line(f"{name}: hello")
    for name, member in members.items():
        assert member.stop().count(": hello") == 3 and f"{name}: " not in member.output


def test_broadcast_on_three_hosts(lab, lan):
    """R60"""
    lan = lan(3)
    server, *clients = [
        start(lab, lan, host, f"basics/broadcast/{name}.py", "--broadcast", "10.12.0.255",
              interface=False)
        for host, name in [(1, "server"), (1, "client"), (2, "client"), (3, "client")]]
    for one in [server] + clients:
        one.line(r"listening on 10\.12\.0\.255:12016")
    for number, client in enumerate(clients, 1):
        client.type("hello")
        for other in [server] + clients:
            if other is not client:
                other.see(rf"received hello from 10\.12\.0\.{number}:\d+\r\n")
    for client in clients:
        assert client.stop().count("received") == 2


@pytest.mark.parametrize("lose", [0, 30])
def test_the_election_across_five_hosts(lose, lab, lan):
    """R42 to R45 where the kernel itself loses 30 % of the datagrams, at each host."""
    lan = lan(5, lose)
    screens = [start(lab, lan, host, "problem8/electorate.py", host, "--vote", vote)
               for host, vote in enumerate("ABBAB", 1)]
    for screen in screens:
        assert screen.wait().endswith("result: A 2, B 3\r\nwinner: B\r\n")


def test_the_kernel_really_loses(lab, lan):
    """The network of these tests: the chat misses about a third of the lines."""
    lan = lan(2, 30)
    ann, bob = [start(lab, lan, host, "problem7/chat.py", "--name", name)
                for host, name in [(1, "ann"), (2, "bob")]]
    ann.ready(), bob.ready()
    for number in range(200):
        ann.type(f"line {number}")
    ann.stop(key="D")  # Ctrl+C would throw away what is typed but not read yet
    bob.until(lambda output: output.count("ann: line") > 100, "more than 100 of 200 lines")
    assert bob.stop().count("ann: line") < 180


def contracted(name):
    """Return the default port of a script: problem N has 12N00, the hub 12601, and the
    basics 12001 and up, in the order of the README's table."""
    folder, _, script = name.rpartition("/")
    if script.startswith("hub_"):
        return 12601
    if folder.startswith("problem"):
        return 12000 + 100 * int(folder[-1])
    table = re.findall(r"(?m)^\| \[\w+\]\((basics/\w+)\)", (OURS / "README.md").read_text("utf-8"))
    return 12001 + table.index(folder)


def test_every_pair_meets_on_its_own_port(lab, lan):
    """D7: the default ports; in a network of its own, where nobody else can have them."""
    lan = lan(0)
    for name in SERVERS + [name for name in GROUPS if "sender" not in name]:
        more = arguments(name) if name in GROUPS else []
        server = start(lab, lan, 0, name, *more, interface=False)
        assert (name, server.ready()) == (name, contracted(name))
        server.kill()
    for name in CLIENTS:
        client = start(lab, lan, 0, name, *arguments(name), interface=False)
        client.see("error: .*with this --host and --port")
        client.wait(status=1)


def test_a_host_with_only_loopback_and_no_routes(lab, lan):
    """Everything works on a laptop without a network."""
    lan = lan(0)
    routes = subprocess.run([*lan.on(0), "ip", "route"], capture_output=True, text=True)
    assert routes.stdout == ""

    def local(*command):
        return start(lab, lan, 0, *command, interface=False)

    receivers = [local("basics/multicast/receiver.py") for _ in range(2)]
    ann, bob = [local("problem7/chat.py", "--name", name) for name in ("ann", "bob")]
    server, client = [local(f"basics/broadcast/{name}.py") for name in ("server", "client")]
    for one in *receivers, ann, bob, server, client:
        one.ready()
    local("basics/multicast/sender.py").wait()
    for receiver in receivers:
        receiver.line("received Hello, everybody! from .*")
    ann.type("hello")
    bob.line("ann: hello")
    client.type("hello")
    server.line("received hello from .*")
    screens = [local("problem8/electorate.py", number, "--vote", "A", "--electorates", "3")
               for number in (1, 2, 3)]
    for screen in screens:
        assert screen.wait().endswith("winner: A\r\n")


def test_a_shell_on_each_host_of_a_little_network(lab, lan, tmp_path):
    """`make net`, as a reader uses it; a second one joins the first; the last is told."""
    lan(0)  # or be skipped
    command = [sys.executable, OURS / "tests/lan.py"]
    assert "error: there is no network yet" in lab.start(*command, "2").wait(status=1)
    shells = {1: lab.start(*command, "1")}
    shells[1].line("a network of three hosts; in other terminals: .*")
    for host in 2, 3:
        shells[host] = lab.start(*command, str(host))
    again = lab.start(*command, "1", "--lose", "30")
    assert again.wait(1).startswith("error: there is a network already")
    assert "usage:" in lab.start(*command, "1", "--lose", "100").wait(2)
    for host, shell in shells.items():
        shell.see(rf"a shell on host {host}, 10\.12\.0\.{host}; Ctrl\+D ends it\r\nhost{host}\$ ")
        shell.type(f"{sys.executable} problem7/chat.py --name host{host} "
                   f"--interface 10.12.0.{host}")
        shell.line(r"joined 239\.255\.12\.7:12700")
    shells[2].type("hello")
    shells[1].line("host2: hello")
    shells[3].line("host2: hello")
    for host in 3, 2, 1:
        shells[host].press_until("D", rf"stopped\r\nhost{host}\$ ")
        shells[host].press("D")
        shells[host].wait()
    assert not (tmp_path / ".net").exists()


def test_a_killed_network_leaves_nothing_usable_behind(lab, lan, tmp_path):
    lan(0)  # or be skipped
    (tmp_path / ".net").write_text("1 2 3\n")
    command = [sys.executable, OURS / "tests/lan.py"]
    assert "error: there is no network yet" in lab.start(*command, "2").wait(status=1)
    (tmp_path / ".net").write_text("1 2 3\n")
    shell = lab.start(*command, "1")
    shell.see(r"host1\$ ")
    shell.press("D")
    shell.wait()


def test_the_capture_that_the_readme_reads(lab, need):
    """R66: stop and wait with a lost acknowledgment and a lost unit, in bytes on the wire."""
    need("tcpdump")
    if os.geteuid() != 0:
        pytest.skip("only root may capture packets")
    note = (OURS / "tests" / "bench" / "README.md").read_text()
    server = lab.server("problem1/tcp_server.py", "--lose", "0.3", "--seed", "7")
    command = re.search(r"sudo (tcpdump [^`]*)`", note)[1].replace("12100", str(server.port))
    capture = lab.start(*shlex.split(command.replace("\n", " ")), "-Z", "root")
    capture.see("listening on lo")
    client = lab.client(server, "problem1/tcp_client.py", "problem2/files/haiku.txt",
                        "--timeout", "0.5")
    client.line("sent haiku.txt: .*")
    capture.until(lambda output: output.count(": tcp ") >= 12, "the connection, ten packets")
    packets = re.findall(r"> 127\.0\.0\.1\.(\d+): tcp (\d+)", capture.output)
    picture = note.partition("```mermaid\nsequenceDiagram")[2].partition("```")[0]
    told = re.findall(r"(?:C->>S|(S->>C)): .*\((\d+)\)", picture)
    assert [(bool(down), size) for down, size in told] == [
        (port != str(server.port), size) for port, size in packets[2:12]]
    capture.press("C")
    capture.wait(None)
