r"""Concurrent file server, the server: sends files to many clients at once.

Each client is served by a thread of its own, which is given the file's name
as an argument. After each piece of at most 1000 bytes this thread sleeps, and
only this thread: the other clients do not notice.

The wire (TCP): a line with the name; a line with the size, and so many bytes.

    client                                server
       | ----- haiku.txt\n ---------------> |
       | <---------------- 153\n ---------- |
       | <---------------- (153 bytes) ---- |   then the end of the stream

    or | <----- error: no such file\n ----- |

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python problem2/server.py
    1| listening on 127.0.0.1:12200
    2$ python problem2/client.py ports.txt
    2| 1547 of 1547 bytes
    2| saved download_ports.txt: 1547 bytes
    1| 127.0.0.1:<port>: sent ports.txt, 1547 bytes
    2$ nc 127.0.0.1 12200
    2< ../server.py
    1| error: 127.0.0.1:<port>: ../server.py: no such file
    2| error: no such file

Notice: the size comes first. If the end of the connection were the end of the
file, a file cut off by a dying server would look complete.

Somebody has to read the name before the thread for the file can be made. If
that were the main thread, one client that says nothing would keep all others
waiting; so a first, short-lived thread reads it.

Try: start the server with --delay 2, and `time python problem2/client.py
bytes.bin` in two other terminals at once: each takes 2 seconds. Then change
both lines `worker.start()` to `worker.run()`, which works in the caller's
thread. And with only the last one changed: what becomes of a client while a
`nc 127.0.0.1 12200` before it says nothing?
"""
import argparse
import os
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12200  # this machine only; 0.0.0.0 would admit the network
DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
PIECE = 1000                     # bytes of the file to send at once
DELAY = 0.2                      # seconds to sleep after each piece
MAX_NAME = 256                   # bytes, the newline included
PATIENCE = 10                    # seconds that a client may be silent, or not read
BACKLOG = 1024                   # clients that may arrive at once, before accept()


def take_request(conn, peer, folder, delay):
    """Read the name, and start the thread that sends the file of this name."""
    try:
        conn.settimeout(PATIENCE)
        with conn.makefile("rb") as stream:
            line = stream.readline(MAX_NAME)
        if not line.endswith(b"\n"):
            raise ValueError("expected a file name of at most 255 bytes, and a newline")
        worker = threading.Thread(target=send_file, daemon=True, args=(
            os.fsdecode(line[:-1]), conn, peer, folder, delay))
        worker.start()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no thread left
        print(f"error: {peer}: {error}")
        refuse(conn, error)
        conn.close()


def send_file(name, conn, peer, folder, delay):
    """Send one file to one client, and sleep after each piece."""
    size = None  # as long as the client does not know it, it can be told of an error
    with conn:
        try:
            with open_inside(folder, name) as file:
                size = left = os.fstat(file.fileno()).st_size
                header = b"%d\n" % size
                while header or left:
                    piece = file.read(min(PIECE, left))
                    conn.sendall(header + piece)  # the header never waits alone
                    if left and not piece:
                        raise ValueError("the file has become shorter")
                    header, left = b"", left - len(piece)
                    time.sleep(delay)
            print(f"{peer}: sent {printable(name)}, {size} bytes")
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {printable(name)}: {error}")
            if size is None:
                refuse(conn, error)


def open_inside(folder, name):
    """Open a file directly in the folder; raise OSError if there is none."""
    path = os.path.realpath(os.path.join(folder, name))  # to where a link leads
    if (name != os.path.basename(name) or not os.path.isfile(path)
            or os.path.dirname(path) != os.path.realpath(folder)):
        raise FileNotFoundError("no such file")
    return open(path, "rb", buffering=0)


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


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    parser.add_argument("--dir", default=DIR,
                        help="folder of the files (default: files, beside the script)")
    parser.add_argument("--delay", type=float, default=DELAY, metavar="SECONDS",
                        help="to sleep after each 1000 bytes (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    if not 0 <= args.delay <= 9:  # a client waits for 10 seconds
        parser.error("--delay takes 0 to 9")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    if not os.path.isdir(args.dir):
        sys.exit(f"error: no such folder: {args.dir}; try another --dir")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                worker = threading.Thread(target=take_request, daemon=True, args=(
                    conn, show(peer), args.dir, args.delay))
                worker.start()
            except (OSError, RuntimeError) as error:
                print(f"error: cannot accept: {error}")
                time.sleep(0.1)  # no descriptor or thread is left: wait until one is


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
