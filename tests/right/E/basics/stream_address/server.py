"""Addresses, the server: prints each client's address, and sends it back."""

import argparse
import os
import signal
import socket
import sys
import time

WAIT = 10  # seconds


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def address_text(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12010, help="the server's port")
    args = parser.parse_args()

    with listen(args.host, args.port) as listener:
        print(f"listening on {address_text(listener.getsockname())}", flush=True)
        while True:
            conn, address = accept(listener)
            with conn:
                conn.settimeout(WAIT)
                print(f"client {address_text(address)}", flush=True)
                try:
                    conn.sendall(f"{address_text(address)}\n".encode("ascii"))
                except (OSError, ValueError) as e:
                    print(f"error: {address_text(address)}: {e}",
                          file=sys.stderr, flush=True)


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
