"""Lock-step chat with many clients, the server: a thread for each of them.

The operator sees "[N] TEXT" when client N has said something, and answers
with "N TEXT", in any order. For each client it is one message, then one
reply.

The wire is that of problem 5's tcp_server.py, without the "wait": nobody has
to. Its clients can talk to this server. Waits for people have no limit, as
there.

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python problem6/server.py
    1| listening on 127.0.0.1:12600
    2$ python problem6/client.py
    1| client 1 127.0.0.1:<port>
    2| You:
    3$ python problem6/client.py
    1| client 2 127.0.0.1:<port>
    3| You:
    2< Is it raining?
    1| [1] Is it raining?
    3< What time is it?
    1| [2] What time is it?
    1< 2 Half past nine.
    3| Server: Half past nine.
    3| You:
    1< 1 It is.
    2| Server: It is.
    2| You:
    1< 1 Take an umbrella.
    1| error: not sent: no client of that number waits; type N TEXT

Notice: `diff problem5/tcp_server.py problem6/server.py`. The lock has gone,
which let one client in at a time, and "whose turn" has become a dictionary.
The threads were there before.

What comes in while the operator types is printed above the line that is
typed: go to its beginning, clear it, print, and put back what readline has of
it. (On Windows, which has no readline, the line is broken up, but not lost.)

Try: type half a reply, and let a client say something. Answer a client that
has left. Connect problem 5's client: --port 12600.
"""
import argparse
import itertools
import os
import socket
import sys
import threading
import time

try:
    import readline  # to edit the line that one types; Windows has none
except ImportError:
    readline = None

HOST, PORT = "127.0.0.1", 12600  # this machine only; 0.0.0.0 would admit the network
MAX_TEXT = 4000                  # characters in a message
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; UTF-8 has at most 4 a character
BACKLOG = 1024                   # clients that may arrive at once, before accept()


class Chat:
    """What the threads share."""

    def __init__(self):
        self.numbers = itertools.count(1)  # for the clients
        self.turns = {}                    # number: connection that waits for a reply


def tell(text):
    """Print a line above the one that the operator is typing."""
    if readline and sys.__stdout__.isatty():
        text = f"\r\x1b[K{text}\n{readline.get_line_buffer()}"  # \x1b[K: clear the line
        print(text, end="", flush=True)
    else:
        print(text)


def converse(conn, number, chat):
    """Show the messages of one client, and leave the replies to the operator."""
    with conn.makefile("rb") as stream:
        while line := stream.readline(MAX_LINE):
            text = line.decode().rstrip("\r\n")
            if not line.endswith(b"\n") or len(text) > MAX_TEXT:
                raise ValueError(f"a message takes at most {MAX_TEXT} characters")
            if number in chat.turns:
                raise ValueError("a second message before the reply")
            chat.turns[number] = conn
            tell(f"[{number}] {printable(text)}")


def serve(conn, peer, chat):
    """Chat with one client, whatever the others do."""
    number = str(next(chat.numbers))
    with conn:
        try:
            try:
                tell(f"client {number} {peer}")
                conn.sendall(b"ready\n")
                converse(conn, number, chat)
            finally:
                chat.turns.pop(number, None)
                tell(f"client {number} has left")
        except (OSError, ValueError) as error:
            tell(f"error: {peer}: {error}")
            refuse(conn, error)


def accept_clients(listener, chat):
    """Start a thread for each client; waits for clients without a limit."""
    while True:
        try:
            conn, peer = listener.accept()
            worker = threading.Thread(
                target=serve, args=(conn, show(peer), chat), daemon=True)
            worker.start()
        except (OSError, RuntimeError) as error:
            tell(f"error: cannot accept: {error}")
            time.sleep(0.1)  # no descriptor or thread is left: wait until one is


def reply(chat, line):
    """Send the text of a line "N TEXT" to client N, if it waits for that."""
    number, _, text = line.partition(" ")
    if number not in chat.turns:
        print("error: not sent: no client of that number waits; type N TEXT",
              file=sys.stderr)
    elif len(text) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
    else:
        conn = chat.turns.pop(number, None)
        if conn:  # in a thread: a client that does not read may not hold us up
            threading.Thread(target=send, args=(conn, text), daemon=True).start()


def send(conn, text):
    """Send a reply, however long the client takes for it."""
    try:
        conn.sendall(f"{printable(text)}\n".encode())
    except OSError:
        pass  # the client has left; its thread says so


def refuse(conn, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 10 seconds at most.
    """
    try:
        conn.settimeout(1)
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
    sys.stdin.reconfigure(errors="replace")
    chat = Chat()
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        acceptor = threading.Thread(
            target=accept_clients, args=(listener, chat), daemon=True)
        acceptor.start()
        while True:
            reply(chat, input())


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
