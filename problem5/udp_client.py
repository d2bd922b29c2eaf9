"""Lock-step chat over UDP, the client: one message, then one reply, in turn.

The wire is described in udp_server.py.

    1$ python problem5/udp_server.py
    1| listening on 127.0.0.1:12500
    2$ python problem5/udp_client.py
    1| client 127.0.0.1:<port>
    2| You:
    2< Anybody there?
    1| Client: Anybody there?
    1| You:
    1< Ctrl+C
    1| stopped
    2| the server has left

Notice: a message is shown once, however often it comes, for its number is
either the next one or old. And a reply is also an acknowledgment: who answers
a message must have it.

Try: in the network of `make net LOSE=50` (Linux; README.md) every second
datagram is lost: the server with --host 10.12.0.1 on host 1, the client with
the same on host 2. What do you notice of it?
"""
import argparse
import os
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12500  # where udp_server.py listens
MAX_TEXT = 1000                  # characters in a message
REPEAT = 0.5                     # seconds between two datagrams
PATIENCE = 10                    # seconds without a datagram, or an acknowledgment
MAX_DATAGRAM = 4 * MAX_TEXT + 50  # bytes; UTF-8 has at most 4 a character


class Chat:
    """The chat with the server; two threads use it, under its lock."""

    def __init__(self, sock, where):
        self.sock, self.where, self.lock = sock, where, threading.Lock()
        self.turn = False          # whether it is the turn of the person here
        self.heard = time.monotonic()
        self.last = None           # the number of the last message; None: not begun yet
        self.news = b"hello"       # what is repeated
        self.said = None           # when our message began to wait for acknowledgment
        self.answered = threading.Event()  # set when the server has answered
        self.due = 0               # when to send

    def end(self, error=None):
        """End the program; the main thread is at the keyboard, and would not notice."""
        if self.turn:
            print()                # the person is at the prompt
        if error:
            print(f"error: {error}", file=sys.stderr)
        else:
            print("the server has left")
        os._exit(1 if error else 0)

    def send(self):
        """Send the news to the server, again or for the first time."""
        self.due = time.monotonic() + REPEAT
        try:
            self.sock.send(self.news)
        except OSError:
            pass                   # it may be lost anyway, and is repeated

    def say(self, text):
        """Send what the person has typed, if it is their turn."""
        if not self.turn:
            print("error: not sent: it is not your turn", file=sys.stderr)
        elif len(text) > MAX_TEXT:
            print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
                  file=sys.stderr)
            print("You: ", end="", flush=True)
        else:
            self.turn, self.said, self.last = False, time.monotonic(), self.last + 1
            self.news = f"say {self.last} {text}".encode()
            self.send()

    def hear(self, datagram):
        """Take what the server has sent; raise ValueError if it is nonsense."""
        self.heard = time.monotonic()
        word, _, rest = datagram.decode().partition(" ")
        number, _, text = rest.partition(" ")
        if word == "wait" and not self.answered.is_set():
            print("the server talks to another client: wait")
            self.answered.set()
        elif word == "bye":
            self.end()
        elif word == "here" and self.last is None:
            self.last, self.news, self.turn = 0, b"here 0", True
            self.answered.set()
            print("You: ", end="", flush=True)
        elif word == "here" and int(number) == self.last:
            self.news, self.said = b"here %d" % self.last, None
        elif word == "say" and len(text) <= MAX_TEXT and self.last is not None:
            if int(number) == self.last + 1 and not self.turn:
                self.last, self.said, self.turn = self.last + 1, None, True
                self.news = b"here %d" % self.last
                print(f"Server: {printable(text)}\nYou: ", end="", flush=True)
            self.send()            # a duplicate is acknowledged, too

    def check(self):
        """Do what is due."""
        now = time.monotonic()
        if now > self.heard + PATIENCE:
            self.end(f"nothing from {self.where} for {PATIENCE} seconds; start again")
        elif self.said and now > self.said + PATIENCE:
            self.end(f"not acknowledged for {PATIENCE} seconds; start again")
        elif now > self.due:
            self.send()


def listen(chat):
    """Hear what comes, and see to what is due."""
    while True:
        try:
            with chat.lock:
                chat.check()
            datagram = chat.sock.recv(MAX_DATAGRAM)
            with chat.lock:
                chat.hear(datagram)
        except ConnectionRefusedError as error:  # from the machine, for the program
            if not chat.answered.is_set():
                chat.end(f"cannot reach {chat.where}: {error}; "
                         "is the server running there?")
            chat.end()
        except (OSError, ValueError):
            pass  # nothing in time, or nonsense


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    sys.stdin.reconfigure(errors="replace")
    where = show((args.host, args.port))
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.connect((args.host, args.port))  # from now on strangers are not heard
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot reach {where}: {error}; is the server running there?")
    with sock:
        sock.settimeout(REPEAT / 5)
        chat = Chat(sock, where)
        try:
            threading.Thread(target=listen, args=(chat,), daemon=True).start()
            chat.answered.wait(PATIENCE + 5)
            for line in sys.stdin:  # until Ctrl+D
                with chat.lock:
                    chat.say(line.rstrip("\n"))
        finally:
            with chat.lock:
                chat.news = b"bye"
                for _ in range(3):
                    chat.send()
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        os._exit(0)
