"""Greets one client, stores the file that it sends, and ends."""

import argparse
import os
import re
import signal
import socket
import sys
import tempfile
import unicodedata


def on_signal(number, frame):
    raise KeyboardInterrupt


def error(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def show(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def listen(host, port):
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


def read_line(stream):
    line = stream.readline(1000)
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long" if len(line) == 1000
                         else "the line has no newline at its end")
    return line[:-1]


def parse(line):
    """Return the length and the name (bytes)."""
    match = re.fullmatch(rb"([0-9]{1,15}) (.+)", line, re.DOTALL)
    if not match:
        raise ValueError("expected the length and the name of a file")
    name = match[2]
    if b"/" in name or b"\0" in name or name in (b".", b"..") or len(name) > 255:
        raise ValueError("bad file name")
    return int(match[1]), name


def store(stream, length, name, folder):
    path = os.path.join(os.fsencode(folder), name)
    if os.path.islink(path):
        raise ValueError("the name is a symbolic link")
    if os.path.isdir(path):
        raise ValueError("the name is a folder")
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as hidden:
        part = os.path.join(os.fsencode(hidden), name)
        with open(part, "xb") as file:
            left = length
            while left:
                data = stream.read(min(left, 65536))
                if not data:
                    raise ValueError(f"the stream ended, {left} bytes are missing")
                file.write(data)
                left -= len(data)
        if os.path.islink(path):
            raise ValueError("the name is a symbolic link")
        os.replace(part, path)


def serve(conn, who, folder):
    with conn.makefile("rb") as stream:
        if read_line(stream) != b"hello, server":
            raise ValueError("expected: hello, server")
        print(f"hello from {who}", flush=True)
        conn.sendall(b"hello, client\n")
        length, name = parse(read_line(stream))
        store(stream, length, name, folder)
        print(f"received {clean(name.decode(errors='replace'))}: {length} bytes", flush=True)
        conn.sendall(b"ok\n")


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12012, help="the server's port")
    parser.add_argument("--dir", default="received", help="folder for the file")
    args = parser.parse_args()
    os.makedirs(args.dir, exist_ok=True)
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()), flush=True)
        conn, address = listener.accept()
    who = show(address)
    with conn:
        conn.settimeout(10)
        try:
            serve(conn, who, args.dir)
        except socket.timeout:
            error(f"{who}: silent for 10 seconds")
            return 1
        except (OSError, ValueError) as e:
            error(clean(f"{who}: {e}"))
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("stopped", flush=True)
    except (OSError, UnicodeError) as e:
        error(e)
        sys.exit(1)
