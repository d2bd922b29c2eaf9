"""File transfer over TCP, the client: sends a file, unit by unit, and waits for each acknowledgment."""
import argparse
import os
import re
import signal
import socket
import sys
import time

UNIT = 100


class Failed(Exception):
    """The file was not sent."""


def clean(text):
    return "".join(c if c.isprintable() else "?" for c in text)


class Link:
    def __init__(self, conn, args):
        self.conn, self.args, self.buffer, self.again = conn, args, b"", 0

    def send(self, number, payload):
        """Send one unit as often as necessary."""
        for attempt in range(self.args.retries):
            if attempt:
                print(f"unit {number}: no acknowledgment, sent again", flush=True)
                self.again += 1
            self.conn.settimeout(10)
            self.conn.sendall(b"%08d %03d\n" % (number, len(payload)) + payload)
            if self.acknowledged(number):
                return
        raise Failed(f"unit {number}: no acknowledgment, given up")

    def acknowledged(self, number):
        deadline = time.monotonic() + self.args.timeout
        while True:
            line, newline, rest = self.buffer.partition(b"\n")
            if newline:
                self.buffer = rest
                if line.startswith(b"error: "):
                    raise Failed(clean(line[7:].decode("utf-8", "replace")))
                match = re.fullmatch(rb"ack ([0-9]{8})", line)
                if not match or int(match[1]) > number:
                    raise Failed(f"expected the acknowledgment of unit {number}")
                if int(match[1]) == number:
                    return True
                continue  # an old one
            if len(line) > 2000:
                raise Failed("the server sends a line without an end")
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.conn.settimeout(left)
            try:
                data = self.conn.recv(4096)
            except (socket.timeout, BlockingIOError):
                return False
            if not data:
                raise Failed("the server closed the connection")
            self.buffer += data


def transfer(args):
    if not os.path.isfile(args.file):
        raise Failed(f"'{clean(args.file)}' does not exist or is not a regular file")
    name, size, number = os.path.basename(args.file), 0, 0
    with open(args.file, "rb") as file, socket.create_connection((args.host, args.port), timeout=10) as conn:
        link = Link(conn, args)
        link.send(0, os.fsencode(name))
        while True:
            payload = file.read(UNIT)
            number += 1
            if number > 99999999:
                raise Failed("the file is too large for eight digits")
            link.send(number, payload)
            size += len(payload)
            if not payload:
                break
    print(f"sent {clean(name)}: {size} bytes in {number - 1} units, {link.again} retransmitted", flush=True)


def port(text):
    if not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def seconds(text):
    if not 0 < float(text) <= 3600:
        raise ValueError
    return float(text)


def count(text):
    if int(text) < 0:
        raise ValueError
    return int(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12100)
    parser.add_argument("--timeout", type=seconds, default=2, help="seconds for an acknowledgment")
    parser.add_argument("--retries", type=count, default=5, help="for each unit")
    parser.add_argument("file")
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        transfer(args)
    except KeyboardInterrupt:
        print("stopped", flush=True)
        sys.exit(130)
    except (Failed, OSError, UnicodeError) as e:
        print(f"error: {'silent for 10 seconds' if isinstance(e, socket.timeout) else e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
