"""Server of a lock-step chat over UDP: numbered messages, repeated until they are acknowledged.
One client at a time; the others are told to wait."""

import argparse
import os
import re
import select
import signal
import socket
import sys
import time
import unicodedata

LIMIT = 1000
PATIENCE = 10
PERIOD = 0.5
HERE = re.compile(rb"here ([0-9]{1,18})")
SAY = re.compile(rb"say ([0-9]{1,18}) (.*)", re.DOTALL)


def on_signal(signum, frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def complain(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def show_address(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def parse(data):
    """(word, number, text) of a datagram, or None if it does not have the form."""
    if data in (b"bye", b"wait"):
        return data.decode(), None, None
    match = HERE.fullmatch(data)
    if match:
        return "here", int(match[1]), None
    match = SAY.fullmatch(data)
    if match:
        text = match[2].decode(errors="replace")
        if len(text) <= LIMIT:
            return "say", int(match[1]), text
    return None


class Keyboard:
    """Lines from standard input, read only while the prompt stands there."""

    def __init__(self):
        self.rest = b""
        self.ended = sys.stdin is None
        self.prompted = False

    def prompt(self):
        print("You: ", end="", flush=True)
        self.prompted = True

    def leave(self):
        """Begin a new line if the prompt is still unanswered."""
        if self.prompted:
            print(flush=True)
            self.prompted = False

    def must_wait(self):
        return b"\n" not in self.rest and not self.ended

    def fill(self):
        try:
            data = os.read(0, 4096)
        except OSError:
            data = b""
        self.rest += data
        self.ended = not data

    def line(self):
        """A good line, or None. The end of input is the same as Ctrl+C."""
        if self.must_wait():
            return None
        if not self.rest:
            raise KeyboardInterrupt
        line, _, self.rest = self.rest.partition(b"\n")
        self.prompted = False
        if line.endswith(b"\r"):
            line = line[:-1]
        try:
            text = line.decode()
            if len(text) <= LIMIT:
                return text
            complain(f"at most {LIMIT} characters")
        except UnicodeDecodeError:
            complain("the text is not UTF-8")
        self.prompt()
        return None


class Server:
    def __init__(self, sock):
        self.sock = sock
        self.keyboard = Keyboard()
        self.client = None
        self.number = 0
        self.repeated = b""
        self.next_time = self.deadline = 0.0

    def send(self, data, address):
        try:
            self.sock.sendto(data, address)
        except OSError:
            pass  # as if it were lost

    def repeat(self, data):
        """Send this to the client now, and then twice a second."""
        self.repeated = data
        self.send(data, self.client)
        self.next_time = time.monotonic() + PERIOD

    def heard(self):
        self.deadline = time.monotonic() + PATIENCE

    def begin(self, address):
        self.client = address
        self.number = 0
        print(f"client {show_address(address)}", flush=True)
        self.heard()
        self.repeat(b"here 0")

    def end(self):
        self.keyboard.leave()
        print(f"client {show_address(self.client)} has left", flush=True)
        self.client = None

    def say(self, text):
        self.number += 1
        self.heard()
        self.repeat(f"say {self.number} {text}".encode())

    def datagram(self):
        try:
            data, address = self.sock.recvfrom(65535)
        except OSError:
            return
        parsed = parse(data)
        if parsed is None:
            return
        word, number, text = parsed
        if address != self.client:
            if word == "here" and number == 0:
                if self.client is None:
                    self.begin(address)
                else:
                    self.send(b"wait", address)
        elif word == "bye":
            self.end()
        elif word == "here" and number in (self.number, self.number + 1):
            self.heard()
            if self.repeated.startswith(b"say "):
                self.repeated = b"here %d" % self.number
        elif word == "say" and number % 2 == 1 and number in (self.number, self.number + 1):
            self.heard()
            if number == self.number + 1:
                self.number = number
                self.repeat(b"here %d" % number)
                print(f"Client: {printable(text)}", flush=True)
                self.keyboard.prompt()

    def run(self):
        while True:
            readers, timeout = [self.sock], None
            if self.client is not None:
                now = time.monotonic()
                if now >= self.deadline:
                    self.keyboard.leave()
                    complain(f"no answer from {show_address(self.client)} for {PATIENCE} seconds")
                    self.client = None
                    continue
                if now >= self.next_time:
                    self.repeat(self.repeated)
                timeout = max(0, min(self.next_time, self.deadline) - now)
                if self.keyboard.prompted:
                    if self.keyboard.must_wait():
                        readers.append(0)
                    else:
                        text = self.keyboard.line()
                        if text is not None:
                            self.say(text)
                        continue
            elif not self.keyboard.ended:
                readers.append(0)  # what is typed for nobody is thrown away
            ready = select.select(readers, [], [], timeout)[0]
            if self.sock in ready:
                self.datagram()
            if 0 in ready:
                self.keyboard.fill()
                if not self.keyboard.prompted:
                    self.keyboard.rest = b""

    def stop(self):
        self.keyboard.leave()
        if self.client is not None:
            for _ in range(3):
                self.send(b"bye", self.client)
                time.sleep(0.05)


def bind(host, port):
    problem = OSError(f"no address for {host}")
    for family, kind, proto, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE):
        sock = None
        try:
            sock = socket.socket(family, kind, proto)
            sock.bind(address)
            sock.setblocking(False)
            return sock
        except OSError as reason:
            problem = reason
            if sock:
                sock.close()
    raise problem


def serve(host, port):
    with bind(host, port) as sock:
        server = Server(sock)
        try:
            print(f"listening on {show_address(sock.getsockname())}", flush=True)
            server.run()
        finally:
            server.stop()


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    for stream in sys.stdout, sys.stderr:
        if stream:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--host", default="127.0.0.1", help="the server's address")
        parser.add_argument("--port", type=port_number, default=12500, help="the server's port")
        args = parser.parse_args()
        serve(args.host, args.port)
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 0
    except (OSError, UnicodeError) as reason:
        complain(reason)
        return 1


if __name__ == "__main__":
    sys.exit(main())
