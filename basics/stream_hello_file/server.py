r"""Hello, and a file, the server: greets one client, stores its file, and ends.

Lines and a file on one connection: it is all one stream of bytes, in which a
receiver must know where each message ends.

The wire (TCP):

    client                              server
       | ----- hello, server\n ----------> |   a line ends at its newline,
       | <----------- hello, client\n ---- |
       | ----- 153 haiku.txt\n ----------> |
       | ----- (153 bytes) --------------> |   the file after so many bytes;
       | <---------------------- ok\n ---- |   it has its name now
       | <------------ (end of stream) --- |   or "error: REASON" before this

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_hello_file/server.py
    1| listening on 127.0.0.1:12012
    3$ nc 127.0.0.1 12012
    3< hello, server
    1| hello from 127.0.0.1:<port>
    3| hello, client
    3< 153 ../haiku.txt
    1| error: 127.0.0.1:<port>: expected a plain file name
    3| error: expected a plain file name
    2$ python basics/stream_hello_file/client.py problem2/files/haiku.txt
    1| hello from 127.0.0.1:<port>
    1| received haiku.txt: 153 bytes
    2| the server says hello
    2| sent haiku.txt: 153 bytes
    2$ cmp problem2/files/haiku.txt received/haiku.txt

Notice: hello, the next line and the file may all arrive in one piece, or each
byte alone. readline() and read() take from the stream what is theirs, and
leave the rest to the next one. Until it is whole, the file has a hidden name.

`cmp` prints nothing if the two files are the same.

Try: `printf 'hello, server\n9 poem.txt\nroses' | nc -N 127.0.0.1 12012`, and
look with `ls -A received`. What would a server without the 9 believe?

Question: how does a receiver know where a message ends, and that all is there?
Answer: by a mark (a newline) that cannot be in the message, by its length, or
by the end of the stream, which looks the same after half of it. TCP checks
that no byte is damaged, lost or out of order; that all were sent, only a
length says.
"""
import argparse
import os
import pathlib
import re
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12012  # this machine only; 0.0.0.0 would admit the network
MAX_LINE = 300                   # bytes: a length, a name of up to 255, and some room
PIECE = 65_536                   # bytes to read at once; a file may exceed the memory
PART = f".part-{os.getpid()}-"   # how the names of files begin that are not whole yet
PATIENCE = 9                     # seconds that a client may be silent; refuse() takes 1


def file_name(payload):
    """Return the file's name; ValueError if it leads elsewhere or is unprintable."""
    name = os.fsdecode(payload)
    if (name in ("", ".", "..") or name != os.path.basename(name)
            or not name.isprintable() or PART in name):
        raise ValueError("expected a plain file name")
    return name


def receive_file(conn, peer, hidden, folder):
    """Greet the client, and store its file."""
    try:
        with conn.makefile("rb") as stream, open(hidden, "wb") as part:
            if stream.readline(MAX_LINE) != b"hello, server\n":
                raise ValueError("expected hello, server")
            print(f"hello from {peer}")
            conn.sendall(b"hello, client\n")
            header = re.fullmatch(rb"([0-9]{1,15}) (.*)\n", stream.readline(MAX_LINE))
            if not header:
                raise ValueError("expected the length and the name of a file")
            size, name = int(header[1]), file_name(header[2])
            while part.tell() < size:
                piece = stream.read(min(PIECE, size - part.tell()))
                if not piece:
                    raise ValueError(f"cut off after {part.tell()} of {size} bytes; "
                                     "nothing is kept")
                part.write(piece)
            part.close()
            os.replace(hidden, os.path.join(folder, name))
            print(f"received {name}: {size} bytes")
            conn.sendall(b"ok\n")
    finally:  # also if it is cut off, and at Ctrl+C
        pathlib.Path(hidden).unlink(missing_ok=True)


def serve(conn, peer, hidden, folder):
    """Serve one client, and return True; an error ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            receive_file(conn, peer, hidden, folder)
            return True
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def refuse(conn, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 1 second at most.
    """
    try:
        conn.settimeout(0.1)
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
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    try:
        os.makedirs(args.dir, exist_ok=True)
    except OSError as error:
        sys.exit(f"error: cannot use the folder {args.dir}: {error}; try another --dir")
    hidden = os.path.join(args.dir, f"{PART}0")
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                if serve(conn, show(peer), hidden, args.dir):
                    return  # one client, and the server ends
            except OSError as error:
                print(f"error: cannot accept: {error}")
                time.sleep(0.1)  # no descriptor is left: wait until one is


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
