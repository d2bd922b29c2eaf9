"""A chat server over UDP that talks to one client at a time, strictly in turns.
One thread receives, one reads the keyboard, and the main thread decides."""

import argparse
import os
import queue
import re
import shutil
import signal
import socket
import sys
import threading
import time
import unicodedata

try:
    import readline
    import termios
except ImportError:     # no line editor: what arrives may disturb the typing
    readline = termios = None

LIMIT = 1000            # characters in a message
WAIT = 10               # seconds without an answer until the chat is over
REPEAT = 0.5            # seconds between two datagrams
PROMPT = "You: "
FORM = re.compile(rb"(?:(here) (0|[1-9][0-9]{0,17})|(say) (0|[1-9][0-9]{0,17}) (.*)|(bye)|(wait))",
                  re.DOTALL)


class Screen:
    """The terminal. A thread waits for the person's line, on request only."""

    def __init__(self, events):
        self.events = events
        self.requests = queue.Queue()
        self.typing = False     # the thread waits for a line
        self.open = False       # a prompt is open, and I printed it
        self.tty = sys.stdin.isatty() and sys.stdout.isatty()
        self.editor = self.tty and readline is not None
        self.saved = termios.tcgetattr(sys.stdin) if self.editor else None
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            prompt = self.requests.get()
            try:
                text = input(prompt)
            except BaseException:       # the end of the input
                text = None
            self.typing = False
            self.events.put(("typed", None, text))

    def ask(self):
        if not self.editor:
            self.fresh_line()
            print(PROMPT, end="", flush=True)
            self.open = True
        if not self.typing:
            self.typing = True
            self.requests.put(PROMPT if self.editor else "")

    def fresh_line(self):
        if self.open:
            print(flush=True)
            self.open = False

    def answered(self):
        if self.tty:
            self.open = False           # the person's Enter ended the line
        else:
            self.fresh_line()

    def show(self, text, file=None):
        """Print a line above the line that the person is typing."""
        if self.editor and self.typing:
            line = PROMPT + readline.get_line_buffer()
            rows = len(line) // max(1, shutil.get_terminal_size().columns)
            up = f"\x1b[{rows}A" if rows else ""
            print(up + "\r\x1b[J", end="", flush=True)
            print(text, file=file or sys.stdout, flush=True)
            print(line, end="", flush=True)
        else:
            was_open = self.open and self.tty
            self.fresh_line()
            print(text, file=file or sys.stdout, flush=True)
            if was_open:
                print(PROMPT, end="", flush=True)
                self.open = True

    def error(self, text):
        self.show(f"error: {text}", sys.stderr)

    def last(self, text, file=None):
        """Print the last line, and give the terminal back."""
        if self.saved:
            termios.tcsetattr(sys.stdin, termios.TCSANOW, self.saved)
        if self.editor and self.typing:
            self.open = True
        self.fresh_line()
        print(text, file=file or sys.stdout, flush=True)

    def problem(self, text):
        """What is wrong with a typed line, or None."""
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "this is not UTF-8"
        return f"at most {LIMIT} characters" if len(text) > LIMIT else None


def receive(sock, events):
    while True:
        try:
            data, address = sock.recvfrom(65535)
        except OSError:
            time.sleep(0.05)
            continue
        events.put(("datagram", address, data))


def parse(data):
    """(word, number, text), or None for a datagram that has not this form."""
    match = FORM.fullmatch(data)
    if not match:
        return None
    here, here_number, say, say_number, text, bye, wait = match.groups()
    if here:
        return "here", int(here_number), ""
    if say:
        text = text.decode("utf-8", "replace")
        return ("say", int(say_number), text) if len(text) <= LIMIT else None
    return "bye" if bye else "wait", None, ""


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def hostport(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Server:
    def __init__(self, sock, events, screen):
        self.sock = sock
        self.events = events
        self.screen = screen
        self.peer = None        # the client's address, while there is a chat
        self.number = 0         # the highest number sent or received
        self.message = None     # what I repeat until it is acknowledged
        self.alive = 0          # when the client answered
        self.next = 0           # when I repeat

    def send(self, text, address):
        try:
            self.sock.sendto(text.encode("utf-8"), address)
        except OSError:
            pass                # like a datagram that is lost

    def repeat(self):
        if self.message is None:
            self.send(f"here {self.number}", self.peer)
        else:
            self.send(f"say {self.number} {self.message}", self.peer)
        self.next = time.monotonic() + REPEAT

    def bye(self):
        if self.peer:
            for _ in range(3):
                self.send("bye", self.peer)
                time.sleep(0.02)

    def over(self):
        name, self.peer = hostport(self.peer), None
        self.screen.show(f"client {name} has left")

    def my_turn(self):
        return self.peer and self.number % 2 == 1

    def run(self):
        """Ends with KeyboardInterrupt or EOFError only."""
        while True:
            now = time.monotonic()
            if self.peer and now - self.alive >= WAIT:
                name, self.peer = hostport(self.peer), None
                self.screen.error(f"no answer from {name} for {WAIT} seconds")
            if self.peer and now >= self.next:
                self.repeat()
            pause = max(0.01, self.next - now) if self.peer else REPEAT
            try:
                kind, address, data = self.events.get(timeout=pause)
            except queue.Empty:
                continue
            if kind == "typed":
                self.typed(data)
            else:
                self.datagram(address, data)

    def typed(self, text):
        self.screen.answered()
        if text is None:
            raise EOFError
        if not self.my_turn():
            self.screen.error("the client has left: this line is not sent")
            return
        problem = self.screen.problem(text)
        if problem:
            self.screen.error(problem)
            self.screen.ask()
            return
        self.number += 1
        self.message = text
        self.alive = time.monotonic()
        self.repeat()

    def datagram(self, address, data):
        parsed = parse(data)
        if not parsed:
            return
        word, number, text = parsed
        if address != self.peer:
            if word != "here" or number != 0:
                return
            if self.peer:
                self.send("wait", address)
                return
            self.peer, self.number, self.message = address, 0, None
            self.alive = time.monotonic()
            self.screen.show(f"client {hostport(address)}")
            self.repeat()
        elif word == "bye":
            self.over()
        elif word in ("here", "say") and number in (self.number, self.number + 1):
            self.alive = time.monotonic()
            if word == "here" and number == self.number:
                self.message = None
            elif word == "say" and number % 2 == 1:
                if number > self.number:
                    self.number, self.message = number, None
                    self.screen.show(f"Client: {clean(text)}")
                    self.repeat()
                    self.screen.ask()
                else:
                    self.repeat()       # the acknowledgment was lost


def bind(host, port):
    family, kind, proto, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE)[0]
    sock = socket.socket(family, kind, proto)
    sock.bind(address)
    return sock


def port_number(text):
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", default=12500, type=port_number, help="the server's port")
    args = parser.parse_args()
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    screen = server = None

    def stop(signum, frame):
        if signum == signal.SIGINT and screen and screen.tty:
            screen.open = True          # the terminal has shown ^C
        raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        try:
            sock = bind(args.host, args.port)
            events = queue.Queue(1000)
            screen = Screen(events)
            threading.Thread(target=receive, args=(sock, events), daemon=True).start()
        except (OSError, UnicodeError, RuntimeError) as problem:
            print("error:", problem, file=sys.stderr, flush=True)
            return 1
        server = Server(sock, events, screen)
        screen.show(f"listening on {hostport(sock.getsockname())}")
        server.run()
    except (KeyboardInterrupt, EOFError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if server:
            server.bye()
        if screen:
            screen.last("stopped")
        else:
            print("stopped", flush=True)
        return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)    # a thread may still wait for the keyboard
