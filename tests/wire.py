"""The bytes on the wire, drawn while they pass: `make wire P=problem3`, in a third terminal.

    make wire P=problem3 SPLIT=1            cut what TCP carries into pieces of one byte
    make wire P=datagram_echo LOSE=0.3      lose datagrams; with the same SEED, the same ones
    make wire P=stream_duplex DELAY=0.5     hold each piece back for half a second
    make wire P=problem5/udp_server.py      where a folder has several servers

It listens on the server's port + 10000, and passes everything on to the server. Start the
server before it or after it. The first line is the command for the client. In a group it is
one more member, which only listens. An arrow is a piece that TCP delivers, or a datagram:

    client 127.0.0.1:40112                   server 127.0.0.1:12300
       | ----- 12 + 30\\n ------------------------> |   8 bytes              0.000 s
       | <------------------------------- 42\\n --- |   3 bytes             +0.001 s

The seconds count from the arrow above. "again" is what this side has sent before: an equal
datagram, or over TCP an equal piece, if nothing has come back since. If 24 arrows of one
pattern have come, or 50 within a second, or 4 of what was sent before (with LOSE, 24), a
line counts those that follow. Ctrl+C ends it with the totals.

Three things are not as they are without it. If there is no server, a TCP client connects,
and is reset, and a UDP client is not told. And the server sees another port of the client.
"""
import signal
if __name__ == "__main__":  # before all else: main() waits for these two
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
import argparse
import os
import random
import re
import sys
import threading
from collections import namedtuple

import relay
import run
from drawing import Drawing, Tally

AWAY = 10_000  # from the server's port to ours
ADDRESS = re.compile(r'^(HOST|GROUP|BROADCAST), PORT = "([\d.]+)", (\d+)', re.M)
LISTENS = re.compile(r"\w*(server|receiver)|chat|electorate|member")  # names of scripts
ARGUMENTS = {  # those that a client needs
    "problem1/tcp_client.py": "problem2/files/haiku.txt",
    "problem1/udp_client.py": "problem2/files/haiku.txt",
    "problem2/client.py": "haiku.txt", "problem4/client.py": "tune.wav",
    "problem6/hub_client.py": "ann", "problem8/electorate.py": "1"}

Server = namedtuple("Server", "script kind host port")  # kind: "TCP", "UDP" or "group"


def servers():
    """Return all scripts that listen."""
    for name in run.SCRIPTS:
        if LISTENS.fullmatch(name.rpartition("/")[2][:-3]):
            source = (run.ROOT / name).read_text("utf-8")
            what, host, port = ADDRESS.search(source).groups()
            kind = "UDP" if "SOCK_DGRAM" in source else "TCP"
            yield Server(name, kind if what == "HOST" else "group", host, int(port))


def chosen(name):
    """Return the server that P= names; end if it names none, or several."""
    name, found = name.strip().rstrip("/"), {}
    for server in servers():
        folder, _, _ = server.script.rpartition("/")
        if name == server.script:
            return server
        if name in (folder, folder.rpartition("/")[2]):
            found.setdefault(server[1:], server)  # sum has five for one port
    if not found:
        what = f"there is no {name}" if name else "name a folder: make wire P=problem3"
        run.error(f"{what}; P= takes one of: {', '.join(run.FOLDERS)} (sum will do for "
                  "basics/sum), or the path of a server")
    if len(found) > 1:
        run.error(f"{name} has several servers: "
                  + " or ".join(f"P={server.script}" for server in found.values()))
    return next(iter(found.values()))


def command(script, port):
    """Return the command for the client of this server."""
    folder, _, file = script.rpartition("/")
    client = file.replace("server", "client").replace("receiver", "sender")
    if f"{folder}/{client}" not in run.SCRIPTS:  # sum has one for all
        client = "client.py"
    arguments = ARGUMENTS.get(f"{folder}/{client}"), f"--port {port}"
    return " ".join(filter(None, ("python", f"{folder}/{client}", *arguments)))


def number(low, high, example):
    """Return a type for argparse: a number between these two."""
    def convert(text):
        try:
            value = type(example)(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected a number from {low} to {high:,}, "
                                             f"such as {example}, not {text!r}")
        return value
    return convert


