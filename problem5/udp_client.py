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
    1< Only me.
    2| Server: Only me.
    2| You:
    3$ python problem5/udp_client.py
    3| the server talks to another client: wait
    2< Ctrl+C
    2| stopped
    1| client 127.0.0.1:<port> has left
    1| client 127.0.0.1:<port>
    3| You:
    3< My turn at last!
    1| Client: My turn at last!
    1| You:
    1< Ctrl+C
    1| stopped
    3| the server has left

Notice: the client shows a message only if it has the next number. So a message
that arrives twice is shown once. A reply is also an acknowledgment: the server
can only reply to a message that it has.

Try: in the network of `make net LOSE=50` (Linux; see README.md) half of all
datagrams are lost. Start the server on host 1 and the client on host 2, both
with --host 10.12.0.1. Do you notice the loss?
"""
import argparse
import os
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12500  # where udp_server.py listens
MAX_TEXT = 1000                  # characters in a message
MAX_DATAGRAM = 4 * MAX_TEXT + 50  # bytes; a character of UTF-8 takes up to 4
REPEAT = 0.5                     # seconds between two datagrams
PATIENCE = 10                    # seconds without an answer, then the chat is over


class Chat:
    """The chat with the server. Two threads use it, and hold its lock while they do."""

    def __init__(self, sock):
        self.sock, self.lock = sock, threading.Lock()
        self.turn = threading.Event()  # set while it is our turn
        self.heard, self.due = time.monotonic(), 0
        self.last = -1             # the number of the last message; -1: not begun yet
        self.news = b"here 0"      # the datagram to repeat
        self.waiting = False       # whether the server has another client

    def end(self, reason, status=0):
        """End the program. (The main thread waits for the keyboard.)"""
        if self.turn.is_set():
            print()                # end the prompt's line
        print(reason, file=sys.stderr if status else sys.stdout)
        os._exit(status)

    def send(self):
        """Send our current datagram, for the first time or again."""
        self.due = time.monotonic() + REPEAT
        try:
            self.sock.send(self.news)
        except OSError:
            pass                   # the next one may arrive

    def say(self, text):
        """Send what was typed."""
        self.turn.clear()
        self.last += 1
        self.news = f"say {self.last} {text}".encode()
        self.send()

    def hear(self, datagram):
        """Process one datagram; raise ValueError if its form is wrong."""
        word, _, rest = datagram.decode().partition(" ")
        number, _, text = rest.partition(" ")
        if word == "bye":
            self.end("the server has left")
        elif word == "wait" and self.last < 0:
            self.heard = time.monotonic()
            if not self.waiting:
                print("the server talks to another client: wait")
            self.waiting = True
        elif int(number) >= self.last:  # the other side has our last message
            self.heard = time.monotonic()
            new = int(number) == self.last + 1 and not self.turn.is_set()
            if new and len(text) <= MAX_TEXT and (word == "say" or self.last < 0):
                if word == "say":
                    print("Server:", printable(text))
                self.last += 1
                self.news = b"here %d" % self.last
                self.send()
                self.turn.set()
            elif word == "here":  # our message has arrived: stop repeating it
                self.news = b"here %d" % self.last

    def check(self):
        """Repeat the datagram, or end the chat, when it is time."""
        if time.monotonic() > self.heard + PATIENCE:
            self.end(f"error: no answer for {PATIENCE} seconds; start again", 1)
        elif time.monotonic() > self.due:
            self.send()


def ask():
    """Return the line that the person types; it must not be too long."""
    while len(text := input("You: ")) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
    return text


def receive(chat):
    """Receive datagrams for ever, and check the clock in between."""
    while True:
        try:
            with chat.lock:
                chat.check()
            datagram = chat.sock.recv(MAX_DATAGRAM)
            with chat.lock:
                chat.hear(datagram)
        except ConnectionRefusedError as error:  # no program has this port there
            if chat.last >= 0:
                chat.end("the server has left")
            chat.end(f"error: {error}; is the server running with this --host "
                     "and --port?", 1)
        except (OSError, ValueError):
            pass  # a timeout, or a datagram that is not for us


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # from now on it receives from this address only
        sock.settimeout(REPEAT / 5)
        chat = Chat(sock)
        try:
            threading.Thread(target=receive, args=(chat,), daemon=True).start()
            while True:
                chat.turn.wait()
                text = ask()
                with chat.lock:
                    chat.say(text)
        except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at the prompt
            pass
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
