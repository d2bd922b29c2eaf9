"""Multicast, the receiver: joins a group, receives one message, and ends."""
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


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--group", default="239.255.12.14", help="the multicast address")
    ap.add_argument("--port", type=port, default=12014, help="the group's port")
    ap.add_argument("--interface", default="127.0.0.1", metavar="ADDRESS",
                    help="which of this machine's addresses to use")
    args = ap.parse_args()
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    receiver.bind((args.group, args.port))
    if sys.platform == "linux":
        receiver.setsockopt(socket.IPPROTO_IP, 49, 0)  # IP_MULTICAST_ALL
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(args.group) + socket.inet_aton(args.interface))
    say("joined %s:%d" % (args.group, receiver.getsockname()[1]))
    while True:
        data, address = receiver.recvfrom(65535)
        if len(data) <= 100:
            break
        complain("a datagram of more than 100 bytes from %s:%d" % address)
    say("received %s from %s:%d" % ((shown(data),) + address))


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
sys.stdout.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.reconfigure(encoding="utf-8", errors="replace")
try:
    sys.exit(main())
except (OSError, UnicodeError) as e:
    complain(e)
    sys.exit(1)
