"""Sum, the client: has a server add 1 + 2 + ... + COUNT, and tells the wait.

One client for all five servers here. The wire is described in
iterative_server.py.

    1$ python basics/sum/iterative_server.py --delay 0.1
    1| listening on 127.0.0.1:12013
    2$ python basics/sum/client.py 3 --timeout 9
    1| 127.0.0.1:<port>: adding 1..3
    1| 127.0.0.1:<port>: sum of 1..3 = 6
    2| sum of 1..3 = 6
    2| waited <number>.<number> s

Notice: the wait begins with the connection, which the system makes before the
server accepts it. What comes then looks all the same from here: a server that
adds, one that serves somebody else, one that is stuck. So this client must
wait for longer than others do: for 300 seconds, if --timeout does not say
otherwise.

Try: all five servers, one after the other, with COUNT 100 in one terminal and
5 in another one.
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12013  # where the server listens, whichever it is
MAX_COUNT = 1000                 # the servers take no more
MAX_LINE = 100                   # bytes of the sum, or of the server's complaint
TIMEOUT = 10                     # seconds to wait for the connection
PATIENCE = 300                   # to wait for the sum; 1000 additions take 200


def integer(text):
    """Return the COUNT in text, if the servers take it."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_COUNT):
        raise argparse.ArgumentTypeError(f"an integer from 1 to {MAX_COUNT}, please")
    return int(text)


def request_sum(conn, count):
    """Send the COUNT, and return the server's sum."""
    conn.sendall(b"%d\n" % count)
    with conn.makefile("rb") as stream:
        reply = stream.readline(MAX_LINE)
    if not reply.endswith(b"\n") or not reply[:-1].isdigit():
        reason = reply.decode(errors="replace").partition("error: ")[2].strip()
        raise ConnectionError(reason or "the server hung up, or talks nonsense")
    return int(reply)


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
    parser.add_argument("count", type=integer, nargs="?", default=5, metavar="COUNT",
                        help="the last number to add (default: %(default)s)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=PATIENCE, metavar="SECONDS",
                        help="to wait for the sum (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not 0.001 <= args.timeout <= 100_000:
        parser.error("--timeout takes 0.001 to 100000")
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn:
            start = time.monotonic()
            conn.settimeout(args.timeout)
            total = request_sum(conn, args.count)
            waited = time.monotonic() - start
    except (OSError, ValueError) as error:
        sys.exit(f"error: no sum of 1..{args.count}: {printable(str(error))}")
    print(f"sum of 1..{args.count} = {total}")
    print(f"waited {waited:.3f} s")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
