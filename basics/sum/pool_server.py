"""Sum, the server with a pool: adds 1 + 2 + ... + COUNT, four clients at a time.

It starts four threads at the beginning. Each of them is an iterative server. A
thread that is free accepts the next client. The wire is described in
iterative_server.py.

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/sum/pool_server.py --delay 0.03
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

Notice: the fifth client waits in the listen queue until one of the four is
done. (With ThreadPoolExecutor the main thread would accept it at once, and put
it into a queue that has no limit.)

Try: `diff basics/sum/iterative_server.py basics/sum/pool_server.py`. Start
five clients at once: `for n in 1 2 3 4 5; do python basics/sum/client.py 20 &
done`. Then start four silent clients (`sleep 60 | nc 127.0.0.1 12013 &`, four
times), and then client.py.

Question: why should a pool have a limit?
Answer: with a limit, many clients wait longer, but they cannot use up the
server's memory. Four clients are served without delay, and the others wait for
their turn.
"""
import argparse
import os
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12013  # only this machine; 0.0.0.0 opens it to the network
DELAY = 0.2                      # seconds to sleep after each addition
WORKERS = 4                      # threads, and clients that are served at once
MAX_COUNT = 1000                 # nobody occupies the server for more than 200 s
MAX_LINE = 6                     # bytes: "1000", and a line end of telnet (\r\n)
TIMEOUT = 10                     # seconds that a client may be silent


def parse(line):
    """Return the COUNT in a client's line; raise ValueError if there is none."""
    count = int(line) if line.endswith(b"\n") and line.strip().isdigit() else 0
    if not 1 <= count <= MAX_COUNT:
        raise ValueError(f"expected an integer from 1 to {MAX_COUNT}, and a newline")
    return count


def add_up(conn, peer, delay):
    """Read the COUNT, add, sleep after each addition, and send the sum."""
    with conn.makefile("rb") as stream:          # recv() may split the line;
        count = parse(stream.readline(MAX_LINE))  # readline() waits for the newline
    print(f"{peer}: adding 1..{count}")
    total, start = 0, time.monotonic()  # each sleep ends at a time counted from here
    for number in range(1, count + 1):
        total += number
        time.sleep(max(0, start + number * delay - time.monotonic()))
    print(f"{peer}: sum of 1..{count} = {total}")
    conn.sendall(b"%d\n" % total)


def serve(conn, peer, delay):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.settimeout(TIMEOUT)
        try:
            add_up(conn, peer, delay)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def accept_clients(listener, delay):
    """Serve one client after the other. This has no timeout."""
    while True:
        try:
            conn, peer = listener.accept()
            serve(conn, show(peer), delay)
        except OSError as error:
            print(f"error: cannot accept: {error}")
            time.sleep(0.1)  # no descriptor is left: wait until one is free


def main():
    parser = options()
    parser.add_argument("--delay", default=DELAY, type=float, metavar="SECONDS",
                        help="to sleep after each addition")
    args = parser.parse_args()
    if not 0 <= args.delay <= 9:
        parser.error("--delay takes 0 to 9 seconds")
    listener = listen(args.host, args.port)  # the threads use it to the very end
    print("listening on", show(listener.getsockname()))
    for _ in range(WORKERS):
        worker = threading.Thread(
            target=accept_clients, args=(listener, args.delay), daemon=True)
        worker.start()
    worker.join()  # never ends, but Ctrl+C interrupts it


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
