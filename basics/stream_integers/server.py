r"""Two integers, the server: the client sends A and B, the server the sum.

    client                                server
       | ----- 12 30\n --------------------> |   integers of 1 to 1000 digits
       | <------------------------ 42\n ---- |

    or | <---- error: (what is wrong)\n ---- |   and the next client's turn

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_integers/server.py
    1| listening on 127.0.0.1:12009
    2$ nc 127.0.0.1 12009
    1| client 127.0.0.1:<port>
    2< twelve 30
    1| error: 127.0.0.1:<port>: expected two integers of 1 to 1000 digits
    2| error: expected two integers of 1 to 1000 digits
    3$ python basics/stream_integers/client.py
    1| client 127.0.0.1:<port>
    1| 12 + 30 = 42
    3| 12 + 30 = 42

Notice: "12 30" may arrive as "12 3" and "0", and a server that takes one
recv() for one message answers 15. The text is checked before int() has it:
what a client sends is a claim.

Try: `(printf '12 3'; sleep 3; printf '0\n') | nc -N 127.0.0.1 12009`

Question: the same two integers in a datagram: what would be different?
Answer: a datagram socket delivers a message whole (if the buffer holds it) or
not at all, and needs no newline, nor a connection. A stream socket delivers
every byte, and in order; where a message ends is the program's business.
"""
import argparse
import re
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12009  # this machine only; 0.0.0.0 would admit the network
MAX_LINE = 2100                  # bytes: two integers of 1000 digits, and some room
PATIENCE = 9                     # seconds that a client may be silent; refuse() takes 1
REQUEST = re.compile(rb" *([+-]?[0-9]{1,1000}) +([+-]?[0-9]{1,1000}) *\r?\n")


def add(conn):
    """Read the two integers, and send their sum."""
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    request = REQUEST.fullmatch(line)
    if not request:
        raise ValueError("expected two integers of 1 to 1000 digits")
    a, b = int(request[1]), int(request[2])
    print(f"{a} + {b} = {a + b}")
    conn.sendall(f"{a + b}\n".encode())


def serve(conn, peer):
    """Serve one client, and return True; an error ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            print(f"client {peer}")
            add(conn)
            return True
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def refuse(conn, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 1 second at most.
    """
    try:
        conn.settimeout(0.1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        for _ in range(10):
            if not conn.recv(1_000_000):
                break
    except OSError:
        pass  # the client is gone, or goes on talking: it had its chance


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                if serve(conn, show(peer)):
                    return  # one client, and the server ends
            except OSError as error:
                print(f"error: cannot accept: {error}")
                time.sleep(0.1)  # no descriptor is left: wait until one is


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
