"""Welcome and answer, the client: shows the server's welcome, and answers.

From this script on, the clients call socket.create_connection(). It creates
the socket and connects it. It also looks up the host name, and tries each of
its addresses. server.py describes the wire.

    1$ python basics/stream_duplex/server.py
    1| listening on 127.0.0.1:12006
    2$ python basics/stream_duplex/client.py --host localhost
    1| client 127.0.0.1:<port>
    1| Client: Thank you!
    2| Server: Welcome!

Notice: the client ends as soon as it has sent its answer. When sendall()
returns, the system has the bytes; the server may not have read them yet.

Try: run `nc -l 127.0.0.1 12006` in place of the server, and type the welcome.
Then do it again and type nothing. How long does the client wait?
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12006  # where server.py listens
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
