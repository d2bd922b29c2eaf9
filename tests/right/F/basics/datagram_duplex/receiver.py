"""A datagram and its reply, the receiver: answers one message, and ends."""
import argparse
import os
import signal
import socket
import sys
import unicodedata


def stop(*_):
    os.write(1, b"stopped\n")
    os._exit(0)


def say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text):
    sys.stderr.write("error: %s\n" % text)
    sys.stderr.flush()


def port(text):
    n = int(text)
    if not 0 <= n <= 65535:
        raise argparse.ArgumentTypeError("not between 0 and 65535")
    return n


def shown(data):
    text = data.decode(errors="replace")
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def resolve(host, port, flags=0):
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
    return found[0][0], found[0][4]


def pair(address):
    host = "[%s]" % address[0] if ":" in address[0] else address[0]
    return "%s:%d" % (host, address[1])


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--host", default="127.0.0.1", help="the server's address")
    ap.add_argument("--port", type=port, default=12002, help="the server's port")
    args = ap.parse_args()
    family, here = resolve(args.host, args.port, socket.AI_PASSIVE)
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind(here)
    say("listening on " + pair(server.getsockname()))
    data, address = server.recvfrom(65535)
    if len(data) > 60:
        complain("a message of more than 60 bytes from " + pair(address))
        return 1
    say("received %s from %s" % (shown(data), pair(address)))
    server.sendto(b"I am.", address)


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
sys.stdout.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.reconfigure(encoding="utf-8", errors="replace")
try:
    sys.exit(main())
except (OSError, UnicodeError) as e:
    complain(e)
    sys.exit(1)
