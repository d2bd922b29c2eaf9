"""File transfer over UDP, the client: sends each line of a file as one
datagram, at a fixed rate, and hopes for the best."""

import argparse
import math
import os
import signal
import socket
import sys
import time
import unicodedata

LONGEST_NAME = 244
LONGEST_DATAGRAM = {socket.AF_INET: 65507, socket.AF_INET6: 65527}


class Failed(Exception):
    """The reason why the file was not sent."""


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


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def rate_number(text):
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError
    return number


def datagrams(path, longest):
    """Return the file's name, the number of its lines, and all datagrams."""
    name = os.path.basename(os.fsencode(path))
    if len(name) > LONGEST_NAME:
        raise Failed(f"the name has more than {LONGEST_NAME} bytes")
    if b"\n" in name:
        raise Failed("a name cannot have a newline")
    try:
        with open(path, "rb") as file:
            lines = list(file)          # ends a line at \n only
    except OSError as exc:
        raise Failed(f"{show(os.fsencode(path))}: {reason(exc)}") from None
    total = len(lines)
    if not lines:
        return name, 0, [b"0 0 %b\n" % name]
    result = []
    for number, line in enumerate(lines, 1):
        datagram = b"%d %d %b\n" % (number, total, name) + line
        if len(datagram) > longest:
            raise Failed(f"line {number} is too long for a datagram")
        result.append(datagram)
    return name, total, result


def send_file(args):
    found = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_DGRAM)
    found.sort(key=lambda info: info[0] != socket.AF_INET)  # IPv4 first
    family, kind, proto, _, address = found[0]
    name, total, todo = datagrams(args.file, LONGEST_DATAGRAM[family])
    with socket.socket(family, kind, proto) as sock:
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) < 65536:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        # A connected socket hears when the system finds that nobody listens.
        sock.connect(address)
        start = time.monotonic()
        for index, datagram in enumerate(todo):
            wait = start + index / args.rate - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            sock.send(datagram)
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise OSError(number, os.strerror(number))
    say(f"sent {show(name)}: {total} lines")


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12100,
                        help="the server's port")
    parser.add_argument("--rate", type=rate_number, default=10000,
                        metavar="LINES_PER_SECOND", help="lines a second")
    parser.add_argument("file", metavar="FILE", help="the file to send")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        send_file(args)
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except (Failed, OSError, UnicodeError) as exc:
        complain(str(exc) if isinstance(exc, Failed) else reason(exc))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
