"""File transfer over UDP, the client: sends each line of a file as a datagram."""
import argparse
import os
import signal
import socket
import sys
import time


class Failed(Exception):
    """The file was not sent."""


def clean(text):
    return "".join(c if c.isprintable() else "?" for c in text)


def datagrams(path):
    if not os.path.isfile(path):
        raise Failed(f"'{clean(path)}' does not exist or is not a regular file")
    name = os.fsencode(os.path.basename(path))
    if len(name) > 244 or b"\n" in name:
        raise Failed("the name has more than 244 bytes, or a newline")
    with open(path, "rb") as file:
        lines = file.readlines()
    if not lines:
        return name, 0, [b"0 0 %s\n" % name]
    return name, len(lines), [b"%d %d %s\n" % (i, len(lines), name) + line for i, line in enumerate(lines, 1)]


def send(args):
    name, total, messages = datagrams(args.file)
    for number, message in enumerate(messages, 1):
        if len(message) > 65507:
            raise Failed(f"line {number} is too long for a datagram")
    family, kind, _, _, address = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind) as sock:
        sock.connect(address)  # so that the system reports if nobody listens
        start = time.monotonic()
        for i, message in enumerate(messages):
            time.sleep(max(0, start + i / args.rate - time.monotonic()))
            sock.send(message)
        sock.settimeout(0.2)
        try:
            sock.recv(1)  # no reply is expected, but perhaps an error
        except socket.timeout:
            pass
    print(f"sent {clean(os.fsdecode(name))}: {total} lines", flush=True)


def port(text):
    if not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def rate(text):
    if not 0 < float(text) < float("inf"):
        raise ValueError
    return float(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12100)
    parser.add_argument("--rate", type=rate, default=1000, help="lines per second")
    parser.add_argument("file")
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        send(args)
    except KeyboardInterrupt:
        print("stopped", flush=True)
        sys.exit(130)
    except (Failed, OSError, UnicodeError) as e:
        print(f"error: {e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
