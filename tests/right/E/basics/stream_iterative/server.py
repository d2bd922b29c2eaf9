"""Welcome and answer, the iterative server: one client after the other."""

import argparse
import os
import re
import signal
import socket
import sys
import time
import unicodedata

WAIT = 10  # seconds
LIMIT = 1000  # bytes, with the newline


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def address_text(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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


def listen(host, port):
    """Return a listening socket at the first address of host that works."""
    failure = None
    for family, kind, proto, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        listener = None
        try:
            listener = socket.socket(family, kind, proto)
            if os.name != "nt":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
            return listener
        except OSError as e:
            if listener is not None:
                listener.close()
            failure = e
    raise failure


def accept(listener):
    """Accept the next client, also after a failure (no descriptor left)."""
    while True:
        try:
            return listener.accept()
        except OSError as e:
            print(f"error: {e}", file=sys.stderr, flush=True)
            time.sleep(0.5)


def finish(conn):
    """End the stream, and read what is left: a reset could destroy our line."""
    end = time.monotonic() + 1
    try:
        conn.shutdown(socket.SHUT_WR)
        while (left := end - time.monotonic()) > 0:
            conn.settimeout(left)
            if not conn.recv(65536):
                break
    except OSError:
        pass


def refuse(conn, reason):
    """Send the error line to a bad client, if it is still there."""
    try:
        conn.sendall(f"error: {reason}\n".encode())
    except OSError:
        pass
    finish(conn)


def talk(conn):
    conn.sendall(b"Welcome!\n")
    print(f"Client: {clean(receive_line(conn))}", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12007, help="the server's port")
    args = parser.parse_args()

    with listen(args.host, args.port) as listener:
        print(f"listening on {address_text(listener.getsockname())}", flush=True)
        while True:
            conn, address = accept(listener)
            with conn:
                conn.settimeout(WAIT)
                print(f"client {address_text(address)}", flush=True)
                try:
                    talk(conn)
                except (OSError, ValueError) as e:
                    print(f"error: {address_text(address)}: {e}",
                          file=sys.stderr, flush=True)
                    refuse(conn, e)


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
