"""Concurrent file server, the client: fetches a file, and saves it."""
import argparse
import os
import re
import signal
import socket
import sys
import tempfile


class Failed(Exception):
    """The file did not arrive."""


def clean(text):
    return "".join(c if c.isprintable() else "?" for c in text)


def read_size(stream):
    line = stream.readline(2000)
    if line.startswith(b"error: "):
        raise Failed(clean(line[7:].rstrip(b"\n").decode("utf-8", "replace")))
    if not line:
        raise Failed("the server closed the connection")
    if not re.fullmatch(rb"[0-9]{1,18}\n", line):
        raise Failed("expected the size of the file")
    return int(line)


def receive(stream, file, size):
    """Copy the bytes; on a terminal, show the progress in one line."""
    terminal, got, shown = sys.stdout.isatty(), 0, False
    try:
        while got < size:
            piece = stream.read1(min(65536, size - got))
            if not piece:
                raise Failed(f"the connection ended after {got} of {size} bytes")
            file.write(piece)
            got += len(piece)
            if terminal and got < size:
                shown = True
                print(f"\r{got} of {size} bytes", end="", flush=True)
    except BaseException:
        if shown:
            print(flush=True)
        raise
    print(f"\r{got} of {size} bytes" if shown else f"{got} of {size} bytes", flush=True)


def fetch(args, name, output):
    with socket.create_connection((args.host, args.port), timeout=10) as conn, conn.makefile("rb") as stream:
        conn.sendall(name + b"\n")
        size = read_size(stream)
        with tempfile.TemporaryDirectory(prefix=".download_", dir=os.path.dirname(output) or ".") as hidden:
            part = os.path.join(hidden, "part")
            with open(part, "wb") as file:
                receive(stream, file, size)
            os.replace(part, output)
    print(f"saved {clean(output)}: {size} bytes", flush=True)


def port(text):
    if not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12200)
    parser.add_argument("--output", help="default: download_NAME")
    parser.add_argument("name", help="a file in the server's folder")
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        if args.name in ("", ".", "..") or "/" in args.name or "\n" in args.name:
            raise Failed(f"'{clean(args.name)}' is not the name of a file")
        fetch(args, os.fsencode(args.name), args.output or "download_" + args.name)
    except KeyboardInterrupt:
        print("stopped", flush=True)
        sys.exit(130)
    except (Failed, OSError, UnicodeError) as e:
        print(f"error: {'silent for 10 seconds' if isinstance(e, socket.timeout) else e}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
