"""Addresses over UDP, the server: tells each sender its address.

An address has two parts. The IP address leads to a machine, and the port to
one socket on it. Every datagram carries the sender's address and the
receiver's.

The wire (UDP): any datagram; the reply is the sender's address.

    client                                server
       | ----- what is my address? --------> |
       | <------ (the client's address) ---- |   such as 127.0.0.1:51515

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/datagram_address/server.py
    1| listening on 127.0.0.1:12003
    2$ python basics/datagram_address/client.py
    1| client 127.0.0.1:<port>
    2| my address: 127.0.0.1:<port>
    2| the server sees: 127.0.0.1:<port>

Notice: nobody chose the client's port. The client's system took a free port,
and the server sends its reply there. The server's port is fixed, because its
clients must know it.

Try: start the client again. Then start it on another machine. If a home router
on the way rewrites addresses (NAT), do the client's two lines still agree?

Question: what is the port for?
Answer: the IP address brings a datagram to a machine, where many programs may
communicate. The port says which socket receives it. Here both ends have the IP
address 127.0.0.1, and only the ports differ. TCP and UDP have separate port
numbers: TCP port 12003 and UDP port 12003 are different ports.
"""
import argparse
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12003  # only this machine; 0.0.0.0 opens it to the network
LARGEST = 65_535                 # bytes; no datagram is longer


def main():
    args = options().parse_args()
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(address)  # from now on the system queues datagrams
        print("listening on", show(sock.getsockname()))
        while True:
            try:
                _, peer = sock.recvfrom(LARGEST)
                print("client", show(peer))
                sock.sendto(show(peer).encode(), peer)
            except OSError as error:  # Windows reports here that a client has left
                print("error:", error)


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
