"""Two integers, the server: receives A and B from each client, and sends the sum."""

import argparse
import os
import re
import signal
import socket
import sys
import time

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


def talk(conn):
    words = receive_line(conn).split()
    if len(words) != 2 or not all(re.fullmatch("[+-]?[0-9]+", w) for w in words):
        raise ValueError("the line must be two integers")
    a, b = int(words[0]), int(words[1])
    conn.sendall(f"{a + b}\n".encode("ascii"))
    print(f"{a} + {b} = {a + b}", flush=True)
    finish(conn)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12009, help="the server's port")
    args = parser.parse_args()

    with listen(args.host, args.port) as listener:
        print(f"listening on {address_text(listener.getsockname())}", flush=True)
        conn, address = listener.accept()
        with conn:
            conn.settimeout(WAIT)
            print(f"client {address_text(address)}", flush=True)
            try:
                talk(conn)
            except (OSError, ValueError) as e:
                raise OSError(f"{address_text(address)}: {e}") from e


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
