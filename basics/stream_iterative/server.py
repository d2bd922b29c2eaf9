r"""Welcome and answer, the iterative server: for ever, one client at a time.

The others wait in the backlog, and their turn comes in the order in which
they came.

    client                                server
       | ----- (connects) -----------------> |   its turn may come later
       | <------------------ Welcome!\n ---- |
       | ----- Thank you!\n ---------------> |   at most 1000 bytes
       | <-------------- (end of stream) --- |

    or | <---- error: (what is wrong)\n ---- |   and the next client's turn

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_iterative/server.py
    1| listening on 127.0.0.1:12007
    2$ nc 127.0.0.1 12007
    1| client 127.0.0.1:<port>
    2| Welcome!
    3$ python basics/stream_iterative/client.py
    3| connected
    2< I was first.
    1| Client: I was first.
    1| client 127.0.0.1:<port>
    1| Client: Thank you!
    3| Server: Welcome!

Notice: a client that is silent for 10 seconds has to go, and delays the
others no longer. One that is merely slow can delay them for much longer, a
byte in each 9 seconds is enough; basics/stream_echo gives each a thread.

Try: `nc 127.0.0.1 12007` in several terminals, and type in another order than
you started them. On Linux `ss -lt 'sport = 12007'` counts those who wait, as
Recv-Q. With two silent ones before it, client.py gives up: why?

Question: a client connects while the server is busy. Who waits, and where?
Answer: the client, for the welcome, in the listener's backlog. It is connected
already: the system has seen to that, and keeps the connection there until
accept() takes it.
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12007  # this machine only; 0.0.0.0 would admit the network
WELCOME = b"Welcome!\n"
MAX_LINE = 1000                  # bytes
PATIENCE = 9                     # seconds that a client may be silent; refuse() takes 1
BACKLOG = 1024                   # clients that may wait for accept()


def greet(conn):
    """Send the welcome line, and wait for the client's answer."""
    conn.sendall(WELCOME)
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    print(f"Client: {printable(line.decode().strip())}")


def serve(conn, peer):
    """Serve one client; an error ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            print(f"client {peer}")
            greet(conn)
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


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


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
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                serve(conn, show(peer))
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
