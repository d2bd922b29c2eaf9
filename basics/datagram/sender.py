"""One datagram, the sender: sends a message, and ends.

The wire is described in receiver.py. In this session there is no receiver:

    1$ python basics/datagram/sender.py "Is anybody there?"
    1| sent 17 bytes to 127.0.0.1:12001

Notice: "sent" is all that the sender knows. The system took the datagram to
pass it on, and nobody reports whether it arrives. The sender does not call
bind(). The system gives it a free port at the first sendto(). The receiver
shows that port.

Try: send an empty message, "". `make wire P=datagram`, in a third terminal,
shows that there is a datagram. Then send one of 70,000 bytes:

    python basics/datagram/sender.py $(printf %070000d 0)
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12001  # where receiver.py listens
LARGEST = 65_507                 # bytes; no datagram over IPv4 carries more


def main():
    parser = options()
    parser.add_argument("message", nargs="?", default="Hello, datagram!",
                        metavar="MESSAGE", help="the text to send")
    args = parser.parse_args()
    payload = args.message.encode(errors="replace")
    if len(payload) > LARGEST:
        sys.exit(f"error: {len(payload)} bytes do not fit into a datagram")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.sendto(payload, address)
        print(f"sent {len(payload)} bytes to {show(address)}")


# ---- The frame: the same in all clients ----------------------------------------------


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


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
