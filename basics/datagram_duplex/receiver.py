"""A datagram and its reply, the receiver: answers one message, and ends.

The receiver does not know the sender's address in advance. Every datagram
carries the address of its sender, and the reply goes there.

The wire (UDP): datagrams of UTF-8 text, at most 60 bytes each way.

    sender                                receiver
       | ----- Are you there? -------------> |
       | <----------------------- I am. ---- |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/datagram_duplex/receiver.py
    1| listening on 127.0.0.1:12002
    2$ python basics/datagram_duplex/sender.py
    1| received Are you there? from 127.0.0.1:<port>
    2| received I am. from 127.0.0.1:12002

Notice: the receiver does not answer a message of more than 60 bytes. It ends
with an error and status 1. (sender.py never sends such a message. With `nc`
you can.)

Try: `diff basics/datagram/receiver.py basics/datagram_duplex/receiver.py`.
Then use another sender, `nc -u 127.0.0.1 12002`. It shows the reply, too.

Question: what is the difference between connection-oriented and
connectionless?
Answer: with a connection (TCP: basics/stream_duplex) both ends first set it
up. After that, the bytes that they send arrive in order and without gaps.
Without a connection (UDP) each datagram travels alone and carries its sender's
address. A datagram can be lost, so a program that waits for a reply needs a
time limit (sender.py).
"""
import argparse
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12002  # only this machine; 0.0.0.0 opens it to the network
MAX_BYTES = 60                   # of a message, and of a reply
LARGEST = 65_535                 # bytes; no datagram is longer


def main():
    args = options().parse_args()
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)  # from now on the system queues datagrams
        print("listening on", show(sock.getsockname()))
        payload, peer = sock.recvfrom(LARGEST)
        if len(payload) > MAX_BYTES:
            sys.exit(f"error: {show(peer)} sent {len(payload)} bytes; "
                     f"the limit is {MAX_BYTES}")
        text = payload.decode(errors="replace")
        print(f"received {printable(text)} from {show(peer)}")
        sock.sendto(b"I am.", peer)


# ---- The frame: the same in all UDP servers ------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def resolve(host, port):
    """Return the address family (IPv4 or IPv6) and the address of host and port."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return family, (host, port, *scope)


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
