"""Echo over UDP, the client: sends messages, and again what does not come back.

The wire is described in server.py.

    1$ python basics/datagram_echo/server.py
    1| listening on 127.0.0.1:12004
    2$ python basics/datagram_echo/client.py hello hello
    1| 127.0.0.1:<port>: 1 hello
    1| 127.0.0.1:<port>: 2 hello
    2| echo: 1 hello
    2| echo: 2 hello

Notice: the client keeps a list of what has not come back. An echo strikes its
message off; one that is not on the list (a duplicate, late) changes nothing.
Without the number, the second echo of one hello would pass for the first of
the other.

Each round of waiting has one deadline. With a fresh timeout for every recv(),
a datagram now and then, whatever it is, would make it wait for ever.

Try: stop the server with Ctrl+Z, start the client, and go on with `fg` at the
server a few seconds later. How often does it get each message?
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12004  # where server.py listens
MAX_DATAGRAM = 1000              # bytes; one packet on any usual network
TIMEOUT = 1                      # seconds to wait for echoes; many round trips
TRIES = 8                        # how often to send a message, at most


def exchange(sock, waiting):
    """Send what waits for its echo, and show the echoes, until nothing waits."""
    for attempt in range(TRIES):
        for payload in waiting:
            if attempt:
                print(f"{payload.decode()}: no echo, sent again")
            sock.send(payload)
        deadline = time.monotonic() + TIMEOUT
        while waiting and (left := deadline - time.monotonic()) > 0:
            sock.settimeout(left)
            try:
                reply = sock.recv(MAX_DATAGRAM)
            except socket.timeout:
                break
            if reply in waiting:
                waiting.remove(reply)
                print(f"echo: {reply.decode()}")
    if waiting:
        raise TimeoutError(f"{len(waiting)} without an echo after {TRIES} tries")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("messages", nargs="*", metavar="MESSAGE",
                        default=["one", "two", "three"],
                        help="one or more (default: one two three)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    waiting = [f"{number} {message}".encode(errors="replace")  # ? for what is no text
               for number, message in enumerate(args.messages, 1)]
    if max(map(len, waiting)) > MAX_DATAGRAM:
        sys.exit(f"error: not sent: more than {MAX_DATAGRAM} bytes in a message")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((args.host, args.port))  # from now on strangers are not heard
            exchange(sock, waiting)
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
