"""Lock-step chat with many clients, the client: one message, then one reply."""

import argparse
import re
import select
import signal
import socket
import sys

MOST = 1000                             # characters in a line
LONGEST = 4 * MOST + 2                  # bytes in a line, with \r\n


def port_number(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def stop(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def clean(text):
    return re.sub("[\x00-\x1f\x7f-\x9f]", "?", text)


def read_line(stream):
    """The next line, or None at the end of the stream."""
    try:
        raw = stream.readline(LONGEST)
    except ConnectionError:
        return None
    if not raw:
        return None
    if not raw.endswith(b"\n"):
        raise ValueError("the line from the server is too long" if len(raw) == LONGEST
                         else "the server's stream ended in the middle of a line")
    raw = raw[:-1]
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ValueError("the line from the server is not UTF-8") from None
    if len(text) > MOST:
        raise ValueError("the line from the server is too long")
    if text.startswith("error: "):
        raise ValueError(clean(text[len("error: "):]))
    return text


def ask():
    while True:
        try:
            text = input("You: ")
        except (KeyboardInterrupt, EOFError):
            print()
            raise
        try:
            data = text.encode() + b"\n"
        except UnicodeEncodeError:
            print("error: this is not UTF-8", file=sys.stderr)
            continue
        if len(text) <= MOST:
            return data
        print(f"error: a message has at most {MOST} characters", file=sys.stderr)


def chat(connection):
    stream = connection.makefile("rb")
    if not select.select([connection], [], [], 1)[0]:
        print("the server talks to another client: wait")
    line = read_line(stream)
    if line not in ("ready", None):
        raise ValueError("the server did not say ready")
    while line is not None:
        data = ask()
        connection.settimeout(10)
        try:
            connection.sendall(data)
        except ConnectionError:
            pass                        # read what the server said before it left
        connection.settimeout(None)
        line = read_line(stream)
        if line is not None:
            print("Server:", clean(line))
    print("the server has left")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12600, help="the server's port")
    args = parser.parse_args()
    with socket.create_connection((args.host, args.port), 10) as connection:
        connection.settimeout(None)
        chat(connection)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for file in sys.stdin, sys.stdout, sys.stderr:
        file.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(line_buffering=True)
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        print(("\r" if sys.stdout.isatty() else "") + "stopped")
    except OSError as error:
        sys.exit(f"error: {error.strerror or error}")
    except ValueError as error:
        sys.exit(f"error: {error}")
