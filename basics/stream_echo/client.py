"""Echo, the client: sends each message, and waits for its echo.

server.py describes the wire. Without a MESSAGE it sends one of its own.

    1$ python basics/stream_echo/server.py
    1| listening on 127.0.0.1:12011
    2$ python basics/stream_echo/client.py one 'two words' three
    1| client 127.0.0.1:<port>
    1| 127.0.0.1:<port>: 3 lines
    2| Server: one
    2| Server: two words
    2| Server: three

Notice: one file object reads all echoes. It reads ahead into a buffer. With a
new file object for each echo, the bytes in the old buffer would be lost.

Try: run `nc -l 127.0.0.1 12011` in place of the server, and type an answer
that differs from the message.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12011  # where server.py listens
MAX_LINE = 4002                  # bytes: 1000 characters of up to 4, and a newline
TIMEOUT = 10                     # seconds to wait for the server


def exchange(conn, messages):
    """Send the messages; wait for the echo of each before the next."""
    with conn.makefile("rb") as stream:         # one recv() may return half a line;
        for text in messages:
            line = f"{text}\n".encode(errors="replace")
            conn.sendall(line)
            reply = stream.readline(MAX_LINE)   # readline() waits for the newline
            if reply != line:
                raise ValueError(f"the server sent {reply[:80]}, not the echo")
            print("Server:", printable(text))


def main():
    parser = options()
    parser.add_argument("messages", nargs="*", default=["Hello!"], metavar="MESSAGE",
                        help="a line of at most 1000 characters")
    args = parser.parse_args()
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        exchange(conn, args.messages)


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
