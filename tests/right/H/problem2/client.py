"""Client of the concurrent file server: fetches one file, and gives it its
name only when it is whole."""

import argparse
import os
import shutil
import signal
import socket
import sys
import tempfile
import unicodedata

WAIT = 10           # seconds of silence that the server may have
LONGEST = 65536     # bytes of the server's first line


class Failed(Exception):
    """The reason why there is no file."""


def say(text):
    print(text, flush=True)


def complain(text):
    print("error: " + text, file=sys.stderr, flush=True)


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def show(name):
    return clean(os.fsencode(name).decode("utf-8", "replace"))


def reason(exc):
    if isinstance(exc, socket.timeout):
        return f"nothing came for {WAIT} seconds"
    return clean(getattr(exc, "strerror", None) or str(exc) or type(exc).__name__)


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def connect(host, port):
    """Try all addresses of the host, IPv4 first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    found.sort(key=lambda info: info[0] != socket.AF_INET)
    problem = None
    for family, kind, proto, _, address in found:
        try:
            sock = socket.socket(family, kind, proto)
        except OSError as exc:
            problem = exc
            continue
        try:
            sock.settimeout(WAIT)
            sock.connect(address)
            return sock
        except BaseException as exc:
            sock.close()
            if not isinstance(exc, OSError):
                raise
            problem = exc
    raise problem


def read_size(sock):
    """Return the size, and those bytes of the file that came together with it."""
    data = b""
    while b"\n" not in data:
        if len(data) > LONGEST:
            raise Failed("the server's first line is too long")
        more = sock.recv(4096)
        if not more:
            raise Failed("the server ended the connection before the size")
        data += more
    line, rest = data.split(b"\n", 1)
    if line.startswith(b"error: "):
        try:
            raise Failed(clean(line[len(b"error: "):].decode("utf-8")))
        except UnicodeDecodeError:
            raise Failed("the server sent a line that is not UTF-8") from None
    if not line.isdigit() or len(line) > 18:
        raise Failed("the server sent a bad size")
    return int(line), rest


class Progress:
    """On a terminal a line that grows; elsewhere only the last state."""

    def __init__(self, size):
        self.size = size
        self.open = False

    def show(self, have):
        if have == self.size:
            say(("\r" if self.open else "") + f"{have} of {self.size} bytes")
            self.open = False
        elif sys.stdout.isatty():
            print(f"\r{have} of {self.size} bytes", end="", flush=True)
            self.open = True

    def close(self):
        if self.open:
            say("")
            self.open = False


def receive(sock, file, size, rest):
    progress = Progress(size)
    try:
        data = rest[:size]
        have = len(data)
        file.write(data)
        while have < size:
            if have:
                progress.show(have)
            data = sock.recv(min(65536, size - have))
            if not data:
                raise Failed(f"only {have} of {size} bytes arrived")
            file.write(data)
            have += len(data)
        progress.show(have)
    finally:
        progress.close()


def check_output(output):
    if os.path.islink(output):
        raise Failed(f"{show(output)} is a symbolic link")
    if os.path.isdir(output):
        raise Failed(f"{show(output)} is a folder")


def sync_folder(folder):
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError:
        pass
    finally:
        os.close(number)


def fetch(args):
    output = args.output
    if output is None:
        output = "download_" + args.name
    if "\n" in args.name:
        raise Failed("a name cannot have a newline")
    if not output or output.endswith(os.sep):
        raise Failed("the output needs the name of a file")
    check_output(output)
    with connect(args.host, args.port) as sock:
        sock.sendall(os.fsencode(args.name) + b"\n")
        size, rest = read_size(sock)
        if args.output is None and os.path.basename(args.name) != args.name:
            raise Failed(f"'{show(args.name)}' has a folder in it")
        folder = os.path.dirname(output) or os.curdir
        hidden = tempfile.mkdtemp(prefix=".download_", dir=folder)
        try:
            path = os.path.join(hidden, "file")
            with open(path, "wb") as file:
                receive(sock, file, size, rest)
                file.flush()
                os.fsync(file.fileno())
            check_output(output)
            os.replace(path, output)
            sync_folder(folder)
        finally:
            shutil.rmtree(hidden, ignore_errors=True)
    say(f"saved {show(output)}: {size} bytes")


def interrupt(*_):
    # A second Ctrl+C must not disturb the cleaning up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12200,
                        help="the server's port")
    parser.add_argument("--output", help="default: download_NAME")
    parser.add_argument("name", metavar="NAME", help="a file of the server")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        fetch(args)
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except (Failed, OSError, UnicodeError) as exc:
        complain(str(exc) if isinstance(exc, Failed) else reason(exc))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
