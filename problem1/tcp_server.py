r"""File transfer over TCP, the server: stores the files that clients send.

Stop and wait: the client sends a unit of at most 100 bytes of the file, and
waits for its acknowledgment before it sends the next unit. If none arrives in
time, it retransmits the unit. TCP itself loses nothing. To show losses, this
server can pretend to lose units and acknowledgments: --lose 0.3.

The wire (TCP): each unit begins with a header of 13 bytes, the sequence number
and the length of the payload. Unit 0 carries the name of the file. An empty
unit says that the file is complete. The server acknowledges an older unit
again; a unit that comes too early is an error. A connection carries one file.

    client                                server
       | ----- 00000000 009\nhaiku.txt ----> |
       | <--------------- ack 00000000\n --- |
       | ----- 00000001 100\n(100 bytes) --> |
       | <--------------- ack 00000001\n --- |
       | ----- 00000002 053\n(53 bytes) ---> |
       | <--------------- ack 00000002\n --- |
       | ----- 00000003 000\n -------------> |   the server gives the file its
       | <--------------- ack 00000003\n --- |   name, and then acknowledges
       | ----- (end of stream) ------------> |

    or | <----- error: (the reason)\n ------ |   in place of an acknowledgment

Until the file is complete, it has a hidden name. The name has 1 to 255 bytes,
as the file system stores them, and no folder. The server stores the file in
the folder --dir (received); it replaces an old one of the same name. The
server closes a connection that is silent for 10 seconds. With --lose 0.3, it
loses 15 % of the units that arrive, and 15 % of the acknowledgments.

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python problem1/tcp_server.py --lose 0.3 --seed 7
    1| listening on 127.0.0.1:12100
    2$ python problem1/tcp_client.py problem2/files/haiku.txt --timeout 0.5
    1| lost: ack 1
    1| lost: unit 2
    2| unit 1: no acknowledgment, sent again
    2| unit 2: no acknowledgment, sent again
    1| received haiku.txt: 153 bytes
    2| sent haiku.txt: 153 bytes in 2 units, 2 retransmitted
    2$ cmp problem2/files/haiku.txt received/haiku.txt

Notice: if an acknowledgment is lost or late, the same unit arrives twice. The
server sees this from the sequence number. It acknowledges the unit again, but
writes it once. No text marks the end, because a file may contain any text. The
end is a unit with a length of zero. (If `cmp` prints nothing, the two files
are equal.)

Try: --lose 0.5 with several seeds. Send problem2/files/ports.txt, and press
Ctrl+C at the client before it ends. `ls -A received` shows no ports.txt, only
a folder for what is not whole. It goes when the server ends. In a third
terminal, `make wire P=problem1/tcp_server.py` draws what is on the wire. Find
a unit that is sent again: was it lost, or was its acknowledgment?
"""
import argparse
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time

HOST, PORT = "127.0.0.1", 12100  # only this machine; 0.0.0.0 opens it to the network
HEADER = len(b"00000001 100\n")  # bytes
UNIT = 100                       # bytes of the file in a unit, at most
MAX_NAME = 255                   # bytes; the limit of most file systems
PATIENCE = 10                    # seconds that a client may be silent


def read_unit(stream):
    """Return the next sequence number and payload, or None at the end of the stream."""
    header = stream.read(HEADER)
    if not header:
        return None
    sequence, length = header[:8], header[9:12]
    if len(header) < HEADER or not (sequence + length).isdigit():
        raise ValueError("expected the header of a unit")
    sequence, length = int(sequence), int(length)
    payload = stream.read(length)
    if len(payload) < length or length > (UNIT if sequence else MAX_NAME):
        raise ValueError(f"unit {sequence} is too long, or was cut off")
    return sequence, payload


def receive_file(conn, part, folder, dice, lose):
    """Store the file that this client sends, and acknowledge each of its units."""
    expected = 0  # the sequence number of the next new unit
    with conn.makefile("rb") as stream, open(part, "wb") as file:
        while unit := read_unit(stream):
            sequence, payload = unit
            fate = dice.random()
            if fate < lose / 2:
                print("lost: unit", sequence)
                continue
            if sequence > expected:
                raise ValueError(f"unit {sequence} came before unit {expected}")
            if sequence == expected:  # otherwise it is a duplicate: not written again
                expected += 1
                if sequence == 0:
                    path = path_in(folder, os.fsdecode(payload))
                elif payload:
                    file.write(payload)
                else:
                    size = file.tell()
                    file.close()
                    os.replace(part, path)
                    print(f"received {printable(os.path.basename(path))}: {size} bytes")
            if fate < lose:
                print("lost: ack", sequence)
            else:
                conn.sendall(b"ack %08d\n" % sequence)
        if not file.closed:
            raise ValueError("the file was cut off")


def serve(conn, peer, hidden, folder, dice, lose):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.settimeout(PATIENCE)
        part = os.path.join(hidden, str(conn.fileno()))  # no other client has it
        try:
            receive_file(conn, part, folder, dice, lose)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            if os.path.exists(part):
                os.remove(part)
            refuse(conn, error)


def main():
    parser = options()
    parser.add_argument("--dir", default="received", help="folder for the files")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a unit or its acknowledgment is lost")
    parser.add_argument("--seed", type=int, metavar="N", help="same N, same losses")
    args = parser.parse_args()
    try:
        os.makedirs(args.dir, exist_ok=True)
    except OSError as error:
        sys.exit(f"error: {error}; try another --dir")
    dice = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=args.dir) as hidden:
        with listen(args.host, args.port) as listener:
            print("listening on", show(listener.getsockname()))
            while True:
                try:
                    conn, peer = listener.accept()
                    threading.Thread(target=serve, daemon=True, args=(
                        conn, show(peer), hidden, args.dir, dice, args.lose)).start()
                except (OSError, RuntimeError) as error:  # no descriptor, no thread
                    print("error: cannot accept:", error)
                    conn = None  # a client without a thread is closed
                    time.sleep(0.1)


# ---- The frame: the same in all TCP servers ------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def listen(host, port):
    """Return a socket that listens at this address, IPv4 or IPv6."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return socket.create_server((host, port, *scope), family=family, backlog=1024)


def refuse(conn, reason):
    """Send the client the reason, then close without a reset.

    If input is unread when we close, the system resets the connection, and the client
    may lose the reason. So end our stream first, and read until the client closes, too,
    or is silent for a second; but for at most 3 seconds.
    """
    try:
        conn.settimeout(1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 3
        while time.monotonic() < end and conn.recv(65_536):
            pass
    except OSError:
        pass  # the client has left, or is silent


def path_in(folder, name):
    """Return the file's path in the folder; raise ValueError if it lies elsewhere."""
    path = os.path.join(folder, name)
    if not name or name != os.path.basename(name) or os.path.islink(path):
        raise ValueError(f"{name!r} is not the name of a file here")
    return path


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
