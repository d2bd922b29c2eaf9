r"""Welcome and answer, the iterative server: one client at a time.

The other clients wait in the listen queue. First come, first served.

The wire (TCP): lines of UTF-8 text, each ended by a newline byte.

    client                                server
       | ----- (connects) -----------------> |   it may wait for its turn
       | <------------------ Welcome!\n ---- |
       | ----- Thank you!\n ---------------> |   at most 1000 bytes
       | <-------------- (end of stream) --- |

    or | <----- error: (the reason)\n ------ |   after a bad line, or silence

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

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

Notice: the server closes a connection that is silent for 10 seconds. So a
silent client cannot block it for ever. A slow client still delays all others.
If it sends one byte every 9 seconds, the timeout never expires.
basics/stream_echo gives each client a thread.

Try: run `nc 127.0.0.1 12007` in several terminals, and type a line in each,
but not in the order in which you started them. On Linux, the column Recv-Q of
`ss -lt 'sport = 12007'` shows how many clients wait. With two silent clients
in front, client.py gives up. Why?

Question: a client connects while the server is busy. Where does it wait?
Answer: in the listen queue. The client is connected already, because the
system has completed the connection. It stays in the queue until accept() takes
it. The client waits for its welcome, not for the connection.
"""
import argparse
import signal
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12007  # only this machine; 0.0.0.0 opens it to the network
MAX_LINE = 1000                  # bytes
PATIENCE = 10                    # seconds that a client may be silent


def greet(conn):
    """Send the welcome line, and return the client's answer."""
    conn.sendall(b"Welcome!\n")
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        line = stream.readline(MAX_LINE)    # readline() waits for the newline
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    return line.decode().strip()


def serve(conn, peer):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            print("client", peer)
            print("Client:", printable(greet(conn)))
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                serve(conn, show(peer))
            except OSError as error:  # no descriptor is left
                print("error: cannot accept:", error)
                time.sleep(0.1)


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


def refuse(conn, reason):
    """Send the client the reason, then close without a reset.

    If input is unread when we close, the system resets the connection, and the client
    may lose the reason. So end our stream first, and read until the client closes, too,
    or is silent for a second; but for at most 3 seconds.
    """
    try:
        conn.settimeout(1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 3
        while time.monotonic() < end and conn.recv(65_536):
            pass
    except OSError:
        pass  # the client has left, or is silent


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


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
