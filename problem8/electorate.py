"""Election by multicast: each electorate votes, counts, and finds the winner.

There is no server that counts. In this note, an electorate is one voter. Each
of the N electorates multicasts its vote, hears the votes of the others, and
counts for itself. Every screen must show the same winner, although the network
loses datagrams.

The wire (UDP, multicast): a datagram has N characters, one for each
electorate, in the order of their IDs. A or B is its vote. A dash means that
the sender does not know the vote. X means that this electorate has sent two
different votes.

    electorate 1                      electorate 2
       | --- A- --------------------------> |   the vote of 1
       | <-------------------------- AB --- |   and now that of 2, too
       | --- AB --------------------------> |   now 2 knows that 1 has both

Datagrams leave through the loopback interface; --interface chooses another
one. Their TTL is 1, so no router forwards them. An electorate joins the group,
and asks the person for a vote. It sends nothing before that. While it waits,
the system keeps the datagrams that arrive. Then the electorate reads them. It
recognizes its own datagrams by their address and port.

The rules, and the problem that each of them solves:

1. An electorate multicasts all the votes that it knows, not only its own. So a
   vote arrives with a datagram from anybody who knows it. The vote of an
   electorate that has died counts, too.
2. Votes are added, never removed. So it does not matter in which order
   datagrams arrive, or how often.
3. An electorate multicasts once in each round, at a random moment, so that not
   all send at the same time. A round lasts N times 3 ms, so the number of
   datagrams a second does not grow with N.
4. While nothing is new, each round is twice as long as the last one, up to a
   second. So the network is nearly silent while people think. A new vote makes
   the rounds short again.
5. An electorate shows the result when three things are true: it knows all
   votes; another electorate has sent the same votes; and two rounds have
   brought nothing new, because a second vote with the same ID may arrive late.
6. After the result, an electorate continues to multicast for one second. So an
   electorate that has missed datagrams learns all votes, too.

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem8/electorate.py 1 --electorates 2
    1| joined 239.255.12.8:12800
    1| your vote, A or B:
    1< A
    1| electorate 1 voted A
    2$ python problem8/electorate.py 2 --electorates 2
    2| joined 239.255.12.8:12800
    2| your vote, A or B:
    2< C
    2| error: a vote is A or B
    2| your vote, A or B:
    2< b
    2| electorate 2 voted B
    2| electorate 1 voted A
    2| result: A 1, B 1
    2| winner: none (tie)
    1| electorate 2 voted B
    1| result: A 1, B 1
    1| winner: none (tie)

Two different votes under one ID become X. Neither vote counts, and there is no
result. An electorate that learns of an X, also after it has shown a winner,
prints an error and ends with status 1. It continues to multicast for one
second, so that the others learn the X, too. The same vote twice counts once.

Guaranteed: if nobody votes twice, all screens with a winner show the same one.
Not guaranteed: that every screen shows a winner. An electorate can never be
sure that its last datagram has arrived (the two generals' problem). Nothing is
secret, and anybody can vote in your name.

Start all with the same --electorates (default: 5, at most 100); datagrams of
another length are ignored. With --vote A or --vote B, an electorate does not
ask. An electorate waits at most --timeout seconds (default: 120) for the other
votes. Then it prints an error, and ends with status 1.

Try: five electorates, each with --lose 0.5. Kill one after its vote. Vote A
and then B as number 2, in two terminals. Does any screen show another winner?
Watch the group with `make wire P=problem8`. (Its member 1 is the one that it
hears first.) How many datagrams are on the wire before the first result?
"""
import argparse
import random
import re
import signal
import socket
import sys
import time

GROUP, PORT = "239.255.12.8", 12800
INTERFACE = "127.0.0.1"  # the loopback: nothing leaves this machine
MOST = 100               # electorates
SHARE = 0.003            # seconds of the shortest round for each electorate
LONGEST = 1              # seconds of a round in which nothing is new
QUIET = 2                # rounds in which nothing is new, before the result
LINGER = 1               # seconds to repeat all votes after the result


def learn(votes, theirs):
    """Return all votes that are in either string; print the new ones."""
    together = list(votes)
    for index, (old, new) in enumerate(zip(votes, theirs)):
        if new == "-" or new == old or old == "X":
            continue
        if old == "-" and new != "X":
            together[index] = new
            print(f"electorate {index + 1} voted {new}")
        else:
            together[index] = "X"
            print(f"error: electorate {index + 1} voted twice", file=sys.stderr)
    return "".join(together)


