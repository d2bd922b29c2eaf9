"""File transfer over UDP, the client: sends each line of a file as a datagram.

Nobody acknowledges anything. The wire is described in udp_server.py.

    1$ python problem1/udp_server.py
    1| listening on 127.0.0.1:12100
    2$ python problem1/udp_client.py problem2/files/ports.txt
    1| received ports.txt: 27 of 27 lines
    2| sent ports.txt: 27 lines

Notice: "sent" is all that this client knows. It does not send as fast as it
can. TCP's flow control tells a sender when the receiver is behind; UDP has
none. So the client sends at a fixed rate (default: 10,000 lines a second). It
looks at the clock to know when the next line is due. A fixed sleep after each
line would be too slow, because sending takes time, too. (The rate counts
lines. For lines of many thousand bytes choose a lower one.) If a line is too
long for a datagram, the client sends nothing.

Try: stop the server, and send. On this machine the system itself reports that
nobody listens. On a network the other machine reports it (with an ICMP
message). If that machine is off, or a firewall drops the message, the client
still prints "sent". Then lose datagrams: `make wire P=problem1/udp_server.py
LOSE=0.2` in a third terminal prints the command for the client. What does each
of the two programs know?
"""
import argparse
import os
import signal
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12100  # where udp_server.py listens
MAX_DATAGRAM = 65_507            # bytes; the limit of UDP over IPv4
RATE = 10_000                    # lines a second; a server in Python keeps up with it


def datagrams(name, lines):
    """Return one datagram for each line, or one for an empty file."""
    return [b"%d %d %b\n%b" % (number, len(lines), os.fsencode(name), line)
            for number, line in list(enumerate(lines, 1)) or [(0, b"")]]


def send_paced(sock, made, rate):
    """Send the datagrams, at most rate a second."""
    start = time.monotonic()
    for number, datagram in enumerate(made):
        ahead = start + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        elif ahead < -0.01:
            start -= ahead  # it was held up; a burst to catch up would be lost
        sock.send(datagram)  # raises an error if nobody took an earlier one
    refused = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if refused:  # nobody took the last one
        raise OSError(refused, os.strerror(refused))


def main():
    parser = options()
    parser.add_argument("file", metavar="FILE", help="the file to send")
    parser.add_argument("--rate", type=float, default=RATE, help="lines a second",
                        metavar="LINES_PER_SECOND")
    args = parser.parse_args()
    name = os.path.basename(args.file)
    if not os.path.isfile(args.file) or "\n" in name:
        sys.exit(f"error: {args.file!r} does not exist or is not a regular file")
    with open(args.file, "rb") as file:
        lines = file.readlines()  # of bytes: only a newline byte ends a line
    made = datagrams(name, lines)
    for number, datagram in enumerate(made, 1):
        if len(datagram) > MAX_DATAGRAM:
            sys.exit(f"error: line {number} does not fit into a datagram; not sent")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # then the system reports that nobody listens
        send_paced(sock, made, args.rate)
    print(f"sent {printable(name)}: {len(lines)} lines")


# ---- The frame: the same in all clients that transfer a file -------------------------


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


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        sys.exit(130)
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
