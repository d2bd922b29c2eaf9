"""File transfer over UDP, the client: sends a file, a line a datagram.

Nobody acknowledges anything. The wire is described in udp_server.py.

    1$ python problem1/udp_server.py
    1| listening on 127.0.0.1:12100
    2$ python problem1/udp_client.py problem2/files/ports.txt
    1| received ports.txt: 27 of 27 lines
    2| sent ports.txt: 27 lines

Notice: "sent" is all that this client knows. And it does not send as fast as
it can: nobody tells a UDP sender that the receiver is behind (TCP's flow
control does), so it keeps to a rate, measured against the clock. A fixed
sleep after each line would be too slow, because sending takes time too. (The
rate counts lines; for lines of many thousand bytes choose a lower one.)

Try: stop the server, and send. On one machine the system itself answers that
nobody listens. Across a network the other machine does (with an ICMP
message); if it is off, or a firewall drops the message, the client prints
"sent" all the same.
"""
import argparse
import os
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12100  # where udp_server.py listens
MAX_DATAGRAM = 65_507            # bytes; the limit of UDP over IPv4
RATE = 10_000                    # lines a second; a server in Python keeps up with it


def datagrams(name, lines):
    """Return one datagram a line; raise ValueError if a line is too long for that."""
    numbered = list(enumerate(lines, 1)) or [(0, b"")]  # (0: an empty file)
    name = os.fsencode(name)
    made = [b"%d %d %d %b %b" % (number, len(lines), len(name), name, line)
            for number, line in numbered]
    for number, datagram in enumerate(made, 1):
        if len(datagram) > MAX_DATAGRAM:
            raise ValueError(f"line {number} is too long for a datagram")
    return made


def send_paced(sock, made, rate):
    """Send the datagrams, at most rate a second; raise OSError if nobody listens."""
    start = time.monotonic()
    for number, datagram in enumerate(made):
        ahead = start + number / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        elif ahead < -0.01:
            start -= ahead  # held up; to catch up in a burst would be to lose
        sock.send(datagram)
    refused = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if refused:  # nobody took the last one; for those before it, send() has raised
        raise OSError(refused, os.strerror(refused))


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
    parser.add_argument("file", metavar="FILE", help="the file to send")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=RATE, metavar="LINES_PER_SECOND",
                        help="at least 1 (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.rate >= 1:  # a slower client would seem to have gone
        parser.error("--rate takes at least 1")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    name = os.path.basename(args.file)
    try:
        with open(args.file, "rb") as file:
            lines = file.readlines()  # bytes: a newline byte ends a line, nothing else
        made = datagrams(name, lines)
    except OSError as error:
        sys.exit(f"error: cannot read {printable(args.file)}: {error.strerror}")
    except ValueError as error:
        sys.exit(f"error: cannot send {printable(args.file)}: {error}")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((args.host, args.port))  # then refusals are reported to us
            send_paced(sock, made, args.rate)
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    print(f"sent {printable(name)}: {len(lines)} lines")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ncut off: the server gets some of the lines only")
        sys.exit(130)
