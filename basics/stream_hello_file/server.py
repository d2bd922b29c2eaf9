r"""Hello, and a file, the server: greets one client, stores its file, and ends.

Lines and a file share one connection. Both travel in one stream of bytes, and
the receiver must know where each message ends.

The wire (TCP): lines of text, each ended by a newline byte, and a file.

    client                                server
       | ----- hello, server\n ------------> |   a line ends at its newline
       | <------------ hello, client\n ----- |
       | ----- 153 haiku.txt\n ------------> |   the length and the name
       | ----- (153 bytes) ----------------> |   the file ends after 153 bytes
       | <----------------------- ok\n ----- |   the file has its final name
       | <-------------- (end of stream) --- |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/stream_hello_file/server.py
    1| listening on 127.0.0.1:12012
    2$ python basics/stream_hello_file/client.py problem2/files/haiku.txt
    1| hello from 127.0.0.1:<port>
    1| received haiku.txt: 153 bytes
    2| the server says hello
    2| sent haiku.txt: 153 bytes
    2$ cmp problem2/files/haiku.txt received/haiku.txt

Notice: the hello, the next line and the file may arrive together, or one byte
at a time. readline() and read() take their part from the stream, and leave the
rest for the next call. The server writes the file into a hidden folder. When
the file is whole, the server moves it to its final name. (If `cmp` prints
nothing, the two files are equal.)

Try: `printf 'hello, server\n9 poem.txt\nroses' | nc -N 127.0.0.1 12012`, and
look into the folder with `ls -A received`. If the line had no 9, could the
server know that something is missing? Then send the name ../poem.txt.

Question: how does a receiver know where a message ends, and whether it is
whole?
Answer: by a mark that the message cannot contain (a newline), or by its
length. The end of the stream looks the same after half a message as after a
whole one. TCP checks that no byte is damaged, lost or out of order. Only a
length says that the sender sent all bytes.
"""
import argparse
import os
import signal
import socket
import sys
import tempfile

HOST, PORT = "127.0.0.1", 12012  # only this machine; 0.0.0.0 opens it to the network
MAX_LINE = 300                   # bytes: enough for a length and a name of 255
PIECE = 65_536                   # bytes to read at once; a file may exceed the memory
PATIENCE = 10                    # seconds that a client may be silent


def receive_file(conn, peer, part, folder):
    """Greet the client, and receive its file. A whole file gets its final name."""
    with conn.makefile("rb") as stream, open(part, "wb") as file:
        if stream.readline(MAX_LINE) != b"hello, server\n":
            raise ValueError("expected the line 'hello, server'")
        print("hello from", peer)
        conn.sendall(b"hello, client\n")
        header = stream.readline(MAX_LINE)
        size, _, name = header.rstrip(b"\n").partition(b" ")
        if not size.isdigit() or not header.endswith(b"\n"):
            raise ValueError("expected the length and the name of a file")
        path = path_in(folder, os.fsdecode(name))
        left = int(size)
        while left:
            piece = stream.read(min(left, PIECE))
            if not piece:
                raise ValueError(f"the file was cut off, {left} bytes before its end")
            file.write(piece)
            left -= len(piece)
    os.replace(part, path)
    print(f"received {printable(os.path.basename(path))}: {int(size)} bytes")
    conn.sendall(b"ok\n")


def main():
    parser = options()
    parser.add_argument("--dir", default="received", help="folder for the file")
    args = parser.parse_args()
    try:
        os.makedirs(args.dir, exist_ok=True)
    except OSError as error:
        sys.exit(f"error: {error}; try another --dir")
    with tempfile.TemporaryDirectory(prefix=".part-", dir=args.dir) as hidden:
        with listen(args.host, args.port) as listener:
            print("listening on", show(listener.getsockname()))
            conn, peer = listener.accept()  # waits for a client, without a timeout
            with conn:
                conn.settimeout(PATIENCE)
                try:
                    part = os.path.join(hidden, "file")
                    receive_file(conn, show(peer), part, args.dir)
                except (OSError, ValueError) as error:
                    sys.exit(f"error: {show(peer)}: {error}")


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
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
