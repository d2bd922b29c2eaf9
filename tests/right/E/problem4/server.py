"""UDP streaming server: sends a file in datagrams, at a steady rate, to each
client that sent back the token of its address."""

import argparse
import errno
import hmac
import os
import random
import secrets
import signal
import socket
import stat
import string
import sys
import threading
import time
import unicodedata

SILENCE = 3        # seconds after the last request
END_PAUSE = 0.2    # seconds between two "end"
LETTERS = (string.digits + string.ascii_letters).encode()

output_lock = threading.Lock()


def clean(data):
    """Bytes from outside as text that is safe to show."""
    return "".join("?" if unicodedata.category(c) == "Cc" else c
                   for c in data.decode("utf-8", "replace"))


def say(text, file=None):
    with output_lock:
        print(text, file=file or sys.stdout, flush=True)


def say_error(text):
    say("error: " + text, sys.stderr)


def reason(exc):
    return getattr(exc, "strerror", None) or str(exc)


def show(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def on_signal(number, frame):
    raise KeyboardInterrupt


class Refused(Exception):
    """The reason why a file is not sent."""


def open_file(folder, name):
    """The open file and its size."""
    shown = f"'{clean(name)}'"
    if b"/" in name or (os.name == "nt" and (b"\\" in name or b":" in name)):
        raise Refused(f"{shown} has a folder in it")
    if name in (b".", b".."):
        raise Refused(f"{shown} is a folder")
    if b"\0" in name:
        raise Refused(f"{shown} does not exist")
    path = os.path.join(os.fsencode(folder), name)
    flags = os.O_RDONLY
    for flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):
        flags |= getattr(os, flag, 0)
    try:
        if os.path.islink(path):
            raise Refused(f"{shown} is a symbolic link")
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise Refused(f"{shown} does not exist")
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise Refused(f"{shown} is a symbolic link")
        raise Refused(f"{shown}: {reason(exc)}")
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise Refused(f"{shown} is not a file")
    return os.fdopen(descriptor, "rb"), status.st_size


class Stream:
    """One file on its way to one client, in a thread of its own."""

    def __init__(self, server, address, name, file, total):
        self.server = server
        self.address = address
        self.name = name
        self.file = file
        self.total = total
        self.last_request = time.monotonic()
        self.replaced = threading.Event()

    def wait_until(self, due):
        """Wait; False if the client is silent or wants another file."""
        while not self.replaced.is_set():
            now = time.monotonic()
            deadline = self.last_request + SILENCE
            if now >= deadline:
                return False
            if now >= due:
                return True
            self.replaced.wait(min(due, deadline) - now)
        return False

    def run(self):
        where = show(self.address)
        try:
            with self.file:
                whole = self.send_pieces()
            if whole:
                say(f"{where}: {clean(self.name)}, {self.total} bytes sent")
                while True:
                    self.server.send(b"end %d" % self.total, self.address)
                    if not self.wait_until(time.monotonic() + END_PAUSE):
                        break
            elif not self.replaced.is_set():
                say_error(f"{where}: no request for {SILENCE} seconds")
        except Refused as exc:
            self.server.refuse(self.address, str(exc))
        except OSError as exc:
            say_error(f"{where}: {reason(exc)}")
        finally:
            self.server.remove(self)

    def send_pieces(self):
        sizes = random.Random(self.name)
        offset = 0
        due = time.monotonic()
        while offset < self.total:
            if not self.wait_until(due):
                return False
            size = min(sizes.randint(1000, 2000), self.total - offset)
            try:
                piece = self.file.read(size)
            except OSError as exc:
                raise Refused(f"'{clean(self.name)}': {reason(exc)}")
            if len(piece) < size:
                raise Refused(f"'{clean(self.name)}' became shorter")
            self.server.send(b"data %d %d\n" % (offset, self.total) + piece,
                             self.address)
            offset += size
            # Do not catch up by a flood after a long pause.
            due = max(due, time.monotonic() - 1) + size / self.server.rate
        return True


