"""Multicast chat: every member sees the lines of all others. There is no server.

The wire (UDP): one datagram for each line, UTF-8 text as it is shown.

    ann                                   239.255.12.7:12700
       | ----- ann: Hello, everybody! -----> |   to every member, and back to
       | <---- ann: Hello, everybody! ------ |   the member that sent it

A name has 1 to 20 letters of any language, digits, - or _. Without --name, it
is "member-" and the number of the process. A line has at most 1000 characters
after the name. Members ignore a datagram if it does not begin with a name, a
colon and a space, or if its line has more than 1000 characters.

Datagrams leave through the loopback interface; --interface chooses another
one. Their TTL is 1, so no router forwards them.

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem7/chat.py --name ann
    1| joined 239.255.12.7:12700
    2$ python problem7/chat.py --name bob
    2| joined 239.255.12.7:12700
    3$ python problem7/chat.py --name eve
    3| joined 239.255.12.7:12700
    1< Hello, everybody!
    2| ann: Hello, everybody!
    3| ann: Hello, everybody!
    3< Hello, ann!
    1| eve: Hello, ann!
    2| eve: Hello, ann!
    3< Who else is here?
    1| eve: Who else is here?
    2| eve: Who else is here?

Notice: your own lines come back, too. The chat calls connect() on the sending
socket. Then the system gives this socket its own address and port. The chat
does not show lines that come from there.

There is no list of the members, so you do not see that somebody comes or
leaves. A name proves nothing: anybody can start with --name ann.

If the network loses a datagram, no member notices it. With --lose 0.3 a member
pretends to lose 30 % of the datagrams that arrive:

    1$ python problem7/chat.py --name ann
    1| joined 239.255.12.7:12700
    2$ python problem7/chat.py --name bob --lose 0.3 --seed 7
    2| joined 239.255.12.7:12700
    1< Meet me at six.
    2| ann: Meet me at six.
    1< No, sorry:
    1< I mean seven.
    2| ann: I mean seven.

To lose nothing, members would number their lines, notice gaps, and ask for the
missing lines. But which member keeps the old lines, and for how long? Problem
8 has an answer for a few short messages: every member repeats all that it
knows.

Try: chat on two machines, each with its own address as --interface. Or try a
small network inside this machine: `make net`. Watch the group with `make wire
P=problem7`: what is on the wire when nobody types?
"""
import argparse
import contextlib
import os
import random
import re
import signal
import socket
import sys
import threading

try:
    import readline  # to edit the line that you type; Windows does not have it
except ImportError:
    readline = None

GROUP, PORT = "239.255.12.7", 12700
INTERFACE = "127.0.0.1"  # nothing leaves this machine
LINE = re.compile(r"[\w-]{1,20}: .{0,1000}", re.DOTALL)


def receive(receiver, own, dice, lose):
    """Show each line of the others; waits without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65_535)
        line = payload.decode(errors="replace")
        if peer != own and dice.random() >= lose and LINE.fullmatch(line):
            tell(printable(line))


def send_lines(sender, name):
    """Send each line that is typed, until Ctrl+C or Ctrl+D."""
    while True:
        line = f"{name}: {input()}"
        try:
            if not LINE.fullmatch(line):
                raise ValueError("a line has at most 1000 characters")
            sender.send(line.encode())
        except (OSError, ValueError) as error:
            print(f"error: not sent: {error}", file=sys.stderr)


def main():
    parser = group_options()
    parser.add_argument("--name", default=f"member-{os.getpid()}",
                        help="the name that the others see before your lines")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a datagram to this member is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="same N, same losses")
    args = parser.parse_args()
    if not LINE.fullmatch(f"{args.name}: "):
        parser.error("--name takes 1 to 20 letters, digits, - and _")
    receiver = join(args.group, args.port, args.interface)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))
        group = args.group, receiver.getsockname()[1]
        sender.connect(group)
        own, dice = sender.getsockname(), random.Random(args.seed)
        threading.Thread(target=receive, args=(receiver, own, dice, args.lose),
                         daemon=True).start()
        print("joined", show(group))
        send_lines(sender, args.name)


# ---- The frame: the same in all members of a group -----------------------------------


def group_options():
    """Return a parser for the options that all members of a group share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", default=GROUP, help="the multicast address")
    parser.add_argument("--port", default=PORT, type=int, help="the group's port")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="which of this machine's addresses to use")
    return parser


def join(group, port, interface):
    """Return a socket that receives the group's datagrams on this interface."""
    membership = socket.inet_aton(group) + socket.inet_aton(interface)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # share the port
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD need this option, too
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sys.platform == "linux":  # IP_MULTICAST_ALL: no other interface
        receiver.setsockopt(socket.IPPROTO_IP, 49, 0)
    # Windows cannot bind to a group
    receiver.bind(("" if sys.platform == "win32" else group, port))
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return receiver


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def tell(text):
    """Print a line above the line that is being typed."""
    if readline and sys.stdout.isatty():
        line = ""
        with contextlib.suppress(ValueError):  # readline is not reading a line
            line = readline.get_line_buffer()
        rows, column = divmod(len(line), os.get_terminal_size().columns or 80)
        clear = "\r" + rows * "\x1b[A" + "\x1b[J"  # from its start, erase all
        wrap = " \r" if rows and not column else ""  # as readline does at the edge
        print(f"{clear}{text}\n{line}{wrap}", end="", flush=True)
    else:
        print(text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    sys.stdin.reconfigure(errors="replace")
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError) as error:
        sys.exit(f"error: {error}; try another address or --port")
