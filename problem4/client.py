r"""UDP streaming, the client: saves a stream, and has it played meanwhile.

The wire is described in server.py.

    1$ python problem4/server.py
    1| listening on 127.0.0.1:12400
    2$ python problem4/client.py tune.wav --play 'wc -c'
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes
    2| playing
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes sent
    2| received tune.wav: 92204 of 92204 bytes in <number> datagrams, 0 missing
    2| 92204

--play takes a command that plays what comes from its standard input (`wc -c`
only counts it). Alone, after NAME, it takes mpv, ffplay or vlc, the first
that is installed.

Notice: the player is fed in order and without a gap. A piece that is missing
is waited for while 64 kB come after it; then zeros take its place, so that
what follows stays where it belongs. The player has a thread and a queue of
its own: one that is paused holds nothing up, and one that is closed ends only
itself. (The queue has no limit; a paused film may fill the memory.)

The wait for the player's end has no limit either: a person is listening.

Try: end the server half way. What is kept, and under which name? Then play
that.
"""
import argparse
import itertools
import os
import queue
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12400  # where server.py listens
REPEAT = 0.5                     # seconds between two requests
PATIENCE = 10                    # seconds without a datagram: the server is gone
ENDS = 3                         # of them; pieces that were overtaken have come by then
ENOUGH = 32_768                  # bytes before the player starts
WINDOW = 65_536                  # bytes that come before a missing piece is given up
MAX_DATAGRAM = 4096              # bytes; a piece has 2000 at most
BUFFER = 4_000_000               # bytes to ask the system for; it may grant fewer
STARTING = threading.Lock()      # held while the player starts; Ctrl+C keeps it
PLAYERS = ["mpv --really-quiet -", "ffplay -loglevel error -autoexit -i -",
           "vlc --play-and-exit -"]


def play(command, chunks):
    """Start the player once enough has come; feed it the chunks, up to a None."""
    arriving = iter(chunks.get, None)
    head = b""
    while len(head) < ENOUGH and (chunk := next(arriving, b"")):
        head += chunk
    try:
        with STARTING:
            player = subprocess.Popen(command, stdin=subprocess.PIPE)
        with player:
            print("playing")
            for chunk in itertools.chain([head], arriving):
                player.stdin.write(chunk)
    except OSError as error:
        print(f"the player has ended: {error}")


def playable(pieces, start, end):
    """Return how far the bytes from start to end can be played, by what has come."""
    while start in pieces:
        start += pieces[start]
    if end - start > WINDOW:  # what is missing here is given up
        start = min(offset for offset in pieces if offset > start)
    return start


def receive(sock, name, part, feed):
    """Write the stream into the file part; call feed with all the bytes in order.

    Return the size of the file, and the lengths of the pieces by their offsets.
    """
    token, pieces, total, ends = b"-", {}, None, 0
    end = fed = 0  # the offset behind all that has come, and bytes fed
    request_at = heard = time.monotonic()
    while not ends or (ends < ENDS and missing(total, pieces) > 0):
        now = time.monotonic()
        try:
            if now > heard + PATIENCE:
                raise ConnectionError(f"nothing from the server for {PATIENCE} seconds")
            if now >= request_at:
                sock.send(b"get %b %b" % (token, os.fsencode(name)))
                request_at = now + REPEAT
            header, _, piece = sock.recv(MAX_DATAGRAM).partition(b"\n")
        except socket.timeout:
            continue
        except OSError:
            if total is None:
                raise
            break  # the server has gone half way: that is the end, too
        word, _, values = header.partition(b" ")
        if word == b"error":
            raise ValueError(values.decode(errors="replace"))
        if word == b"token" and values != token:
            token, request_at = values, now
        if word == b"end":
            total, ends, heard = int(values), ends + 1, now
        if word == b"data":
            offset, total = map(int, values.split())
            if not 0 <= offset < offset + len(piece) <= total:
                raise ValueError("a piece that is not of this file")
            if offset in pieces:
                continue  # a duplicate, which is no progress
            part.seek(offset)  # what this leaves out will read as zeros
            part.write(piece)
            pieces[offset], heard = len(piece), now
            end = max(end, offset + len(piece))
            if feed:
                part.seek(fed)
                feed(part.read(playable(pieces, fed, end) - fed))
                fed = part.tell()
    part.truncate(total)
    if feed:
        part.seek(fed)
        feed(part.read())
    return total, pieces


