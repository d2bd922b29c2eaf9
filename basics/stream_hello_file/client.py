"""Hello, and a file, the client: says hello, and sends a file.

Without a FILE it sends its own source. The wire is described in server.py.

    1$ python basics/stream_hello_file/server.py
    1| listening on 127.0.0.1:12012
    2$ python basics/stream_hello_file/client.py
    1| hello from 127.0.0.1:<port>
    1| received client.py: <number> bytes
    2| the server says hello
    2| sent client.py: <number> bytes
    2$ cmp basics/stream_hello_file/client.py received/client.py

Notice: the client prints "sent" when the server has answered ok. When
sendall() returns, the bytes may still wait in this machine's buffers.

Try: send /dev/zero. Why must the client refuse it?
"""
import argparse
import os
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12012  # where server.py listens
MAX_LINE = 100                   # bytes
TIMEOUT = 10                     # seconds to wait for the server


def expect(stream, line):
    """Wait for this line from the server."""
    if stream.readline(MAX_LINE) != line:
        raise ConnectionError(f"the server did not answer {line.decode().strip()}")


def send_file(conn, name, file, size):
    """Say hello, send the file, and wait until the server has stored it."""
    with conn.makefile("rb") as stream:
        conn.sendall(b"hello, server\n")
        expect(stream, b"hello, client\n")
        print("the server says hello")
        conn.sendall(b"%d %b\n" % (size, os.fsencode(name)))
        conn.sendfile(file)
        expect(stream, b"ok\n")


def main():
    parser = options()
    parser.add_argument("file", nargs="?", default=__file__, metavar="FILE",
                        help="the file to send (default: this script)")
    args = parser.parse_args()
    name = os.path.basename(args.file)
    if not os.path.isfile(args.file) or "\n" in name:
        sys.exit(f"error: {args.file!r} does not exist or is not a regular file")
    size = os.path.getsize(args.file)
    with open(args.file, "rb") as file, socket.create_connection(
            (args.host, args.port), timeout=TIMEOUT) as conn:
        send_file(conn, name, file, size)
    print(f"sent {printable(name)}: {size} bytes")


# ---- The frame: the same in all clients that transfer a file -------------------------


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        sys.exit(130)
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
