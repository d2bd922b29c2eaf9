"""Addresses, the client: shows both ends of its connection.

Then it shows whether the server sees the same client address; if not, it shows
the address that the server sees. server.py describes the wire.

    1$ python basics/stream_address/server.py
    1| listening on 127.0.0.1:12010
    2$ python basics/stream_address/client.py --host localhost
    1| client 127.0.0.1:<port>
    2| client 127.0.0.1:<port>
    2| server 127.0.0.1:12010
    2| the server sees the same client

Notice: getsockname() returns the address of this end of the connection.
getpeername() returns the address of the other end. In the server, accept()
returns the client's address.

Try: run `ss -tan | grep 12010` after the client. Which end is in TIME-WAIT?
(The end that closed first.) Run the client ten times. Is the same end always
in TIME-WAIT?
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12010  # where server.py listens
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait for the server


def seen_address(conn):
    """Return the client's address as the server sees it."""
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        line = stream.readline(MAX_LINE)    # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    return line.decode().strip()


def main():
    args = options().parse_args()
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        client = show(conn.getsockname())
        print("client", client)
        print("server", show(conn.getpeername()))
        seen = seen_address(conn)
        print("the server sees",
              "the same client" if seen == client else printable(seen))


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
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
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
