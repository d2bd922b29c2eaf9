"""Two integers, the client: sends A and B, and shows the sum that comes back.

server.py describes the wire.

    1$ python basics/stream_integers/server.py
    1| listening on 127.0.0.1:12009
    2$ python basics/stream_integers/client.py 7 -9
    1| client 127.0.0.1:<port>
    1| 7 + -9 = -2
    2| 7 + -9 = -2

Notice: a reply that is cut off before its newline is an error, not a shorter
number.

Try: `(printf 4; sleep 3) | nc -N -l 127.0.0.1 12009` as the server, which
ends before it has said all. With `echo $?` see that the client has failed.
"""
import argparse
import re
import socket
import sys

HOST, PORT = "127.0.0.1", 12009  # where server.py listens
MAX_LINE = 2100                  # bytes: more than any sum or error needs
TIMEOUT = 10                     # seconds to wait, to connect and for the sum


def integer(text):
    """Return text if it is an integer that the server takes."""
    if not re.fullmatch("[+-]?[0-9]{1,1000}", text):
        raise argparse.ArgumentTypeError("an integer of at most 1000 digits, please")
    return text


def ask(conn, a, b):
    """Send the two integers, and show the sum that the server sends."""
    conn.sendall(f"{a} {b}\n".encode())
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    reply = line.decode("ascii", "replace")
    if not re.fullmatch(r"(-?[0-9]+|error: [ -~]+)\n", reply):
        raise ValueError("the reply is cut off, or nonsense")
    if reply.startswith("error: "):
        sys.exit(reply.strip())
    print(f"{a} + {b} = {reply.strip()}")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=integer, nargs="?", default="12", metavar="A",
                        help="an integer (default: %(default)s)")
    parser.add_argument("b", type=integer, nargs="?", default="30", metavar="B",
                        help="another one (default: %(default)s)")
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
            ask(conn, args.a, args.b)
    except (OSError, ValueError) as error:
        sys.exit(f"error: no sum: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
