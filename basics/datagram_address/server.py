"""Addresses over UDP, the server: says from which address each datagram came.

An address is two numbers: the IP address leads to a machine, and the port to
one socket there. Every datagram carries its sender's and its receiver's.

The wire (UDP): any datagram; the reply is the address that it came from.

    client                                server
       | ----- what is my address? -------> |
       | <------------ 127.0.0.1:51515 ---- |

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/datagram_address/server.py
    1| listening on 127.0.0.1:12003
    2$ python basics/datagram_address/client.py
    1| client 127.0.0.1:<port>
    2| my address: 127.0.0.1:<port>
    2| the server sees: 127.0.0.1:<port>

Notice: nobody chose the client's port. Its system took a free one, and the
server replies to it. (A server binds to a port that its clients know.)

Try: start the client again. Then from another machine; and if a home router
is on the way, which rewrites addresses (NAT), do the two still agree?

Question: what is the port for?
Answer: the IP address gets a datagram only as far as the machine, where many
programs may communicate; the port says which socket it is for, as the two
ends on 127.0.0.1 here show, which differ in nothing else. TCP and UDP number
their ports apart.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12003  # this machine only; 0.0.0.0 would admit the network
LARGEST = 65_535                 # bytes; no datagram is longer


def answer(sock):
    """Answer every datagram with its sender's address; waits without a limit."""
    while True:
        try:
            _, peer = sock.recvfrom(LARGEST)
            print("client", show(peer))
            sock.sendto(show(peer).encode(), peer)
        except OSError as error:  # Windows: an earlier client was gone before the reply
            print(f"error: {error}")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
