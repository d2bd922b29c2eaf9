"""Echo over UDP, the server: sends back every datagram, as it is.

A datagram may be lost on its way, or its echo; the client cannot tell which,
and sends it again. On one machine hardly anything is lost, so this server can
pretend that it is: --lose 0.5.

The wire (UDP): a number and the message, at most 1000 bytes; back the same.

    client                                server
       | ----- 1 hello -------------------> |
       | ----- 2 world -------------------> |
       | <------------------- 2 world ----- |   1 was lost:
       | ----- 1 hello -------------------> |   sent again
       | <------------------- 1 hello ----- |

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

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

Notice: "one" was sent first, and "two" comes back before it. The server has
had "three" twice, and cannot know why.

Try: --lose 0.8, several times. Are eight tries always enough? Then lose real
datagrams, in the network of `make net LOSE=50` (Linux; README.md).

Question: reliability, order, error checking: what does UDP do, what TCP?
Answer: UDP has a checksum; a damaged datagram is dropped, and so is one that
finds no room. It does not notice loss, doubling or disorder (--lose 0.5
above): this client does. TCP has the same checksum, but it also numbers the
bytes, sends again what is not acknowledged, and hands them over in order:
basics/stream_echo loses nothing and has no code for it.
"""
import argparse
import random
import socket
import sys

HOST, PORT = "127.0.0.1", 12004  # this machine only; 0.0.0.0 would admit the network
MAX_DATAGRAM = 1000              # bytes; one packet on any usual network
LARGEST = 65_535                 # bytes; no datagram is longer


def echo(sock, dice, lose):
    """Send back every datagram; waits for them without a limit."""
    while True:
        try:
            payload, peer = sock.recvfrom(LARGEST)
            if len(payload) > MAX_DATAGRAM:
                raise ValueError(f"{show(peer)}: more than {MAX_DATAGRAM} bytes")
            text = printable(payload.decode(errors="replace"))
            fate = dice.random()  # below lose / 2: request lost; below lose: reply lost
            if fate < lose / 2:
                print(f"lost: request {text}")
                continue
            print(f"{show(peer)}: {text}")
            if fate < lose:
                print(f"lost: reply {text}")
            else:
                sock.sendto(payload, peer)
        except (OSError, ValueError) as error:  # OSError, Windows: a client has gone
            print(f"error: {error}")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a request or its reply is lost")
    parser.add_argument("--seed", type=int, metavar="N",
                        help="the same losses after each start, for one client")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    if not 0 <= args.lose <= 1:
        parser.error("--lose takes 0 to 1")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    dice = random.Random(args.seed)
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((args.host, args.port))
        print("listening on", show(sock.getsockname()))
        echo(sock, dice, args.lose)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
