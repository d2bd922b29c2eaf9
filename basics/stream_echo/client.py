"""Echo, the client: sends each message, and waits for its echo.

server.py describes the wire.

    1$ python basics/stream_echo/server.py
    1| listening on 127.0.0.1:12011
    2$ python basics/stream_echo/client.py one 'two words' three
    1| client 127.0.0.1:<port>
    1| 127.0.0.1:<port>: 3 lines
    2| Server: one
    2| Server: two words
    2| Server: three

Notice: the same file object for all echoes. It reads ahead; a new one for
each echo would lose what the old one had read ahead.

Try: `nc -l 127.0.0.1 12011` as the server, and type another answer than the
echo.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12011  # where server.py listens
MAX_TEXT = 4000                  # characters in a line
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; UTF-8 has at most 4 a character
TIMEOUT = 10                     # seconds to wait, to connect and for each echo


def line(text):
    """Return text if it is a line that the server takes."""
    if len(text) > MAX_TEXT or "\n" in text:
        raise argparse.ArgumentTypeError("a line of at most 4000 characters, please")
    return text


def exchange(conn, messages):
    """Send one message after the other; wait for each echo before the next."""
    with conn.makefile("rb") as stream:             # recv() may split or join lines;
        for text in messages:
            payload = f"{text}\n".encode()
            conn.sendall(payload)
            reply = stream.readline(MAX_LINE)       # readline() waits for the newline
            if reply != payload:
                raise ValueError(f"the server has sent {reply[:80]}")
            print(f"Server: {text}")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", type=line, nargs="*", metavar="MESSAGE",
                        default=["Hello!"], help="a line to send (default: Hello!)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn:
            exchange(conn, args.messages)
    except (OSError, ValueError) as error:
        sys.exit(f"error: no echo: {error}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
