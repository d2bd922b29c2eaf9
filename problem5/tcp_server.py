r"""Lock-step chat over TCP, the server: one message, then one reply, in turn.

The server chats with one client at a time. The client begins.

The wire (TCP): lines of UTF-8 text, each ended by a newline byte. The server's
first line is for the client program, which does not show it. (If it is another
line than "ready", the client ends with an error line.) All other lines are
messages.

    client                                server
       | ----- (connects) ---------------> |   it may wait for its turn
       | <------------------ ready\n ----- |   now it is its turn
       | ----- Are you there?\n ----------> |
       | <------------------- I am.\n ---- |   at most 1000 characters
       | ----- (end of stream) ----------> |   at any time, from either side

    or | <----- error: (the reason)\n ---- |   after a line that is not allowed

An empty line is a message, too. A line may also end with \r\n. A line that
comes too early waits for its turn. After an "error" line, the connection ends.
(The client shows it like a message. It sends no such line itself.) If the
stream ends in the middle of a line, the line is not a message but an error. If
either side ends its stream, it has left.

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem5/tcp_server.py
    1| listening on 127.0.0.1:12500
    2$ python problem5/tcp_client.py
    1| client 127.0.0.1:<port>
    2| You:
    2< Are you there?
    1| Client: Are you there?
    1| You:
    1< I am.
    2| Server: I am.
    2| You:
    2< Ctrl+C
    2| stopped
    1| client 127.0.0.1:<port> has left

Notice: each program does one thing at a time. It waits for the person, then
for the network, then for the person again. So if the client leaves while the
operator types, the server notices it only after Enter. problem5/udp_server.py
has a second thread, and notices it at once.

The wait for a message has no time limit, because a person types it.

Try: type when it is not your turn. Start a second client, then stop the first.
"""
import argparse
import signal
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12500  # only this machine; 0.0.0.0 opens it to the network
MAX_TEXT = 1000                  # characters in a message
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; a character of UTF-8 takes up to 4


def read_message(stream):
    """Return the next message, or None at the end of the stream."""
    line = stream.readline(MAX_LINE)
    text = line.decode().rstrip("\r\n")
    if line and (not line.endswith(b"\n") or len(text) > MAX_TEXT):
        raise ValueError(f"a message takes at most {MAX_TEXT} characters")
    return text if line else None


def ask():
    """Return the line that the person types; it must not be too long."""
    while len(text := input("You: ")) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
    return text


def converse(conn):
    """Show each message of the client, and send a reply, until the client leaves."""
    conn.sendall(b"ready\n")
    with conn.makefile("rb") as stream:
        while (text := read_message(stream)) is not None:
            print("Client:", printable(text))
            conn.sendall(f"{ask()}\n".encode())


def serve(conn, peer):
    """Chat with one client; an error ends only this connection."""
    with conn:
        print("client", peer)
        try:
            converse(conn)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)
        print("client", peer, "has left")


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
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
