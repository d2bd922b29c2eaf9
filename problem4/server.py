r"""UDP streaming, the server: sends files at a steady rate.

Each piece of the file is sent once, and never again: for music that is
playing, what comes late is as bad as what is lost.

The wire (UDP): a word, then what belongs to it. OFFSET says where in the file
the bytes belong, TOTAL is the file's size.

    client                                  server
       | ----- get - tune.wav --------------> |   who are you?
       | <------------ token 5d41402abc4b --- |
       | ----- get 5d41402abc4b tune.wav ---> |   repeated twice a second while
       | <-------- data 0 92204\n(bytes) ---- |   the client is there
       | <----- data 1432 92204\n(bytes) ---- |   1000 to 2000 bytes, at random
       |                  ...                 |
       | <------------------- end 92204 ----- |   repeated until it has gone

"error REASON" comes in place of the first data.

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python problem4/server.py
    1| listening on 127.0.0.1:12400
    2$ python problem4/client.py tune.wav
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes sent
    2| received tune.wav: 92204 of 92204 bytes in <number> datagrams, 0 missing

Notice the token. Anyone can write somebody else's address on a datagram. If
one small request were enough for a whole file, this server would flood whom
its clients name (a reflection attack). So the first answer is only a short
word, which only the owner of the address can see and send back. It is
computed from the address: the server remembers nothing of those who only ask.

Try: --rate 10000 is less than the tune needs. What does the player do? And
--rate 1000000000, with a file of 30 MB in --dir: what does the client report?
"""
import argparse
import hashlib
import os
import random
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12400  # this machine only; 0.0.0.0 would admit the network
DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "media")
RATE = 32_000                    # bytes a second; the tune needs 16,000
PIECE = 1000, 2000               # bytes in a piece: from, to
MAX_REQUEST = 400                # bytes: a word, a token and a file name
MAX_STREAMS = 100                # at once; the others get their turn later
PATIENCE = 3                     # seconds without a request: the client is gone
REPEAT = 0.2                     # seconds between two "end"
SECRET = os.urandom(16)          # new at each start; nobody else knows it


def token(peer):
    """Return the word that proves to us that this address is the sender's own."""
    return hashlib.blake2b(repr(peer).encode(), key=SECRET,
                           digest_size=6).hexdigest().encode()


def serve(sock, folder, rate):
    """Take requests, and start a thread for each new stream; waits without a limit."""
    heard = {}  # (client, file name) of each stream: time of its last request
    while True:
        try:
            datagram, peer = sock.recvfrom(MAX_REQUEST)
            word, answer, name = datagram.split(b" ", 2)
            if word != b"get":
                continue
            if answer != token(peer):
                sock.sendto(b"token " + token(peer), peer)
                continue
        except (OSError, ValueError):  # no request, or nobody whom we could answer
            continue
        stream = peer, os.fsdecode(name)
        if stream in heard:
            heard[stream] = time.monotonic()
        elif len(heard) < MAX_STREAMS:
            heard[stream] = time.monotonic()
            worker = threading.Thread(target=send_stream, daemon=True, args=(
                sock, stream, heard, folder, rate))
            worker.start()


def send_stream(sock, stream, heard, folder, rate):
    """Send one file to one client, until the client is gone."""
    peer, name = stream
    try:
        with open_inside(folder, name) as file:
            total = os.fstat(file.fileno()).st_size
            print(f"{show(peer)}: {printable(name)}, {total} bytes")
            start, offset = time.monotonic(), 0
            while time.monotonic() < heard[stream] + PATIENCE:
                piece = file.read(min(random.randint(*PIECE), total - offset))
                if not piece:
                    break
                sock.sendto(b"data %d %d\n%b" % (offset, total, piece), peer)
                offset += len(piece)
                ahead = start + offset / rate - time.monotonic()
                if ahead > 0:  # of the clock; a fixed sleep would be too slow
                    time.sleep(ahead)
        print(f"{show(peer)}: {printable(name)}, {offset} bytes sent")
        while time.monotonic() < heard[stream] + PATIENCE:
            sock.sendto(b"end %d" % total, peer)
            time.sleep(REPEAT)
    except (OSError, ValueError) as error:
        print(f"error: {show(peer)}: {printable(name)}: {error}")
        try:
            sock.sendto(f"error {error}".encode(), peer)
        except OSError:
            pass
    finally:
        del heard[stream]


def open_inside(folder, name):
    """Open a file directly in the folder; raise OSError if there is none."""
    path = os.path.realpath(os.path.join(folder, name))  # to where .. and links lead
    if os.path.dirname(path) != os.path.realpath(folder) or not os.path.isfile(path):
        raise FileNotFoundError("no such file")
    return open(path, "rb")


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
    parser.add_argument("--host", default=HOST,
                        help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    parser.add_argument("--dir", default=DIR,
                        help="folder of the files (default: media, beside the script)")
    parser.add_argument("--rate", type=float, default=RATE, metavar="BYTES_PER_SECOND",
                        help="of each stream, at least 1000 (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    if not args.rate >= 1000:  # so that something comes every two seconds at least
        parser.error("--rate takes at least 1000")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    if not os.path.isdir(args.dir):
        sys.exit(f"error: no such folder: {args.dir}; try another --dir")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((args.host, args.port))
        print("listening on", show(sock.getsockname()))
        serve(sock, args.dir, args.rate)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
