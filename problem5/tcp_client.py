"""Lock-step chat over TCP, the client: one message, then one reply, in turn.

The wire is described in tcp_server.py.

    1$ python problem5/tcp_server.py
    1| listening on 127.0.0.1:12500
    2$ python problem5/tcp_client.py
    1| client 127.0.0.1:<port>
    2| You:
    3$ python problem5/tcp_client.py
    3| the server talks to another client: wait
    2< Ctrl+D
    2| stopped
    1| client 127.0.0.1:<port> has left
    1| client 127.0.0.1:<port>
    3| You:
    3< My turn at last!
    1| Client: My turn at last!
    1| You:
    1< Ctrl+C
    1| stopped
    3| the server has left

Notice: the end of the server is noticed at once, in the midst of typing, too.
That is what the second thread is for.

Try: end the server with `kill -9`. Who tells the client? And with both on two
machines: pull the cable. (TCP says nothing as long as there is nothing to
send.)
"""
import argparse
import contextlib
import os
import socket
import sys
import threading

HOST, PORT = "127.0.0.1", 12500  # where tcp_server.py listens
MAX_TEXT = 1000                  # characters in a message
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; UTF-8 has at most 4 a character
TIMEOUT = 10                     # seconds to wait for the connection and the first line


class Chat:
    """What the threads share."""

    def __init__(self):
        self.turn = False  # whether it is the turn of the person here


def read_line(stream):
    """Return the next line as text, or None at the end of the stream."""
    line = stream.readline(MAX_LINE)
    if not line:
        return None
    text = line.decode().rstrip("\r\n")
    if not line.endswith(b"\n") or len(text) > MAX_TEXT:
        raise ValueError(f"a message of more than {MAX_TEXT} characters, or cut off")
    return text


def converse(conn, chat):
    """Show the server's messages, until it leaves."""
    with conn.makefile("rb") as stream:
        text = read_line(stream)
        conn.settimeout(None)  # from now on it is people that we wait for
        if text == "wait":
            print("the server talks to another client: wait")
            text = read_line(stream)
        if text not in ("ready", None):
            raise ValueError(text)
        while text is not None:
            chat.turn = True
            print("You: ", end="", flush=True)
            text = read_line(stream)
            if text is not None:
                if chat.turn:
                    raise ValueError("a message that is out of turn")
                print(f"Server: {printable(text)}")


def watch(conn, chat):
    """Converse, and end the program with the conversation."""
    try:
        converse(conn, chat)
        error = None
    except (OSError, ValueError) as reason:
        error = reason
    if chat.turn:
        print()  # somebody is at the prompt
    if error:
        print(f"error: {printable(str(error))}; start again", file=sys.stderr)
    else:
        print("the server has left")
    os._exit(1 if error else 0)  # the main thread waits for the keyboard


def say(conn, chat, text):
    """Send what was typed to the server, if it is the time for it."""
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
