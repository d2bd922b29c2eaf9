"""Sum, the server with asyncio: adds 1 + 2 + ... + COUNT in one thread.

Python's own event loop, and a task for each client. The wire is described in
iterative_server.py.

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/sum/asyncio_server.py --delay 0.015
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
wait for 1.001 and 20.001 s.

Notice: `diff basics/sum/concurrent_server.py basics/sum/asyncio_server.py`.
The functions are those of the threads, with an await wherever they wait.
Between two awaits nothing else runs, and so no lock is needed.

Try: change `await asyncio.sleep(` to `time.sleep(`. Which server is it now?

Question: what does await say that a callback does not?
Answer: here I wait, others may run, and then I go on right here. The place
and the variables are kept by Python; with callbacks, by you.
"""
import argparse
import asyncio
import os
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


async def add_up(reader, writer, peer, delay):
    """Read the COUNT, add, sleep after each addition, and send the sum."""
    try:
        line = await asyncio.wait_for(reader.readline(), PATIENCE)
    except ValueError:
        line = b""  # longer than MAX_LINE
    count, total = parse(line), 0
    print(f"{peer}: adding 1..{count}")
    start = time.monotonic()  # sleep by this clock, or what each sleep is late adds up
    for number in range(1, count + 1):
        total += number
        await asyncio.sleep(max(0, start + number * delay - time.monotonic()))
    print(f"{peer}: sum of 1..{count} = {total}")
    writer.write(b"%d\n" % total)
    await writer.drain()


async def serve(reader, writer, peer, delay):
    """Serve one client; whatever goes wrong here ends its connection only."""
    try:
        await add_up(reader, writer, peer, delay)
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        reason = str(error) or "timed out"  # asyncio's timeouts have no text
        print(f"error: {peer}: {reason}")
        await refuse(reader, writer, reason)
    finally:
        writer.close()


async def accept_clients(listener, delay):
    """Start a task for each client; waits for clients without a limit."""
    loop, tasks = asyncio.get_running_loop(), set()
    while True:
        try:
            conn, peer = await loop.sock_accept(listener)
            reader, writer = await asyncio.open_connection(sock=conn, limit=MAX_LINE)
            task = asyncio.create_task(serve(reader, writer, show(peer), delay))
            tasks.add(task)  # somebody has to know it, or it may be thrown away
            task.add_done_callback(tasks.discard)
        except OSError as error:
            print(f"error: cannot accept: {error}")
            await asyncio.sleep(0.1)  # no descriptor is left: wait until one is


async def refuse(reader, writer, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for a second at most.
    """
    try:
        writer.write(f"error: {reason}\n".encode())
        writer.write_eof()
        await asyncio.wait_for(drop(reader), 1)
    except (OSError, asyncio.TimeoutError):
        pass  # the client is gone, or goes on talking: it had its chance


async def drop(reader):
    while await reader.read(1_000_000):
        pass


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
        listener.setblocking(False)
        loop = asyncio.new_event_loop()  # asyncio.run() would cancel tasks at Ctrl+C
        loop.run_until_complete(accept_clients(listener, args.delay))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
        os._exit(0)  # at a normal exit asyncio complains about tasks that are not done
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
