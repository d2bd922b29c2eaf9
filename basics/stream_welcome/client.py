"""Welcome, the client: connects, and shows the line that the server sends.

A client takes two steps, by hand this once: socket() and connect(). The later
ones leave them to socket.create_connection(). server.py describes the wire.

    1$ python basics/stream_welcome/server.py
    1| listening on 127.0.0.1:12005
    2$ python basics/stream_welcome/client.py --host localhost
    1| client 127.0.0.1:<port>
    2| Server: Welcome!

Notice: no bind(). The system chooses the client's port, another one each
time, and accept() tells the server which.

Try: `(printf Wel; sleep 5; echo come) | nc -l 127.0.0.1 12005` as the server.
The client waits until the line is whole.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12005  # where server.py listens
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait, to connect and for the welcome


def meet(conn):
    """Wait for the server's welcome, and show it."""
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    print(f"Server: {printable(line.decode().strip())}")


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
    with socket.socket(family, socket.SOCK_STREAM) as conn:
        conn.settimeout(TIMEOUT)
        try:
            conn.connect((args.host, args.port))
        except (OSError, TypeError) as error:  # TypeError: no possible name
            sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                     "is the server running there?")
        try:
            meet(conn)
        except (OSError, ValueError) as error:
            sys.exit(f"error: no welcome: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
