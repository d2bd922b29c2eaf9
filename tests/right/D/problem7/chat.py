"""Multicast chat: every member sees the lines of all others."""

import argparse
import getpass
import ipaddress
import os
import random
import re
import shutil
import signal
import socket
import sys
import threading

try:
    import readline
except ImportError:
    readline = None

MOST = 1000                             # characters after the name
NAME = r"[\w-]{1,20}"

screen = threading.Lock()
typing = False                          # is the main thread in input()?


def port_number(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def group_address(text):
    if not ipaddress.IPv4Address(text).is_multicast:
        raise ValueError
    return text


def own_address(text):
    return str(ipaddress.IPv4Address(text))


def name(text):
    if not re.fullmatch(NAME, text):
        raise ValueError
    return text


def probability(text):
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def stop(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def clean(text):
    return re.sub("[\x00-\x1f\x7f-\x9f]", "?", text)


def on_terminal():
    return readline and sys.stdin.isatty() and sys.stdout.isatty()


def tell(text, file=None):
    """Print above the line that the person types."""
    with screen:
        typed = readline.get_line_buffer() if typing and on_terminal() else None
        if typed is not None:
            rows = len(typed) // shutil.get_terminal_size().columns
            print("\r" + "\x1b[A" * rows + "\x1b[J", end="", flush=True)
        print(text, file=file, flush=True)
        if typed:
            print(typed, end="", flush=True)


def login():
    try:
        return re.sub(r"[^\w-]", "", getpass.getuser())[:20] or "somebody"
    except (KeyError, OSError, ImportError):
        return "somebody"


def join(group, port, interface):
    """Two sockets: one that receives, and one that sends."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    receiver.bind((group, port))
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(group) + socket.inet_aton(interface))
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    sender.bind((interface, 0))
    sender.connect(receiver.getsockname())
    return receiver, sender


def receive(receiver, own, lose, dice):
    while True:
        try:
            data, address = receiver.recvfrom(65535)
        except OSError as error:
            tell(f"error: {error.strerror or error}", sys.stderr)
            os._exit(1)
        if dice.random() < lose or address == own:
            continue
        text = data.decode(errors="replace")
        if re.fullmatch(f"{NAME}: .{{0,{MOST}}}", text, re.DOTALL):
            tell(clean(text))


def send(sender, me, line):
    if len(line) > MOST:
        return f"a line has at most {MOST} characters"
    try:
        sender.send(f"{me}: {line}".encode())
    except UnicodeEncodeError:
        return "this is not UTF-8"
    except OSError as error:
        return f"not sent: {error.strerror or error}"
    return None


def main():
    global typing
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", type=group_address, default="239.255.12.7",
                        help="the multicast address")
    parser.add_argument("--port", type=port_number, default=12700, help="the group's port")
    parser.add_argument("--interface", type=own_address, default="127.0.0.1", metavar="ADDRESS",
                        help="which of this machine's addresses to use")
    parser.add_argument("--name", type=name, default=login(),
                        help="the name that the others see before your lines")
    parser.add_argument("--lose", type=probability, default=0, metavar="P",
                        help="probability that a datagram to this member is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="repeat the losses of N")
    args = parser.parse_args()
    receiver, sender = join(args.group, args.port, args.interface)
    print("joined {}:{}".format(*receiver.getsockname()))
    threading.Thread(target=receive, daemon=True, args=(
        receiver, sender.getsockname(), args.lose, random.Random(args.seed))).start()
    while True:
        typing = True
        line = input()
        typing = False
        problem = send(sender, args.name, line)
        if problem:
            tell(f"error: {problem}", sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for file in sys.stdin, sys.stdout, sys.stderr:
        file.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(line_buffering=True)
    status = 0
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        if typing and on_terminal():
            print()
        typing = False
        tell(("\r" if sys.stdout.isatty() else "") + "stopped")
    except OSError as error:
        print(f"error: {error.strerror or error}", file=sys.stderr)
        status = 1
    os._exit(status)                    # do not wait for the thread
