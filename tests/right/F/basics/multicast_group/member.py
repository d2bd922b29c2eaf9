"""Multicast group: every member sends one message to all."""
import argparse
import os
import signal
import socket
import sys
import threading
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


def receive(receiver):
    while True:
        data, address = receiver.recvfrom(65535)
        if len(data) > 100:
            complain("a datagram of more than 100 bytes from %s:%d" % address)
        else:
            say("received %s from %s:%d" % ((shown(data),) + address))


def ask(question):
    say(question)
    line = sys.stdin.buffer.readline()
    if not line:
        stop()
    return line[:-1] if line.endswith(b"\n") else line


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--group", default="239.255.12.15", help="the multicast address")
    ap.add_argument("--port", type=port, default=12015, help="the group's port")
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
    there = args.group, receiver.getsockname()[1]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                      socket.inet_aton(args.interface))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    say("joined %s:%d" % there)
    threading.Thread(target=receive, args=(receiver,), daemon=True).start()

    ask("press Enter when all have started")
    while True:
        data = ask("type your message")
        try:
            data.decode()
            if len(data) <= 100:
                break
            complain("the message has more than 100 bytes")
        except UnicodeDecodeError:
            complain("the message is not UTF-8")
    sender.sendto(data, there)
    while True:
        signal.pause()


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
sys.stdout.reconfigure(encoding="utf-8", errors="replace")
sys.stderr.reconfigure(encoding="utf-8", errors="replace")
try:
    sys.exit(main())
except (OSError, UnicodeError) as e:
    complain(e)
    sys.exit(1)
