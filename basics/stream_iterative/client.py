"""Welcome and answer, the client: waits for its turn, and answers.

It works like basics/stream_duplex/client.py, but it also prints when it is
connected. server.py describes the wire.

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

Notice: "connected" only means that the server's system has completed the
connection. The server program may not know about it yet.

Try: stop the server with Ctrl+Z, and start the client. Then type fg.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12007  # where server.py listens
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait for the server


def welcome(conn):
    """Receive the server's line, answer it, and return it."""
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        line = stream.readline(MAX_LINE)    # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    conn.sendall(b"Thank you!\n")
    return line.decode().strip()


def main():
    args = options().parse_args()
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        print("connected")
        print("Server:", printable(welcome(conn)))


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


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
