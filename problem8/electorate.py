"""Election by multicast: each electorate votes, counts, and finds the winner.

There is no server to count. Each of the electorates 1 to N multicasts its
vote, hears the others', and counts for itself; and every screen must show the
same winner, although the network loses datagrams.

So nobody multicasts the own vote only: each repeats ALL that it knows. The
wire (UDP, multicast): a datagram is two words of N characters, a character for
each electorate. Here 1 and 3 have voted A, and 5 has voted B:

    A-A-B .....         A or B: the vote; - not heard of; X both, voted twice
    ABABB ++.+.         + if this electorate has known all for a round

What one learns is added to what one knows, and nothing is ever taken away.
Hence the order in which datagrams come does not matter, nor whether they come
twice, nor from whom: an electorate that dies has voted if one other heard it.
When all is + all over, everybody knows that everybody knows. Then the winner
is shown; and all is repeated for another second, for who has not heard the
last + yet.

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

When to send: at once, and then in rounds, each time at a random moment of the
round. While there is news, a round takes 4 ms for each electorate, so that
more electorates do not mean more datagrams a second. Without news, each round
is twice as long as the last, up to a second; and who hears three others say
just what it would say keeps silent (the Trickle algorithm, RFC 6206).

A double voter: both votes are kept, everybody is told, none is counted, and no
result is shown. The same vote twice counts once.

What is promised: who shows a winner shows the same one, if nobody has voted
twice; and a double vote is told to all who still run. Not promised, for it
cannot be: that everybody shows a winner. Nobody can ever be sure that its last
datagram arrived (the two generals' problem); to wait for an answer to it is to
have another last datagram. Who has all the votes, but not everybody's +, waits
3 seconds for those who may have died, and shows the result if one other has
confirmed it. A double vote that is cast after that comes too late. Nor is
anything secret, nor proved: whoever multicasts in your name votes for you.

All must be started with the same --electorates: others are not heard.

Try: the five of them, each with --lose 0.5. Kill one after its vote. Let one
vote twice, in two terminals. Does ever a screen show another winner?
"""
import argparse
import os
import random
import re
import signal
import socket
import sys
import time

GROUP, PORT = "239.255.12.8", 12800
INTERFACE = "127.0.0.1"  # nothing leaves this machine, which needs no network then
MOST = 100               # electorates; their shortest round takes 0.4 seconds
SHARE = 0.004            # seconds of the shortest round for each electorate
LONGEST = 1              # seconds in a round without news
ENOUGH = 3               # others who say the same, so that there is no need to
LIMITS = {"complete": 3, "settled": 1, "void": 1}  # seconds at most; see the note


def add(mine, theirs):
    """Return what we both know of an electorate, from what each of us knows."""
    if mine == theirs or theirs in "-.":
        return mine
    return theirs if mine in "-." else "X"


def learn(state, news):
    """Return the state with the news added; print the votes that are new."""
    together = "".join(map(add, state, news))
    for number, (old, new) in enumerate(zip(state, together), 1):
        if old != new and new in "AB":
            print(f"electorate {number} voted {new}")
        elif old != new and new == "X":
            print(f"error: electorate {number} voted twice", file=sys.stderr)
    return together


def stage_of(state):
    """Return how far the election has come."""
    votes, known = state.split(" ")
    if "X" in votes:
        return "void"
    if "-" in votes:
        return "open"
    return "complete" if "." in known else "settled"


