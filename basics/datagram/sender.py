"""One datagram, the sender: sends a message, and ends.

The wire is described in receiver.py. This time nobody receives:

    1$ python basics/datagram/sender.py "Is anybody there?"
    1| sent 17 bytes to 127.0.0.1:12001

Notice: "sent" is all that the sender knows: its system has taken the datagram
to pass it on. The sender needs no bind(): the system gives it a free port
when it first sends, and that is the port that a receiver shows.

Try: an empty message, "". Then one of 70,000 bytes: $(printf %070000d 0).
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12001  # where receiver.py listens


def send(sock, payload, address):
    """Send one datagram, and say so."""
    sock.sendto(payload, address)
    print(f"sent {len(payload)} bytes to {show(address)}")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("message", nargs="?", metavar="MESSAGE",
                        default="Hello, datagram!", help="(default: %(default)s)")
    parser.add_argument("--host", default=HOST,
                        help="the receiver's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the receiver's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    payload = args.message.encode(errors="replace")  # ? for what is no text
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            send(sock, payload, (args.host, args.port))
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot send to {show((args.host, args.port))}: {error}; "
                 "try a shorter message, another --host or --port")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
