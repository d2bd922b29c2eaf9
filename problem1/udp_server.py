r"""File transfer over UDP, the server: stores lines, one in each datagram.

Nobody acknowledges or retransmits anything. A datagram may be lost, arrive
twice or overtake another. So each datagram says which line it carries, of how
many, and of which file. If lines are missing, the server can name them.

The wire (UDP): NUMBER, a space, TOTAL, a space, NAME and a newline. The rest
is the line with its newline (the last line of a file may have none). NAME has
at most 244 bytes, as the file system stores them.

    client                                              server
       | -- 1 7 haiku.txt\none hundred bytes, then\n ------> |
       | -- 2 7 haiku.txt\nnothing but the sound of the\n -> |
       | -- 3 7 haiku.txt\n(21 bytes) ---------------------> |   and so on
       | -- 7 7 haiku.txt\n(23 bytes) ---------------------> |   now stored
       |                                                   |
       | -- 0 0 empty.txt\n -------------------------------> |   without lines

The server knows a client by its address. A datagram with another NAME or TOTAL
begins a new file. A line that is there already is ignored, also after the file
is stored, until the client is silent for 2 seconds. The server stores the file
in the folder --dir (received); it replaces an old one of the same name.

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem1/udp_server.py
    1| listening on 127.0.0.1:12100
    2$ python problem1/udp_client.py problem2/files/haiku.txt
    1| received haiku.txt: 7 of 7 lines
    2| sent haiku.txt: 7 lines
    2$ cmp problem2/files/haiku.txt received/haiku.txt
    2$ nc -u 127.0.0.1 12100
    2< 0 0 empty.txt
    1| received empty.txt: 0 of 0 lines
    2< 1 3 poem.txt
    1| incomplete poem.txt: 1 of 3 lines, missing 2-3

Notice: an incomplete file is kept as poem.txt.incomplete, never as poem.txt,
and the server names all lines that are missing. The server cannot know whether
a client has finished. It waits for 2 seconds of silence, and then stores what
it has.

Try: `seq 100000 > many.txt`, and send that with --rate 1000000. How many lines
arrive, and which are missing? The system keeps datagrams until the server
fetches them, but only up to a limit (BUFFER in this script). If more arrive,
the system drops them, and tells nobody.
"""
import argparse
import os
import re
import signal
import socket
import sys
import tempfile
import time
import types

HOST, PORT = "127.0.0.1", 12100  # only this machine; 0.0.0.0 opens it to the network
BUFFER = 4_000_000               # bytes to ask the system for; it may grant fewer
SILENCE = 2                      # seconds without a line; the client seems to be done
MAX_BYTES = 500_000_000          # of one file, in memory
HEADER = re.compile(rb"([0-9]{1,9}) ([0-9]{1,9}) ([^\n]{1,244})\n")


def parse(datagram):
    """Return number, total, name and line. Line 0 of 0 stands for an empty file."""
    header = HEADER.match(datagram)
    number, total = (int(header[1]), int(header[2])) if header else (1, 0)
    if not min(total, 1) <= number <= total:
        raise ValueError("expected a line of a file, with a name of at most 244 bytes")
    return number, total, os.fsdecode(header[3]), datagram[header.end():]


def missing(lines, total):
    """Return the numbers of the missing lines as text: 2, 5-7."""
    gaps, expected = [], 1
    for number in [*sorted(lines), total + 1]:
        if number > expected:
            last = number - 1
            gaps.append(f"{expected}" if expected == last else f"{expected}-{last}")
        expected = number + 1
    return ", ".join(gaps)


def store(upload, part, folder):
    """Write the lines in order; only a whole file gets its own name."""
    if upload.lines is None:
        return
    lines, total, name = upload.lines, upload.total, printable(upload.name)
    path = os.path.join(folder, upload.name)
    text = f"received {name}: {total} of {total} lines"
    if len(lines) < total:
        path += ".incomplete"
        text = (f"incomplete {name}: {len(lines)} of {total} lines, "
                f"missing {missing(lines, total)}")
    try:
        with open(part, "wb") as file:
            file.writelines(lines[number] for number in sorted(lines))
        os.replace(part, path)
    except OSError as error:
        text = f"error: {name} is not stored: {error}"
    upload.lines = None  # before the print: Ctrl+C must not store it twice
    print(text)


def receive_line(sock, uploads, part, folder):
    """Receive one line. uploads has the lines of each client, by its address."""
    datagram, peer = sock.recvfrom(65_535)
    number, total, name, line = parse(datagram)
    path_in(folder, name)
    upload = uploads.get(peer)
    if not upload or (upload.name, upload.total) != (name, total):
        if upload:
            store(upload, part, folder)  # its client begins another file
        upload = uploads[peer] = types.SimpleNamespace(
            name=name, total=total, lines={}, size=0, heard=0)  # None: it is stored
    upload.heard = time.monotonic()
    if upload.lines is None or number in upload.lines:
        return  # a duplicate
    upload.size += len(line) + 200  # bytes; an entry of the dict takes so much, too
    if number and upload.size <= MAX_BYTES:
        upload.lines[number] = line
    if len(upload.lines) == total:
        store(upload, part, folder)


def receive_files(sock, part, folder):
    """Receive lines for ever; store a file when it is whole, or its client silent."""
    uploads = {}
    try:
        while True:
            try:
                receive_line(sock, uploads, part, folder)
            except socket.timeout:
                pass
            except (OSError, ValueError) as error:  # one bad datagram, not the end
                print("error:", error)
            for peer, upload in list(uploads.items()):
                if upload.heard + SILENCE < time.monotonic():
                    store(upload, part, folder)
                    del uploads[peer]
    finally:  # Ctrl+C: keep what has arrived
        for upload in uploads.values():
            store(upload, part, folder)


def main():
    parser = options()
    parser.add_argument("--dir", default="received", help="folder for the files")
    args = parser.parse_args()
    try:
        os.makedirs(args.dir, exist_ok=True)
    except OSError as error:
        sys.exit(f"error: {error}; try another --dir")
    family, address = resolve(args.host, args.port)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=args.dir) as hidden, \
            socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind(address)
        sock.settimeout(SILENCE / 4)  # how often to look for silent clients
        print("listening on", show(sock.getsockname()))
        receive_files(sock, os.path.join(hidden, "file"), args.dir)


# ---- The frame: the same in all UDP servers ------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def resolve(host, port):
    """Return the address family (IPv4 or IPv6) and the address of host and port."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return family, (host, port, *scope)


def path_in(folder, name):
    """Return the file's path in the folder; raise ValueError if it lies elsewhere."""
    path = os.path.join(folder, name)
    if not name or name != os.path.basename(name) or os.path.islink(path):
        raise ValueError(f"{name!r} is not the name of a file here")
    return path


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
