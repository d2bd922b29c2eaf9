"""Lock-step chat with many clients, the client: one message, then one reply.

This is problem 5's tcp_client.py with another port. The wire is described in
problem 5's tcp_server.py.

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
    3< Am I the second one?
    1| [2] Am I the second one?
    1< Ctrl+C
    1| stopped
    3| the server has left

Notice: a client cannot see how many other clients there are. You cannot see
the server's threads in the bytes.

Try: start ten clients, and be the operator. Who waits for whom?
"""
import argparse
import select
import socket
import sys

HOST, PORT = "127.0.0.1", 12600  # where server.py listens
MAX_TEXT = 1000                  # characters in a message
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; a character of UTF-8 takes up to 4
SOON = 1                         # seconds; a server that is free says "ready" by then
TIMEOUT = 10                     # seconds to wait for the connection


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
    """Send a message, and show the reply, until the server leaves."""
    if not select.select([conn], [], [], SOON)[0]:
        print("the server talks to another client: wait")
    with conn.makefile("rb") as stream:
        text = read_message(stream)
        if text not in ("ready", None):
            raise ValueError(text)
        while text is not None:
            conn.sendall(f"{ask()}\n".encode())
            text = read_message(stream)
            if text is not None:
                print("Server:", printable(text))


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        conn.settimeout(None)  # from now on we wait for a person
        try:
            converse(conn)
        except ConnectionError:
            pass  # the server has left without a word
        except ValueError as error:
            sys.exit(f"error: {printable(str(error))}; start again")
    print("the server has left")


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
