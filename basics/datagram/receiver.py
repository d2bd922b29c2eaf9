"""One datagram, the receiver: takes a message of at most 40 bytes, and ends.

A datagram is a message that travels alone: nothing is agreed on before it,
and nothing acknowledged after it. The receiver makes a socket, binds it to
an address, and waits there, without a limit: it is a person who sends.

The wire (UDP): UTF-8 text, and nothing else.

    sender                                receiver
       | ----- Hello, datagram! ---------> |

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/datagram/receiver.py
    1| listening on 127.0.0.1:12001
    2$ python basics/datagram/sender.py
    2| sent 16 bytes to 127.0.0.1:12001
    1| received Hello, datagram! from 127.0.0.1:<port>
    1$ python basics/datagram/receiver.py
    1| listening on 127.0.0.1:12001
    2$ nc -u 127.0.0.1 12001
    2< Forty bytes is what fits in, and no more than that.
    1| received Forty bytes is what fits in, and no more from 127.0.0.1:<port>
    1| the rest is lost: 12 of 52 bytes

Notice: one recvfrom() takes one datagram, whole, and says who sent it. What
its buffer cannot hold is dropped without a word (on Windows, by
documentation, with an error). So this buffer holds any datagram, and the
receiver can say what it drops. Bytes count, not characters: of 21 accented
letters 20 arrive.

Try: put 40 in place of LARGEST, and send the long message again.

Question: what is a socket, and what kinds are there?
Answer: the end of a communication, kept by the system for a program, which
uses it somewhat like a file. Stream sockets carry bytes in order (TCP:
basics/stream_welcome), datagram sockets single messages (UDP: this script),
raw sockets packets of the layer below (for ping and the like; root only), and
sequenced packet sockets messages in order, over a connection (SCTP; AF_UNIX).
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12001  # this machine only; 0.0.0.0 would admit the network
MAX_BYTES = 40                   # of a message
LARGEST = 65_535                 # bytes; no datagram is longer


def receive(sock):
    """Take one datagram and show it; waits for it without a limit."""
    payload, peer = sock.recvfrom(LARGEST)
    text = payload[:MAX_BYTES].decode(errors="ignore")  # half a character may be left
    print(f"received {printable(text)} from {show(peer)}")
    if len(payload) > MAX_BYTES:
        print(f"the rest is lost: {len(payload) - MAX_BYTES} of {len(payload)} bytes")


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
        sock.bind((args.host, args.port))  # from now on the system keeps what comes
        print("listening on", show(sock.getsockname()))
        receive(sock)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
