r"""UDP streaming, the server: sends files at a steady rate.

It sends each piece of the file once. While music plays, a late piece is as bad
as a lost one.

The wire (UDP): a word and its values. "data OFFSET TOTAL" says where in the
file the bytes belong, and the size of the file; a newline ends it. All other
datagrams have no newline. The pieces have random sizes, but the seed is the
name of the file, so a file is cut at the same places each time.

    client                                server
       | ----- get - tune.wav -------------> |   the client has no token yet
       | <-------- token (the token) ------- |   12 digits and letters
       | ----- get (the token) tune.wav ---> |   twice a second from now on
       | <-- data 0 92204\n(1311 bytes) ---- |   1000 to 2000 bytes, at random
       | <- data 1311 92204\n(1231 bytes) -- |   and so on
       | <----------------- end 92204 ------ |   until the client is silent

    or | <------------ error (the reason) -- |   in place of the data

The client repeats its request until it has all bytes, or until the third
"end". Each request shows the server that the client is still there; 3 seconds
after the last one the server stops. A request with a wrong token is answered
like the first one. A request for another name begins another stream. After the
last piece the server sends "end" five times a second. An empty file has no
pieces, only "end 0". The server sends 32,000 bytes of the file a second, or
--rate. The files lie in the folder --dir (media, beside this script); a name
with a folder in it, or of a symbolic link, is refused.

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python problem4/server.py
    1| listening on 127.0.0.1:12400
    2$ python problem4/client.py tune.wav
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes
    1| 127.0.0.1:<port>: tune.wav, 92204 bytes sent
    2| received tune.wav: 92204 of 92204 bytes in <number> datagrams, 0 missing
    2$ python problem4/client.py march.wav
    1| error: 127.0.0.1:<port>: 'march.wav' does not exist
    2| error: the server says: 'march.wav' does not exist

Notice: the token. Anybody can send a datagram with somebody else's address as
its source. If one small request brought a whole file, the server would flood
that address (a reflection attack). So the first answer is short. Only the
owner of the address can read the token in it and send it back. The server
computes the token from the address, so it has nothing to remember before the
token comes back.

Try: --rate 10000, less than the tune needs. What does the player do? Then
--rate 1000000000, with a file of 30 MB: what does the client report? Then lose
some: `make wire P=problem4 LOSE=0.1`, in a third terminal. Does anybody send
the lost bytes again? Play what came.
"""
import argparse
import contextlib
import hashlib
import os
import random
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12400  # only this machine; 0.0.0.0 opens it to the network
DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "media")
RATE = 32_000                    # bytes a second; the tune needs 16,000
MAX_REQUEST = 400                # bytes: a word, a token and a file name
PATIENCE = 3                     # seconds without a request: the client has left
REPEAT = 0.2                     # seconds between two "end"
SECRET = os.urandom(16)          # new at each start; nobody else knows it


def token(peer):
    """Return the word that only the owner of this address can know."""
    proof = hashlib.blake2b(repr(peer).encode(), key=SECRET, digest_size=6)
    return proof.hexdigest().encode()


def stream(sock, key, heard, folder, rate):
    """Send one file to one client, and its end until the client leaves."""
    peer, name = key
    dice = random.Random(name)  # the same pieces if the stream starts again
    try:
        path = path_in(folder, name)
        if not os.path.isfile(path):
            raise ValueError(f"{name!r} does not exist")
        total, offset, start = os.path.getsize(path), 0, time.monotonic()
        print(f"{show(peer)}: {printable(name)}, {total} bytes")
        with open(path, "rb") as file:
            while time.monotonic() < heard[key] + PATIENCE:
                piece = file.read(min(dice.randint(1000, 2000), total - offset))
                if not piece:
                    break
                sock.sendto(b"data %d %d\n%b" % (offset, total, piece), peer)
                offset += len(piece)
                ahead = start + offset / rate - time.monotonic()
                if ahead > 0:  # of the clock; a fixed sleep would be too slow
                    time.sleep(ahead)
        print(f"{show(peer)}: {printable(name)}, {offset} bytes sent")
        while time.monotonic() < heard[key] + PATIENCE:
            sock.sendto(b"end %d" % total, peer)
            time.sleep(REPEAT)
    except (OSError, ValueError) as error:
        print(f"error: {show(peer)}: {error}")
        with contextlib.suppress(OSError):
            sock.sendto(f"error {error}".encode(), peer)
    finally:
        del heard[key]


def answer(sock, heard, folder, rate):
    """Answer one request: with a token, or with a thread that streams the file."""
    datagram, peer = sock.recvfrom(MAX_REQUEST)
    word, proof, name = (datagram.split(b" ", 2) + [b"", b""])[:3]
    key = peer, os.fsdecode(name)
    if word != b"get":
        return
    if proof != token(peer):
        sock.sendto(b"token " + token(peer), peer)
    elif key in heard:
        heard[key] = time.monotonic()
    else:
        heard[key] = time.monotonic()
        threading.Thread(target=stream, daemon=True,
                         args=(sock, key, heard, folder, rate)).start()


def main():
    parser = options()
    parser.add_argument("--dir", default=DIR, help="folder of the files")
    parser.add_argument("--rate", type=float, default=RATE, help="of each stream",
                        metavar="BYTES_PER_SECOND")
    args = parser.parse_args()
    if not os.path.isdir(args.dir):
        sys.exit(f"error: {args.dir} is not a folder; try another --dir")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        print("listening on", show(sock.getsockname()))
        heard = {}  # the time of the last request, by client and file name
        while True:
            try:
                answer(sock, heard, args.dir, args.rate)
            except (OSError, RuntimeError) as error:  # RuntimeError: no thread is left
                print("error:", error)


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
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
