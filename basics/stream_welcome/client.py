"""Welcome, the client: connects, and shows the line that the server sends.

A client takes two steps: socket() and connect(). Later scripts do both steps
with one call, socket.create_connection(). It also tries every address of a
host name. The wire is described in server.py.

    1$ python basics/stream_welcome/server.py
    1| listening on 127.0.0.1:12005
    2$ python basics/stream_welcome/client.py --host localhost
    1| client 127.0.0.1:<port>
    2| Server: Welcome!

Notice: the client does not call bind(). The system chooses a port for the
client, a different one each time. accept() tells the server which port it is.

Try: run `(printf Wel; sleep 5; echo come) | nc -l 127.0.0.1 12005` in place of
the server. The client waits until the line is whole.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12005  # where server.py listens
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait for the server


def welcome(conn):
    """Return the server's line."""
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        line = stream.readline(MAX_LINE)    # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    return line.decode().strip()


def main():
    args = options().parse_args()
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_STREAM) as conn:
        conn.settimeout(TIMEOUT)
        conn.connect(address)
        print("Server:", printable(welcome(conn)))


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