class Server:
    def __init__(self, sock, folder, rate):
        self.sock = sock
        self.folder = folder
        self.rate = rate
        self.secret = secrets.token_bytes(32)
        self.streams = {}
        self.lock = threading.Lock()

    def token(self, address):
        digest = hmac.digest(self.secret, repr(address).encode(), "sha256")
        return bytes(LETTERS[byte % len(LETTERS)] for byte in digest[:12])

    def send(self, data, address):
        try:
            self.sock.sendto(data, address)
        except (socket.timeout, BlockingIOError, ConnectionError):
            pass                     # lost, as any datagram may be
        except OSError as exc:
            if exc.errno != errno.ENOBUFS:
                raise

    def refuse(self, address, text):
        say_error(f"{show(address)}: {text}")
        try:
            self.send(b"error " + text.encode("utf-8", "replace"), address)
        except OSError:
            pass

    def remove(self, stream):
        with self.lock:
            if self.streams.get(stream.address) is stream:
                del self.streams[stream.address]

    def request(self, data, address):
        parts = data.split(b" ", 2)
        if len(parts) != 3 or parts[0] != b"get" or not parts[2]:
            # No answer: two servers could keep each other busy for ever.
            say_error(f"{show(address)}: bad request")
            return
        token, name = parts[1:]
        right = self.token(address)
        if not hmac.compare_digest(token, right):
            self.send(b"token " + right, address)
            return
        with self.lock:
            stream = self.streams.get(address)
            if stream and stream.name == name:
                stream.last_request = time.monotonic()
                return
            if stream:
                del self.streams[address]
                stream.replaced.set()
        try:
            file, total = open_file(self.folder, name)
        except Refused as exc:
            self.refuse(address, str(exc))
            return
        stream = Stream(self, address, name, file, total)
        with self.lock:
            self.streams[address] = stream
        say(f"{show(address)}: {clean(name)}, {total} bytes")
        try:
            threading.Thread(target=stream.run, daemon=True).start()
        except (RuntimeError, MemoryError) as exc:
            self.remove(stream)
            file.close()
            self.refuse(address, reason(exc))

    def serve(self):
        self.sock.settimeout(0.5)
        while True:
            try:
                data, address = self.sock.recvfrom(65536)
            except (socket.timeout, ConnectionError):
                continue
            try:
                self.request(data, address)
            except OSError as exc:
                say_error(f"{show(address)}: {reason(exc)}")


def listen(host, port):
    error = None
    for family, kind, protocol, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM):
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.bind(address)
            return sock
        except OSError as exc:
            error = exc
            if sock:
                sock.close()
    raise error


def port_number(text):
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError
    return value


def positive(text):
    value = int(text)
    if value <= 0:
        raise ValueError
    return value


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1",
                        help="the server's address")
    parser.add_argument("--port", type=port_number, default=12400,
                        help="the server's port")
    parser.add_argument("--dir", help="folder of the files")
    parser.add_argument("--rate", type=positive, default=32000,
                        metavar="BYTES_PER_SECOND", help="of each stream")
    args = parser.parse_args()
    folder = args.dir
    if folder is None:
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                              "media")
    elif not os.path.isdir(folder):
        say_error(f"{clean(os.fsencode(folder))} is not a folder")
        return 1
    try:
        sock = listen(args.host, args.port)
    except (OSError, UnicodeError) as exc:
        say_error(f"cannot listen on {show((args.host, args.port))}: "
                  f"{reason(exc)}")
        return 1
    say(f"listening on {show(sock.getsockname())}")
    try:
        Server(sock, folder, args.rate).serve()
    except OSError as exc:
        say_error(reason(exc))
        return 1


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        output_lock.acquire(timeout=0.5)     # no thread prints after this
        print("stopped", flush=True)
        os._exit(0)
    sys.exit(code)
