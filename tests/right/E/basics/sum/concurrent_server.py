"""Adds 1 + 2 + ... + COUNT, with a thread for each client."""

import argparse
import os
import re
import signal
import socket
import sys
import threading
import time

MAX_COUNT = 1000
lock = threading.Lock()         # one thread prints at a time


def on_signal(number, frame):
    raise KeyboardInterrupt


def say(text):
    with lock:
        print(text, flush=True)


def error(text):
    with lock:
        print(f"error: {text}", file=sys.stderr, flush=True)


def show(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def seconds(text):
    number = float(text)
    if not 0 <= number <= 1000000:
        raise ValueError
    return number


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def listen(host, port):
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


def parse(line):
    """Return COUNT, or raise ValueError."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long" if len(line) >= 100
                         else "the line has no newline at its end")
    if not re.fullmatch(rb"[0-9]+\n", line) or not 1 <= int(line) <= MAX_COUNT:
        raise ValueError(f"COUNT must be an integer from 1 to {MAX_COUNT}")
    return int(line)


def refuse(conn, reason, linger=1):
    """Send an error line and the end of the stream, and let the line arrive."""
    try:
        conn.settimeout(1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        end = time.monotonic() + linger
        while time.monotonic() < end and conn.recv(65536):
            pass
    except OSError:
        pass


def add_up(count, delay):
    total, start = 0, time.monotonic()
    for number in range(1, count + 1):
        total += number
        time.sleep(max(0, start + number * delay - time.monotonic()))
    return total


def serve(conn, who, delay):
    with conn:
        try:
            conn.settimeout(10)
            with conn.makefile("rb") as stream:
                count = parse(stream.readline(100))
            say(f"{who}: adding 1..{count}")
            total = add_up(count, delay)
            say(f"{who}: sum of 1..{count} = {total}")
            conn.sendall(b"%d\n" % total)
        except socket.timeout:
            error(f"{who}: silent for 10 seconds")
            refuse(conn, "silent for 10 seconds", 0)
        except ValueError as e:
            error(f"{who}: {e}")
            refuse(conn, e)
        except OSError as e:
            error(f"{who}: {e}")


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12013, help="the server's port")
    parser.add_argument("--delay", type=seconds, default=0.2, metavar="SECONDS",
                        help="to sleep after each addition")
    args = parser.parse_args()
    listener = listen(args.host, args.port)
    say(f"listening on {show(listener.getsockname())}")
    while True:
        try:
            conn, address = listener.accept()
        except OSError as e:
            error(e)
            time.sleep(1)
            continue
        who = show(address)
        try:
            threading.Thread(target=serve, args=(conn, who, args.delay), daemon=True).start()
        except RuntimeError as e:
            conn.close()
            error(f"{who}: {e}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        lock.acquire(timeout=0.5)
        print("stopped", flush=True)
        os._exit(0)             # now, whatever the threads do
    except (OSError, RuntimeError, UnicodeError) as e:
        error(e)
        sys.exit(1)
