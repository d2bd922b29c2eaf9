"""One datagram, the receiver: takes a message of at most 40 bytes, and ends.

A datagram is a message that travels alone. The two ends set up no connection
before it, and the receiver sends no acknowledgment after it. The receiver
creates a socket, binds it to an address and waits. The wait has no limit,
because a person starts the sender.

The wire (UDP): one datagram of UTF-8 text, without a newline.

    sender                                receiver
       | ----- Hello, datagram! -----------> |

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

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

Notice: one recvfrom() returns one whole datagram and the address of its
sender. If the datagram is longer than the buffer, the system drops the rest
and does not tell you. (Windows documents that it raises an error.) So this
buffer has room for any datagram. The script then keeps 40 bytes, and says how
many it drops. The limit counts bytes, not characters. An accented letter takes
two bytes, so only 20 letters fit. Where the cut leaves half a letter, U+FFFD
appears (a question mark in a black diamond).

Try: write recvfrom(40), and send the long message again. (Ctrl+C ends nc.)

Question: what is a socket, and what kinds are there?
Answer: a socket is one end of a communication. The system keeps it for your
program, and you use it somewhat like a file. A stream socket carries bytes in
order (TCP: basics/stream_welcome). A datagram socket carries single messages
(UDP: this script). A raw socket carries packets of the layer below, for
example for ping. Only root may open one. A sequenced packet socket carries
messages in order over a connection (SCTP, or AF_UNIX inside one machine).
"""
import argparse
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12001  # only this machine; 0.0.0.0 opens it to the network
MAX_BYTES = 40                   # that a message may have
LARGEST = 65_535                 # bytes; no datagram is longer


def main():
    args = options().parse_args()
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)  # from now on the system queues datagrams
        print("listening on", show(sock.getsockname()))
        payload, peer = sock.recvfrom(LARGEST)
        text = payload[:MAX_BYTES].decode(errors="replace")
        print(f"received {printable(text)} from {show(peer)}")
        lost = len(payload) - MAX_BYTES
        if lost > 0:
            print(f"the rest is lost: {lost} of {len(payload)} bytes")


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
