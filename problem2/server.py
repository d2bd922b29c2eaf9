r"""Concurrent file server, the server: sends files to many clients at once.

A thread for each client sends the file. The file's name is an argument of that
thread. After each piece of at most 1000 bytes the thread sleeps for 200 ms.
Only this thread sleeps; the other clients do not wait.

The wire (TCP): a line with the name; a line with the size; then the bytes.

    client                                server
       | ----- haiku.txt\n ----------------> |
       | <-------------- 153\n(153 bytes) -- |
       | <-------------- (end of stream) --- |

    or | <----- error: (the reason)\n ------ |   in place of the size

A connection brings one file; the client reads as many bytes as the size says.
An empty file has the size 0. The name must be that of a file in the folder
--dir, not in a subfolder (default: the folder files beside this script). It is
sent as the bytes that the file system stores. The server closes a connection
that is silent for 10 seconds; so does the client, so choose a --delay below
that.

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem2/server.py
    1| listening on 127.0.0.1:12200
    2$ python problem2/client.py ports.txt
    2| 1547 of 1547 bytes
    2| saved download_ports.txt: 1547 bytes
    1| 127.0.0.1:<port>: sent ports.txt, 1547 bytes
    2$ nc 127.0.0.1 12200
    2< ../server.py
    1| error: 127.0.0.1:<port>: '../server.py' is not the name of a file here
    2| error: '../server.py' is not the name of a file here

Notice: the size comes first. Without it, a file would look complete if the
server died half way.

A thread must read the name before the thread for the file can start. If the
main thread read it, one silent client would keep all others waiting. So a
first, short thread reads it.

Try: start the server with --delay 2. Then run `time python problem2/client.py
bytes.bin` in two terminals at once: each takes 2 seconds. Now replace start()
by run() in both places. Then everything runs in the main thread. Then write
start() again, in main() only. What happens to a client while another one, `nc
127.0.0.1 12200`, is silent?
"""
import argparse
import os
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12200  # only this machine; 0.0.0.0 opens it to the network
DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")
PIECE = 1000                     # bytes of the file to send at once
MAX_NAME = 256                   # bytes, with the newline
PATIENCE = 10                    # seconds that a client may be silent, or not read


def read_name(conn, peer, folder, delay):
    """Read the name of a file, and start the thread that sends this file."""
    try:
        conn.settimeout(PATIENCE)
        with conn.makefile("rb") as stream:
            line = stream.readline(MAX_NAME)
        if not line.endswith(b"\n"):
            raise ValueError("expected the name of a file, at most 255 bytes")
        threading.Thread(target=send_file, daemon=True, args=(
            os.fsdecode(line[:-1]), conn, peer, folder, delay)).start()
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: no thread
        print(f"error: {peer}: {error}")
        refuse(conn, error)
        conn.close()


def send_file(name, conn, peer, folder, delay):
    """Send the file of this name in pieces, and sleep after each of them."""
    size = None  # until the client knows the size, it can still read a reason
    with conn:
        try:
            path = path_in(folder, name)
            if not os.path.isfile(path):
                raise ValueError(f"{name!r} does not exist")
            with open(path, "rb") as file:
                size = os.path.getsize(path)
                conn.sendall(b"%d\n" % size + file.read(PIECE))
                time.sleep(delay)
                while piece := file.read(PIECE):
                    conn.sendall(piece)
                    time.sleep(delay)
            print(f"{peer}: sent {printable(name)}, {size} bytes")
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            if size is None:  # strerror: without the path that an OSError may have
                refuse(conn, getattr(error, "strerror", error))


def main():
    parser = options()
    parser.add_argument("--dir", default=DIR, help="folder of the files")
    parser.add_argument("--delay", type=float, default=0.2, metavar="SECONDS",
                        help="to sleep after each piece of 1000 bytes")
    args = parser.parse_args()
    if not os.path.isdir(args.dir):
        sys.exit(f"error: {args.dir} is not a folder; try another --dir")
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                threading.Thread(target=read_name, daemon=True, args=(
                    conn, show(peer), args.dir, args.delay)).start()
            except (OSError, RuntimeError) as error:  # no descriptor or thread is left
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
