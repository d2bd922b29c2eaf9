"""Lock-step chat with many clients, the server: each client has a thread."""

import argparse
import os
import re
import shutil
import signal
import socket
import struct
import sys
import threading
import time

try:
    import readline
except ImportError:
    readline = None

MOST = 1000                             # characters in a line
LONGEST = 4 * MOST + 2                  # bytes in a line, with \r\n

waiting = {}                            # number (as text): connection that waits for a reply
lock = threading.Lock()                 # for waiting
screen = threading.Lock()
typing = False                          # is the main thread in input()?


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


def show(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def on_terminal():
    return readline and sys.stdin.isatty() and sys.stdout.isatty()


def tell(text, file=None):
    """Print above the line that the operator types."""
    with screen:
        typed = readline.get_line_buffer() if typing and on_terminal() else None
        if typed is not None:
            rows = len(typed) // (shutil.get_terminal_size().columns or 80)
            print("\r" + "\x1b[A" * rows + "\x1b[J", end="", flush=True)
        print(text, file=file, flush=True)
        if typed:
            print(typed, end="", flush=True)


def read_line(stream):
    """The next line, or None at the end of the stream."""
    raw = stream.readline(LONGEST)
    if not raw:
        return None
    if not raw.endswith(b"\n"):
        raise ValueError(f"a message has at most {MOST} characters" if len(raw) == LONGEST
                         else "the stream ended in the middle of a line")
    raw = raw[:-1]
    if raw.endswith(b"\r"):
        raw = raw[:-1]
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise ValueError("the line is not UTF-8") from None
    if len(text) > MOST:
        raise ValueError(f"a message has at most {MOST} characters")
    return text


def refuse(connection, reason):
    """Send the error, and read the rest, so that no reset overtakes the error."""
    try:
        connection.sendall(f"error: {reason}\n".encode())
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(1)
        end = time.monotonic() + 2
        while connection.recv(65536) and time.monotonic() < end:
            pass
    except OSError:
        pass


def talk(number, connection, address):
    tell(f"client {number} {show(address)}")
    try:
        # Only sending has a time limit: a person types what we receive.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 10, 0))
        connection.sendall(b"ready\n")
        with connection.makefile("rb") as stream:
            while True:
                text = read_line(stream)
                if text is None:
                    break
                with lock:
                    if number in waiting:
                        raise ValueError("a second message before the reply")
                    waiting[number] = connection
                tell(f"[{number}] {clean(text)}")
    except OSError:
        pass
    except ValueError as error:
        with lock:
            waiting.pop(number, None)
        tell(f"error: client {number}: {error}", sys.stderr)
        refuse(connection, error)
        connection.close()
        return
    with lock:
        waiting.pop(number, None)
    connection.close()
    tell(f"client {number} has left")


def accept(listener):
    number = 1
    while True:
        connection = None
        try:
            connection, address = listener.accept()
            threading.Thread(target=talk, args=(str(number), connection, address),
                             daemon=True).start()
            number += 1
        except (OSError, RuntimeError) as error:
            if connection:
                connection.close()
            tell(f"error: cannot accept: {getattr(error, 'strerror', None) or error}", sys.stderr)
            time.sleep(0.5)


def reply(line):
    number, _, text = line.partition(" ")
    try:
        data = text.encode() + b"\n"
    except UnicodeEncodeError:
        return "this is not UTF-8"
    if len(text) > MOST:
        return f"a message has at most {MOST} characters"
    with lock:
        connection = waiting.pop(number, None)
    if connection is None:
        return "this client does not wait for a reply; type N TEXT"
    try:
        connection.sendall(data)
    except OSError as error:
        try:
            connection.shutdown(socket.SHUT_RDWR)       # its thread says that it has left
        except OSError:
            pass
        return error.strerror or error
    return None


def main():
    global typing
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12600, help="the server's port")
    args = parser.parse_args()
    family, _, _, _, address = socket.getaddrinfo(
        args.host, args.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.create_server(address, family=family, backlog=128)
    print("listening on", show(listener.getsockname()))
    threading.Thread(target=accept, args=(listener,), daemon=True).start()
    while True:
        typing = True
        line = input()
        typing = False
        problem = reply(line)
        if problem:
            tell(f"error: not sent: {problem}", sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for file in sys.stdin, sys.stdout, sys.stderr:
        file.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(line_buffering=True)
    status = 0
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        if typing and on_terminal():
            print()
        typing = False
        tell(("\r" if sys.stdout.isatty() else "") + "stopped")
    except (OSError, UnicodeError) as error:
        print(f"error: {getattr(error, 'strerror', None) or error}", file=sys.stderr)
        status = 1
    os._exit(status)                    # do not wait for the threads
