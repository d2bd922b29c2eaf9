"""Multicast, the receiver: joins a group, receives one message, and ends.

A group is an address that belongs to no machine. Group addresses go from
224.0.0.0 to 239.255.255.255 (RFC 5771). Those that begin with 239 are for
private use (RFC 2365). A program joins the group: it asks its system for a
copy of every datagram to this address. The sender sends one datagram and does
not know who receives it.

The wire (UDP): one datagram of UTF-8 text, at most 100 bytes.

    sender                                239.255.12.14:12014
       | ----- Dinner is ready! -----------> |   to every receiver

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/multicast/receiver.py
    1| joined 239.255.12.14:12014
    2$ python basics/multicast/receiver.py
    2| joined 239.255.12.14:12014
    3$ python basics/multicast/sender.py "Dinner is ready!"
    3| sent to 239.255.12.14:12014
    1| received Dinner is ready! from 127.0.0.1:<port>
    2| received Dinner is ready! from 127.0.0.1:<port>

Notice: both receivers use the same port on the same machine. In
basics/datagram this is an error, because an ordinary datagram is meant for one
program.

A receiver waits without a limit: it cannot know whether anybody will send. It
reports a datagram of more than 100 bytes as an error, and waits for the next.

Try: use two machines, and start the receiver first. On each machine, give that
machine's own address: --interface 192.168.1.20. Multicast stays inside the
local network.

Question: what is a multicast group, and who is in it?
Answer: a group is an address to send to. A program is in the group if it has
asked its own system to join. Nobody has a list of the members, not even the
sender.
"""
import argparse
import signal
import socket
import sys

GROUP, PORT = "239.255.12.14", 12014
INTERFACE = "127.0.0.1"  # nothing leaves this machine
MAX_MESSAGE = 100        # bytes


def receive_one(receiver):
    """Show one message that arrives. This waits without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65_535)
        if len(payload) <= MAX_MESSAGE:
            text = printable(payload.decode(errors="replace"))
            print(f"received {text} from {show(peer)}")
            return
        print(f"error: {show(peer)}: more than {MAX_MESSAGE} bytes")


def main():
    args = group_options().parse_args()
    group, port = args.group, args.port
    membership = socket.inet_aton(group) + socket.inet_aton(args.interface)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # share the port
        if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD need this option, too
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if sys.platform == "linux":  # IP_MULTICAST_ALL: no other interface
            receiver.setsockopt(socket.IPPROTO_IP, 49, 0)
        # Windows cannot bind to a group
        receiver.bind(("" if sys.platform == "win32" else group, port))
        receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        print("joined", show((group, receiver.getsockname()[1])))
        receive_one(receiver)


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


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError) as error:
        sys.exit(f"error: {error}; try another address or --port")
