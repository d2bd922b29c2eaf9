"""Welcome and answer, the client: connects, waits for its turn, and answers."""

import argparse
import signal
import socket
import sys
import unicodedata

WAIT = 10  # seconds
LIMIT = 1000  # bytes, with the newline


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def clean(text):
    """Replace every control character by a question mark."""
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def receive_line(sock):
    """Receive one line; return its text without the newline."""
    data = b""
    while b"\n" not in data:
        if len(data) >= LIMIT:
            raise ValueError(f"a line has more than {LIMIT} bytes")
        try:
            piece = sock.recv(LIMIT - len(data))
        except socket.timeout:
            raise ValueError(f"nothing came for {WAIT} seconds") from None
        if not piece:
            raise ValueError("the stream ended before a newline")
        data += piece
    line = data[:data.index(b"\n")]
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("a line is not UTF-8") from None


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12007, help="the server's port")
    args = parser.parse_args()

    with socket.create_connection((args.host, args.port), timeout=WAIT) as sock:
        print("connected", flush=True)
        line = clean(receive_line(sock))
        if line.startswith("error: "):
            sys.exit(line)
        print(f"Server: {line}", flush=True)
        sock.sendall(b"Thank you!\n")


def stop(signum, frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        main()
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except (OSError, ValueError) as e:
        sys.exit(f"error: {e}")
