r"""Sum, the iterative server: adds 1 + 2 + ... + COUNT, one client at a time.

It sleeps after each addition, as if that were hard work. Who comes meanwhile
is connected by the system, and waits: first come, first served. Four more
servers here do the same work in another order, for the same client.py.

The wire (TCP): one line each way, and that was the connection.

    client                               server
       | ----- 100\n --------------------> |   COUNT: 1 to 1000
       | <-------------------- 5050\n ---- |   or "error: REASON"; and then
       | <------------- (end of stream) -- |   the end, in either case

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/sum/iterative_server.py --delay 0.015
    1| listening on 127.0.0.1:12013
    2$ python basics/sum/client.py 100
    1| 127.0.0.1:<port>: adding 1..100
    3$ python basics/sum/client.py 5
    1| 127.0.0.1:<port>: sum of 1..100 = 5050
    2| sum of 1..100 = 5050
    2| waited <number>.<number> s
    1| 127.0.0.1:<port>: adding 1..5
    1| 127.0.0.1:<port>: sum of 1..5 = 15
    3| sum of 1..5 = 15
    3| waited <number>.<number> s

(COUNT 100 takes 1.5 s here: have both clients' commands typed before you start
the first one.)

Who waits for whom: COUNT 100, and 5 half a second later, without --delay.

    COUNT 100  |======================================|      20.002 s
    COUNT 5     |.....................................|==|   20.505 s
               0 0.5                                 20  21 s

"waited" tells 20.505 s: 19.5 until its turn came, and 1.0 for its additions.

Notice: a client that leaves is not noticed while the server adds for it, and
the next one waits for a sum that nobody wants. That is why COUNT is limited.

Try: `nc 127.0.0.1 12013` in terminal 2, and say nothing. For how long does
COUNT 5 wait?

Question: what does an iterative server cost?
Answer: the time of its clients. Itself it needs one thread and no lock; but
each client waits until all who came before it are served, and for up to 10
seconds on each one that says nothing.
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12013  # this machine only; 0.0.0.0 would admit the network
DELAY = 0.2                      # seconds to sleep after each addition
MAX_COUNT = 1000                 # so that nobody keeps the server for more than 200 s
MAX_LINE = 6                     # bytes: "1000", and the line end of telnet
PATIENCE = 9                     # seconds that a client may be silent; refuse() takes 1
BACKLOG = 1024                   # clients that may arrive at once, before accept()


def parse(line):
    """Return the COUNT in a client's line; raise ValueError if there is none."""
    count = int(line) if line.endswith(b"\n") and line.strip().isdigit() else 0
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"expected an integer from 1 to {MAX_COUNT}, and a newline")
    return count


def add_up(conn, peer, delay):
    """Read the COUNT, add, sleep after each addition, and send the sum."""
    with conn.makefile("rb") as stream:   # recv() may split the line;
        line = stream.readline(MAX_LINE)  # readline() waits for the newline
    count, total = parse(line), 0
    print(f"{peer}: adding 1..{count}")
    start = time.monotonic()  # sleep by this clock, or what each sleep is late adds up
    for number in range(1, count + 1):
        total += number
        time.sleep(max(0, start + number * delay - time.monotonic()))
    print(f"{peer}: sum of 1..{count} = {total}")
    conn.sendall(b"%d\n" % total)


def serve(conn, peer, delay):
    """Serve one client; whatever goes wrong here ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            add_up(conn, peer, delay)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def accept_clients(listener, delay):
    """Serve one client after the other; waits for clients without a limit."""
    while True:
        try:
            conn, peer = listener.accept()
            serve(conn, show(peer), delay)
        except OSError as error:
            print(f"error: cannot accept: {error}")
            time.sleep(0.1)  # no descriptor is left: wait until one is


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
    parser.add_argument("--delay", type=float, default=DELAY, metavar="SECONDS",
                        help="to sleep after each addition (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    if not 0 <= args.delay <= 9:
        parser.error("--delay takes 0 to 9")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        accept_clients(listener, args.delay)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
