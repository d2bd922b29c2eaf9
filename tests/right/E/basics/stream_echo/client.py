"""Sends each message to the echo server, and waits for its echo."""

import argparse
import signal
import socket
import sys
import unicodedata

MAX = 1000      # characters in a line


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


def encode(message):
    if len(message) > MAX or "\n" in message:
        raise ValueError(f"a message must be a line of at most {MAX} characters")
    try:
        return message.encode() + b"\n"
    except UnicodeError:
        raise ValueError("a message must be UTF-8 text") from None


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12011, help="the server's port")
    parser.add_argument("messages", metavar="MESSAGE", nargs="*",
                        help="a line of at most 1000 characters")
    args = parser.parse_args()
    lines = [encode(message) for message in args.messages]
    with socket.create_connection((args.host, args.port), timeout=10) as sock:
        with sock.makefile("rb") as stream:
            for line in lines:
                sock.sendall(line)
                echo = stream.readline(4 * MAX + 1)
                if not echo:
                    raise ValueError("the server has closed the connection")
                text = clean(echo.decode(errors="replace").rstrip("\n"))
                if echo != line:
                    raise ValueError(text[7:] if text.startswith("error: ")
                                     else f"the echo differs: {text}")
                print("Server:", text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("stopped", flush=True)
    except socket.timeout:
        error("no answer for 10 seconds")
        sys.exit(1)
    except (OSError, ValueError) as e:
        error(e)
        sys.exit(1)
