"""Two integers, the client: sends A and B, and shows the sum that comes back.

server.py describes the wire.

    1$ python basics/stream_integers/server.py
    1| listening on 127.0.0.1:12009
    2$ python basics/stream_integers/client.py 7 -9
    1| client 127.0.0.1:<port>
    1| 7 + -9 = -2
    2| 7 + -9 = -2

Notice: if the reply is cut off before its newline, the client reports an
error. It does not print a shorter number.

Try: run `(printf 4; sleep 3) | nc -N -l 127.0.0.1 12009` in place of the
server. nc closes the connection before the reply is complete. `echo $?` prints
the exit status of the client: 1 after a failure.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12009  # where server.py listens
MAX_LINE = 1000                  # bytes
TIMEOUT = 10                     # seconds to wait for the server


def ask(conn, a, b):
    """Send two integers, and return the sum that the server sends."""
    conn.sendall(f"{a} {b}\n".encode())
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        line = stream.readline(MAX_LINE)    # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    return int(line)


def main():
    parser = options()
    parser.add_argument("a", nargs="?", type=int, default=12, metavar="A")
    parser.add_argument("b", nargs="?", type=int, default=30, metavar="B")
    args = parser.parse_args()
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        print(f"{args.a} + {args.b} = {ask(conn, args.a, args.b)}")


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
