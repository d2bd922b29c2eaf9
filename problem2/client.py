"""Concurrent file server, the client: fetches a file and saves it.

The wire is described in server.py.

    1$ python problem2/server.py
    1| listening on 127.0.0.1:12200
    2$ python problem2/client.py haiku.txt --output download_poem
    2| 153 of 153 bytes
    2| saved download_poem: 153 bytes
    1| 127.0.0.1:<port>: sent haiku.txt, 153 bytes
    2$ python problem2/client.py limerick.txt
    1| error: 127.0.0.1:<port>: limerick.txt: no such file
    2| error: limerick.txt is not saved: no such file

Notice: "saved" is printed when all the bytes that the server announced are on
the disk, under the name. Before that they are in a hidden folder, which goes
when the client ends, also with Ctrl+C or an error (but not with a kill).

Try: start the server with --delay 5, fetch bytes.bin, look with `ls -A` in a
third terminal, and end the server. What does the client say, and what is
there now?
"""
import argparse
import os
import socket
import sys
import tempfile

HOST, PORT = "127.0.0.1", 12200  # where server.py listens
PIECE = 1000                     # bytes to read at once
MAX_LINE = 1000                  # bytes of the size, or of the server's complaint
TIMEOUT = 10                     # seconds to wait for the server, each time


def fetch(conn, name, part):
    """Write the server's file of this name into part; return its size in bytes."""
    conn.sendall(os.fsencode(name) + b"\n")
    with conn.makefile("rb") as stream:
        header = stream.readline(MAX_LINE)
        if header.startswith(b"error: "):
            raise ValueError(header[7:].decode(errors="replace").strip())
        if not header.endswith(b"\n") or not header[:-1].isdigit():
            raise ValueError("the server did not say its size")
        size, received = int(header), 0
        try:
            while received < size:
                piece = stream.read(min(PIECE, size - received))
                if not piece:
                    raise ConnectionError(f"cut off after {received} of {size} bytes")
                part.write(piece)
                received += len(piece)
                if sys.stdout.isatty():  # one moving line
                    print(f"\r{received} of {size} bytes", end="", flush=True)
        finally:
            if received and sys.stdout.isatty():
                print()
    return size


def save(conn, name, output):
    """Fetch a file into a hidden folder, and give it its name when it is whole."""
    if os.path.exists(output) and not os.path.isfile(output):
        raise ValueError(f"{output} is no file; try another --output")
    folder = os.path.dirname(output) or "."
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as hidden:
        with open(os.path.join(hidden, "part"), "wb") as part:
            size = fetch(conn, name, part)
        os.replace(part.name, output)
    return size


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
    parser.add_argument("name", metavar="NAME", help="the file to fetch")
    parser.add_argument("--output", help="where to save it (default: download_NAME)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if "\n" in args.name:
        parser.error("NAME takes no newline")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    output = args.output or f"download_{os.path.basename(args.name)}"
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn:
            size = save(conn, args.name, output)
        print(f"saved {printable(output)}: {size} bytes")
    except (OSError, ValueError) as error:
        sys.exit(f"error: {printable(args.name)} is not saved: "
                 f"{printable(str(error))}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ncut off: nothing is saved")
        sys.exit(130)
