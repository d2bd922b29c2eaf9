"""Multicast, the sender: sends one datagram to a group, and ends.

The wire is described in receiver.py.

    1$ python basics/multicast/receiver.py
    1| joined 239.255.12.14:12014
    2$ python basics/multicast/sender.py
    2| sent to 239.255.12.14:12014
    1| received Hello, everybody! from 127.0.0.1:<port>

Notice: the sender does not call bind() and does not join the group. Any
program may send to a group. The sender names the interface, because no route
leads to a group.

Try: send when there is no receiver. Nobody tells the sender. Then send a
message of more than 100 bytes: $(printf %0101d 0).
"""
import argparse
import signal
import socket
import sys

GROUP, PORT = "239.255.12.14", 12014
INTERFACE = "127.0.0.1"  # nothing leaves this machine
MAX_MESSAGE = 100        # bytes


def main():
    parser = group_options()
    parser.add_argument("message", nargs="?", default="Hello, everybody!",
                        metavar="MESSAGE", help="the text to send")
    args = parser.parse_args()
    payload = args.message.encode(errors="replace")
    if len(payload) > MAX_MESSAGE:
        sys.exit(f"error: not sent: {len(payload)} bytes; the limit is {MAX_MESSAGE}")
    socket.inet_aton(args.group)  # refuses a host name
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))
        group = args.group, args.port
        sender.sendto(payload, group)
        print("sent to", show(group))


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


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError) as error:
        sys.exit(f"error: {error}; try another address or --port")
