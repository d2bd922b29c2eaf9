"""A datagram and its reply, the sender: sends a message, waits for the reply.

The wire is described in receiver.py.

    1$ python basics/datagram_duplex/receiver.py
    1| listening on 127.0.0.1:12002
    2$ python basics/datagram_duplex/sender.py "Who is there?"
    1| received Who is there? from 127.0.0.1:<port>
    2| received I am. from 127.0.0.1:12002

Notice: connect() sends nothing here. It tells our own system the receiver's
address. From then on send() needs no address, and the system drops datagrams
from all other addresses. If the receiver's machine reports that nobody listens
on the port, recv() raises "Connection refused". If the message or the reply is
lost, nobody reports the loss. So this wait has a time limit.

Try: start the sender without a receiver. Then send a message of 61 bytes.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12002  # where receiver.py listens
MAX_BYTES = 60                   # of a message, and of a reply
TIMEOUT = 2                      # seconds to wait for the reply


def main():
    parser = options()
    parser.add_argument("message", nargs="?", default="Are you there?",
                        metavar="MESSAGE", help="a text of at most 60 bytes")
    args = parser.parse_args()
    payload = args.message.encode(errors="replace")
    if len(payload) > MAX_BYTES:
        sys.exit(f"error: not sent: {len(payload)} bytes; the limit is {MAX_BYTES}")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # from now on it receives from this address only
        sock.settimeout(TIMEOUT)
        sock.send(payload)
        reply = sock.recv(65_535)  # no datagram is longer
    if len(reply) > MAX_BYTES:
        sys.exit(f"error: the reply has {len(reply)} bytes; the limit is {MAX_BYTES}")
    print(f"received {printable(reply.decode(errors='replace'))} from {show(address)}")


# ---- The frame: the same in all clients ----------------------------------------------


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
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
