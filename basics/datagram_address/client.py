"""Addresses over UDP, the client: shows its own address, twice.

The wire is described in server.py. Start the client twice:

    1$ python basics/datagram_address/server.py
    1| listening on 127.0.0.1:12003
    2$ python basics/datagram_address/client.py
    2| my address: 127.0.0.1:<port>
    2| the server sees: 127.0.0.1:<port>
    2$ python basics/datagram_address/client.py
    2| my address: 127.0.0.1:<port>
    2| the server sees: 127.0.0.1:<port>
    1| client 127.0.0.1:<port>
    1| client 127.0.0.1:<port>

The client waits 2 seconds for the reply.

Notice: connect() gives the socket a port, and it is a different one each time.
Before connect(), getsockname() would show 0.0.0.0:0, which means no address
yet.

Try: stop the server and start the client. Which of the two lines do you still
see, and why?
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12003  # where server.py listens
LARGEST = 65_535                 # bytes; no datagram is longer
TIMEOUT = 2                      # seconds to wait for the reply


def main():
    args = options().parse_args()
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # from now on it receives from this address only
        print("my address:", show(sock.getsockname()))
        sock.settimeout(TIMEOUT)
        sock.send(b"what is my address?")
        reply = sock.recv(LARGEST)
    print("the server sees:", printable(reply.decode(errors="replace")))


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


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
