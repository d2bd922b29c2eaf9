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
                chat.end(f"{error}; is the server running with this --host and --port?")
            chat.end()
        except (OSError, ValueError):
            pass  # nothing in time, or nonsense


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # from now on it receives from this address only
        sock.settimeout(REPEAT / 5)
        chat = Chat(sock, show(address))
        try:
            threading.Thread(target=listen, args=(chat,), daemon=True).start()
            chat.answered.wait(PATIENCE + 5)
            for line in sys.stdin:  # until Ctrl+D
                with chat.lock:
                    chat.say(line.rstrip("\n"))
        except KeyboardInterrupt:
            pass
        finally:
            with chat.lock:
                chat.news = b"bye"
                for _ in range(3):
                    chat.send()
        print("\nstopped")
        os._exit(0)  # do not wait for the other thread


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def resolve(host, port):
    """Return the address family (IPv4 or IPv6) and the address of host and port."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return family, (host, port, *scope)


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
