"""Says hello to the server, and sends it a file (without FILE: this script)."""

import argparse
import os
import signal
import socket
import stat
import sys
import unicodedata

transferring = False


def on_signal(number, frame):
    raise KeyboardInterrupt


def error(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def open_file(path):
    """Open a regular file, nothing else; return it and its length."""
    if os.path.islink(path):
        raise ValueError(f"{path} is a symbolic link")
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        os.close(fd)
        raise ValueError(f"{path} is not a regular file")
    return open(fd, "rb"), info.st_size


def expect(stream, wanted):
    line = stream.readline(1000)
    if line != wanted:
        if not line:
            raise ValueError("the server has closed the connection")
        text = clean(line.decode(errors="replace").rstrip("\n"))
        raise ValueError(text[7:] if text.startswith("error: ")
                         else f"the server has answered {text}")


def send_file(sock, file, length):
    left = length
    while left:
        data = file.read(min(left, 65536))
        if not data:
            raise ValueError("the file has become shorter")
        left -= len(data)
        while data:
            data = data[sock.send(data):]


def main():
    global transferring
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12012, help="the server's port")
    parser.add_argument("file", metavar="FILE", nargs="?", default=__file__,
                        help="the file to send (default: this script)")
    args = parser.parse_args()
    name = os.fsencode(os.path.basename(args.file))
    if b"\n" in name:
        raise ValueError("the name of the file has a newline in it")
    file, length = open_file(args.file)
    with file, socket.create_connection((args.host, args.port), timeout=10) as sock:
        transferring = True
        with sock.makefile("rb") as stream:
            sock.sendall(b"hello, server\n")
            expect(stream, b"hello, client\n")
            print("the server says hello", flush=True)
            sock.sendall(b"%d %s\n" % (length, name))
            send_file(sock, file, length)
            expect(stream, b"ok\n")
    transferring = False
    print(f"sent {clean(name.decode(errors='replace'))}: {length} bytes", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("stopped", flush=True)
        sys.exit(130 if transferring else 0)
    except socket.timeout:
        error("no answer for 10 seconds")
        sys.exit(1)
    except (OSError, ValueError) as e:
        error(clean(str(e)))
        sys.exit(1)
