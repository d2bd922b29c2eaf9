"""Server of a lock-step chat over TCP: the client writes a line, the operator answers with a line.
One client at a time; all others stay in the listen queue."""

import argparse
import signal
import socket
import sys
import time
import unicodedata

LIMIT = 1000
PATIENCE = 10


class BadLine(Exception):
    """The other side sent something that is not allowed."""


class Left(Exception):
    """The other side has ended its stream."""


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


def ask():
    """The next line of the person; the end of input is the same as Ctrl+C."""
    while True:
        print("You: ", end="", flush=True)
        try:
            line = sys.stdin.buffer.readline() if sys.stdin else b""
            if not line:
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            print(flush=True)
            raise
        line = line[:-1] if line.endswith(b"\n") else line
        line = line[:-1] if line.endswith(b"\r") else line
        try:
            text = line.decode()
        except UnicodeDecodeError:
            complain("the text is not UTF-8")
            continue
        if len(text) > LIMIT:
            complain(f"at most {LIMIT} characters")
            continue
        return text


class Lines:
    """A connection that sends and receives whole lines."""

    def __init__(self, sock):
        self.sock = sock
        self.rest = b""

    def send(self, text):
        self.sock.settimeout(PATIENCE)
        try:
            self.sock.sendall(text.encode() + b"\n")
        except OSError as reason:
            raise Left from reason

    def receive(self):
        self.sock.settimeout(None)
        while b"\n" not in self.rest:
            if len(self.rest.decode(errors="ignore")) > LIMIT + 1 or len(self.rest) > 4 * LIMIT + 1:
                raise BadLine(f"the line has more than {LIMIT} characters")
            try:
                data = self.sock.recv(4096)
            except OSError:
                data = b""
            if not data:
                if self.rest:
                    raise BadLine("the last line has no newline")
                raise Left
            self.rest += data
        line, _, self.rest = self.rest.partition(b"\n")
        if line.endswith(b"\r"):
            line = line[:-1]
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise BadLine("the line is not UTF-8") from None
        if len(text) > LIMIT:
            raise BadLine(f"the line has more than {LIMIT} characters")
        return text

    def refuse(self, reason):
        """Send the error line and the end of the stream. Unread bytes would turn the end into a reset."""
        try:
            self.send(f"error: {reason}")
            self.sock.shutdown(socket.SHUT_WR)
            end = time.monotonic() + 1
            while time.monotonic() < end:
                self.sock.settimeout(max(0.01, end - time.monotonic()))
                if not self.sock.recv(65536):
                    break
        except (OSError, Left):
            pass


def chat(sock, name):
    lines = Lines(sock)
    try:
        lines.send("ready")
        while True:
            print(f"Client: {printable(lines.receive())}", flush=True)
            lines.send(ask())
    except Left:
        print(f"client {name} has left", flush=True)
    except BadLine as reason:
        complain(f"client {name}: {reason}")
        lines.refuse(reason)


def listen(host, port):
    problem = OSError(f"no address for {host}")
    for family, kind, proto, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        sock = None
        try:
            sock = socket.socket(family, kind, proto)
            if sys.platform != "win32":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen()
            return sock
        except OSError as reason:
            problem = reason
            if sock:
                sock.close()
    raise problem


def serve(host, port):
    with listen(host, port) as listener:
        print(f"listening on {show_address(listener.getsockname())}", flush=True)
        while True:
            try:
                sock, address = listener.accept()
            except OSError as reason:
                complain(f"no connection: {reason}")
                time.sleep(0.5)
                continue
            with sock:
                name = show_address(address)
                print(f"client {name}", flush=True)
                chat(sock, name)


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
