r"""Welcome and answer, the server: the client that is welcomed answers.

Then both end. From here on, create_server() makes the listener.

    client                                server
       | ----- (connects) -----------------> |
       | <------------------ Welcome!\n ---- |
       | ----- Thank you!\n ---------------> |   at most 1000 bytes
       | <-------------- (end of stream) --- |

    or | <---- error: (what is wrong)\n ---- |   and the next client's turn

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_duplex/server.py
    1| listening on 127.0.0.1:12006
    2$ python basics/stream_duplex/client.py
    1| client 127.0.0.1:<port>
    1| Client: Thank you!
    2| Server: Welcome!

Notice: one connection carries both directions. Somebody has to speak first:
if both waited, both would wait for ever. And a wait has an end: a client that
is silent for 10 seconds has to go.

Try: `(printf Thank; sleep 3; echo ' you!') | nc -N 127.0.0.1 12006`, and the
same with sleep 11.

Question: what is a stream, and is a recv() a message?
Answer: bytes in order, with no borders: a recv() may get half a message, or
two at once. The program marks the borders itself, here with a newline.
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12006  # this machine only; 0.0.0.0 would admit the network
WELCOME = b"Welcome!\n"
MAX_LINE = 1000                  # bytes
PATIENCE = 9                     # seconds that a client may be silent; refuse() takes 1


def greet(conn):
    """Send the welcome line, and wait for the client's answer."""
    conn.sendall(WELCOME)
    with conn.makefile("rb") as stream:       # recv() may split or join lines;
        line = stream.readline(MAX_LINE)      # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    print(f"Client: {printable(line.decode().strip())}")


def serve(conn, peer):
    """Serve one client, and return True; an error ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            print(f"client {peer}")
            greet(conn)
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
