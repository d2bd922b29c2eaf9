r"""Sum, the iterative server: adds 1 + 2 + ... + COUNT, one client at a time.

It sleeps after each addition, as if the addition were hard work. The moments
at which the sleeps end count from the start, so that no delays add up.
Meanwhile, a new client waits in the listen queue. First come, first served.
Four more servers in this folder do the same work for the same client.py.

The wire (TCP): one line each way.

    client                                server
       | ----- 100\n ---------------------> |   COUNT: 1 to 1000
       | <---------------------- 5050\n --- |   or a line "error: REASON"
       | <-------------- (end of stream) --- |

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/sum/iterative_server.py --delay 0.03
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

(With this delay, COUNT 100 takes 3 seconds. Type the commands of both clients
before you start the first one.)

The waits without --delay, if COUNT 5 starts half a second later:

    COUNT 100  |======================================|      20.001 s
    COUNT 5     |.....................................|==|   20.502 s
               0 0.5                                 20  21 s

COUNT 5 waits 19.5 seconds for its turn, and 1 second for its additions.

Notice: if a client leaves during its additions, the server does not notice. It
goes on adding for nobody, and the next client must wait. For this reason COUNT
has a limit.

Try: `nc 127.0.0.1 12013` in terminal 2, and type nothing. How long does
COUNT 5 wait now?

Question: what does an iterative server cost?
Answer: its clients must wait. The server needs one thread and no lock, but
each client waits until all earlier ones are served. A silent client costs the
others 10 seconds.
"""
import argparse
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
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        accept_clients(listener, args.delay)


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
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
