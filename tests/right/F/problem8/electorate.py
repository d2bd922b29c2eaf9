"""Election by multicast: each electorate votes, counts, and finds the winner."""
import argparse
import os
import random
import select
import signal
import socket
import sys
import time


def stop(*_):
    os.write(1, b"stopped\n")
    os._exit(0)


def complain(text):
    print("error:", text, file=sys.stderr, flush=True)


def say(text):
    print(text, flush=True)


def number(low, high, kind):
    def check(text):
        n = kind(text)
        if not low <= n <= high:
            raise argparse.ArgumentTypeError("not between %s and %s" % (low, high))
        return n
    return check


def ask():
    while True:
        say("your vote, A or B:")
        line = sys.stdin.buffer.readline()
        if not line:
            stop()
        vote = line.decode(errors="replace").strip().upper()
        if vote in ("A", "B"):
            return vote
        complain("a vote is A or B")


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("id", metavar="ID", type=int, help="its number: 1 to N")
    ap.add_argument("--group", default="239.255.12.8", help="the multicast address")
    ap.add_argument("--port", type=number(0, 65535, int), default=12800,
                    help="the group's port")
    ap.add_argument("--interface", default="127.0.0.1", metavar="ADDRESS",
                    help="which of this machine's addresses to use")
    ap.add_argument("--vote", choices=("A", "B"), type=str.upper, metavar="A|B",
                    help="vote this, and do not ask")
    ap.add_argument("--electorates", type=number(1, 100, int), default=5,
                    metavar="N", help="number of electorates")
    ap.add_argument("--timeout", type=number(0, 1e9, float), default=120.0,
                    metavar="SECONDS", help="to wait for the other votes")
    ap.add_argument("--lose", type=number(0, 1, float), default=0.0, metavar="P",
                    help="probability that a datagram to this electorate is lost")
    ap.add_argument("--seed", type=int, metavar="N", help="same N, same losses")
    args = ap.parse_args()
    count = args.electorates
    if not 1 <= args.id <= count:
        ap.error("argument ID: not between 1 and %d" % count)
    losses, moments = random.Random(args.seed), random.Random()

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
    say("joined %s:%d" % there)

    mine = args.vote or ask()
    votes = ["-"] * count
    votes[args.id - 1] = mine
    say("electorate %d voted %s" % (args.id, mine))

    shortest = count * 0.003
    now = time.monotonic()
    give_up = now + args.timeout
    finish = None               # when to end, once there is a result or an X
    status = 0
    agreed = count == 1         # another one has sent the same votes
    length, begin, quiet = shortest, now, 0
    moment, sent = now + moments.random() * length, False

    while True:
        now = time.monotonic()
        if not sent and now >= moment:
            sender.send("".join(votes).encode())
            sent = True
        if now >= begin + length:
            quiet += 1
            length = max(shortest, min(2 * length, 1.0))
            begin, sent = now, False
            moment = now + moments.random() * length
        if finish is None and quiet >= 2 and agreed and "-" not in votes:
            a, b = votes.count("A"), votes.count("B")
            say("result: A %d, B %d" % (a, b))
            say("winner: " + ("A" if a > b else "B" if b > a else "none (tie)"))
            finish = now + 1
        if finish is not None and now >= finish:
            return status
        if finish is None and now >= give_up:
            complain("no result after %g seconds" % args.timeout)
            return 1

        until = min(begin + length, give_up if finish is None else finish)
        if not sent:
            until = min(until, moment)
        if not select.select([receiver], [], [], max(0, until - now))[0]:
            continue
        try:
            data, address = receiver.recvfrom(65535)
        except OSError:
            continue
        if address == me or losses.random() < args.lose:
            continue
        if len(data) != count or any(c not in b"AB-X" for c in data):
            continue
        news, twice = False, []
        for i, vote in enumerate(data.decode()):
            old = votes[i]
            if vote in ("-", old) or old == "X":
                continue
            news = True
            if old == "-" and vote != "X":
                votes[i] = vote
                say("electorate %d voted %s" % (i + 1, vote))
            else:
                votes[i] = "X"
                twice.append(str(i + 1))
        if news:
            agreed = count == 1
            length, begin, quiet = shortest, time.monotonic(), 0
            moment, sent = begin + moments.random() * length, False
        if data.decode() == "".join(votes):
            agreed = True
        if twice and status == 0:
            complain("two different votes of electorate " + ", ".join(twice))
            status, finish = 1, time.monotonic() + 1


signal.signal(signal.SIGINT, stop)
signal.signal(signal.SIGTERM, stop)
try:
    sys.exit(main())
except OSError as e:
    complain(e)
    sys.exit(1)
