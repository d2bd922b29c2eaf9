"""File transfer over TCP, the client: sends a file, unit by unit.

Stop and wait, in units of at most 100 bytes. The client waits --timeout
seconds for an acknowledgment (default: 2), and sends a unit at most --retries
times in all (default: 5). The wire is described in tcp_server.py.

    1$ python problem1/tcp_server.py
    1| listening on 127.0.0.1:12100
    2$ python problem1/tcp_client.py problem2/files/ports.txt
    1| received ports.txt: 1547 bytes
    2| sent ports.txt: 1547 bytes in 16 units, 0 retransmitted
    2$ python problem1/tcp_client.py nothing.txt
    2| error: 'nothing.txt' does not exist or is not a regular file

Notice: one sendall() sends the header and the payload. With two calls, the
payload would wait until the other side's TCP acknowledges the header, perhaps
40 ms later (Nagle's algorithm, RFC 896).

The wait for an acknowledgment has one deadline. If each old acknowledgment
started a new timeout, a stream of them would make the client wait for ever.
The client ignores an old acknowledgment. If the client answered an old
acknowledgment with the next unit, it would send every later unit twice. (RFC
1123, 4.2.3.1, calls this the Sorcerer's Apprentice Syndrome.)

Try: a timeout that is shorter than the round trip. In tcp_server.py, put
`time.sleep(0.01)` before the line that sends the acknowledgment. Then send
haiku.txt with --timeout 0.004 --retries 1000. The client sends each unit about
twice as often as the unit before it. Why? Is the file right?
"""
import argparse
import os
import signal
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12100  # where tcp_server.py listens
UNIT = 100                       # bytes of the file in a unit, at most
TIMEOUT = 10                     # seconds to wait for the connection
MAX_REPLIES = 10_000             # bytes without the acknowledgment that we wait for


def units(name, file):
    """Yield the payloads of units 0, 1, 2 ...: the name, the file, and nothing."""
    yield os.fsencode(name)
    while payload := file.read(UNIT):
        yield payload
    yield b""


def acknowledged(conn, replies, sequence, timeout):
    """Return whether the acknowledgment arrives in time; older ones are ignored.

    replies keeps a part of an acknowledgment until the rest of it arrives.
    """
    ack = b"ack %08d\n" % sequence
    deadline = time.monotonic() + timeout  # one, however many old ones arrive
    if conn.gettimeout() != timeout:
        conn.settimeout(timeout)
    while True:
        try:
            data = conn.recv(len(ack))
        except socket.timeout:
            return False
        replies += data
        if replies.endswith(ack):
            replies.clear()
            return True
        if not data or len(replies) > MAX_REPLIES:
            text = printable(replies.decode(errors="replace").strip())
            raise ConnectionError(f"the server answered {text or 'nothing'}")
        conn.settimeout(max(0.001, deadline - time.monotonic()))


def send_file(conn, name, file, timeout, tries):
    """Send each unit until it is acknowledged; return how many, and how often."""
    replies, sent = bytearray(), 0
    for sequence, payload in enumerate(units(name, file)):
        unit = b"%08d %03d\n%b" % (sequence, len(payload), payload)
        for attempt in range(tries):
            if attempt:
                print(f"unit {sequence}: no acknowledgment, sent again")
            conn.sendall(unit)  # header and payload in one call
            sent += 1
            if acknowledged(conn, replies, sequence, timeout):
                break
        else:
            raise TimeoutError(f"no acknowledgment of unit {sequence} after {tries} "
                               "tries; the server may have it or not")
    return sequence + 1, sent


def main():
    parser = options()
    parser.add_argument("file", metavar="FILE", help="the file to send")
    parser.add_argument("--timeout", type=float, default=2.0, metavar="SECONDS",
                        help="to wait for an acknowledgment")
    parser.add_argument("--retries", type=int, default=5, metavar="N",
                        help="how often to send a unit, at most")
    args = parser.parse_args()
    name = os.path.basename(args.file)
    if not os.path.isfile(args.file):
        sys.exit(f"error: {args.file!r} does not exist or is not a regular file")
    with open(args.file, "rb") as file, socket.create_connection(
            (args.host, args.port), timeout=TIMEOUT) as conn:
        count, sent = send_file(conn, name, file, args.timeout, args.retries)
        print(f"sent {printable(name)}: {file.tell()} bytes in {count - 2} units, "
              f"{sent - count} retransmitted")


# ---- The frame: the same in all clients that transfer a file -------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        sys.exit(130)
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
