"""File transfer over TCP, the client: sends a file, unit by unit.

Stop and wait, in units of at most 100 bytes: see tcp_server.py, where the
wire is described.

    1$ python problem1/tcp_server.py
    1| listening on 127.0.0.1:12100
    2$ python problem1/tcp_client.py problem2/files/ports.txt
    1| received ports.txt: 1547 bytes
    2| sent ports.txt: 1547 bytes in 16 units, 0 retransmitted
    2$ python problem1/tcp_client.py problem2/files/nothing.txt
    2| error: cannot read problem2/files/nothing.txt: No such file or directory

Notice: header and payload go in one sendall(). Alone, the second part would
wait for the acknowledgment of the first, which the other side's TCP delays by
40 ms in the hope of something to send it with (Nagle's algorithm, RFC 896).

The wait for an acknowledgment has one deadline. To begin a new timeout with
every stray acknowledgment would be to wait for ever if they keep coming. And
an old acknowledgment is ignored, not answered by sending something again:
otherwise one duplicate would double all that follows (RFC 1123, 4.2.3.1, the
Sorcerer's Apprentice).

Try: a timeout shorter than the round trip. Put `time.sleep(0.01)` before
`conn.sendall(b"ack` in tcp_server.py, and send haiku.txt with --timeout 0.004
--retries 1000. Why is each unit sent about twice as often as the one before?
Is the file right? (The server's error at the end is about an acknowledgment
that nobody waits for any more.)
"""
import argparse
import os
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12100  # where tcp_server.py listens
UNIT = 100                       # bytes of the file in a unit, at most
TIMEOUT = 10                     # seconds to wait for the connection
MAX_REPLIES = 10_000             # bytes; far more than a wait can bring


def units(name, file):
    """Yield the payloads of units 0, 1, 2 ...: the name, the file, and nothing."""
    yield os.fsencode(name)
    while payload := file.read(UNIT):
        yield payload
    yield b""


def acknowledged(conn, replies, sequence, timeout):
    """Return whether "ack SEQUENCE" comes in time; pass over older acknowledgments.

    replies keeps what was cut off (a file object cannot go on after a timeout).
    """
    ack = b"ack %d\n" % sequence
    deadline = time.monotonic() + timeout  # one, however many older ones come
    if conn.gettimeout() != timeout:  # setting it before each wait costs a tenth of all
        conn.settimeout(timeout)
    while True:
        try:
            data = conn.recv(MAX_REPLIES)
        except socket.timeout:
            return False
        replies += data
        if replies.endswith(ack):
            replies.clear()
            return True
        if not data or len(replies) > MAX_REPLIES:
            reason = replies.decode(errors="replace").partition("error: ")[2].strip()
            raise ConnectionError(reason or "the server hung up, or talks nonsense")
        conn.settimeout(max(0.001, deadline - time.monotonic()))


def send_file(conn, name, file, timeout, tries):
    """Send the units, each until it is acknowledged, and print what that took."""
    replies, sent, size = bytearray(), 0, 0
    for sequence, payload in enumerate(units(name, file)):
        unit = b"%d %d\n%b" % (sequence, len(payload), payload)
        size += len(payload) if sequence else 0  # unit 0 is the name
        for attempt in range(tries):
            if attempt:
                print(f"unit {sequence}: no acknowledgment, sent again")
            conn.sendall(unit)  # in one call: see the note
            sent += 1
            if acknowledged(conn, replies, sequence, timeout):
                break
        else:
            raise TimeoutError(f"unit {sequence} was sent {tries} times without an "
                               "acknowledgment; whether it has arrived is unknown")
    print(f"sent {printable(name)}: {size} bytes in {sequence - 1} units, "
          f"{sent - sequence - 1} retransmitted")


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
    parser.add_argument("file", metavar="FILE", help="the file to send")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=2.0, metavar="SECONDS",
                        help="to wait for an acknowledgment (default: %(default)s)")
    parser.add_argument("--retries", type=int, default=5, metavar="N",
                        help="how often to send a unit at most (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not 0.001 <= args.timeout <= 9:  # the server waits for 10 seconds
        parser.error("--timeout takes 0.001 to 9")
    if args.retries < 1:
        parser.error("--retries takes at least 1")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    name = os.path.basename(args.file)
    try:
        file = open(args.file, "rb")
    except OSError as error:
        sys.exit(f"error: cannot read {printable(args.file)}: {error.strerror}")
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn, file:
            send_file(conn, name, file, args.timeout, args.retries)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {printable(name)}: {printable(str(error))}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ncut off: the server keeps the file only if it had all of it")
        sys.exit(130)
