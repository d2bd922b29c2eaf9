"""Welcome and answer, the client: waits for its turn, and answers.

The same as basics/stream_duplex/client.py, but it says when it is connected.
server.py describes the wire.

    1$ python basics/stream_iterative/server.py
    1| listening on 127.0.0.1:12007
    2$ python basics/stream_iterative/client.py
    1| client 127.0.0.1:<port>
    1| Client: Thank you!
    2| connected
    2| Server: Welcome!
    2$ python basics/stream_iterative/client.py
    1| client 127.0.0.1:<port>
    1| Client: Thank you!
    2| connected
    2| Server: Welcome!

Notice: "connected" only means that the system of the server's machine has
accepted the connection. The server may not know of it yet.

Try: stop the server with Ctrl+Z, and start the client. Then type fg.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12007  # where server.py listens
ANSWER = b"Thank you!\n"
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait, to connect and for the welcome


def meet(conn):
    """Wait for the server's welcome, show it, and answer."""
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    print(f"Server: {printable(line.decode().strip())}")
    conn.sendall(ANSWER)


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
            print("connected")
            meet(conn)
    except (OSError, ValueError) as error:
        sys.exit(f"error: no welcome: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
