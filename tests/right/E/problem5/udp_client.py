"""Client of a lock-step chat over UDP: the person writes a message, then waits for the answer.
Each message is repeated until the server acknowledges it."""

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


class Over(Exception):
    """The chat is over, because the server has left."""


class Client:
    def __init__(self, host, port):
        self.choices = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        self.sock = None
        self.keyboard = Keyboard()
        self.answered = False  # "wait" or "here 0" has come
        self.chatting = False  # "here 0" has come
        self.refused = False
        self.number = 0
        self.repeated = b"here 0"
        self.next_time = 0.0
        self.heard()

    def connect(self):
        """A socket for the next address of the server (localhost may have two)."""
        problem = OSError("the server has no address")
        for _ in self.choices:
            family, kind, proto, _, address = self.choices.pop(0)
            self.choices.append((family, kind, proto, _, address))
            self.close()
            try:
                self.sock = socket.socket(family, kind, proto)
                self.sock.setblocking(False)
                self.sock.connect(address)
                return
            except OSError as reason:
                problem = reason
        raise problem

    def close(self):
        if self.sock:
            self.sock.close()

    def send(self, data):
        try:
            self.sock.send(data)
        except ConnectionRefusedError:
            self.refused = True
        except OSError:
            pass  # as if it were lost

    def repeat(self, data):
        """Send this to the server now, and then twice a second."""
        self.repeated = data
        self.send(data)
        self.next_time = time.monotonic() + PERIOD

    def heard(self):
        self.deadline = time.monotonic() + PATIENCE

    def say(self, text):
        self.number += 1
        self.heard()
        self.repeat(f"say {self.number} {text}".encode())

    def datagram(self):
        try:
            parsed = parse(self.sock.recv(65535))
        except ConnectionRefusedError:
            self.refused = True
            return
        except OSError:
            return
        if parsed is None:
            return
        word, number, text = parsed
        if word == "bye":
            raise Over
        if not self.chatting:
            if word == "wait":
                self.heard()
                if not self.answered:
                    print("the server talks to another client: wait", flush=True)
                self.answered = True
            elif word == "here" and number == 0:
                self.heard()
                self.answered = self.chatting = True
                self.keyboard.prompt()
        elif word == "here" and number in (self.number, self.number + 1):
            self.heard()
            if self.repeated.startswith(b"say "):
                self.repeated = b"here %d" % self.number
        elif (word == "say" and number > 0 and number % 2 == 0
                and number in (self.number, self.number + 1)):
            self.heard()
            if number == self.number + 1:
                self.number = number
                self.repeat(b"here %d" % number)
                print(f"Server: {printable(text)}", flush=True)
                self.keyboard.prompt()

    def run(self):
        self.connect()
        while True:
            now = time.monotonic()
            if now >= self.deadline:
                self.keyboard.leave()
                raise OSError("the server does not answer")
            if now >= self.next_time:
                if self.refused and not self.answered and len(self.choices) > 1:
                    self.connect()
                self.refused = False
                self.repeat(self.repeated)
            readers = [self.sock]
            timeout = max(0, min(self.next_time, self.deadline) - now)
            if self.keyboard.prompted:
                if self.keyboard.must_wait():
                    readers.append(0)
                else:
                    text = self.keyboard.line()
                    if text is not None:
                        self.say(text)
                    continue
            ready = select.select(readers, [], [], timeout)[0]
            if self.sock in ready:
                self.datagram()
            if 0 in ready and self.keyboard.prompted:
                self.keyboard.fill()

    def stop(self):
        self.keyboard.leave()
        if self.sock:
            for _ in range(3):
                self.send(b"bye")
                time.sleep(0.05)


def chat(host, port):
    client = Client(host, port)
    try:
        client.run()
    except Over:
        client.keyboard.leave()
        print("the server has left", flush=True)
    except KeyboardInterrupt:
        client.stop()
        raise
    finally:
        client.close()
    return 0


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
        return chat(args.host, args.port)
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 0
    except (OSError, UnicodeError) as reason:
        complain(reason)
        return 1


if __name__ == "__main__":
    sys.exit(main())
