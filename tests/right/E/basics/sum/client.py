"""Lets a server add 1 + 2 + ... + COUNT, and measures the wait."""

import argparse
import re
import signal
import socket
import sys
import time
import unicodedata

at_prompt = False


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


def seconds(text):
    number = float(text)
    if not 0 < number <= 1000000:
        raise ValueError
    return number


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12013, help="the server's port")
    parser.add_argument("--timeout", type=seconds, default=300, help="in seconds")
    parser.add_argument("count", metavar="COUNT", type=int, nargs="?", default=5)
    args = parser.parse_args()
    count = args.count
    with socket.create_connection((args.host, args.port), timeout=10) as sock:
        start = time.monotonic()
        try:
            sock.settimeout(args.timeout)
            sock.sendall(b"%d\n" % count)
            with sock.makefile("rb") as stream:
                line = stream.readline(1000)
        except socket.timeout:
            raise ValueError(f"no answer for {args.timeout:g} seconds") from None
        waited = time.monotonic() - start
    if not line:
        raise ValueError("the server has closed the connection")
    text = clean(line.decode(errors="replace").rstrip("\n"))
    if text.startswith("error: "):
        raise ValueError(text[7:])
    if not re.fullmatch(rb"[0-9]+\n", line):
        raise ValueError(f"the server has answered {text}")
    print(f"sum of 1..{count} = {text}", flush=True)
    print(f"waited {waited:.3f} s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("\nstopped" if at_prompt else "stopped", flush=True)
    except (OSError, ValueError) as e:
        error(e)
        sys.exit(1)
