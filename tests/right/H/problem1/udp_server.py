"""File transfer over UDP, the server: collects the numbered lines of files,
and names the lines that did not arrive."""

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import time
import unicodedata

BUFFER = 1 << 20        # bytes of datagrams that the system keeps for us
SILENCE = 2             # seconds after which a client has finished
LONGEST = 244           # bytes of a name: 255 less ".incomplete"
TICK = 0.1              # seconds between two looks at the clock


def say(text):
    print(text, flush=True)


def complain(text):
    print("error: " + text, file=sys.stderr, flush=True)


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def show(name):
    return clean(name.decode("utf-8", "replace"))


def reason(exc):
    return clean(getattr(exc, "strerror", None) or str(exc) or type(exc).__name__)


def where(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def number_of(digits):
    if not digits.isdigit() or len(digits) > 18:
        raise ValueError("a number is wrong")
    return int(digits)


def parse(data):
    """Return number, total, name and line of a datagram, or raise ValueError."""
    header, newline, line = data.partition(b"\n")
    fields = header.split(b" ", 2)
    if not newline or len(fields) != 3:
        raise ValueError("the datagram has no header")
    number, total, name = number_of(fields[0]), number_of(fields[1]), fields[2]
    if not (1 <= number <= total or number == total == 0):
        raise ValueError(f"there is no line {number} of {total}")
    separators = [os.fsencode(s) for s in (os.sep, os.altsep) if s]
    if (name in (b"", b".", b"..") or b"\0" in name
            or any(s in name for s in separators)
            or os.path.splitdrive(name)[0]):
        raise ValueError(f"'{show(name)}' is not the name of a file")
    if len(name) > LONGEST:
        raise ValueError(f"the name has more than {LONGEST} bytes")
    if b"\n" in line[:-1] or (total == 0 and line):
        raise ValueError("the datagram has more than one line")
    return number, total, name, line


def missing(lines, total):
    """The numbers that are not in lines, as text: 2-3, 7"""
    gaps = []
    before = 0
    for number in [*sorted(lines), total + 1]:
        first, last = before + 1, number - 1
        if first == last:
            gaps.append(str(first))
        elif first < last:
            gaps.append(f"{first}-{last}")
        before = number
    return ", ".join(gaps)


class File:
    """What one client has sent of its present file."""

    def __init__(self, name, total):
        self.name = name
        self.total = total
        self.lines = {}
        self.stored = False
        self.last = time.monotonic()


class Server:
    def __init__(self, folder):
        self.folder = os.fsencode(folder)
        self.clients = {}

    def datagram(self, data, address):
        now = time.monotonic()
        file = self.clients.get(address)
        if file and now - file.last >= SILENCE:
            self.forget(address)
            file = None
        if file:
            file.last = now
        try:
            number, total, name, line = parse(data)
        except ValueError as exc:
            complain(f"{where(address)}: {exc}")
            return
        if file and (file.name, file.total) != (name, total):
            self.forget(address)
            file = None
        if not file:
            file = self.clients[address] = File(name, total)
        if file.stored or number in file.lines:
            return
        if number:
            file.lines[number] = line
        if len(file.lines) == total:
            self.store(file, address)

    def look(self):
        now = time.monotonic()
        for address, file in list(self.clients.items()):
            if now - file.last >= SILENCE:
                self.forget(address)

    def forget(self, address):
        file = self.clients.pop(address)
        if not file.stored:
            self.store(file, address)

    def store(self, file, address):
        begin = time.monotonic()
        whole = len(file.lines) == file.total
        name, count = show(file.name), f"{len(file.lines)} of {file.total} lines"
        try:
            self.write(file.name if whole else file.name + b".incomplete", file.lines)
        except OSError as exc:
            complain(f"{where(address)}: cannot store {name}: {reason(exc)}")
        else:
            if whole:
                say(f"received {name}: {count}")
            else:
                say(f"incomplete {name}: {count}, "
                    f"missing {missing(file.lines, file.total)}")
        file.stored = True
        file.lines = {}
        # Nobody was silent because we were busy.
        busy = time.monotonic() - begin
        for other in self.clients.values():
            other.last += busy

    def write(self, name, lines):
        """Write into a hidden folder; the whole file then gets its name."""
        target = os.path.join(self.folder, name)
        if os.path.islink(target):
            raise OSError("there is a symbolic link of that name")
        hidden = tempfile.mkdtemp(prefix=b".receiving_", dir=self.folder)
        try:
            path = os.path.join(hidden, b"file")
            with open(path, "wb") as output:
                for number in sorted(lines):
                    output.write(lines[number])
            os.replace(path, target)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)


def open_socket(host, port):
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM,
                               flags=socket.AI_PASSIVE)
    found.sort(key=lambda info: info[0] != socket.AF_INET)  # IPv4 first
    family, kind, proto, _, address = found[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        sock.bind(address)
        sock.settimeout(TICK)
    except BaseException:
        sock.close()
        raise
    return sock


def serve(sock, server):
    stopping = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.append(True))
    say(f"listening on {where(sock.getsockname())}")
    looked = time.monotonic()
    while not stopping:
        try:
            data, address = sock.recvfrom(65536)
        except socket.timeout:
            server.look()
            continue
        except OSError as exc:
            complain(reason(exc))
            time.sleep(TICK)
            continue
        server.datagram(data, address)
        if time.monotonic() - looked >= TICK:
            server.look()
            looked = time.monotonic()
    for address in list(server.clients):
        server.forget(address)


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12100,
                        help="the server's port")
    parser.add_argument("--dir", default="received", help="folder for the files")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        try:
            sock = open_socket(args.host, args.port)
        except (OSError, UnicodeError) as exc:
            complain(f"cannot listen on {args.host} port {args.port}: {reason(exc)}")
            return 1
        with sock:
            try:
                os.makedirs(args.dir, exist_ok=True)
            except OSError as exc:
                complain(f"{show(os.fsencode(args.dir))}: {reason(exc)}")
                return 1
            serve(sock, Server(args.dir))
    except KeyboardInterrupt:
        pass
    say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
