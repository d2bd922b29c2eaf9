"""Election by multicast: each electorate votes, counts, and finds the winner."""

import argparse
import ipaddress
import random
import signal
import socket
import sys
import time


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


def probability(text):
    if not 0 <= float(text) <= 1:
        raise ValueError
    return float(text)


def seconds(text):
    if not 0 <= float(text) <= 1e9:
        raise ValueError
    return float(text)


def size(text):
    if not 1 <= int(text) <= 65507:     # it must fit into a datagram
        raise ValueError
    return int(text)


def stop(*_):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


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


def ask():
    while True:
        try:
            vote = input("your vote, A or B: ").strip().upper()
        except (KeyboardInterrupt, EOFError):
            print()
            raise
        if vote in ("A", "B"):
            return vote
        print("error: a vote is A or B", file=sys.stderr)


def merge(known, heard):
    """Add the votes that somebody knows. Return whether that is news."""
    news = False
    for i, vote in enumerate(heard):
        if vote in ("-", known[i]) or known[i] == "X":
            continue
        news = True
        known[i] = vote if known[i] == "-" else "X"
        if known[i] == "X":
            print(f"error: electorate {i + 1} has voted twice", file=sys.stderr)
        else:
            print(f"electorate {i + 1} voted {vote}")
    return news


def receive(receiver, until, own, lose, dice):
    """The text of a datagram from another one, or None."""
    receiver.settimeout(max(until - time.monotonic(), 0.001))
    try:
        data, address = receiver.recvfrom(65535)
    except socket.timeout:
        return None
    if dice.random() < lose or address == own:
        return None
    return data.decode("latin-1")


def elect(receiver, sender, known, timeout, lose, dice):
    own = sender.getsockname()
    n = len(known)
    shortest = length = n * 0.003       # of a round
    agreed = n == 1                     # has another one sent the same votes?
    quiet = 0                           # rounds without news
    shown = failed = False
    end = time.monotonic() + timeout
    while True:
        start = time.monotonic()
        moment = start + random.random() * length
        sent = news = False
        while not news:
            now = time.monotonic()
            if now >= end:
                return shown, failed, agreed
            if not sent and now >= moment:
                sender.send("".join(known).encode())
                sent = True
            if now >= start + length:
                break
            heard = receive(receiver, min(end, start + length if sent else moment),
                            own, lose, dice)
            if heard is None or len(heard) != n or set(heard) - set("AB-X"):
                continue
            news = merge(known, heard)
            agreed = "".join(known) == heard or agreed and not news
        if news:
            quiet = 0
            length = shortest
            if "X" in known and (not failed or shown):
                failed = True
                shown = False
                end = time.monotonic() + 1
        else:
            quiet += 1
            length = min(2 * length, max(1, shortest))
        if "-" not in known and agreed and quiet >= 2 and not shown and not failed:
            a, b = known.count("A"), known.count("B")
            print(f"result: A {a}, B {b}")
            print("winner:", "A" if a > b else "B" if b > a else "none (tie)")
            shown = True
            end = time.monotonic() + 1


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("id", type=int, metavar="ID", help="its number: 1 to N")
    parser.add_argument("--group", type=group_address, default="239.255.12.8",
                        help="the multicast address")
    parser.add_argument("--port", type=port_number, default=12800, help="the group's port")
    parser.add_argument("--interface", type=own_address, default="127.0.0.1", metavar="ADDRESS",
                        help="which of this machine's addresses to use")
    parser.add_argument("--vote", type=str.upper, choices=("A", "B"), metavar="A|B",
                        help="vote this, and do not ask")
    parser.add_argument("--electorates", type=size, default=5, metavar="N",
                        help="number of electorates")
    parser.add_argument("--timeout", type=seconds, default=120, metavar="SECONDS",
                        help="to wait for the other votes")
    parser.add_argument("--lose", type=probability, default=0, metavar="P",
                        help="probability that a datagram to this electorate is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="repeat the losses of N")
    args = parser.parse_args()
    if not 1 <= args.id <= args.electorates:
        parser.error(f"ID must be 1 to {args.electorates}")
    receiver, sender = join(args.group, args.port, args.interface)
    print("joined {}:{}".format(*receiver.getsockname()))
    known = ["-"] * args.electorates
    vote = args.vote or ask()
    merge(known, "-" * (args.id - 1) + vote)
    shown, failed, agreed = elect(receiver, sender, known, args.timeout,
                                  args.lose, random.Random(args.seed))
    if failed:
        sys.exit(1)
    if not shown:
        sys.exit(f"error: {known.count('-')} votes are missing" if "-" in known
                 else "error: nobody else has sent the same votes" if not agreed
                 else "error: no result in time")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for file in sys.stdin, sys.stdout, sys.stderr:
        file.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(line_buffering=True)
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        print(("\r" if sys.stdout.isatty() else "") + "stopped")
    except OSError as error:
        sys.exit(f"error: {error.strerror or error}")
