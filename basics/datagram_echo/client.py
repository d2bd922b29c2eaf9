"""Echo over UDP, the client: sends messages, and retransmits lost ones.

The wire is described in server.py.

    1$ python basics/datagram_echo/server.py
    1| listening on 127.0.0.1:12004
    2$ python basics/datagram_echo/client.py hello hello
    1| 127.0.0.1:<port>: 1 hello
    1| 127.0.0.1:<port>: 2 hello
    2| echo: 1 hello
    2| echo: 2 hello

The client waits one second for the echoes. Then it sends again each message
that has none; each message at most eight times in all.

Notice: the client keeps a list of the messages without an echo. An echo takes
its message off the list. The message of a duplicate echo is no longer on the
list, so the echo changes nothing. Without the number, a duplicate echo of the
first hello could look like the echo of the second.

Each round of waiting has one deadline. If every recv() started a new timeout,
other datagrams could restart it again and again, and the client would wait for
ever.

A machine can have several addresses. You send to one address, but a server on
0.0.0.0 may answer from another. The client ignores that answer. So start the
server on that one address (--host).

Try: stop the server with Ctrl+Z, and start the client. A few seconds later,
type `fg` at the server. How often does it receive each message?
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12004  # where server.py listens
MAX_BYTES = 1000                 # of a message; one packet on any usual network
TIMEOUT = 1                      # seconds to wait for the echoes
TRIES = 8                        # times to send a message, at most


def exchange(sock, waiting):
    """Send the messages until each has its echo; raise TimeoutError after TRIES."""
    for attempt in range(TRIES):
        for payload in waiting:
            if attempt:
                print(f"{printable(payload.decode())}: no echo, sent again")
            sock.send(payload)
        deadline = time.monotonic() + TIMEOUT
        while waiting and (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                reply = sock.recv(MAX_BYTES)
            except socket.timeout:
                break
            if reply in waiting:
                waiting.remove(reply)
                print("echo:", printable(reply.decode()))
        if not waiting:
            return
    raise TimeoutError(f"{len(waiting)} messages without an echo after {TRIES} tries")


def main():
    parser = options()
    parser.add_argument("messages", nargs="*", default=["one", "two", "three"],
                        metavar="MESSAGE", help="a text of less than 1000 bytes")
    args = parser.parse_args()
    waiting = [f"{number} {text}".encode(errors="replace")
               for number, text in enumerate(args.messages, 1)]
    if max(map(len, waiting)) > MAX_BYTES:
        sys.exit(f"error: not sent: the limit is {MAX_BYTES} bytes for a message")
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(address)  # from now on it receives from this address only
        exchange(sock, waiting)


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
