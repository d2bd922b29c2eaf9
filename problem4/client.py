r"""UDP streaming, the client: saves a stream, and plays it at the same time.

server.py describes the wire.

    1$ python problem4/server.py
    1| listening on 127.0.0.1:12400
    2$ python problem4/client.py tune.wav --play 'wc -c'
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes
    2| playing
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes sent
    2| received tune.wav: 92204 of 92204 bytes in <number> datagrams, 0 missing
    2| 92204

--play takes the command of a player that reads its standard input (`wc -c`
only counts the bytes). You can write --play without a command, after NAME.
Then the client takes the first of mpv, ffplay and vlc that is installed.

The file is named OUTPUT.incomplete until it is whole. If bytes are still
missing at the end, it keeps this name, it has zeros in their places, and the
status is 1. Without --output, OUTPUT is streamed_NAME. After 10 seconds
without a new piece the client gives up.

Notice: the player starts when 16 kB have arrived, and stays at least 8 kB
behind the newest piece. So a piece that arrives out of order can still go into
its place. If a piece never comes, the player gets zeros in its place, so that
the rest stays where it belongs.

The player has its own thread. If you pause the player, the thread waits, the
download goes on, and the bytes stay in a queue. The queue has no limit, so a
paused film may fill the memory. The client waits for the player's end without
a limit, because a person is listening.

Try: stop the server half way. Which file is left, and what is in it? Play it.
"""
import argparse
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
PATIENCE = 10                    # seconds without progress, then the server is dead
ENDS = 3                         # "end" datagrams; late pieces have arrived by then
CHUNK = 8192                     # bytes that the player gets at once, and stays behind
MAX_REST = 1 << 26               # bytes that the player gets when all have come
MAX_DATAGRAM = 4096              # bytes; a piece has 2000 at most
BUFFER = 4_000_000               # bytes to ask the system for; it may grant fewer
PLAYERS = ("mpv --really-quiet -", "ffplay -loglevel error -autoexit -i -",
           "vlc --play-and-exit -")


def receive(sock, name, part, chunks):
    """Write the stream into part, and all its bytes in order into the queue chunks.

    Return the size of the file, the bytes that have arrived, and in how many pieces.
    """
    token, offsets, received, total, ends = b"-", set(), 0, None, 0
    newest = fed = next_request = 0  # newest: the end of the last piece so far
    heard = time.monotonic()
    while received != total and ends < ENDS:
        now = time.monotonic()
        try:
            if now > heard + PATIENCE:
                raise ConnectionError(f"no progress for {PATIENCE} seconds")
            if now >= next_request:
                sock.send(b"get %b %b" % (token, os.fsencode(name)))
                next_request = now + REPEAT
            header, _, piece = sock.recv(MAX_DATAGRAM).partition(b"\n")
        except socket.timeout:
            continue
        except OSError:
            if total is None:
                raise
            break  # the server has died half way: this is the end, too
        word, _, values = header.partition(b" ")
        if word == b"error":
            reason = printable(values.decode(errors="replace"))
            sys.exit(f"error: the server says: {reason}")
        if word == b"token" and values != token:
            token, next_request = values, now
        if word == b"end":
            total, ends, heard = int(values), ends + 1, now
        if word == b"data":
            offset, total = map(int, values.split())
            if offset in offsets:
                continue  # a duplicate is no progress
            offsets.add(offset)
            received += len(piece)
            end = offset + len(piece)
            if not 0 <= offset < end <= total:
                raise ValueError("the server sent a piece that is not of this file")
            part.seek(offset)  # bytes that this leaves out are zeros
            part.write(piece)
            newest, heard = max(newest, end), now
            if chunks and newest >= fed + 2 * CHUNK:
                part.seek(fed)
                chunks.put(part.read(CHUNK))
                fed += CHUNK
    if chunks:
        part.seek(fed)
        chunks.put(part.read(MAX_REST))
    part.truncate(total)
    return total, received, len(offsets)


def play(command, chunks, starting):
    """Start the player when the first chunk is there; write all chunks to it."""
    chunk = chunks.get()
    try:
        with starting:
            player = subprocess.Popen(command, stdin=subprocess.PIPE)
        with player:
            print("playing")
            while chunk is not None:
                player.stdin.write(chunk)
                chunk = chunks.get()
    except OSError as error:
        print(f"the player has ended: {error}")


def installed(command):
    """Return this command, or that of the first player that is installed."""
    for words in [command] if command else map(str.split, PLAYERS):
        if shutil.which(words[0]):
            return words
    sys.exit(f"error: {' '.join(command) or 'mpv, ffplay or vlc'} is not installed")


def main():
    parser = options()
    parser.add_argument("name", metavar="NAME", help="the file to stream")
    parser.add_argument("--output", help="default: streamed_NAME")
    parser.add_argument("--play", nargs="?", const=[], type=shlex.split,
                        metavar="COMMAND", help="play it; with mpv, ffplay or vlc")
    args = parser.parse_args()
    output = args.output or f"streamed_{os.path.basename(args.name)}"
    incomplete = f"{output}.incomplete"
    check_output(output)
    check_output(incomplete)
    chunks, starting = None, threading.Lock()
    if args.play is not None:
        chunks = queue.Queue()
        player = threading.Thread(
            target=play, args=(installed(args.play), chunks, starting), daemon=True)
        player.start()
    family, address = resolve(args.host, args.port)
    if os.path.lexists(incomplete):
        os.remove(incomplete)  # perhaps a link, which open() would follow
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock, \
                open(incomplete, "x+b") as part:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.settimeout(REPEAT / 2)
            sock.connect(address)  # from now on it receives from this address only
            total, received, count = receive(sock, args.name, part, chunks)
            if not os.path.samestat(os.fstat(part.fileno()), os.stat(incomplete)):
                sys.exit(f"error: another program writes {printable(incomplete)}, too")
        if received == total:
            os.replace(incomplete, output)
    except KeyboardInterrupt:
        starting.acquire()  # no player starts from now on
        raise
    finally:
        if os.path.exists(incomplete) and os.path.getsize(incomplete) == 0:
            os.remove(incomplete)
    print(f"received {printable(args.name)}: {received} of {total} bytes in "
          f"{count} datagrams, {total - received} missing")
    if chunks:
        chunks.put(None)
        try:
            while player.is_alive():  # without a limit: somebody is listening
                player.join(1)  # each second, Python looks for a Ctrl+C
        except KeyboardInterrupt:
            print("\nstopped")  # the player; the transfer is over
    if received != total:
        sys.exit(f"error: the file is not whole; {printable(incomplete)} has what came")


# ---- The frame: the same in all clients that transfer a file -------------------------


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
