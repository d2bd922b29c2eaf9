"""Lock-step chat with many clients, the server: each client has a thread.

The operator sees "[N] TEXT" when client N has sent a message, and answers with
"N TEXT", in any order. With each client it is one message, then one reply.

The wire is that of problem 5's tcp_server.py, but every client gets its
"ready" at once. A client that sends a second message before the reply gets an
"error" line, and its connection ends. The client of problem 5 can talk to this
server.

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

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
    1| error: not sent: this client does not wait for a reply; type N TEXT

Notice: `diff problem5/tcp_server.py problem6/server.py`. Each client has a
thread that reads its messages. The main thread reads the keyboard, because
Ctrl+C interrupts only the main thread. The clients that wait for a reply are
in a dictionary.

A message that arrives while the operator types is printed above the typed
line. The function tell() erases this line, prints the message, and prints the
line again. (Windows has no readline. There the message breaks up the line on
the screen, but the line is not lost.)

Try: type half a reply, and let a client send something. Answer a client that
has left. Connect problem 5's tcp_client.py with --port 12600.
"""
import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
import time

try:
    import readline  # to edit the line that you type; Windows does not have it
except ImportError:
    readline = None

HOST, PORT = "127.0.0.1", 12600  # only this machine; 0.0.0.0 opens it to the network
MAX_TEXT = 1000                  # characters in a message
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; a character of UTF-8 takes up to 4


def read_message(stream):
    """Return the next message, or None at the end of the stream."""
    line = stream.readline(MAX_LINE)
    text = line.decode().rstrip("\r\n")
    if line and (not line.endswith(b"\n") or len(text) > MAX_TEXT):
        raise ValueError(f"a message takes at most {MAX_TEXT} characters")
    return text if line else None


def converse(conn, number, turns):
    """Show each message of the client. The main thread sends the reply."""
    conn.sendall(b"ready\n")
    with conn.makefile("rb") as stream:
        while (text := read_message(stream)) is not None:
            if number in turns:
                raise ValueError("a second message before the reply")
            turns[number] = conn
            tell(f"[{number}] {printable(text)}")


def serve(conn, peer, number, turns):
    """Chat with one client; an error ends only this connection."""
    with conn:
        tell(f"client {number} {peer}")
        try:
            converse(conn, number, turns)
        except (OSError, ValueError) as error:
            tell(f"error: {peer}: {error}")
            turns.pop(number, None)  # a reply would be lost from now on
            refuse(conn, error)
        turns.pop(number, None)
        tell(f"client {number} has left")


def accept_clients(listener, turns):
    """Start a thread for each client. This has no timeout."""
    number = 0
    while True:
        try:
            conn, peer = listener.accept()
            number += 1
            threading.Thread(target=serve, args=(conn, show(peer), str(number), turns),
                             daemon=True).start()
        except (OSError, RuntimeError) as error:  # no descriptor or thread is left
            tell(f"error: cannot accept: {error}")
            conn = None  # a client without a thread is closed
            time.sleep(0.1)


def reply(line, turns):
    """Send the text of a line "N TEXT" to client N, if it waits for a reply."""
    number, _, text = line.partition(" ")
    if number not in turns:
        print("error: not sent: this client does not wait for a reply; type N TEXT",
              file=sys.stderr)
    elif len(text) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
    else:
        conn = turns.pop(number, None)
        try:
            if conn:  # in a thread: a client that does not read must not block us
                threading.Thread(target=send, args=(conn, text), daemon=True).start()
        except RuntimeError as error:  # no thread is left
            turns[number] = conn
            print(f"error: not sent: {error}", file=sys.stderr)


def send(conn, text):
    """Send a reply. This blocks while the client does not read."""
    try:
        conn.sendall(f"{printable(text)}\n".encode())
    except OSError:
        pass  # the client has left; its thread says so


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    turns = {}  # number of a client that waits for a reply: its connection
    with listen(args.host, args.port) as listener:
        threading.Thread(
            target=accept_clients, args=(listener, turns), daemon=True).start()
        print("listening on", show(listener.getsockname()))
        while True:
            reply(input(), turns)


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


def tell(text):
    """Print a line above the line that is being typed."""
    if readline and sys.stdout.isatty():
        line = ""
        with contextlib.suppress(ValueError):  # readline is not reading a line
            line = readline.get_line_buffer()
        rows, column = divmod(len(line), os.get_terminal_size().columns or 80)
        clear = "\r" + rows * "\x1b[A" + "\x1b[J"  # from its start, erase all
        wrap = " \r" if rows and not column else ""  # as readline does at the edge
        print(f"{clear}{text}\n{line}{wrap}", end="", flush=True)
    else:
        print(text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
