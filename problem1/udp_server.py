r"""File transfer over UDP, the server: stores what comes, a line a datagram.

Nothing is acknowledged and nothing is sent again. A datagram may be lost,
come twice or overtake another, so each one says by itself what it is: which
line of how many, of which file. Whatever is missing, the server can name it.

The wire (UDP): NUMBER TOTAL LENGTH NAME LINE, with one space after each;
LENGTH is that of NAME in bytes, and LINE is the rest, its newline included.

    client                                        server
       | ----- 1 3 8 poem.txt roses are red\n ----> |
       | ----- 2 3 8 poem.txt violets are blue\n -> |
       | ----- 3 3 8 poem.txt sugar is sweet\n ---> |   whole: stored at once
       |                                            |
       | ----- 0 0 9 empty.txt(space) ------------> |   a file without a line

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python problem1/udp_server.py
    1| listening on 127.0.0.1:12100
    2$ python problem1/udp_client.py problem2/files/haiku.txt
    1| received haiku.txt: 7 of 7 lines
    2| sent haiku.txt: 7 lines
    2$ cmp problem2/files/haiku.txt received/haiku.txt
    2$ nc -u 127.0.0.1 12100
    2< 1 3 8 poem.txt roses are red
    1| incomplete poem.txt: 1 of 3 lines, missing 2-3

Notice: what is incomplete is kept as poem.txt.incomplete, never as poem.txt.
The server cannot know that a client has finished. It waits for 2 seconds of
silence, and then stores what it has; what comes later is a new file to it.

Try: `seq 100000 > many.txt`, and send that with --rate 1000000. How many
lines arrive, and which? The system keeps what the server has not fetched yet,
but only up to a limit (BUFFER). What comes after that is dropped, and nobody
is told.
"""
import argparse
import collections
import os
import re
import socket
import sys
import tempfile
import time

HOST, PORT = "127.0.0.1", 12100  # this machine only; 0.0.0.0 would admit the network
BUFFER = 4_000_000               # bytes to ask the system for; it may grant fewer
SILENCE = 2                      # seconds without a line; the client seems to be done


def file_name(payload):
    """Return the file's name; ValueError if it leads elsewhere or is unprintable."""
    name = os.fsdecode(payload)
    if (name in ("", ".", "..") or name != os.path.basename(name)
            or not name.isprintable()):
        raise ValueError("expected a plain file name")
    return name


def parse(datagram):
    """Return number, total, name and line; raise ValueError if they are not there."""
    match = re.match(rb"(\d{1,9}) (\d{1,9}) (\d{1,3}) ", datagram)
    if not match:
        raise ValueError("expected a line of a file")
    number, total, length = map(int, match.groups())
    rest = datagram[match.end():]
    # lines are 1 to total; an empty file is line 0 of 0
    if not min(total, 1) <= number <= total or rest[length:length + 1] != b" ":
        raise ValueError("expected a line of a file")
    return number, total, file_name(rest[:length]), rest[length + 1:]


def missing(lines, total):
    """Return the numbers of the lines that are not there, as text: 2, 5-7."""
    gaps, expected = [], 1
    for number in [*sorted(lines), total + 1]:
        if number > expected:
            last = number - 1
            gaps.append(f"{expected}" if expected == last else f"{expected}-{last}")
        expected = number + 1
    return ", ".join(gaps)


def store(folder, name, total, lines):
    """Write the lines in order, under the file's own name only if none is missing."""
    try:
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as hidden:
            with open(os.path.join(hidden, "part"), "wb") as part:
                part.writelines(lines[number] for number in sorted(lines))
            final = name if len(lines) == total else f"{name}.incomplete"
            os.replace(part.name, os.path.join(folder, final))
    except (OSError, ValueError) as error:
        print(f"error: {name} is not stored: {error}")
        return
    if len(lines) == total:
        print(f"received {name}: {total} of {total} lines")
    else:
        print(f"incomplete {name}: {len(lines)} of {total} lines, "
              f"missing {missing(lines, total)}")


def receive_lines(sock, folder, files):
    """Collect the lines of any number of files; store each when whole, or silent.

    files is a dictionary, the longest silent first. (client, name, total): when last
    heard, and the lines by number, or None if they are stored.
    """
    while True:
        try:
            datagram, peer = sock.recvfrom(65_535)
            number, total, name, line = parse(datagram)
        except socket.timeout:
            pass
        except ValueError as error:
            print(f"error: {show(peer)}: {error}")
        else:
            _, lines = files.setdefault((peer, name, total), (0, {}))
            if lines is not None:  # otherwise a duplicate, late
                if number:
                    lines[number] = line
                if len(lines) == total:
                    store(folder, name, total, lines)
                    lines = None
            files[peer, name, total] = time.monotonic(), lines
            files.move_to_end((peer, name, total))
        while files:
            (peer, name, total), (heard, lines) = next(iter(files.items()))
            if time.monotonic() < heard + SILENCE:
                break
            if lines is not None:
                store(folder, name, total, lines)
            del files[peer, name, total]  # not before: Ctrl+C stores what is here


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    parser.add_argument("--dir", default="received",
                        help="folder for the files (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    try:
        os.makedirs(args.dir, exist_ok=True)
    except OSError as error:
        sys.exit(f"error: cannot use the folder {args.dir}: {error}; try another --dir")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind((args.host, args.port))
        sock.settimeout(SILENCE / 4)  # how often to look for silent clients
        print("listening on", show(sock.getsockname()))
        files = collections.OrderedDict()
        try:
            receive_lines(sock, args.dir, files)
        finally:  # Ctrl+C: what has come is kept
            for (_, name, total), (_, lines) in files.items():
                if lines is not None:
                    store(args.dir, name, total, lines)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