def take_part(vote, sender, receiver, args):
    """Repeat and learn, until everybody knows all or the time is up.

    Return the state, and whether the result has been shown.
    """
    size, own, dice = args.electorates, args.id - 1, random.Random(args.seed)
    like = re.compile(f"[ABX-]{{{size}}} [.+]{{{size}}}")
    nothing = "-" * size + " " + "." * size

    def hear(until):
        """Yield what the others say, until this time."""
        for datagram in arrivals(receiver, until, sender.getsockname()):
            if dice.random() >= args.lose and like.fullmatch(datagram):
                yield datagram

    state = learn(nothing, nothing[:own] + vote + nothing[own + 1:])
    stage, end = "open", time.monotonic() + args.timeout
    interval = shortest = SHARE * size
    heard = 0
    while (now := time.monotonic()) < end:
        if heard < ENOUGH:
            send(sender, state)
        heard, news, votes = 0, False, state[:size]
        for datagram in hear(min(end, now + random.uniform(interval / 2, interval))):
            if datagram == state:
                heard += 1
                continue
            state, news = learn(state, datagram), True
            if interval > shortest:
                heard = ENOUGH  # not at once: all the others have just heard it, too
                break
        if "-" not in votes and votes == state[:size] and state[size + 1 + own] == ".":
            state = learn(state, nothing[:size + 1 + own] + "+" + nothing[own + 1:])
            heard, news = 0, True
        interval = shortest if news else min(2 * interval, LONGEST)
        if stage != stage_of(state):
            stage = stage_of(state)
            end = time.monotonic() + LIMITS[stage]
            if stage == "settled":
                show_result(state)
    for datagram in hear(time.monotonic() + 0.1):  # what came while we were stopped
        state = learn(state, datagram)
    send(sender, state)  # the last word: it may be a double vote, heard just now
    return state, stage == "settled"


def send(sender, state):
    """Multicast all that we know."""
    try:
        sender.send(state.encode())
    except OSError:
        pass  # as good as lost on the way: it is said again soon


def arrivals(receiver, until, own):
    """Yield the others' datagrams, as text, until this time."""
    while (left := until - time.monotonic()) > 0:
        receiver.settimeout(left)
        try:
            payload, peer = receiver.recvfrom(65535)
        except socket.timeout:
            return
        if peer != own:
            yield payload.decode(errors="replace")


def show_result(state):
    """Print who has won."""
    a, b = state.count("A"), state.count("B")
    print(f"result: A {a}, B {b}")
    print("winner:", "A" if a > b else "B" if b > a else "none (tie)")


def ask():
    """Return the vote that is typed."""
    while (vote := input("your vote, A or B: ").strip().upper()) not in ("A", "B"):
        print("error: a vote is A or B", file=sys.stderr)
    return vote


def main():
    parser = group_options()
    parser.add_argument("id", type=int, metavar="ID", help="of this electorate: 1 to N")
    parser.add_argument("--vote", type=str.upper, choices=["A", "B"], metavar="A|B",
                        help="instead of asking for it")
    parser.add_argument("--electorates", type=int, default=5, metavar="N",
                        help="how many there are")
    parser.add_argument("--timeout", type=float, default=120, metavar="SECONDS",
                        help="to wait for the other votes")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a datagram to this electorate is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="the same losses again")
    args = parser.parse_args()
    if not 1 <= args.electorates <= MOST:
        parser.error(f"--electorates takes 1 to {MOST}")
    if not 1 <= args.id <= args.electorates:
        parser.error(f"ID takes 1 to {args.electorates}")
    receiver = join(args.group, args.port, args.interface)
    with receiver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))
        group = args.group, receiver.getsockname()[1]
        sender.connect(group)  # gives it an address, to know its own datagrams by
        print("joined", show(group))
        state, shown = take_part(args.vote or ask(), sender, receiver, args)
    missing = [str(number) for number, vote in enumerate(state, 1) if vote == "-"]
    if stage_of(state) == "void":
        sys.exit(1)  # the error is told already
    elif missing:
        sys.exit(f"error: no result: no vote from {', '.join(missing)}")
    elif state.count("+") < min(2, args.electorates):
        sys.exit("error: no result: nobody else has confirmed these votes")
    elif not shown:
        show_result(state)


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
    if sys.platform == "linux":  # IP_MULTICAST_ALL: not the groups of others
        receiver.setsockopt(socket.IPPROTO_IP, 49, 0)
    receiver.bind(("" if os.name == "nt" else group, port))  # not on Windows
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    return receiver


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    sys.stdin.reconfigure(errors="replace")
    if os.name == "nt":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError) as error:
        sys.exit(f"error: {error}; try another address or --port")
