"""Multicast, the receiver: one datagram reaches everybody who has joined a group.

A group is an address that belongs to no machine: 224.0.0.0 to 239.255.255.255
(RFC 5771; those from 239 are for private use, RFC 2365). To join one is to ask
the system for a copy of every datagram to it. The sender sends one datagram,
and does not know who gets it. It is UTF-8 text, of at most 100 bytes.

    1$ python basics/multicast/receiver.py
    1| joined 239.255.12.14:12014
    2$ python basics/multicast/receiver.py
    2| joined 239.255.12.14:12014
    3$ python basics/multicast/sender.py "Dinner is ready!"
    3| sent to 239.255.12.14:12014
    1| received Dinner is ready! from 127.0.0.1:<port>
    2| received Dinner is ready! from 127.0.0.1:<port>

Notice: both receivers have the same port, on one machine. For a stream or an
ordinary datagram that is an error, for then it is one of them who is meant.

A receiver waits without a limit: it cannot know whether anybody will send.

Across machines, name one of your own machine's addresses at both ends:
--interface 192.168.1.20. Multicast goes no further than the local network.

Question: what is a multicast group, and who is in it?
Answer: an address to send to; whoever has told the own system to listen. There
is no list: not even the sender knows.
"""
import argparse
import os
import socket
import sys

GROUP, PORT = "239.255.12.14", 12014
INTERFACE = "127.0.0.1"  # nothing leaves this machine, which needs no network then
MAX_MESSAGE = 100        # bytes


def receive_one(receiver):
    """Wait for one message to the group, and print it."""
    while True:
        payload, peer = receiver.recvfrom(65535)
        if len(payload) <= MAX_MESSAGE:
            text = printable(payload.decode(errors="replace"))
            print(f"received {text} from {show(peer)}")
            return
        print(f"error: {show(peer)}: a message takes at most {MAX_MESSAGE} bytes")


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
    parser.add_argument("--group", default=GROUP,
                        help="multicast address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the group's port (default: %(default)s)")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="an address of this machine (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    with join(args.group, args.port, args.interface) as receiver:
        print("joined", show((args.group, receiver.getsockname()[1])))
        receive_one(receiver)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot join: {error}; "
                 "try another --group, --port or --interface")
