"""Multicast, the sender: sends one datagram to a group, and ends."""
import argparse
import os
import signal
import socket
import sys


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


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("message", metavar="MESSAGE", nargs="?",
                    default="Hello, everybody!", help="the text to send")
    ap.add_argument("--group", default="239.255.12.14", help="the multicast address")
    ap.add_argument("--port", type=port, default=12014, help="the group's port")
    ap.add_argument("--interface", default="127.0.0.1", metavar="ADDRESS",
                    help="which of this machine's addresses to use")
    args = ap.parse_args()
    data = args.message.encode()
    if len(data) > 100:
        complain("the message has more than 100 bytes")
        return 1
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                      socket.inet_aton(args.interface))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sender.sendto(data, (args.group, args.port))
    say("sent to %s:%d" % (args.group, args.port))


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
sys.stdout.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.reconfigure(encoding="utf-8", errors="replace")
try:
    sys.exit(main())
except (OSError, UnicodeError) as e:
    complain(e)
    sys.exit(1)
