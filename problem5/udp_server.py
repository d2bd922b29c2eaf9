r"""Lock-step chat over UDP, the server: one message, then one reply, in turn.

UDP may lose, double and reorder. So messages have numbers, odd ones from the
client and even ones from the server, and each side repeats one thing twice a
second: its message, until the other side has it; after that, the number of
the last message that it knows. This also shows that it is still there.

The wire (UDP): a word, a number, and the text in UTF-8, at most 1000
characters.

    client                                server
       | ----- hello ---------------------> |   repeated
       | <------------------------ wait --- |   if there is another client
       | <---------------------- here 0 --- |   now it is this one's turn
       | ----- say 1 Are you there? ------> |   repeated until
       | <---------------------- here 1 --- |   it is acknowledged, by this
       | <---------------- say 2 I am. ---- |   or by the reply
       | ----- here 2 --------------------> |
       | ----- bye -----------------------> |   three times, as it may be lost

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem5/udp_server.py
    1| listening on 127.0.0.1:12500
    2$ python problem5/udp_client.py
    1| client 127.0.0.1:<port>
    2| You:
    2< Are you there?
    1| Client: Are you there?
    1| You:
    1< I am.
    2| Server: I am.
    2| You:
    2< Ctrl+C
    2| stopped
    1| client 127.0.0.1:<port> has left

Notice: nothing tells a UDP program that the other one has been killed, but
that nothing comes any more. After 10 seconds of that the chat is over, and so
it is if a message is not acknowledged for 10 seconds. The person who is to
reply may take any time: their program says that it is still there.

Try: watch it with `tcpdump -i lo -A udp port 12500` (as root). What is
repeated, and what makes it stop?
"""
import argparse
import os
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12500  # this machine only; 0.0.0.0 would admit the network
MAX_TEXT = 1000                  # characters in a message
REPEAT = 0.5                     # seconds between two datagrams
PATIENCE = 10                    # seconds without a datagram, or an acknowledgment
MAX_DATAGRAM = 4 * MAX_TEXT + 50  # bytes; UTF-8 has at most 4 a character


class Chat:
    """The chat with one client after the other; two threads use it, under its lock."""

    def __init__(self, sock):
        self.sock, self.lock = sock, threading.Lock()
        self.peer = None           # the client's address, while there is one
        self.turn = False          # whether it is the operator's turn
        self.due = 0               # when to send

    def start(self, peer):
        """Begin with a new client."""
        self.peer, self.heard = peer, time.monotonic()
        self.last = 0              # the number of the last message, theirs or ours
        self.news = b"here 0"      # what is repeated
        self.said = None           # when our message began to wait for acknowledgment
        print(f"client {show(peer)}")

    def end(self, reason):
        """Finish with this client, so that the next one can come."""
        if self.turn:
            print()                # the operator is at the prompt
        print(reason)
        self.peer, self.turn = None, False

    def send(self):
        """Send the news to the client, again or for the first time."""
        self.due = time.monotonic() + REPEAT
        try:
            self.sock.sendto(self.news, self.peer)
        except OSError:
            pass                   # it may be lost anyway, and is repeated

    def say(self, text):
        """Send what the operator has typed, if it is the operator's turn."""
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

    def hear(self, datagram, peer):
        """Take what a client has sent; raise ValueError if it is nonsense."""
        if datagram == b"hello" and self.peer is None:
            self.start(peer)
        if peer != self.peer:
            if datagram == b"hello":
                self.sock.sendto(b"wait", peer)
            return                 # a stranger
        self.heard = time.monotonic()
        word, _, rest = datagram.decode().partition(" ")
        number, _, text = rest.partition(" ")
        if word == "hello":
            self.send()
        elif word == "bye":
            self.end(f"client {show(peer)} has left")
        elif word == "here" and int(number) == self.last:
            self.news, self.said = b"here %d" % self.last, None
        elif word == "say" and len(text) <= MAX_TEXT:
            if int(number) == self.last + 1 and not self.turn:
                self.last, self.said, self.turn = self.last + 1, None, True
                self.news = b"here %d" % self.last
                print(f"Client: {printable(text)}\nYou: ", end="", flush=True)
            self.send()            # a duplicate is acknowledged, too

    def check(self):
        """Do what is due."""
        now = time.monotonic()
        if self.peer and now > self.heard + PATIENCE:
            self.end(f"error: nothing from {show(self.peer)} for {PATIENCE} seconds")
        elif self.peer and self.said and now > self.said + PATIENCE:
            self.end(f"error: {show(self.peer)} does not acknowledge a message")
        elif self.peer and now > self.due:
            self.send()


def listen(chat):
    """Hear what comes, and see to what is due."""
    while True:
        with chat.lock:
            chat.check()
        try:
            datagram, peer = chat.sock.recvfrom(MAX_DATAGRAM)
            with chat.lock:
                chat.hear(datagram, peer)
        except (OSError, ValueError):
            pass  # nothing in time, or nonsense (Windows: somebody has gone)


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.settimeout(REPEAT / 5)
        chat = Chat(sock)
        try:
            threading.Thread(target=listen, args=(chat,), daemon=True).start()
            print("listening on", show(sock.getsockname()))
            for line in sys.stdin:
                with chat.lock:
                    chat.say(line.rstrip("\n"))
        finally:
            with chat.lock:
                chat.news = b"bye"
                for _ in range(3 if chat.peer else 0):
                    chat.send()
    raise EOFError  # Ctrl+D


# ---- The frame: the same in all UDP servers ------------------------------------------


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if os.name == "nt":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
