"""Sum, the server with asyncio: adds 1 + 2 + ... + COUNT in one thread.

The functions are those of selectors_server.py, with await in place of yield.
The event loop comes with Python. The wire is described in iterative_server.py.

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python basics/sum/asyncio_server.py --delay 0.03
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

Notice: `diff basics/sum/selectors_server.py basics/sum/asyncio_server.py`. The
loop is gone. Each client is a task, and asyncio runs all tasks in its loop.

Ctrl+C needs care. Python may raise KeyboardInterrupt at any line. If this
happens inside the code of the loop, the exception may be lost. So
add_signal_handler() asks the loop to raise it at a moment when no task runs.
The program then ends at once; the tasks need not end first.

Try: change `await asyncio.sleep(` to `time.sleep(`. It now behaves like
another server. Which one?

Question: how does await differ from a plain function call?
Answer: the function may stop here, and others run meanwhile. Later this
function goes on at the same place, with all its variables. Between two awaits
nothing else runs.
"""
import argparse
import asyncio
import os
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


async def read_line(conn):
    """Return a line of at most MAX_LINE bytes; b"" if no newline comes."""
    line, loop = b"", asyncio.get_running_loop()
    for _ in range(MAX_LINE):
        line += await loop.sock_recv(conn, 1000)  # b"" if the client has closed
        if b"\n" in line or len(line) >= MAX_LINE:
            break
    return line[:line.find(b"\n", 0, MAX_LINE) + 1]


async def add_up(conn, peer, delay):
    """Read the COUNT, add, sleep after each addition, and send the sum."""
    count = parse(await asyncio.wait_for(read_line(conn), TIMEOUT))
    print(f"{peer}: adding 1..{count}")
    total, start = 0, time.monotonic()  # each sleep ends at a time counted from here
    for number in range(1, count + 1):
        total += number
        await asyncio.sleep(max(0, start + number * delay - time.monotonic()))
    print(f"{peer}: sum of 1..{count} = {total}")
    conn.sendall(b"%d\n" % total)  # fits into the buffer, so it does not wait


async def serve(conn, peer, delay):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.setblocking(False)
        try:
            await add_up(conn, peer, delay)
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            reason = str(error) or "timed out"  # asyncio's TimeoutError has no text
            print(f"error: {peer}: {reason}")
            await refuse(conn, reason)


async def refuse(conn, reason):
    """Do the same as refuse() in iterative_server.py, but await each wait."""
    try:
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        await asyncio.wait_for(drop(conn), 3)
    except (OSError, asyncio.TimeoutError):
        pass  # the client has left, or is silent


async def drop(conn):
    """Read until the client closes."""
    while await asyncio.get_running_loop().sock_recv(conn, 1_000_000):
        await asyncio.sleep(0)  # other tasks run, even if this client floods us


async def accept_clients(listener, delay):
    """Start a task for each client. This has no timeout."""
    loop, tasks = asyncio.get_running_loop(), set()
    while True:
        try:
            conn, peer = await loop.sock_accept(listener)
            task = asyncio.create_task(serve(conn, show(peer), delay))
            tasks.add(task)  # a task that nobody refers to may be deleted
            task.add_done_callback(tasks.discard)
        except OSError as error:
            print(f"error: cannot accept: {error}")
            await asyncio.sleep(0.1)  # no descriptor is left


def main():
    parser = options()
    parser.add_argument("--delay", default=DELAY, type=float, metavar="SECONDS",
                        help="to sleep after each addition")
    args = parser.parse_args()
    if not 0 <= args.delay <= 9:
        parser.error("--delay takes 0 to 9 seconds")
    with listen(args.host, args.port) as listener:
        listener.setblocking(False)
        loop = asyncio.new_event_loop()  # asyncio.run() would end all tasks at Ctrl+C
        if sys.platform != "win32":
            for number in signal.SIGINT, signal.SIGTERM:
                loop.add_signal_handler(
                    number, signal.default_int_handler, number, None)
        print("listening on", show(listener.getsockname()))
        loop.run_until_complete(accept_clients(listener, args.delay))


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
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
