"""Multicast chat: every member sees the lines of all others; no server."""
import argparse
import getpass
import os
import random
import re
import select
import signal
import socket
import sys
import unicodedata

NAME = re.compile(r"[A-Za-z0-9_-]{1,20}")
LINE = re.compile(r"[A-Za-z0-9_-]{1,20}: (.*)", re.S)


def stop(*_):
    os.write(1, b"stopped\n")
    os._exit(0)


def complain(text):
    print("error:", text, file=sys.stderr, flush=True)


def shown(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def name(text):
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 20 letters, digits, - or _")
    return text


def share(text):
    p = float(text)
    if not 0 <= p <= 1:
        raise argparse.ArgumentTypeError("not between 0 and 1")
    return p


def port(text):
    n = int(text)
    if not 0 <= n <= 65535:
        raise argparse.ArgumentTypeError("not between 0 and 65535")
    return n


def default_name():
    try:
        user = getpass.getuser()
    except Exception:
        user = ""
    return user if NAME.fullmatch(user) else "member"


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--group", default="239.255.12.7", help="the multicast address")
    ap.add_argument("--port", type=port, default=12700, help="the group's port")
    ap.add_argument("--interface", default="127.0.0.1", metavar="ADDRESS",
                    help="which of this machine's addresses to use")
    ap.add_argument("--name", type=name, default=default_name(),
                    help="the name that the others see before your lines")
    ap.add_argument("--lose", type=share, default=0.0, metavar="P",
                    help="probability that a datagram to this member is lost")
    ap.add_argument("--seed", type=int, metavar="N", help="same N, same losses")
    args = ap.parse_args()
    chance = random.Random(args.seed)

    interface = socket.inet_aton(args.interface)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    receiver.bind((args.group, args.port))
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(args.group) + interface)
    receiver.setblocking(False)
    there = args.group, receiver.getsockname()[1]

    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    sender.connect(there)
    me = sender.getsockname()
    print("joined %s:%d" % there, flush=True)

    def send(raw):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            return complain("the line is not UTF-8")
        if len(text) > 1000:
            return complain("the line has more than 1000 characters")
        try:
            sender.send(("%s: %s" % (args.name, text)).encode())
        except OSError as e:
            complain(e)

    typed = b""
    while True:
        ready = select.select([receiver, 0], [], [])[0]
        if receiver in ready:
            try:
                data, address = receiver.recvfrom(65535)
            except OSError:
                continue
            if address != me and chance.random() >= args.lose:
                text = data.decode(errors="replace")
                match = LINE.fullmatch(text)
                if match and len(match[1]) <= 1000:
                    print(shown(text), flush=True)
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
try:
    main()
except (OSError, ValueError) as e:
    complain(e)
    sys.exit(1)
