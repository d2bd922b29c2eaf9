"""Addresses, the client: shows both ends of its connection.

Then it shows whether the server sees the same client. server.py describes the
wire.

    1$ python basics/stream_address/server.py
    1| listening on 127.0.0.1:12010
    2$ python basics/stream_address/client.py --host localhost
    1| client 127.0.0.1:<port>
    2| client 127.0.0.1:<port>
    2| server 127.0.0.1:12010
    2| the server sees the same

Notice: getsockname() is this end of the connection, getpeername() the other;
what accept() gives the server is what getpeername() says there.

Try: `ss -tan | grep 12010` after a run. Which end is in TIME-WAIT?
(The one that hung up first.) Run it ten times: always the same?
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12010  # where server.py listens
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait, to connect and for the address


def compare(conn):
    """Show both ends of the connection, and whom the server sees."""
    client = show(conn.getsockname())
    print(f"client {client}")
    print(f"server {show(conn.getpeername())}")
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    seen = printable(line.decode().strip())
    print(f"the server sees {'the same' if seen == client else seen}")


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
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn:
            compare(conn)
    except (OSError, ValueError) as error:
        sys.exit(f"error: no address: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
