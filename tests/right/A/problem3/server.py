"""Calculator server: computes A OP B, a thread for each client."""
import argparse
import os
import re
import signal
import socket
import socketserver
import sys
import threading
import time

SILENCE, LONGEST = 10, 2100
REQUEST = re.compile(r"[ \t]*([+-]?[0-9]{1,1000})[ \t]*([-+*/%])[ \t]*([+-]?[0-9]{1,1000})[ \t]*\r?\n")
lock = threading.Lock()


class BadClient(Exception):
    """The connection cannot go on."""


def say(text, out=None):
    with lock:
        print(text, file=out or sys.stdout, flush=True)


def complain(text):
    say(f"error: {text}", sys.stderr)


def shown(address):
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def compute(a, op, b):
    if op in "/%" and b == 0:
        return "error: division by zero"
    if op == "/" and a % b:
        try:
            if a / b:
                return str(a / b)
        except OverflowError:
            pass
        return "error: the result is too large or too small for a decimal number"
    return str({"+": a.__add__, "-": a.__sub__, "*": a.__mul__, "/": a.__floordiv__, "%": a.__mod__}[op](b))


class Calculator(socketserver.StreamRequestHandler):
    timeout = SILENCE

    def handle(self):
        peer = shown(self.client_address)
        try:
            while self.answer(peer):
                pass
        except (BadClient, OSError) as e:
            reason = f"silent for {SILENCE} seconds" if isinstance(e, socket.timeout) else str(e)
            complain(f"{peer}: {reason}")
            try:  # unread bytes would turn close() into a reset, and the client would miss the line
                self.wfile.write(f"error: {reason}\n".encode())
                self.connection.shutdown(socket.SHUT_WR)
                self.connection.settimeout(1)
                end = time.monotonic() + 2
                while time.monotonic() < end and self.connection.recv(65536):
                    pass
            except OSError:
                pass

    def answer(self, peer):
        line = self.rfile.readline(LONGEST + 1)
        if not line:
            return False
        if len(line) > LONGEST:
            raise BadClient(f"a line has more than {LONGEST} bytes")
        if not line.endswith(b"\n"):
            raise BadClient("the last line has no newline")
        request = REQUEST.fullmatch(line.decode("ascii", "replace"))
        if request:
            a, op, b = int(request[1]), request[2], int(request[3])
            reply = compute(a, op, b)
            say(f"{peer}: {a} {op} {b} = {reply}")
        else:
            reply = "error: expected A OP B, two integers of at most 1000 digits and one of + - * / %"
            complain(f"{peer}: {reply[7:]}")
        self.wfile.write(reply.encode() + b"\n")
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    request_queue_size = 128

    def get_request(self):
        try:
            return super().get_request()
        except OSError as e:
            complain(f"cannot accept: {e}")
            time.sleep(0.5)
            raise  # socketserver itself goes on after an OSError here

    def handle_error(self, request, client_address):
        complain(f"cannot accept: {sys.exc_info()[1]}")  # no thread could start


def port(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12300)
    args = parser.parse_args()
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        found = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM)[0]
        Server.address_family = found[0]
        server = Server(found[4], Calculator)
        say(f"listening on {shown(server.server_address)}")
        server.serve_forever()
    except KeyboardInterrupt:
        lock.acquire(timeout=0.5)  # and keep it: nobody prints after this
        print("stopped", flush=True)
        os._exit(0)
    except (OSError, UnicodeError) as e:
        complain(f"cannot listen on {args.host}, port {args.port}: {e}")
        sys.exit(1)


if __name__ == "__main__":
    main()
