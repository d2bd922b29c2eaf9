"""A chat server over TCP that talks to one client at a time, strictly in turns.
Everything happens in one thread: person, network, person, network."""

import argparse
import os
import signal
import socket
import sys
import time
import unicodedata

LIMIT = 1000            # characters in a message
WAIT = 10               # seconds that a send may block


class Bad(Exception):
    """A line that is not allowed."""


class Screen:
    """The terminal: remembers whether a prompt is open, or Ctrl+C was echoed."""

    def __init__(self):
        self.open = False
        self.tty = sys.stdin.isatty() and sys.stdout.isatty()

    def fresh_line(self):
        if self.open:
            print(flush=True)
            self.open = False

    def show(self, text):
        self.fresh_line()
        print(text, flush=True)

    def error(self, text):
        self.fresh_line()
        print("error:", text, file=sys.stderr, flush=True)

    def ask(self):
        """One line from the person. EOFError at the end of the input."""
        while True:
            print("You: ", end="", flush=True)
            self.open = True
            text = input()
            if self.tty:
                self.open = False       # the person's Enter ended the line
            else:
                self.fresh_line()
            try:
                text.encode("utf-8")
            except UnicodeEncodeError:
                self.error("this is not UTF-8")
                continue
            if len(text) > LIMIT:
                self.error(f"at most {LIMIT} characters")
                continue
            return text


class Lines:
    """Reads lines from a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def get(self):
        """The next line; None at the end of the stream. Raises Bad."""
        while b"\n" not in self.buffer:
            self.check_length(self.buffer)
            try:
                data = self.sock.recv(4096)
            except ConnectionError:
                data = b""
            if not data:
                if self.buffer:
                    self.buffer = b""
                    raise Bad("the stream ended in the middle of a line")
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        if line.endswith(b"\r"):
            line = line[:-1]
        self.check_length(line)
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError:
            raise Bad("the line is not UTF-8") from None

    @staticmethod
    def check_length(line):
        if line.endswith(b"\r"):
            line = line[:-1]
        starts = sum(1 for byte in line if byte & 0xC0 != 0x80)
        if starts > LIMIT or len(line) > 4 * LIMIT:
            raise Bad(f"the line is longer than {LIMIT} characters")


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def hostport(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def send_line(sock, text):
    """If the connection is broken, the next read finds it out."""
    sock.settimeout(WAIT)
    try:
        sock.sendall(text.encode("utf-8") + b"\n")
    except socket.timeout:
        raise Bad("the client does not read") from None
    except OSError:
        pass
    finally:
        sock.settimeout(None)


def refuse(sock, reason):
    """Send an error line and the end of the stream; read what is left, so that
    no reset destroys the error line."""
    try:
        sock.settimeout(1)
        sock.sendall(f"error: {reason}\n".encode("utf-8"))
        sock.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sock.settimeout(0.5)
            if not sock.recv(65536):
                break
    except OSError:
        pass


def chat(sock, name, screen):
    lines = Lines(sock)
    try:
        send_line(sock, "ready")
        while True:
            try:
                text = lines.get()
            except OSError as problem:
                screen.error(f"client {name}: {problem}")
                return
            if text is None:
                screen.show(f"client {name} has left")
                return
            screen.show(f"Client: {clean(text)}")
            send_line(sock, screen.ask())
    except Bad as bad:
        screen.error(f"client {name}: {bad}")
        refuse(sock, bad)


def listen(host, port):
    family, kind, proto, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, kind, proto)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    listener.listen()
    return listener


def serve(args, screen):
    try:
        listener = listen(args.host, args.port)
    except (OSError, UnicodeError) as problem:
        screen.error(problem)
        return 1
    screen.show(f"listening on {hostport(listener.getsockname())}")
    while True:
        try:
            sock, address = listener.accept()
        except OSError as problem:
            screen.error(problem)
            time.sleep(0.5)
            continue
        with sock:
            name = hostport(address)
            screen.show(f"client {name}")
            chat(sock, name, screen)


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
    screen = Screen()

    def stop(signum, frame):
        if signum == signal.SIGINT and screen.tty:
            screen.open = True          # the terminal has shown ^C
        raise KeyboardInterrupt

    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        return serve(args, screen)
    except (KeyboardInterrupt, EOFError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        screen.show("stopped")
        return 0


if __name__ == "__main__":
    sys.exit(main())
