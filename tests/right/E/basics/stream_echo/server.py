"""Sends back each line, to many clients at once: a thread for each client."""

import argparse
import os
import signal
import socket
import sys
import threading
import time

MAX = 1000                      # characters in a line
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


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def listen(host, port):
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


def refuse(conn, reason):
    """Send an error line and the end of the stream, and let the line arrive."""
    try:
        conn.settimeout(1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 1
        while time.monotonic() < end and conn.recv(65536):
            pass
    except OSError:
        pass


def check(line):
    """Raise ValueError if the line is bad."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long" if len(line) > 4 * MAX
                         else "the line has no newline at its end")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise ValueError("the line is not UTF-8") from None
    if len(text) - 1 > MAX:
        raise ValueError("the line is too long")


def serve(conn, who):
    say(f"client {who}")
    count = 0
    with conn:
        try:
            conn.settimeout(10)
            with conn.makefile("rb") as stream:
                while True:
                    try:
                        line = stream.readline(4 * MAX + 1)
                        if not line:
                            break
                        check(line)
                    except socket.timeout:
                        raise ValueError("silent for 10 seconds") from None
                    conn.sendall(line)
                    count += 1
            say(f"{who}: {count} lines")
        except socket.timeout:
            error(f"{who}: does not read its echoes")
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
    parser.add_argument("--port", type=port_number, default=12011, help="the server's port")
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
            threading.Thread(target=serve, args=(conn, who), daemon=True).start()
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
    except (OSError, UnicodeError) as e:
        error(e)
        sys.exit(1)
