"""Concurrent file server, the client: fetches a file, and saves it.

The wire is described in server.py.

    1$ python problem2/server.py
    1| listening on 127.0.0.1:12200
    2$ python problem2/client.py haiku.txt --output download_poem
    2| 153 of 153 bytes
    2| saved download_poem: 153 bytes
    1| 127.0.0.1:<port>: sent haiku.txt, 153 bytes
    2$ python problem2/client.py limerick.txt
    1| error: 127.0.0.1:<port>: 'limerick.txt' does not exist
    2| error: 'limerick.txt' does not exist

Notice: the client prints "saved" only when all bytes have arrived, as many
as the server announced, and the file has its name. Until then the bytes are in
a hidden folder. This folder disappears when the client ends, also after Ctrl+C
or an error (but not after `kill -9`).

Try: start the server with --delay 5, and fetch bytes.bin. Look with `ls -A` in
a third terminal, and stop the server. What does the client say, and what is
in the folder now?
"""
import argparse
import os
import signal
import socket
import sys
import tempfile

HOST, PORT = "127.0.0.1", 12200  # where server.py listens
PIECE = 1000                     # bytes to read at once
MAX_LINE = 1000                  # bytes of the size, or of the server's reason
TIMEOUT = 10                     # seconds to wait for the server


def fetch(conn, name, part):
    """Write the server's file of this name into part; return its size in bytes."""
    conn.sendall(os.fsencode(name) + b"\n")
    with conn.makefile("rb") as stream:
        header = stream.readline(MAX_LINE)
        if header.startswith(b"error: "):
            sys.exit(printable(header.decode(errors="replace").strip()))
        if not header[:-1].isdigit() or not header.endswith(b"\n"):
            raise ValueError("the server did not send the size")
        left = size = int(header)
        while left:
            piece = stream.read(min(PIECE, left))
            if not piece:
                raise ConnectionError(f"cut off after {size - left} of {size} bytes")
            part.write(piece)
            left -= len(piece)
            if sys.stdout.isatty():  # one moving line
                print(f"{size - left} of {size} bytes", end="\r")
    if sys.stdout.isatty():
        print()
    return size


def main():
    parser = options()
    parser.add_argument("name", metavar="NAME", help="a file of the server")
    parser.add_argument("--output", help="default: download_NAME")
    args = parser.parse_args()
    if "\n" in args.name:
        parser.error("NAME takes no newline")
    output = args.output or f"download_{os.path.basename(args.name)}"
    check_output(output)
    folder = os.path.dirname(output) or "."
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as hidden:
        with open(os.path.join(hidden, "file"), "wb") as part, \
                socket.create_connection((args.host, args.port), TIMEOUT) as conn:
            size = fetch(conn, args.name, part)
        os.replace(part.name, output)
    print(f"saved {printable(output)}: {size} bytes")


# ---- The frame: the same in all clients that transfer a file -------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def check_output(path):
    """End the program if path cannot become the name of a file."""
    reason = None
    if os.path.exists(path) and not os.path.isfile(path):
        reason = "exists and is not a regular file"
    elif len(os.fsencode(os.path.basename(path))) > 255:
        reason = "is too long"
    elif not os.path.isdir(os.path.dirname(path) or "."):
        reason = "lies in a folder that does not exist"
    if reason:
        sys.exit(f"error: {printable(path)} {reason}; choose another --output")


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
