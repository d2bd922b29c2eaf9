r"""Echo, the server: sends back each line, to many clients at once.

Each client has a thread of its own, so no client waits for another.

The wire (TCP): lines of UTF-8 text, each ended by a newline byte.

    client                                server
       | ----- one\n ----------------------> |   at most 1000 characters,
       | <---------------------- one\n ----- |   any number of lines
       | ----- (end of stream) ------------> |
       | <-------------- (end of stream) --- |

    or | <----- error: (the reason)\n ------ |   after a bad line, or silence

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/stream_echo/server.py
    1| listening on 127.0.0.1:12011
    2$ nc 127.0.0.1 12011
    1| client 127.0.0.1:<port>
    3$ python basics/stream_echo/client.py one two
    1| client 127.0.0.1:<port>
    1| 127.0.0.1:<port>: 2 lines
    3| Server: one
    3| Server: two

Notice: the client in terminal 2 is silent, but the server serves the client in
terminal 3. With basics/stream_iterative this client would wait.

Try: `yes | dd status=progress | nc 127.0.0.1 12011 | sleep 15` is a client
that does not read its echoes. dd shows how many bytes it has sent. Soon the
number stops growing. The echoes fill the buffers on their way back. Then the
server waits in sendall() and reads no more, so the buffers in the other
direction fill, too. Nothing is lost. This is flow control. UDP has none
(problem1/udp_server.py). After 10 seconds the server closes the connection.

Question: why is TCP reliable, and is UDP faster?
Answer: TCP numbers its bytes, adds a checksum, waits for acknowledgments and
retransmits lost bytes. It delivers the bytes in order, and never sends more
than the receiver has room for. This costs one round trip to connect, and a
wait after each loss. UDP has only the checksum, so a single message can be
faster. Many small messages are not always faster over UDP, because TCP puts
many of them into one packet. Run `seq 100000 > many.txt`, and `nc -N 127.0.0.1
12011 < many.txt | wc -l`. Then start problem1/udp_server.py and run `python
problem1/udp_client.py many.txt --rate 1000000`. How many lines arrive?
"""
import argparse
import os
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12011  # only this machine; 0.0.0.0 opens it to the network
MAX_TEXT = 1000                  # characters in a line
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; a character of UTF-8 takes up to 4
PATIENCE = 10                    # seconds that a client may send or read nothing


def echo(conn):
    """Send back each line until the client closes. Return their number."""
    count = 0
    with conn.makefile("rb") as stream:             # one recv() may return half a line;
        while line := stream.readline(MAX_LINE):    # readline() waits for the newline
            if not line.endswith(b"\n") or len(line.decode().strip("\r\n")) > MAX_TEXT:
                raise ValueError("the line is too long, or was cut off")
            conn.sendall(line)
            count += 1
    return count


def serve(conn, peer):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            print("client", peer)
            print(f"{peer}: {echo(conn)} lines")
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                threading.Thread(
                    target=serve, args=(conn, show(peer)), daemon=True).start()
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


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
