"""Broadcast, the server: shows every message that is sent to all machines.

A datagram to a network's broadcast address reaches every machine on it. Every
program there that listens on that port receives it.

The wire (UDP): one datagram for each message, UTF-8 text of at most 1000
characters. Longer ones are ignored.

    client                                127.255.255.255:12016
       | ----- Hello, network! ------------> |   to server and clients,
       | <---- Hello, network! ------------- |   also to its sender

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/broadcast/server.py
    1| listening on 127.255.255.255:12016
    2$ python basics/broadcast/client.py
    2| listening on 127.255.255.255:12016
    3$ python basics/broadcast/client.py
    3| listening on 127.255.255.255:12016
    2< Hello, network!
    1| received Hello, network! from 127.0.0.1:<port>
    3| received Hello, network! from 127.0.0.1:<port>

Notice: no client needs the server. It is one more program that listens.

The default is the broadcast address of the loopback network. Linux supports
it. macOS documents that it does not. On a real network, use the address that
`ip address` shows after "brd": --broadcast 192.168.1.255.

Congestion: every machine on the network must process a broadcast, even a
machine that discards it. Many broadcasts slow down the whole network.

Security: everybody can read every message, and anybody can send one. Messages
are not secret, and you cannot be sure who sent one.

Question: what is the difference between broadcast and multicast?
Answer: a broadcast reaches every machine. A multicast reaches only machines
that have joined its group. A router does not forward a broadcast.
"""
import argparse
import signal
import socket
import sys

BROADCAST, PORT = "127.255.255.255", 12016
MAX_TEXT = 1000  # characters in a message


def main():
    args = broadcast_options().parse_args()
    with join_broadcast(args.broadcast, args.port) as receiver:
        print("listening on", show((args.broadcast, receiver.getsockname()[1])))
        while True:  # without a time limit
            payload, peer = receiver.recvfrom(65_535)
            text = printable(payload.decode(errors="replace"))
            if len(text) <= MAX_TEXT:
                print(f"received {text} from {show(peer)}")


# ---- The frame: the same in all members of a group -----------------------------------


def broadcast_options():
    """Return a parser for the options that server and client share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broadcast", default=BROADCAST, metavar="ADDRESS",
                        help="the network's broadcast address")
    parser.add_argument("--port", default=PORT, type=int, help="everybody's port")
    return parser


def join_broadcast(broadcast, port):
    """Return a socket that receives datagrams to the broadcast address."""
    socket.inet_aton(broadcast)  # refuses a host name
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # share the port
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD need this option, too
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # Windows cannot bind to this address
    receiver.bind(("" if sys.platform == "win32" else broadcast, port))
    return receiver


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
