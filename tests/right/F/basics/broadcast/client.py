"""Broadcast, the client: sends each line that you type to the whole network."""
import argparse
import os
import select
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


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--broadcast", default="127.255.255.255", metavar="ADDRESS",
                    help="the network's broadcast address")
    ap.add_argument("--port", type=port, default=12016, help="everybody's port")
    args = ap.parse_args()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    receiver.bind((args.broadcast, args.port))
    receiver.setblocking(False)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sender.connect(receiver.getsockname())
    me = sender.getsockname()
    say("listening on %s:%d" % receiver.getsockname())

    def send(line):
        try:
            if len(line.decode()) > 1000:
                complain("the line has more than 1000 characters")
            else:
                sender.send(line)
        except (OSError, UnicodeDecodeError) as e:
            complain(e)

    typed = b""
    while True:
        ready = select.select([receiver, 0], [], [])[0]
        if receiver in ready:
            try:
                data, address = receiver.recvfrom(65535)
            except OSError:
                continue
            text = shown(data)
            if address != me and len(text) <= 1000:
                say("received %s from %s:%d" % ((text,) + address))
        if 0 in ready:
            data = os.read(0, 65536)
            *lines, typed = (typed + data).split(b"\n")
            for line in lines:
                send(line)
            if not data:
                if typed:
                    send(typed)
                stop()


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
sys.stdout.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.reconfigure(encoding="utf-8", errors="replace")
try:
    sys.exit(main())
except (OSError, UnicodeError) as e:
    complain(e)
    sys.exit(1)
