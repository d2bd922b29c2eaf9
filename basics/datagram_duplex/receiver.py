"""A datagram and its reply, the receiver: answers one message, and ends.

The receiver knows nobody. It sends its reply to the address that came with
the message; whoever sends first is known to the other by that.

The wire (UDP): UTF-8 text of at most 60 bytes, each way.

    sender                                receiver
       | ----- Are you there? -----------> |
       | <------------------- I am. ------ |

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/datagram_duplex/receiver.py
    1| listening on 127.0.0.1:12002
    2$ python basics/datagram_duplex/sender.py
    1| received Are you there? from 127.0.0.1:<port>
    2| received I am. from 127.0.0.1:12002

Notice: a message of more than 60 bytes (sender.py sends none) is not
answered, and the receiver waits for the next, without a limit: it is a person
who sends.

Try: `diff basics/datagram/receiver.py basics/datagram_duplex/receiver.py`.
Then send with `nc -u 127.0.0.1 12002`, which shows the reply, too.

Question: what is the difference between connection-oriented and
connectionless?
Answer: with a connection (TCP: basics/stream_duplex) both ends first agree
on it, and what they then send belongs together: in order and without gaps.
Without one (UDP) each datagram travels alone, with its sender's address on
it, and a wait for a reply needs a time limit (sender.py).
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12002  # this machine only; 0.0.0.0 would admit the network
MAX_BYTES = 60                   # of a message or a reply
LARGEST = 65_535                 # bytes; no datagram is longer
REPLY = b"I am."


def answer(sock):
    """Answer one message; waits for it without a limit."""
    while True:
        payload, peer = sock.recvfrom(LARGEST)
        try:
            if len(payload) > MAX_BYTES:
                raise ValueError(f"more than {MAX_BYTES} bytes")
            text = payload.decode()
            sock.sendto(REPLY, peer)
            print(f"received {printable(text)} from {show(peer)}")
            return  # one message, and the receiver ends
        except (OSError, ValueError) as error:
            print(f"error: {show(peer)}: {error}")


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
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((args.host, args.port))
        print("listening on", show(sock.getsockname()))
        answer(sock)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
