r"""Echo, the server: sends back each line, to any number of clients at once.

Each client has a thread of its own, and waits for no other.

    client                                server
       | ----- one\n ----------------------> |   lines of UTF-8 text, at most
       | <---------------------- one\n ----- |   4000 characters, any number
       | ----- (end of stream) ------------> |
       | <-------------- (end of stream) --- |

    or | <---- error: (what is wrong)\n ---- |   and it hangs up

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_echo/server.py
    1| listening on 127.0.0.1:12011
    2$ nc 127.0.0.1 12011
    1| client 127.0.0.1:<port>
    3$ python basics/stream_echo/client.py one two
    1| client 127.0.0.1:<port>
    1| 127.0.0.1:<port>: 2 lines
    3| Server: one
    3| Server: two

Notice: while terminal 2 says nothing, terminal 3 is served. In
basics/stream_iterative it would wait.

Try: what becomes of three messages?

    python -c "import socket, time; c = socket.create_connection(('127.0.0.1',
    12011)); [c.sendall(b'one\n') for i in range(3)] and time.sleep(1); print(
    c.recv(2), c.recv(99))"

This prints b'on' b'e\none\none\n': the first recv() has split an echo, and to
the second the rest came glued together.

Try: `yes | dd status=progress | nc 127.0.0.1 12011 | sleep 15` is a client
that reads no echo. dd counts what it gets rid of, and came to a halt at 3 to
6 MB (on one Linux machine; yours has other buffers). The echoes fill the
buffers on the way back, so the server waits in sendall() and reads no more,
so the buffers on the way there fill up, too. Nothing is lost, until the server
gives the client up. This is flow control; with UDP nobody stops the sender
(problem1/udp_server.py).

Question: why is TCP reliable, and is UDP faster?
Answer: TCP numbers, checks and acknowledges what it carries, sends it again
if it is lost, puts it in order, and sends only what the receiver has room
for. This costs a round trip to connect, and after a loss a wait for all that
follows; UDP has neither, and so a single message may be faster. Many need not
be, for TCP puts them into few packets: `seq 100000 | nc -N 127.0.0.1 12011`
had all its lines back in less than 0.2 s, and problem 1's UDP client with
--rate 1000000 took 0.2 to 0.4 s to send them, of which 17 to 47 % arrived
(five runs of each on one machine).
"""
import argparse
import os
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12011  # this machine only; 0.0.0.0 would admit the network
MAX_TEXT = 4000                  # characters in a line
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; UTF-8 has at most 4 a character
PATIENCE = 10                    # seconds that a client may be silent, or not read
BACKLOG = 1024                   # clients that may arrive at once, before accept()


def echo(conn, peer):
    """Send back one line after the other, until the client hangs up."""
    count = 0
    with conn.makefile("rb") as stream:             # recv() may split or join lines;
        while line := stream.readline(MAX_LINE):    # readline() waits for the newline
            if not line.endswith(b"\n") or len(line.decode().rstrip("\r\n")) > MAX_TEXT:
                raise ValueError("the line is too long, or cut off")
            conn.sendall(line)
            count += 1
    print(f"{peer}: {count} lines")


def serve(conn, peer):
    """Serve one client; an error ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            print(f"client {peer}")
            echo(conn, peer)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


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
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                worker = threading.Thread(
                    target=serve, args=(conn, show(peer)), daemon=True)
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
