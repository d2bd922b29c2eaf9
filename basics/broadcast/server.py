"""Broadcast, the server: shows what the clients say to the whole network.

A datagram to a network's broadcast address reaches every machine there, and
on each of them every program that listens on its port, asked or not. Each
message is UTF-8 text in a datagram of its own, of at most 1000 characters.

    1$ python basics/broadcast/server.py
    1| listening on 127.255.255.255:12016
    2$ python basics/broadcast/client.py
    2| listening on 127.255.255.255:12016
    3$ python basics/broadcast/client.py
    3| listening on 127.255.255.255:12016
    2< Hello, network!
    1| received Hello, network! from 127.0.0.1:<port>
    3| received Hello, network! from 127.0.0.1:<port>

Notice: the server is only one more listener: no client needs it.

The default is the broadcast address of the loopback network, which Linux has
(macOS has none, by documentation). On a real network take that network's, as
`ip address` shows it after "brd": --broadcast 192.168.1.255.

Beware: each broadcast interrupts every machine on the network, those too which
then throw it away: many of them congest it. And everybody can listen, and say
what they like: nothing here is secret, and no sender is certain.

Question: what is the difference to multicast?
Answer: a broadcast goes to all, who cannot help it; a multicast only to those
who have joined. And a router passes on no broadcast.
"""
import argparse
import os
import socket
import sys

BROADCAST, PORT = "127.255.255.255", 12016
MAX_TEXT = 1000  # characters in a message


def listen(receiver):
    """Show what is said on the network; waits for it without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65535)
        text = printable(payload.decode(errors="replace"))
        if len(text) <= MAX_TEXT:
            print(f"received {text} from {show(peer)}")


def bind_broadcast(broadcast, port):
    """Return a socket that gets what is sent to the broadcast address."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # many a machine
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD want this for it
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    receiver.bind(("" if os.name == "nt" else broadcast, port))  # not on Windows
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
    parser.add_argument("--broadcast", default=BROADCAST, metavar="ADDRESS",
                        help="the network's broadcast address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    with bind_broadcast(args.broadcast, args.port) as receiver:
        print("listening on", show((args.broadcast, receiver.getsockname()[1])))
        listen(receiver)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --broadcast or --port")
