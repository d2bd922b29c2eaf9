"""Multicast chat: what one member types is shown to all the others. No server.

The wire (UDP, multicast): each line is one datagram to the group, UTF-8 text
as it will be shown.

    ann                                   all the others
     | ----- ann: Hello, everybody! --------> |    once for all of them

NAME has 1 to 20 letters, digits, - and _; a line has at most 1000 characters,
of up to 4 bytes each. Anything else is no line of this chat, and is ignored.
One's own lines come back, too; they are known by the address that they came
from, that of one's own sending socket, and are not shown.

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

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

Nobody is told when a member comes or goes, for nobody keeps a list. And nobody
is sure of a name: whoever types --name ann is ann.

What the network loses is lost, and no one is told. --lose 0.3 pretends that
this member's network loses that share of what comes in:

    1$ python problem7/chat.py --name ann
    1| joined 239.255.12.7:12700
    2$ python problem7/chat.py --name bob --lose 0.3 --seed 7
    2| joined 239.255.12.7:12700
    1< Meet me at six.
    2| ann: Meet me at six.
    1< No, sorry:
    1< I mean seven.
    2| ann: I mean seven.

To lose nothing, each member would have to number its lines, the others to
notice a gap and to ask for what is missing, and somebody to keep it for them;
for how long, when nobody knows who listens? Problem 8 has an answer, for few
and short messages: everybody repeats all that they know.

Try: two machines, with --interface and one's own address there. Or a small
network inside this one: `make net`.
"""
import argparse
import os
import random
import re
import socket
import sys
import threading

try:
    import readline  # to edit the line that one types; Windows has none
except ImportError:
    readline = None

GROUP, PORT = "239.255.12.7", 12700
INTERFACE = "127.0.0.1"  # nothing leaves this machine, which needs no network then
MAX_TEXT = 1000          # characters in a line
NAME = re.compile("(?!error(:|$))[A-Za-z0-9_-]{1,20}")  # "error: " begins our own
LINE = re.compile(NAME.pattern + ": .{0,%d}" % MAX_TEXT, re.DOTALL)


def tell(text):
    """Print a line above the one that one is typing."""
    if readline and sys.__stdout__.isatty():
        text = f"\r\x1b[K{text}\n{readline.get_line_buffer()}"  # \x1b[K: clear the line
        print(text, end="", flush=True)
    else:
        print(text)


def listen(receiver, own, dice, lose):
    """Show what the others say; waits for it without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65535)
        line = payload.decode(errors="replace")
        if peer != own and dice.random() >= lose and LINE.fullmatch(line):
            tell(printable(line))


def say(sender, group, name, text):
    """Send one line to everybody."""
    if len(text) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
        return
    try:
        sender.sendto(f"{name}: {text}".encode(), group)
    except OSError as error:
        print(f"error: not sent: {error}", file=sys.stderr)


def join(group, port, interface):
    """Return a socket that gets what comes for the group through this interface."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # many a machine
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD want this for it
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    receiver.bind(("" if os.name == "nt" else group, port))  # Windows binds no group
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(group) + socket.inet_aton(interface))
    return receiver


def show(address):
    """Return HOST:PORT."""
    return "{}:{}".format(*address)


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default=f"member-{os.getpid()}",
                        help="what the others see (default: member and a number)")
    parser.add_argument("--group", default=GROUP,
                        help="multicast address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the group's port (default: %(default)s)")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="an address of this machine (default: %(default)s)")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a datagram is lost on its way to us")
    parser.add_argument("--seed", type=int, metavar="N", help="the same losses again")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not 0 <= args.lose <= 1:
        parser.error("--lose takes 0 to 1")
    if not NAME.fullmatch(args.name):
        parser.error("--name takes 1 to 20 letters, digits, - and _ (and not: error)")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    sys.stdin.reconfigure(errors="replace")
    receiver = join(args.group, args.port, args.interface)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:  # and not the receiver: it may not be closed while a thread reads it
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))  # not where routes lead
        sender.bind((args.interface, 0))  # an address to know its own datagrams by
        group = (args.group, receiver.getsockname()[1])
        print("joined", show(group))
        threading.Thread(
            target=listen, daemon=True,
            args=(receiver, sender.getsockname(), random.Random(args.seed), args.lose)
        ).start()
        while True:
            say(sender, group, args.name, input())


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot join: {error}; "
                 "try another --group, --port or --interface")
