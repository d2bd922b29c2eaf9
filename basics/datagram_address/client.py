"""Addresses over UDP, the client: shows its address, and what the server sees.

The wire is described in server.py. Two clients, one after the other:

    1$ python basics/datagram_address/server.py
    1| listening on 127.0.0.1:12003
    2$ python basics/datagram_address/client.py
    2| my address: 127.0.0.1:<port>
    2| the server sees: 127.0.0.1:<port>
    2$ python basics/datagram_address/client.py
    2| my address: 127.0.0.1:<port>
    2| the server sees: 127.0.0.1:<port>
    1| client 127.0.0.1:<port>
    1| client 127.0.0.1:<port>

Notice: the port is the client's own from connect() on, and another one the
next time. Before that, getsockname() would show 0.0.0.0:0, no address yet.

Try: stop the server. Which of the two lines do you still get, and why?
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12003  # where server.py listens
LARGEST = 65_535                 # bytes; no datagram is longer
TIMEOUT = 2                      # seconds to wait for the reply; many round trips


def ask(sock):
    """Return the address that the server sees."""
    sock.settimeout(TIMEOUT)
    sock.send(b"what is my address?")
    return sock.recv(LARGEST).decode()[:100]


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((args.host, args.port))  # from now on strangers are not heard
            print("my address:", show(sock.getsockname()))
            print("the server sees:", printable(ask(sock)))
    except (OSError, TypeError, ValueError) as error:  # no possible name, or reply
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
