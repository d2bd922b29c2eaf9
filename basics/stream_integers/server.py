r"""Two integers, the server: the client sends A and B, and gets their sum.

Then both programs end. The integers may have signs, and there may be more than
one space.

The wire (TCP): lines of ASCII text, each ended by a newline byte.

    client                                server
       | ----- 12 30\n --------------------> |   at most 1000 bytes
       | <------------------------ 42\n ---- |
       | <-------------- (end of stream) --- |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/stream_integers/server.py
    1| listening on 127.0.0.1:12009
    2$ python basics/stream_integers/client.py
    1| client 127.0.0.1:<port>
    1| 12 + 30 = 42
    2| 12 + 30 = 42

Notice: "12 30" may arrive as "12 3" and "0". A server that calls recv() once
gets only "12 3", and answers 15. And a client may send anything: the server
checks that there are two integers before it computes.

Try: `(printf '12 3'; sleep 3; printf '0\n') | nc -N 127.0.0.1 12009`. Then
`echo twelve 30 | nc -N 127.0.0.1 12009`.

Question: what would differ if a datagram carried the two integers?
Answer: a datagram socket delivers a message whole or not at all, so the
message needs no newline. The socket needs no connection. A stream socket
delivers every byte, in order, but the program must find where a message ends.
"""
import argparse
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12009  # only this machine; 0.0.0.0 opens it to the network
MAX_LINE = 1000                  # bytes
PATIENCE = 10                    # seconds that a client may be silent


def add(conn):
    """Receive two integers, send their sum, and return all three."""
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        line = stream.readline(MAX_LINE)    # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    try:
        a, b = map(int, line.split())
    except ValueError:
        raise ValueError("expected two integers") from None
    conn.sendall(f"{a + b}\n".encode())
    return a, b, a + b


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        conn, peer = listener.accept()  # waits for a client, without a timeout
        with conn:
            conn.settimeout(PATIENCE)
            print("client", show(peer))
            try:
                print("{} + {} = {}".format(*add(conn)))
            except (OSError, ValueError) as error:
                sys.exit(f"error: {show(peer)}: {error}")


# ---- The frame: the same in all TCP servers ------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def listen(host, port):
    """Return a socket that listens at this address, IPv4 or IPv6."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return socket.create_server((host, port, *scope), family=family, backlog=1024)


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
