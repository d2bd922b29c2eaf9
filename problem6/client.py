"""Lock-step chat with many clients, the client: one message, then one reply.

The code is that of problem 5's tcp_client.py, with another port. The wire is
described in problem 5's tcp_server.py.

    1$ python problem6/server.py
    1| listening on 127.0.0.1:12600
    2$ python problem6/client.py
    1| client 1 127.0.0.1:<port>
    2| You:
    2< Are you there?
    1| [1] Are you there?
    1< 1 I am.
    2| Server: I am.
    2| You:
    2< Ctrl+D
    2| stopped
    1| client 1 has left
    3$ python problem5/tcp_client.py --port 12600
    1| client 2 127.0.0.1:<port>
    3| You:
    1< Ctrl+C
    1| stopped
    3| the server has left

Notice: a client cannot see how many other clients there are. The server's
threads do not show on the wire.

Try: start ten clients, and be the operator. Who waits for whom?
"""
import argparse
import contextlib
import os
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12600  # where server.py listens
MAX_TEXT = 1000                  # characters in a message
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; a character of UTF-8 takes up to 4
TIMEOUT = 10                     # seconds to wait for the connection and the first line


class Chat:
    """The variables that the threads share."""

    def __init__(self):
        self.turn = False  # whether it is our turn


def read_line(stream):
    """Return the next line as text, or None at the end of the stream."""
    line = stream.readline(MAX_LINE)
    if not line:
        return None
    text = line.decode().rstrip("\r\n")
    if not line.endswith(b"\n") or len(text) > MAX_TEXT:
        raise ValueError("the line is too long, or was cut off")
    return text


def converse(conn, chat):
    """Show the server's messages, until it leaves."""
    with conn.makefile("rb") as stream:
        text = read_line(stream)
        conn.settimeout(None)  # from now on we wait for a person
        if text == "wait":
            print("the server talks to another client: wait")
        while text == "wait":
            text = read_line(stream)
        if text not in ("ready", None):
            raise ValueError(text)
        while text is not None:
            chat.turn = True
            print("You: ", end="", flush=True)
            text = read_line(stream)
            if text is not None:
                if chat.turn:
                    raise ValueError("the server sent a message when it was our turn")
                print(f"Server: {printable(text)}")


def watch(conn, chat):
    """Converse, and end the program with the conversation."""
    try:
        converse(conn, chat)
        error = None
    except (OSError, ValueError) as reason:
        error = reason
    if chat.turn:
        print()  # after the prompt
    if error:
        print(f"error: {printable(str(error))}; start again", file=sys.stderr)
    else:
        print("the server has left")
    os._exit(1 if error else 0)  # the main thread waits for the keyboard


def say(conn, chat, text):
    """Send the line that was typed, if it is our turn."""
    if not chat.turn:
        print("error: not sent: it is not your turn", file=sys.stderr)
    elif len(text) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
        print("You: ", end="", flush=True)
    else:
        chat.turn = False
        try:
            conn.sendall(f"{text}\n".encode())
        except OSError:
            pass  # the server has left; the other thread says so


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        chat = Chat()
        threading.Thread(target=watch, args=(conn, chat), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            for line in sys.stdin:  # until Ctrl+D
                while not (chat.turn or sys.stdin.isatty()):
                    time.sleep(0.1)  # a line from a file waits for its turn
                say(conn, chat, line.rstrip("\n"))
        print("\nstopped")
        os._exit(0)  # do not wait for the other thread


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
