"""A datagram and its reply, the sender: sends a message, waits for the reply.

The wire is described in receiver.py.

    1$ python basics/datagram_duplex/receiver.py
    1| listening on 127.0.0.1:12002
    2$ python basics/datagram_duplex/sender.py "Who is there?"
    1| received Who is there? from 127.0.0.1:<port>
    2| received I am. from 127.0.0.1:12002

Notice: connect() sends nothing here. It tells the own system whom we talk to:
send() needs no address any more, datagrams from anybody else are dropped, and
if the machine answers that nobody listens there, we get an error. If no
such message comes (the machine is off, or either datagram was lost), recv()
would wait for ever; hence the timeout. basics/datagram_echo sends again.

Try: start the sender without a receiver. Then send a message of 61 bytes.
"""
import argparse
import socket
import sys

HOST, PORT = "127.0.0.1", 12002  # where receiver.py listens
MAX_BYTES = 60                   # of a message or a reply
LARGEST = 65_535                 # bytes; no datagram is longer
TIMEOUT = 2                      # seconds to wait for the reply; many round trips


def ask(sock, payload):
    """Send the message and return the reply, each of them one datagram."""
    sock.settimeout(TIMEOUT)
    sock.send(payload)
    reply = sock.recv(LARGEST)
    if len(reply) > MAX_BYTES:
        raise ValueError(f"a reply of more than {MAX_BYTES} bytes")
    return reply.decode()


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
    parser.add_argument("message", nargs="?", metavar="MESSAGE",
                        default="Are you there?", help="(default: %(default)s)")
    parser.add_argument("--host", default=HOST,
                        help="the receiver's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the receiver's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    payload = args.message.encode(errors="replace")  # ? for what is no text
    if len(payload) > MAX_BYTES:
        sys.exit(f"error: not sent: {len(payload)} bytes, at most {MAX_BYTES} please")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    where = show((args.host, args.port))
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((args.host, args.port))  # from now on strangers are not heard
            reply = ask(sock, payload)
    except (OSError, TypeError, ValueError) as error:  # no possible name, or reply
        sys.exit(f"error: cannot reach {where}: {error}; "
                 "is the receiver running there?")
    print(f"received {printable(reply)} from {where}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