def take_part(vote, sender, receiver, args):
    """Send and learn the votes, show the result, and tell the others.

    Return the votes, and whether it was over before the time was up.
    """
    size, dice = args.electorates, random.Random(args.seed)
    like = re.compile(b"[ABX-]{%d}" % size)
    own = sender.getsockname()

    def hear(until):
        """Return the next votes that somebody else sends; None if none come in time."""
        while (left := until - time.monotonic()) > 0:
            receiver.settimeout(left)
            try:
                payload, peer = receiver.recvfrom(65_535)
            except socket.timeout:
                break
            if peer != own and like.fullmatch(payload) and dice.random() >= args.lose:
                return payload.decode()
        return None

    votes = learn("-" * size, "-" * (args.id - 1) + vote + "-" * (size - args.id))
    agreed = votes if size == 1 else None  # votes that another one has sent, too
    shortest = SHARE * size
    pause, quiet, over, end = shortest, 0, False, time.monotonic() + args.timeout
    while time.monotonic() < end:
        until = min(end, time.monotonic() + random.uniform(pause / 2, pause))
        pause, quiet = min(2 * pause, LONGEST), quiet + 1
        while theirs := hear(until):
            if theirs != votes:
                votes, pause, quiet = learn(votes, theirs), shortest, 0
                until = min(until, time.monotonic() + random.uniform(0, shortest))
            if theirs == votes:
                agreed = votes
        send(sender, votes)
        settled = "X" in votes or ("-" not in votes and agreed == votes)
        if settled and quiet >= QUIET and not over:
            over, end = True, time.monotonic() + LINGER
            if "X" not in votes:
                show_result(votes)
    until = time.monotonic() + 0.1
    while theirs := hear(until):  # these arrived while we were stopped
        votes = learn(votes, theirs)
    send(sender, votes)  # the others must hear of a double vote, too
    return votes, over


def send(sender, votes):
    """Multicast all votes that we know."""
    try:
        sender.send(votes.encode())
    except OSError:
        pass  # the next datagram may get through


def show_result(votes):
    """Print the numbers of votes, and the winner."""
    a, b = votes.count("A"), votes.count("B")
    print(f"result: A {a}, B {b}")
    print("winner:", "A" if a > b else "B" if b > a else "none (tie)")


def ask():
    """Ask for the vote until it is A or B. A person has no time limit."""
    while (vote := input("your vote, A or B: ").strip().upper()) not in ("A", "B"):
        print("error: a vote is A or B", file=sys.stderr)
    return vote


def main():
    parser = group_options()
    parser.add_argument("id", type=int, metavar="ID", help="its number: 1 to N")
    parser.add_argument("--vote", type=str.upper, choices=["A", "B"], metavar="A|B",
                        help="vote this, and do not ask")
    parser.add_argument("--electorates", type=int, default=5, metavar="N",
                        help="number of electorates")
    parser.add_argument("--timeout", type=float, default=120, metavar="SECONDS",
                        help="to wait for the other votes")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a datagram to this electorate is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="same N, same losses")
    args = parser.parse_args()
    if not 1 <= args.id <= args.electorates <= MOST:
        parser.error(f"ID must be 1 to --electorates, and --electorates 1 to {MOST}")
    receiver = join(args.group, args.port, args.interface)
    with receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))
        group = args.group, receiver.getsockname()[1]
        sender.connect(group)  # now getsockname() returns its address
        print("joined", show(group))
        votes, over = take_part(args.vote or ask(), sender, receiver, args)
    missing = [str(number) for number, vote in enumerate(votes, 1) if vote == "-"]
    if "X" in votes:
        sys.exit(1)  # learn() has printed the error
    if missing:
        sys.exit(f"error: no result: no vote from {', '.join(missing)}")
    if not over:
        sys.exit("error: no result: nobody else has confirmed these votes")


# ---- The frame: the same in all members of a group -----------------------------------


def group_options():
    """Return a parser for the options that all members of a group share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", default=GROUP, help="the multicast address")
    parser.add_argument("--port", default=PORT, type=int, help="the group's port")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="which of this machine's addresses to use")
    return parser


def join(group, port, interface):
    """Return a socket that receives the group's datagrams on this interface."""
    membership = socket.inet_aton(group) + socket.inet_aton(interface)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # share the port
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD need this option, too
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sys.platform == "linux":  # IP_MULTICAST_ALL: no other interface
        receiver.setsockopt(socket.IPPROTO_IP, 49, 0)
    # Windows cannot bind to a group
    receiver.bind(("" if sys.platform == "win32" else group, port))
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return receiver


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    sys.stdin.reconfigure(errors="replace")
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError) as error:
        sys.exit(f"error: {error}; try another address or --port")
