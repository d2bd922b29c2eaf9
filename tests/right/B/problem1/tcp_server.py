"""File transfer over TCP, the server, with selectors: one thread stores the files of all clients."""
import argparse
import os
import random
import re
import selectors
import signal
import socket
import sys
import tempfile
import time

SILENCE = 10


class BadClient(Exception):
    pass


def complain(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def shown(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def clean(name):
    return "".join(c if c.isprintable() else "?" for c in os.fsdecode(name))


class Client:
    def __init__(self, conn, address):
        self.conn, self.peer = conn, shown(address)
        self.input, self.output = b"", b""
        self.expected, self.name, self.file, self.size, self.whole = 0, b"", None, 0, False
        self.ending = False  # an error was sent; what still arrives is ignored
        self.deadline = time.monotonic() + SILENCE

    def ready(self, mask):
        """Move bytes; return False when the connection is over."""
        try:
            if mask & selectors.EVENT_READ:
                data = self.conn.recv(65536)
                if not data and self.ending:
                    return False
                if not self.ending:
                    self.deadline = time.monotonic() + SILENCE
                    self.input += data
                    while self.unit():
                        pass
                    if not data and self.whole and not self.input:
                        return False
                    if not data:
                        raise BadClient("the connection ended before the file was whole")
            if self.output:
                self.output = self.output[self.conn.send(self.output):]
        except BlockingIOError:
            pass
        except (BadClient, OSError) as e:
            return self.refuse(getattr(e, "strerror", None) or str(e))
        selector.modify(self.conn, selectors.EVENT_WRITE if self.output else selectors.EVENT_READ, self)
        return True

    def refuse(self, reason):
        complain(f"{self.peer}: {reason}")
        self.ending, self.deadline = True, time.monotonic() + 2
        self.discard()
        try:
            self.conn.send(self.output + f"error: {reason}\n".encode())
            self.output = b""
            self.conn.shutdown(socket.SHUT_WR)
            selector.modify(self.conn, selectors.EVENT_READ, self)
            return True
        except OSError:
            return False

    def discard(self):
        if self.file:
            self.file.close()
            if not self.whole:
                os.unlink(self.file.name)
            self.file = None

    def unit(self):
        """Take one unit from the input, if it is there."""
        if len(self.input) < 13:
            return False
        match = re.match(rb"(\d{8}) (\d{3})\n", self.input)
        number, length = (int(match[1]), int(match[2])) if match else (0, 999)
        if length > (100 if number else 255):
            raise BadClient("expected the header of a unit")
        if len(self.input) < 13 + length:
            return False
        payload, self.input = self.input[13:13 + length], self.input[13 + length:]
        luck = dice.random()
        if luck < args.lose / 2:
            print(f"lost: unit {number}", flush=True)
            return True
        if number > self.expected or number == self.expected and self.whole:
            raise BadClient(f"unit {number} is not the next one")
        if number == self.expected:
            self.accept(payload)
            self.expected += 1
        if luck < args.lose:
            print(f"lost: ack {number}", flush=True)
        else:
            self.output += b"ack %08d\n" % number
        return True

    def accept(self, payload):
        if self.expected == 0:
            if payload in (b"", b".", b"..") or b"/" in payload or b"\0" in payload:
                raise BadClient(f"'{clean(payload)}' is not the name of a file")
            self.name, self.file = payload, open(os.path.join(hidden, str(id(self))), "wb")
        elif payload:
            self.file.write(payload)
            self.size += len(payload)
        else:
            self.file.close()
            os.replace(self.file.name, os.path.join(os.fsencode(args.dir), self.name))
            self.whole = True
            print(f"received {clean(self.name)}: {self.size} bytes", flush=True)


def close(client):
    client.discard()
    selector.unregister(client.conn)
    client.conn.close()


def serve(listener):
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, mask in selector.select(0.2):
            if key.data:
                if not key.data.ready(mask):
                    close(key.data)
                continue
            try:
                conn, address = listener.accept()
                conn.setblocking(False)
                selector.register(conn, selectors.EVENT_READ, Client(conn, address))
            except OSError as e:
                complain(f"cannot accept: {e}")
                time.sleep(0.1)  # the others wait a little, too
        now = time.monotonic()
        for client in [key.data for key in selector.get_map().values() if key.data]:
            if now > client.deadline:
                if client.ending or not client.refuse(f"silent for {SILENCE} seconds"):
                    close(client)


def port(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def probability(text):
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def stop(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12100)
    parser.add_argument("--lose", type=probability, default=0, help="from 0 to 1")
    parser.add_argument("--seed", type=int, help="for the same losses again")
    parser.add_argument("--dir", default="received")
    args = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    dice, selector = random.Random(args.seed), selectors.DefaultSelector()
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        family, *_, address = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM)[0]
        with socket.create_server(address, family=family, backlog=128) as listener:
            listener.setblocking(False)
            os.makedirs(args.dir, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".part_", dir=args.dir) as hidden:
                print(f"listening on {shown(listener.getsockname())}", flush=True)
                serve(listener)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except (OSError, UnicodeError) as error:
        complain(error)
        sys.exit(1)
