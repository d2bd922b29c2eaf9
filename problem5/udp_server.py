r"""Lock-step chat over UDP, the server: one message, then one reply, in turn.

The server chats with one client at a time. The client begins.

UDP may lose, duplicate and reorder datagrams. So the messages have numbers:
odd ones from the client, even ones from the server. Each program repeats its
message twice a second, until the other program acknowledges it. After that, it
repeats "here" and the last number, to show that it still runs.

The wire (UDP): a word, a number, and the text in UTF-8, at most 1000
characters.

    client                                server
       | ----- here 0 --------------------> |   the client wants to chat
       | <------------------------ wait --- |   only if there is another client
       | <---------------------- here 0 --- |   now it is the client's turn
       | ----- say 1 Are you there? ------> |   repeated until
       | <---------------------- here 1 --- |   this acknowledges it
       | <---------------- say 2 I am. ---- |   acknowledges say 1, too
       | ----- here 2 --------------------> |
       | ----- bye -----------------------> |   three times; one may be lost

The number in "here" is the highest one that the program has sent or received.
Only "here 0" begins a chat, and each "here 0" of another client is answered
with "wait". That client repeats it until its turn comes. A program ignores all
other datagrams from other addresses. It also ignores datagrams that do not
have this form. One space stands between a word, a number and the text. The
text may be empty. Nobody acknowledges "bye". Let N be the highest number that
a program has sent or received. If for 10 seconds no datagram with the number N
or N + 1 arrives, the program prints an error line, and the chat is over. A
line that is typed for a client that has left is not sent to the next one.

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

Notice: if a client is killed, UDP does not tell the server. The server only
notices that nothing arrives. It ends the chat after 10 seconds. A datagram
with an old number is not an answer: its sender does not have the last message
yet. A person may think as long as they like, because their program repeats
"here".

Try: watch the datagrams with `make wire P=problem5/udp_server.py`, in a third
terminal (or, as root, with `tcpdump -i lo -A udp port 12500`). What is
repeated, and when does it stop? Add LOSE=0.3: does the chat suffer?
"""
import argparse
import os
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12500  # only this machine; 0.0.0.0 opens it to the network
MAX_TEXT = 1000                  # characters in a message
MAX_DATAGRAM = 4 * MAX_TEXT + 50  # bytes; a character of UTF-8 takes up to 4
REPEAT = 0.5                     # seconds between two datagrams
PATIENCE = 10                    # seconds without an answer, then the chat is over


class Chat:
    """One chat after the other. Two threads use it, and hold its lock while they do."""

    def __init__(self, sock):
        self.sock, self.lock = sock, threading.Lock()
        self.peer = None           # the client's address, or None
        self.turn = threading.Event()  # set while it is our turn

    def begin(self, peer):
        self.peer, self.heard = peer, time.monotonic()
        self.last = 0              # the number of the last message, theirs or ours
        self.news = b"here 0"      # the datagram to repeat
        print("client", show(peer))
        self.send()

    def end(self, reason):
        print(f"\n{reason}" if self.turn.is_set() else reason)  # end the prompt's line
        self.peer = None
        self.turn.clear()

    def send(self):
        """Send our current datagram, for the first time or again."""
        self.due = time.monotonic() + REPEAT
        try:
            self.sock.sendto(self.news, self.peer)
        except OSError:
            pass                   # the next one may arrive

    def say(self, text):
        """Send what was typed, if it is still our turn."""
        if self.turn.is_set():     # otherwise the client has left meanwhile
            self.turn.clear()
            self.last += 1
            self.news = f"say {self.last} {text}".encode()
            self.send()

    def hear(self, datagram, peer):
        """Process one datagram; raise ValueError if it is not as described above."""
        if peer != self.peer:
            if datagram == b"here 0" and self.peer:
                self.sock.sendto(b"wait", peer)
            elif datagram == b"here 0":
                self.begin(peer)
            return
        word, _, rest = datagram.decode().partition(" ")
        number, _, text = rest.partition(" ")
        if word == "bye":
            self.end(f"client {show(peer)} has left")
        elif int(number) >= self.last:  # the other side has our last message
            self.heard = time.monotonic()
            new = int(number) == self.last + 1 and not self.turn.is_set()
            if word == "say" and new and len(text) <= MAX_TEXT:
                print("Client:", printable(text))
                self.last += 1
                self.news = b"here %d" % self.last
                self.send()
                self.turn.set()
            elif word == "here":
                self.news = b"here %d" % self.last

    def check(self):
        """Repeat the datagram, or end the chat, when it is time."""
        if self.peer and time.monotonic() > self.heard + PATIENCE:
            self.end(f"error: no answer from {show(self.peer)} for {PATIENCE} seconds")
        elif self.peer and time.monotonic() > self.due:
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
            datagram, peer = chat.sock.recvfrom(MAX_DATAGRAM)
            with chat.lock:
                chat.hear(datagram, peer)
        except (OSError, ValueError):
            pass  # a timeout, or a datagram that is not for us


def main():
    args = options().parse_args()
    sys.stdin.reconfigure(errors="replace")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.settimeout(REPEAT / 5)
        chat = Chat(sock)
        threading.Thread(target=receive, args=(chat,), daemon=True).start()
        print("listening on", show(sock.getsockname()))
        try:
            while True:
                chat.turn.wait()
                text = ask()
                with chat.lock:
                    chat.say(text)
        finally:
            with chat.lock:
                chat.news = b"bye"
                for _ in range(3 if chat.peer else 0):
                    chat.send()


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
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
