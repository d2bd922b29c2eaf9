"""Receives one employee over TCP (a line of JSON), prints it, and ends."""

import argparse
import signal
import socket
import sys

from employee import MAX_LINE, Employee


def on_signal(number, frame):
    raise KeyboardInterrupt


def error(text):
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


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12008, help="the server's port")
    args = parser.parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()), flush=True)
        conn, address = listener.accept()
    with conn:
        try:
            conn.settimeout(10)
            with conn.makefile("rb") as stream:
                employee = Employee.from_line(stream.readline(MAX_LINE))
            print(f"{show(address)}: {employee}", flush=True)
            conn.sendall(b"ok\n")
        except socket.timeout:
            error(f"{show(address)}: silent for 10 seconds")
            return 1
        except (OSError, ValueError) as e:
            error(f"{show(address)}: {e}")
            return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("stopped", flush=True)
    except (OSError, UnicodeError) as e:
        error(e)
        sys.exit(1)
