r"""File transfer over TCP, the server: stores what clients send, unit by unit.

Stop and wait: the client sends a unit of at most 100 bytes of the file and
waits for its acknowledgment before it sends the next one. If none comes in
time, it sends the same unit again. TCP loses nothing, so this server can
pretend that it does: --lose 0.3.

The wire (TCP): a unit is a line with its sequence number and its length, then
so many bytes. Unit 0 is the file's name; an empty unit says that this was
all.

    client                              server
       | ----- 0 9\nhaiku.txt ------------> |
       | <------------------- ack 0\n ----- |
       | ----- 1 100\n(100 bytes) --------> |
       | <------------------- ack 1\n ----- |
       | ----- 2 43\n(43 bytes) ----------> |
       | <------------------- ack 2\n ----- |
       | ----- 3 0\n ---------------------> |   the file gets its name, and
       | <------------------- ack 3\n ----- |   only then is this acknowledged
       | ----- (end of stream) -----------> |   till now, for ack 3 may be lost

A line "error: REASON" in place of an acknowledgment ends the connection.

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

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

Notice: when an acknowledgment is lost, or just late, the same unit comes
twice. Its sequence number says so: it is acknowledged again, and written
once. And the end is not a special text in the file, which any file may
contain, but a length of zero, which no other unit has.

`cmp` prints nothing if the two files are the same.

Try: --lose 0.5 with several seeds. Then send ports.txt, look with `ls -A
received` while it runs, press Ctrl+C at the client, and look again.
"""
import argparse
import os
import pathlib
import random
import re
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12100  # this machine only; 0.0.0.0 would admit the network
UNIT = 100                       # bytes of the file in a unit, at most
MAX_NAME = 255                   # bytes; the limit of most file systems
PART = f".part-{os.getpid()}-"   # how the names of files begin that are not whole yet
MAX_HEADER = 20                  # bytes of "SEQUENCE LENGTH" and the newline
HEADER = re.compile(rb"([0-9]{1,15}) ([0-9]{1,3})\n")
PATIENCE = 10                    # seconds that a client may be silent
BACKLOG = 1024                   # clients that may arrive at once, before accept()


def read_unit(stream):
    """Return the next sequence number and payload, or None at the end of the stream."""
    header = stream.readline(MAX_HEADER)
    if not header:
        return None
    match = HEADER.fullmatch(header)
    if not match:
        raise ValueError("expected a sequence number, a length and a newline")
    sequence, length = map(int, match.groups())
    if length > (UNIT if sequence else MAX_NAME):
        raise ValueError("expected a unit of at most 100 bytes")
    payload = stream.read(length)
    if len(payload) < length:
        raise ValueError("a unit was cut off")
    return sequence, payload


def file_name(payload):
    """Return the file's name; ValueError if it leads elsewhere or is unprintable."""
    name = os.fsdecode(payload)
    if (name in ("", ".", "..") or name != os.path.basename(name)
            or not name.isprintable() or PART in name):
        raise ValueError("expected a plain file name")
    return name


def receive_file(conn, hidden, folder, dice, lose):
    """Store the file that this client sends; acknowledge units until it hangs up."""
    expected = 0  # the sequence number of the next new unit
    with conn.makefile("rb") as stream, open(hidden, "wb") as part:
        while unit := read_unit(stream):
            sequence, payload = unit
            fate = dice.random()  # below lose / 2: unit lost; below lose: ack lost
            if fate < lose / 2:
                print(f"lost: unit {sequence}")
                continue
            if sequence > expected:
                raise ValueError(f"unit {sequence} came before unit {expected}")
            if sequence == expected:  # otherwise a duplicate: acknowledged, not written
                expected += 1
                if sequence == 0:
                    name = file_name(payload)
                elif payload:
                    part.write(payload)
                else:
                    size = part.tell()
                    part.close()
                    os.replace(hidden, os.path.join(folder, name))
                    print(f"received {name}: {size} bytes")
            if fate < lose:
                print(f"lost: ack {sequence}")
            else:
                conn.sendall(b"ack %d\n" % sequence)
        if not part.closed:
            raise ValueError(f"cut off after {part.tell()} bytes; nothing is kept")


def serve(conn, peer, folder, dice, lose):
    """Serve one client; whatever goes wrong here ends its connection only."""
    hidden = os.path.join(folder, f"{PART}{conn.fileno()}")
    with conn:
        conn.settimeout(PATIENCE)
        try:
            receive_file(conn, hidden, folder, dice, lose)
        except (OSError, ValueError) as error:
            pathlib.Path(hidden).unlink(missing_ok=True)
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def accept_clients(listener, folder, dice, lose):
    """Start a thread for each client; waits for clients without a limit."""
    while True:
        try:
            conn, peer = listener.accept()
            worker = threading.Thread(target=serve, daemon=True, args=(
                conn, show(peer), folder, dice, lose))
            worker.start()
        except (OSError, RuntimeError) as error:
            print(f"error: cannot accept: {error}")
            time.sleep(0.1)  # no descriptor or thread is left: wait until one is


def refuse(conn, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 10 seconds at most.
    """
    try:
        conn.settimeout(1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        for _ in range(10):
            if not conn.recv(1_000_000):
                break
    except OSError:
        pass  # the client is gone, or goes on talking: it had its chance


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
    parser.add_argument("--dir", default="received",
                        help="folder for the files (default: %(default)s)")
    parser.add_argument("--lose", type=float, default=0, metavar="P",
                        help="probability that a unit or its acknowledgment is lost")
    parser.add_argument("--seed", type=int, metavar="N",
                        help="the same losses after each start, for one client")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    if not 0 <= args.lose <= 1:
        parser.error("--lose takes 0 to 1")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    try:
        os.makedirs(args.dir, exist_ok=True)
    except OSError as error:
        sys.exit(f"error: cannot use the folder {args.dir}: {error}; try another --dir")
    dice = random.Random(args.seed)
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        try:
            accept_clients(listener, args.dir, dice, args.lose)
        finally:  # Ctrl+C
            for part in pathlib.Path(args.dir).glob(f"{PART}*"):
                part.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
