"""Sum, the client: lets a server add 1 + 2 + ... + COUNT, and measures the wait.

One client for all five servers. The wire is
described in iterative_server.py. Without COUNT, it asks for 5.

    1$ python basics/sum/iterative_server.py --delay 0.1
    1| listening on 127.0.0.1:12013
    2$ python basics/sum/client.py 3 --timeout 5
    1| 127.0.0.1:<port>: adding 1..3
    1| 127.0.0.1:<port>: sum of 1..3 = 6
    2| sum of 1..3 = 6
    2| waited <number>.<number> s

Notice: the client counts the seconds since it is connected. An iterative
server may call accept() much later. The client cannot know whether the server
is adding, serving another client, or stuck. So its timeout is longer than in
other folders: 300 seconds (see --timeout).

Try: start each of the five servers, one after the other. For each, start COUNT
100 in one terminal and COUNT 5 in another. Then COUNT 0, or 1001.
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12013  # where each of the five servers listens
MAX_LINE = 100                   # bytes of the sum, or of the server's error line
TIMEOUT = 10                     # seconds to wait for the connection
PATIENCE = 300                   # seconds to wait for the sum; 1000 additions take 200


def request_sum(conn, count):
    """Send the COUNT, and return the server's sum."""
    conn.sendall(b"%d\n" % count)
    with conn.makefile("rb") as stream:
        reply = stream.readline(MAX_LINE)
    if not reply.endswith(b"\n"):
        raise ValueError("the server closed the connection before the end of the line")
    if reply.startswith(b"error: "):
        sys.exit(printable(reply.decode(errors="replace").strip()))
    return int(reply)


def main():
    parser = options()
    parser.add_argument("count", nargs="?", default=5, type=int, metavar="COUNT")
    parser.add_argument("--timeout", default=PATIENCE, type=float, help="in seconds")
    args = parser.parse_args()
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        conn.settimeout(args.timeout)
        start = time.monotonic()
        total = request_sum(conn, args.count)
        waited = time.monotonic() - start
    print(f"sum of 1..{args.count} = {total}")
    print(f"waited {waited:.3f} s")


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
