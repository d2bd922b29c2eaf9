"""The client of the chat hub: the main thread reads the keyboard, a second
thread shows what arrives above the line that is being typed."""
import argparse
import getpass
import os
import queue
import re
import selectors
import shutil
import signal
import socket
import ssl
import sys
import threading
import time

try:
    import readline
except ImportError:         # Windows
    readline = None

WORD = re.compile(r"(?!error\Z)[A-Za-z0-9_-]{1,20}")
MAX_CHARACTERS = 1000
MAX_LINE = 1 << 20          # bytes: the answer to /who may be long
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)

screen = threading.Lock()
typing = False              # is readline busy with a line?
result = None               # (status, text): why the reading thread has ended
leaving = False             # /quit was sent


def clean(text):
    return re.sub("[\x00-\x1f\x7f-\x9f]", "?", text)


def show(text):
    """Print a line above the one that is being typed."""
    with screen:
        typed = readline.get_line_buffer() if typing else ""
        if typing:
            rows = len(typed) // shutil.get_terminal_size().columns
            print("\r" + "\033[A" * rows + "\033[J", end="", flush=True)
        print(text, file=sys.stderr if text.startswith("error: ") else sys.stdout, flush=True)
        if typing:
            print(typed, end="", flush=True)


def finish(status, text):
    screen.acquire(timeout=0.5)    # for ever: this is the last line
    if typing:
        print(flush=True)
    print(text, file=sys.stderr if status else sys.stdout, flush=True)
    os._exit(status)


class Hub:
    """The connection. OpenSSL must not be used by two threads at a time, so
    the socket does not block, and a lock guards it."""

    def __init__(self, host, port, ca):
        context = ssl.create_default_context(cafile=ca) if ca else None
        self.sock = socket.create_connection((host, port), timeout=10)
        if context:
            self.sock = context.wrap_socket(self.sock, server_hostname=host)
        self.sock.setblocking(False)
        self.lock = threading.Lock()
        self.joined = False
        self.events = queue.Queue()         # "password?", and "joined ..."
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def when_ready(self, action, event, seconds=None):
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                with self.lock:
                    return action()
            except ssl.SSLWantReadError:
                wanted = READ
            except ssl.SSLWantWriteError:
                wanted = WRITE
            except BlockingIOError:
                wanted = event
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError("the hub does not read")
            with Selector() as selector:
                selector.register(self.sock, wanted)
                selector.select(left)

    def send(self, text):
        data = text.encode() + b"\n"
        try:
            while data:
                sent = self.when_ready(lambda: self.sock.send(data), WRITE, 10)
                data = data[sent:]
        except OSError:
            self.reader.join(0.5)   # it may know more, and interrupt us
            raise

    def read(self):
        """The second thread."""
        global result
        try:
            answer = self.read_lines()
        except UnicodeDecodeError:
            answer = 1, "error: the hub's line is not UTF-8"
        except OSError as error:
            answer = 1, f"error: {clean(str(error))}"
        if leaving:
            return
        result = answer
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        else:
            finish(*result)

    def read_lines(self):
        data, line = b"", ""
        while True:
            more = self.when_ready(lambda: self.sock.recv(65536), READ)
            if not more:
                break
            *lines, data = (data + more).split(b"\n")
            if len(data) > MAX_LINE:
                return 1, "error: the hub's line is too long"
            for line in lines:
                line = clean(line.decode())
                if self.joined:
                    show(line)
                elif line == "password?":
                    self.events.put(line)
                elif line.startswith("joined "):
                    self.joined = True
                    show(line)
                    self.events.put(line)
                elif line.startswith("error: "):
                    return 1, line
                else:
                    return 1, "error: this is not a chat hub"
        if data:
            return 1, "error: the hub's last line has no newline"
        if self.joined:
            kicked = line.startswith("error: ") and line.endswith(" has kicked you out")
            return int(kicked), "the hub has hung up"
        return 1, "error: the hub has hung up"


def check(text):
    """Can this line be sent?"""
    try:
        text.encode()
    except UnicodeEncodeError:
        show("error: this is not UTF-8")
        return False
    if len(text) > MAX_CHARACTERS:
        show(f"error: a line has at most {MAX_CHARACTERS} characters")
        return False
    return True


def ask_password():
    while True:
        try:
            if sys.stdin.isatty():
                text = getpass.getpass("password: ", sys.stdout)
            else:
                print("password: ", end="", flush=True)
                text = sys.stdin.readline()
                if not text:
                    raise EOFError
                print(flush=True)
        except UnicodeDecodeError:      # getpass reads the terminal itself
            text = "\udcff"
        except (EOFError, KeyboardInterrupt):
            print(flush=True)
            raise
        text = text.rstrip("\n")
        if check(text):
            return text


def type_line():
    global typing
    typing = bool(readline) and sys.stdin.isatty() and sys.stdout.isatty()
    text = input()
    with screen:
        typing = False
    return text


def chat(hub):
    global leaving, typing
    while True:
        try:
            text = type_line()
        except EOFError:
            if typing:
                print(flush=True)
            typing = False
            text = "/quit"
        if not check(text):
            continue
        leaving = text == "/quit"
        hub.send(text)
        if leaving:
            hub.reader.join(0.7)
            return


def stop(number, frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def port_number(text):
    if not 0 < int(text) <= 65535:
        raise ValueError
    return int(text)


def word(text):
    if not WORD.fullmatch(text):
        raise argparse.ArgumentTypeError(
            '1 to 20 letters, digits, - and _, and not "error"')
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", metavar="NAME", type=word,
                        help="1 to 20 letters, digits, - and _")
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12601, help="the server's port")
    parser.add_argument("--room", type=word, default="lobby", help="the room to join")
    parser.add_argument("--ca", metavar="FILE", help="encrypt; the hub's certificate")
    args = parser.parse_args()
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stderr.reconfigure(encoding="utf-8")
    try:
        hub = Hub(args.host, args.port, args.ca)
        hub.send(f"{args.name} {args.room}")
        while True:
            try:
                event = hub.events.get(timeout=10)
            except queue.Empty:
                raise OSError("the hub has said nothing for 10 seconds") from None
            if event != "password?":
                break
            hub.send(ask_password())
        chat(hub)
    except (OSError, ValueError) as error:
        if not leaving:
            finish(1, f"error: {clean(str(error))}")
    finish(0, "stopped")


if __name__ == "__main__":
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        main()
    except (KeyboardInterrupt, EOFError):
        finish(*(result or (0, "stopped")))