def missing(total, pieces):
    """Return how many of the bytes have not come."""
    gaps = edge = 0
    for offset in sorted(pieces):
        gaps += max(0, offset - edge)
        edge = max(edge, offset + pieces[offset])
    return gaps + total - edge


def download(sock, name, output, feed):
    """Receive the stream into OUTPUT.incomplete, and give it its name if it is whole.

    Return the file's size, the number of pieces, and of the bytes that are missing.
    """
    incomplete = f"{output}.incomplete"
    if os.path.lexists(incomplete):
        os.remove(incomplete)  # perhaps a link, not to be followed
    try:
        with open(incomplete, "w+b") as part:
            total, pieces = receive(sock, name, part, feed)
            ours = os.path.samestat(os.fstat(part.fileno()), os.stat(incomplete))
        if not ours:
            raise FileExistsError(f"another program writes {incomplete}, too")
        left = missing(total, pieces)
        if not left:
            os.replace(incomplete, output)
        return total, len(pieces), left
    finally:
        if os.path.exists(incomplete) and os.path.getsize(incomplete) == 0:
            os.remove(incomplete)


def find_player(play):
    """Return the command of the player as a list, or None if it is not installed."""
    for command in [play] if play else PLAYERS:
        words = shlex.split(command)
        if words and shutil.which(words[0]):
            return words
    return None


def main():
    parser = options()
    parser.add_argument("name", metavar="NAME", help="the file to stream")
    parser.add_argument("--output", help="where to save it, not as streamed_NAME")
    parser.add_argument("--play", nargs="?", const="", metavar="COMMAND",
                        help="play it meanwhile; with mpv, ffplay or vlc")
    args = parser.parse_args()
    chunks, player = queue.Queue(), None
    output = args.output or f"streamed_{os.path.basename(args.name)}"
    check_output(output)
    check_output(f"{output}.incomplete")
    if args.play is not None:
        try:
            command = find_player(args.play)
        except ValueError as error:  # a quotation mark without its twin
            parser.error(f"--play: {error}")
        if not command:
            sys.exit(f"error: {args.play or 'mpv, ffplay or vlc'} is not installed")
        player = threading.Thread(target=play, args=(command, chunks), daemon=True)
        player.start()
    family, address = resolve(args.host, args.port)
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.settimeout(REPEAT / 2)
            sock.connect(address)  # from now on it receives from this address only
            total, pieces, left = download(
                sock, args.name, output, player and chunks.put)
    except KeyboardInterrupt:
        STARTING.acquire()  # no player starts from now on
        raise
    except ConnectionRefusedError:
        raise
    except (OSError, ValueError, OverflowError, MemoryError) as error:  # absurd sizes
        sys.exit(f"error: {args.name!r} is not received: {printable(str(error))}")
    try:
        print(f"received {printable(args.name)}: {total - left} of {total} bytes in "
              f"{pieces} datagrams, {left} missing")
        if player:
            chunks.put(None)
            player.join()  # without a limit: somebody is listening
    except KeyboardInterrupt:
        print("\nstopped")
    if left:
        sys.exit(f"error: {printable(output)}.incomplete is what there is of it")


# ---- The frame: the same in all clients that transfer a file -------------------------


def options():
    """Return a parser of the options that servers and clients have."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def resolve(host, port):
    """Return the address family (IPv4 or IPv6) and the address of host and port."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return family, (host, port, *scope)


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
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill does as Ctrl+C
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        sys.exit(130)
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
