r"""Welcome and answer, the server: sends a welcome, receives an answer.

Then both programs end. From here on, our own function listen() creates the
listening socket.

The wire (TCP): lines of UTF-8 text, each ended by a newline byte.

    client                                server
       | ----- (connects) -----------------> |
       | <------------------ Welcome!\n ---- |
       | ----- Thank you!\n ---------------> |   at most 1000 bytes
       | <-------------- (end of stream) --- |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/stream_duplex/server.py
    1| listening on 127.0.0.1:12006
    2$ python basics/stream_duplex/client.py
    1| client 127.0.0.1:<port>
    1| Client: Thank you!
    2| Server: Welcome!

Notice: one connection carries both directions. One side must send first. If
both waited for the other, they would wait for ever. The server's wait for the
answer has a limit: it closes a connection that is silent for 10 seconds.

Try: `(printf Thank; sleep 3; echo ' you!') | nc -N 127.0.0.1 12006`. Start the
server again, and do the same with sleep 11. Start it again, and run the pair
through `make wire P=stream_duplex DELAY=2`, in a third terminal. How long does
the exchange take, and why?

Question: what is a stream, and is one recv() one message?
Answer: a stream is an ordered sequence of bytes without message boundaries.
One recv() may return half a message, or two messages at once. The program must
mark the boundaries itself. Here it uses a newline.
"""
import argparse
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12006  # only this machine; 0.0.0.0 opens it to the network
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


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        conn, peer = listener.accept()  # waits for a client, without a timeout
        with conn:
            conn.settimeout(PATIENCE)
            print("client", show(peer))
            try:
                print("Client:", printable(greet(conn)))
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
