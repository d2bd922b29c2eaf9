"""File transfer over UDP, the server: stores lines, one in each datagram."""
import argparse
import os
import re
import signal
import socket
import sys
import tempfile
import time

QUIET, BUFFER = 2, 1 << 20
DATAGRAM = re.compile(rb"([0-9]{1,9}) ([0-9]{1,9}) ([^\n]{1,244})\n(.*)", re.DOTALL)


class Transfer:
    def __init__(self, name, total):
        self.name, self.total, self.lines, self.stored = name, total, {}, False

    def missing(self):
        """The gaps, as text: 2-3, 7."""
        gaps, before = [], 0
        for number in sorted(self.lines) + [self.total + 1]:
            if number > before + 1:
                gaps.append(f"{before + 1}-{number - 1}" if number > before + 2 else str(before + 1))
            before = number
        return ", ".join(gaps)

    def store(self, folder):
        if self.stored:
            return
        self.stored = True
        whole = len(self.lines) == self.total
        target = os.path.join(os.fsencode(folder), self.name + (b"" if whole else b".incomplete"))
        try:
            with tempfile.TemporaryDirectory(prefix=".part_", dir=folder) as hidden:
                part = os.path.join(hidden, "part")
                with open(part, "wb") as file:
                    file.writelines(self.lines[number] for number in sorted(self.lines))
                os.replace(part, target)
        except OSError as e:
            return complain(f"cannot store {clean(self.name)}: {e.strerror}")
        counts = f"{clean(self.name)}: {len(self.lines)} of {self.total} lines"
        print(f"received {counts}" if whole else f"incomplete {counts}, missing {self.missing()}", flush=True)
        self.lines = dict.fromkeys(self.lines)  # a late duplicate is still known


def complain(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def shown(address):
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def clean(name):
    return "".join(c if c.isprintable() else "?" for c in os.fsdecode(name))


def handle(data, address, transfers, folder):
    match = DATAGRAM.fullmatch(data)
    number, total = (int(match[1]), int(match[2])) if match else (1, 0)
    if not (1 <= number <= total or number == total == 0):
        return complain(f"{shown(address)}: expected NUMBER TOTAL NAME and a line")
    name, line = match[3], match[4]
    if name in (b".", b"..") or b"/" in name or b"\0" in name:
        return complain(f"{shown(address)}: '{clean(name)}' is not a name for a file")
    transfer = transfers.get(address)
    if not transfer or (transfer.name, transfer.total) != (name, total):
        if transfer:
            transfer.store(folder)
        transfer = transfers[address] = Transfer(name, total)
    transfer.last = time.monotonic()
    if not transfer.stored:
        if total:
            transfer.lines.setdefault(number, line)
        if len(transfer.lines) == total:
            transfer.store(folder)


def serve(sock, transfers, folder):
    sock.settimeout(0.1)
    checked = time.monotonic()
    while True:
        try:
            handle(*sock.recvfrom(65536), transfers, folder)
        except socket.timeout:
            pass
        except OSError as e:
            complain(e)
        now = time.monotonic()
        if now > checked + 0.1:
            checked = now
            for address, transfer in list(transfers.items()):
                if now > transfer.last + QUIET:
                    transfer.store(folder)
                    del transfers[address]


def port(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12100)
    parser.add_argument("--dir", default="received")
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    transfers = {}  # by the client's address
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        family, kind, _, _, address = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            sock.bind(address)
            os.makedirs(args.dir, exist_ok=True)
            print(f"listening on {shown(sock.getsockname())}", flush=True)
            serve(sock, transfers, args.dir)
    except KeyboardInterrupt:
        for transfer in transfers.values():
            transfer.store(args.dir)
        print("stopped", flush=True)
    except (OSError, UnicodeError) as e:
        complain(f"cannot start: {e}")
        sys.exit(1)


if __name__ == "__main__":
    main()
