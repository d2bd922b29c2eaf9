"""Sum, the server with an event loop: adds 1 + 2 + ... + COUNT in one thread.

It never waits for one client, only for whatever comes next: input from any of
them, or the time of the next addition. The wire is described in
iterative_server.py.

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/sum/selectors_server.py --delay 0.015
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

Measured without --delay, COUNT 5 half a second later than COUNT 100: they
wait for 1.002 and 20.002 s.

Notice: the loop calls, and what it has called must return at once. So no
method here sleeps or waits, and what a thread would know by itself, how far
it has come and in which variables, is kept in an object and in the choice of
what to call next.

Try: `time.sleep(5)` in add(), and three clients.

Question: how does one thread serve many clients?
Answer: it asks the system to wait for all of them at once (select), does for
each one that is ready the little that takes no waiting, and asks again. A
client costs it 1.1 kB of memory (measured with 1000), a thread 17.
"""
import argparse
import heapq
import itertools
import selectors
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


class Loop:
    """Calls what is due: because there is input, or because the time has come."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.timers = []                  # a heap of (when, number, conn, at_time)
        self.numbers = itertools.count()  # of two for one time the older comes first
        self.valid = {}                   # conn: its last timer; older ones are void

    def wait(self, conn, on_input=None, when=0, at_time=None):
        """From now on call on_input() on input, and at_time() when it is time."""
        self.forget(conn)
        if on_input:
            self.selector.register(conn, selectors.EVENT_READ, on_input)
        if at_time:
            self.valid[conn] = when, next(self.numbers), conn, at_time
            heapq.heappush(self.timers, self.valid[conn])

    def forget(self, conn):
        """Wait for this connection no longer."""
        self.valid.pop(conn, None)
        if conn in self.selector.get_map():
            self.selector.unregister(conn)

    def run(self):
        """Wait for whatever comes next, without a limit if no time is set."""
        while True:
            timeout = self.timers and max(0, self.timers[0][0] - time.monotonic())
            for key, _ in self.selector.select(timeout if self.timers else None):
                key.data()
            while self.timers and self.timers[0][0] <= time.monotonic():
                timer = heapq.heappop(self.timers)
                if self.valid.get(timer[2]) is timer:
                    timer[3]()


class Client:
    """One client, and how far it has come: each method says what is called next."""

    def __init__(self, loop, conn, peer, delay):
        self.loop, self.conn, self.peer, self.delay = loop, conn, peer, delay
        self.line = b""
        deadline = time.monotonic() + PATIENCE
        loop.wait(conn, self.read, deadline, lambda: self.refuse("timed out"))

    def read(self):
        """Take what is there of the line: recv() may split it."""
        try:
            data = self.conn.recv(MAX_LINE - len(self.line))
            self.line += data
            if data and b"\n" not in self.line and len(self.line) < MAX_LINE:
                return  # there is more to come: called again then
            self.count = parse(self.line[:self.line.find(b"\n") + 1])
        except (OSError, ValueError) as error:
            self.refuse(error)
            return
        print(f"{self.peer}: adding 1..{self.count}")
        self.start, self.number, self.total = time.monotonic(), 0, 0
        self.add()

    def add(self):
        """Do one addition, and return where a thread would sleep; or send the sum."""
        if self.number < self.count:
            self.number += 1
            self.total += self.number
            when = self.start + self.number * self.delay
            self.loop.wait(self.conn, None, when, self.add)
            return
        print(f"{self.peer}: sum of 1..{self.count} = {self.total}")
        try:
            self.conn.sendall(b"%d\n" % self.total)  # too short to have to wait
        except OSError as error:
            print(f"error: {self.peer}: {error}")
        self.close()

    def refuse(self, reason):
        """Tell the client why, and hang up in such a way that it can read this.

        A close with unread input sends a reset, and the client may then lose our line.
        So: say that no more will follow, then read and drop, for a second at most.
        """
        print(f"error: {self.peer}: {reason}")
        self.loop.wait(self.conn, self.drop, time.monotonic() + 1, self.close)
        try:
            self.conn.sendall(f"error: {reason}\n".encode())
            self.conn.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()  # the client is gone

    def drop(self):
        try:
            data = self.conn.recv(1_000_000)
        except OSError:
            data = b""
        if not data:
            self.close()

    def close(self):
        self.loop.forget(self.conn)
        self.conn.close()


def accept_clients(loop, listener, delay):
    """Take in the client that has come, and wait for the next one."""
    def accept_next():
        accept_clients(loop, listener, delay)

    try:
        conn, peer = listener.accept()
        conn.setblocking(False)  # what would have to wait raises BlockingIOError
        Client(loop, conn, show(peer), delay)
        loop.wait(listener, accept_next)
    except OSError as error:
        print(f"error: cannot accept: {error}")
        # no descriptor is left: wait until one is
        loop.wait(listener, None, time.monotonic() + 0.1, accept_next)


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
        listener.setblocking(False)  # as a client may come, and be gone at once
        loop = Loop()
        loop.wait(listener, lambda: accept_clients(loop, listener, args.delay))
        loop.run()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
