"""Echo over UDP, the server: sends back every datagram as it is.

A datagram may be lost on its way. Its echo may be lost, too. The client cannot
tell which of the two was lost, so it retransmits the message. Inside one
machine, datagrams are hardly ever lost. So this server can pretend to lose
some. With --lose 0.5 it loses 25 % of the messages, and 25 % of the echoes.

The wire (UDP): a datagram has a number and a message, at most 1000 bytes. The
server sends the same datagram back. A longer one gets no reply, but an error
line on the screen.

    client                                server
       | ----- 1 one ----------------------> |   the server pretends to lose it
       | ----- 2 two ----------------------> |
       | <---------------------- 2 two ----- |
       | ----- 1 one ----------------------> |   the client retransmits it
       | <---------------------- 1 one ----- |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/datagram_echo/server.py --lose 0.5 --seed 3
    1| listening on 127.0.0.1:12004
    2$ python basics/datagram_echo/client.py one two three
    1| lost: request 1 one
    1| 127.0.0.1:<port>: 2 two
    1| 127.0.0.1:<port>: 3 three
    1| lost: reply 3 three
    2| echo: 2 two
    2| 1 one: no echo, sent again
    2| 3 three: no echo, sent again
    1| 127.0.0.1:<port>: 1 one
    1| 127.0.0.1:<port>: 3 three
    2| echo: 1 one
    2| echo: 3 three

Notice: the client sends "one" first, and the echo of "two" arrives before it.
The server receives "three" twice, and cannot know why.

Try: --lose 0.8, several times. Are the client's eight tries always enough?
Then lose real datagrams: `make wire P=datagram_echo LOSE=0.5`, in a third
terminal, draws which, and `make net LOSE=50` makes a whole network that loses
them (Linux; README.md).

Question: what do UDP and TCP do about reliability, order and errors?
Answer: UDP adds a checksum, and drops a damaged datagram. It does not notice
lost, duplicate or reordered datagrams. This client does. TCP has the same
checksum. It also numbers the bytes, retransmits unacknowledged bytes, and
delivers all bytes in order. basics/stream_echo loses nothing, and needs no
code of its own for that.
"""
import argparse
import random
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12004  # only this machine; 0.0.0.0 opens it to the network
MAX_BYTES = 1000                 # of a message; one packet on any usual network
LARGEST = 65_535                 # bytes; no datagram is longer


def echo(sock, dice, lose):
    """Send back one datagram, or pretend that it or its echo is lost."""
    payload, peer = sock.recvfrom(LARGEST)
    if len(payload) > MAX_BYTES:
        raise ValueError(f"{show(peer)} sent {len(payload)} bytes; "
                         f"the limit is {MAX_BYTES}")
    text = printable(payload.decode(errors="replace"))
    fate = dice.random()
    if fate < lose / 2:
        print("lost: request", text)
        return
    print(f"{show(peer)}: {text}")
    if fate < lose:
        print("lost: reply", text)
    else:
        sock.sendto(payload, peer)


def main():
    parser = options()
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a request or its reply is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="same N, same losses")
    args = parser.parse_args()
    dice = random.Random(args.seed)
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)  # from now on the system queues datagrams
        print("listening on", show(sock.getsockname()))
        while True:
            try:
                echo(sock, dice, args.lose)
            except (OSError, ValueError) as error:  # it is only one datagram
                print("error:", error)


# ---- The frame: the same in all UDP servers ------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def resolve(host, port):
    """Return the address family (IPv4 or IPv6) and the address of host and port."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return family, (host, port, *scope)


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
