"""Sum, the server with an event loop: adds 1 + 2 + ... + COUNT in one thread.

The functions are those of the iterative server, with a yield wherever that
server waits. A function with a yield is a generator: yield pauses it, and the
loop resumes it later. Each client has a generator, and the loop waits for all
of them at once. The wire is described in iterative_server.py.

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/sum/selectors_server.py --delay 0.03
    1| listening on 127.0.0.1:12013
    2$ python basics/sum/client.py 100
    1| 127.0.0.1:<port>: adding 1..100
    3$ python basics/sum/client.py 5
    1| 127.0.0.1:<port>: adding 1..5
    1| 127.0.0.1:<port>: sum of 1..5 = 15
    3| sum of 1..5 = 15
    3| waited <number>.<number> s
    1| 127.0.0.1:<port>: sum of 1..100 = 5050
    2| sum of 1..100 = 5050
    2| waited <number>.<number> s

Start the server without --delay. Start COUNT 100, and half a second later
COUNT 5. Then COUNT 5 waits 1.001 s, and COUNT 100 waits 20.001 s.

Notice: each yield tells the loop which socket to wait for, and until when. The
loop resumes the generator when the socket is ready or the time has come. If
nothing has arrived by then, recv() raises BlockingIOError, because the socket
must not block. Between two yields nothing else runs, so no lock is needed.

run() looks at all clients each time. With thousands of clients, it should keep
them in a heap (heapq), ordered by deadline.

Try: `diff basics/sum/iterative_server.py basics/sum/selectors_server.py`. Put
`time.sleep(5)` before a yield in add_up(), and start three clients.

Question: how does one thread serve many clients?
Answer: it asks the system to wait for all sockets at once (select). It does
the work of each client that is ready, up to the next yield, and asks again.
"""
import argparse
import selectors
import signal
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12013  # only this machine; 0.0.0.0 opens it to the network
DELAY = 0.2                      # seconds to sleep after each addition
MAX_COUNT = 1000                 # nobody occupies the server for more than 200 s
MAX_LINE = 6                     # bytes: "1000", and a line end of telnet (\r\n)
TIMEOUT = 10                     # seconds that a client may be silent


def parse(line):
    """Return the COUNT in a client's line; raise ValueError if there is none."""
    count = int(line) if line.endswith(b"\n") and line.strip().isdigit() else 0
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"expected an integer from 1 to {MAX_COUNT}, and a newline")
    return count


def read_line(conn):
    """Return a line of at most MAX_LINE bytes; b"" if no newline comes."""
    line, deadline = b"", time.monotonic() + TIMEOUT
    for _ in range(MAX_LINE):
        yield conn, deadline
        line += conn.recv(1000)  # b"" if the client has closed
        if b"\n" in line or len(line) >= MAX_LINE:
            break
    return line[:line.find(b"\n", 0, MAX_LINE) + 1]


def add_up(conn, peer, delay):
    """Read the COUNT, add, sleep after each addition, and send the sum."""
    count = parse((yield from read_line(conn)))
    print(f"{peer}: adding 1..{count}")
    total, start = 0, time.monotonic()  # each sleep ends at a time counted from here
    for number in range(1, count + 1):
        total += number
        yield None, start + number * delay
    print(f"{peer}: sum of 1..{count} = {total}")
    conn.sendall(b"%d\n" % total)  # fits into the buffer, so it does not wait


def serve(conn, peer, delay):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.setblocking(False)
        try:
            yield from add_up(conn, peer, delay)
        except (OSError, ValueError) as error:
            reason = "timed out" if isinstance(error, BlockingIOError) else error
            print(f"error: {peer}: {reason}")
            yield from refuse(conn, reason)


def refuse(conn, reason):
    """Do the same as refuse() in iterative_server.py, but yield before each wait."""
    deadline = time.monotonic() + 3
    try:
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        yield conn, deadline
        while conn.recv(1_000_000):
            yield conn, deadline
    except OSError:
        pass  # the client has left, or is silent


def accept_clients(waiting, listener, delay):
    """Start a generator for each client. This has no timeout."""
    while True:
        yield listener, float("inf")
        try:
            conn, peer = listener.accept()
            waiting[serve(conn, show(peer), delay)] = None, 0  # runs at once
        except OSError as error:
            print(f"error: cannot accept: {error}")
            yield None, time.monotonic() + 0.1  # no descriptor is left


def run(waiting):
    """Wait until a socket is ready or a time has come; resume who waits for it."""
    selector = selectors.DefaultSelector()
    while True:
        timeout = min(when for _, when in waiting.values()) - time.monotonic()
        ready = {key.data for key, _ in selector.select(min(timeout, 3600))}
        for generator, (conn, when) in list(waiting.items()):
            if generator in ready or when <= time.monotonic():
                if conn:
                    selector.unregister(conn)
                try:
                    conn, when = waiting[generator] = next(generator)
                    if conn:
                        selector.register(conn, selectors.EVENT_READ, generator)
                except StopIteration:
                    del waiting[generator]


def main():
    parser = options()
    parser.add_argument("--delay", default=DELAY, type=float, metavar="SECONDS",
                        help="to sleep after each addition")
    args = parser.parse_args()
    if not 0 <= args.delay <= 9:
        parser.error("--delay takes 0 to 9 seconds")
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        listener.setblocking(False)  # the client may have left before accept()
        waiting = {}  # generator: the socket and the time that it waits for
        waiting[accept_clients(waiting, listener, args.delay)] = None, 0
        run(waiting)


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
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