def options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = run.error  # one line
    parser.add_argument("server", nargs="?", default="", help="problem3, basics/sum, sum, "
                        "or problem5/udp_server.py where a folder has several")
    parser.add_argument("--lose", type=number(0, 1, 0.3), metavar="P",
                        help="probability that a datagram is lost")
    parser.add_argument("--split", type=number(1, 65536, 1), metavar="BYTES",
                        help="cut what TCP carries into pieces of so many bytes")
    parser.add_argument("--delay", type=number(0, 60, 0.5), metavar="SECONDS",
                        help="hold each piece or datagram back")
    parser.add_argument("--seed", metavar="N", help="lose the same datagrams again")
    parser.add_argument("--port", type=number(1, 65535, 12300), help="the server's port, if "
                        "it is not the one in its note")
    parser.add_argument("--listen", type=number(0, 65535, 22300), metavar="PORT",
                        help="our port, if it is not the server's + 10000; 0: any")
    return parser


def settings(args, server):
    """Return what is set, as it is typed after `make wire`; end if this kind has no such."""
    if server.kind == "group" and (args.lose or args.split or args.delay):
        run.error("LOSE, SPLIT and DELAY change what passes through a relay, and a group has "
                  "none: it only listens there; try --lose of the script itself")
    if server.kind == "TCP" and args.lose:
        run.error(f"LOSE loses datagrams, and {server.script} uses TCP, which loses nothing; "
                  "try SPLIT or DELAY")
    if server.kind == "UDP" and args.split:
        run.error(f"SPLIT cuts what TCP carries, and {server.script} uses UDP, where a "
                  "datagram stays whole; try LOSE or DELAY")
    if args.lose and args.seed is None:
        args.seed = random.randrange(1000)
    values = {"LOSE": args.lose, "SPLIT": args.split, "DELAY": args.delay,
              "SEED": args.seed if args.lose else None}
    return " ".join(f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
                    for name, value in values.items() if value is not None)


def treatment(args, direction):
    """Return what happens to the pieces or datagrams of one direction."""
    def treated(pieces):
        if args.lose:
            pieces = relay.lossy(args.lose, f"{args.seed}{direction}")(pieces)
        if args.split:
            pieces = relay.split(args.split)(pieces)
        if args.delay:
            pieces = relay.held(args.delay)(pieces)
        return pieces
    return treated


def listen(args, server, tally):
    """Begin to listen; return our port."""
    port = args.port + AWAY if args.listen is None else args.listen
    try:
        if server.kind == "group":
            member = relay.joined(server.host, args.port)
            threading.Thread(target=hear, args=(member, tally), daemon=True).start()
            return args.port
        kind = relay.TcpRelay if server.kind == "TCP" else relay.UdpRelay
        return kind(args, treatment(args, ">"), treatment(args, "<"), watch=tally.watch,
                    port=port).port
    except (OSError, OverflowError) as error:
        run.error(f"cannot listen on port {port}: {error}; does another make wire run?")


def hear(member, tally):
    """Watch what is sent to the group."""
    while True:
        datagram, sender = member.recvfrom(65535)
        tally.watch(">", sender, datagram)


def main():
    args = options().parse_args()
    server = chosen(args.server)
    args.port = args.port or server.port
    said = settings(args, server)
    group = server.kind == "group"
    sys.setswitchinterval(0.001)  # seconds: the relay need not wait longer for the drawing
    tally = Tally(server.kind == "TCP", cut=bool(args.split))
    port = listen(args, server, tally)
    print("now:", command(server.script, port) + f"   # {said}" * bool(said))
    names = ("member", "group") if group else ("client", "server")
    drawing = Drawing(tally, *names, f"{server.host}:{args.port}", sys.stdout,
                      held=bool(args.delay), losing=bool(args.lose))
    drawing.start()
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
    drawing.stop()
    print("\n" * sys.stdout.isatty() + tally.total(group, bool(args.lose)), flush=True)
    os._exit(0)  # do not wait for other threads


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        main()
    except BrokenPipeError:  # nobody reads any more, as after `| head`
        os._exit(0)
