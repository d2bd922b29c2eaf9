"""Hello, and a file, the client: says hello, is greeted, and sends a file.

The wire is described in server.py. Without a FILE it sends its own source.

    1$ python basics/stream_hello_file/server.py
    1| listening on 127.0.0.1:12012
    2$ python basics/stream_hello_file/client.py
    1| hello from 127.0.0.1:<port>
    1| received client.py: <number> bytes
    2| the server says hello
    2| sent client.py: <number> bytes
    2$ cmp basics/stream_hello_file/client.py received/client.py

Notice: "sent" is printed when the server has said ok. That sendall() has
returned means only that this machine's system has the bytes.

Try: FILE /dev/zero. Why must it be refused?
"""
import argparse
import os
import socket
import sys

HOST, PORT = "127.0.0.1", 12012  # where server.py listens
MAX_REPLY = 200                  # bytes
PIECE = 65_536                   # bytes to send at once; a file may exceed the memory
TIMEOUT = 10                     # seconds to wait for the server, each time


def expect(stream, word):
    """Wait for this word from the server; raise OSError if something else comes."""
    reply = stream.readline(MAX_REPLY)
    if reply != word + b"\n":
        reason = reply.decode(errors="replace").partition("error: ")[2].strip()
        raise ConnectionError(reason or "the server hung up, or talks nonsense")


def send_file(conn, name, file, size):
    """Say hello, and send the file; return when the server has stored it."""
    with conn.makefile("rb") as stream:
        conn.sendall(b"hello, server\n")
        expect(stream, b"hello, client")
        print("the server says hello")
        conn.sendall(b"%d %b\n" % (size, os.fsencode(name)))
        left = size
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise ValueError("the file has become shorter")
            conn.sendall(piece)
            left -= len(piece)
        expect(stream, b"ok")


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
    parser.add_argument("file", nargs="?", default=__file__, metavar="FILE",
                        help="the file to send (default: this script)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    name = os.path.basename(args.file)
    if "\n" in name:
        parser.error("FILE takes no newline in its name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    if os.path.exists(args.file) and not os.path.isfile(args.file):
        sys.exit(f"error: {printable(args.file)} is no plain file, and has no length")
    try:
        file = open(args.file, "rb")
    except OSError as error:
        sys.exit(f"error: cannot read {printable(args.file)}: {error.strerror}")
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn, file:
            size = os.fstat(file.fileno()).st_size
            send_file(conn, name, file, size)
        print(f"sent {printable(name)}: {size} bytes")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {printable(name)}: {printable(str(error))}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ncut off: the server keeps the file only if it had all of it")
        sys.exit(130)
