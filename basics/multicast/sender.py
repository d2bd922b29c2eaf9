"""Multicast, the sender: one datagram to everybody who has joined a group.

The note is in receiver.py.

    1$ python basics/multicast/receiver.py
    1| joined 239.255.12.14:12014
    2$ python basics/multicast/sender.py
    2| sent to 239.255.12.14:12014
    1| received Hello, everybody! from 127.0.0.1:<port>

Notice: no join, and no bind. Anybody may send to a group; and nobody tells the
sender whether there was somebody to receive it.

Try: send when there is no receiver. A message of more than 100 bytes.
"""
import argparse
import socket
import sys

GROUP, PORT = "239.255.12.14", 12014
INTERFACE = "127.0.0.1"  # nothing leaves this machine, which needs no network then
MAX_MESSAGE = 100        # bytes


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("message", nargs="?", default="Hello, everybody!",
                        metavar="MESSAGE", help="(default: %(default)s)")
    parser.add_argument("--group", default=GROUP,
                        help="multicast address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the group's port (default: %(default)s)")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="an address of this machine (default: %(default)s)")
    args = parser.parse_args()
    if not 1 <= args.port <= 65535:
        parser.error("--port takes 1 to 65535")
    payload = args.message.encode(errors="replace")
    if len(payload) > MAX_MESSAGE:
        sys.exit(f"error: not sent: {len(payload)} bytes, at most {MAX_MESSAGE} please")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))  # not where routes lead
        sender.sendto(payload, (args.group, args.port))
    print(f"sent to {args.group}:{args.port}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot send: {error}; "
                 "try another --group, --port or --interface")
