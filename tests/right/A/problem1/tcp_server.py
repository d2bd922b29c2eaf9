"""File transfer over TCP, the server: stores the files that clients send, unit by unit."""
import argparse
import itertools
import os
import random
import re
import shutil
import signal
import socket
import socketserver
import sys
import tempfile
import threading
import time

SILENCE, UNIT = 10, 100
lock = threading.Lock()
numbers = itertools.count()


class BadClient(Exception):
    """The connection cannot go on."""


def say(text, out=None):
    with lock:
        print(text, file=out or sys.stdout, flush=True)


def complain(text):
    say(f"error: {text}", sys.stderr)


def shown(address):
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def clean(name):
    return "".join(c if c.isprintable() else "?" for c in os.fsdecode(name))


class Receiver(socketserver.StreamRequestHandler):
    timeout = SILENCE

    def handle(self):
        self.file, self.name, self.size, self.whole = None, b"", 0, False
        self.part = os.path.join(self.server.hidden, str(next(numbers)))
        try:
            self.receive()
        except (BadClient, OSError) as e:
            self.refuse(f"silent for {SILENCE} seconds" if isinstance(e, socket.timeout) else getattr(e, "strerror", None) or str(e))
        finally:
            if self.file:
                self.file.close()
            if self.file and not self.whole and os.path.exists(self.part):
                os.unlink(self.part)

    def refuse(self, reason):
        complain(f"{shown(self.client_address)}: {reason}")
        try:  # unread bytes would turn close() into a reset, and the client would miss the line
            self.wfile.write(f"error: {reason}\n".encode())
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            end = time.monotonic() + 2
            while time.monotonic() < end and self.connection.recv(65536):
                pass
        except OSError:
            pass

    def receive(self):
        expected, lose = 0, self.server.args.lose
        while True:
            header = self.rfile.read(13)
            if not header and self.whole:
                return
            if len(header) < 13:
                raise BadClient("the connection ended before the file was whole")
            match = re.fullmatch(rb"([0-9]{8}) ([0-9]{3})\n", header)
            if not match or int(match[2]) > (UNIT if int(match[1]) else 255):
                raise BadClient("expected the header of a unit")
            number, length = int(match[1]), int(match[2])
            payload = self.rfile.read(length)
            if len(payload) < length:
                raise BadClient("the connection ended before the file was whole")
            luck = self.server.dice.random()
            if luck < lose / 2:
                say(f"lost: unit {number}")
                continue
            if number > expected or number == expected and self.whole:
                raise BadClient(f"unit {number} is out of order")
            if number == expected:
                self.accept(number, payload)
                expected += 1
            if luck < lose:
                say(f"lost: ack {number}")
            else:
                self.wfile.write(b"ack %08d\n" % number)

    def accept(self, number, payload):
        if number == 0:
            self.accept_name(payload)
        elif payload:
            self.file.write(payload)
            self.size += len(payload)
        else:
            self.file.close()
            os.replace(self.part, os.path.join(os.fsencode(self.server.args.dir), self.name))
            self.whole = True
            say(f"received {clean(self.name)}: {self.size} bytes")

    def accept_name(self, name):
        if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
            raise BadClient(f"'{clean(name)}' is not a name for a file")
        self.name, self.file = name, open(self.part, "xb")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        try:
            return super().get_request()
        except OSError as e:
            complain(f"cannot accept: {e}")
            time.sleep(0.5)
            raise  # socketserver itself goes on after an OSError here

    def handle_error(self, request, client_address):
        complain(f"cannot accept: {sys.exc_info()[1]}")  # no thread could start


def port(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def probability(text):
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12100)
    parser.add_argument("--lose", type=probability, default=0, help="from 0 to 1")
    parser.add_argument("--seed", type=int, help="for the same losses again")
    parser.add_argument("--dir", default="received")
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    hidden = None
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        Server.address_family, *_, address = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM)[0]
        server = Server(address, Receiver)
        os.makedirs(args.dir, exist_ok=True)
        hidden = tempfile.mkdtemp(prefix=".incomplete_", dir=args.dir)
        server.args, server.hidden, server.dice = args, hidden, random.Random(args.seed)
        say(f"listening on {shown(server.server_address)}")
        server.serve_forever()
    except KeyboardInterrupt:
        lock.acquire(timeout=0.5)  # and keep it: nobody prints after this
        if hidden:
            shutil.rmtree(hidden, ignore_errors=True)
        print("stopped", flush=True)
        os._exit(0)
    except (OSError, UnicodeError) as e:
        complain(f"cannot start: {e}")
        sys.exit(1)


if __name__ == "__main__":
    main()
