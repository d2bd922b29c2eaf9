"""Adds 1 + 2 + ... + COUNT for many clients in one thread, with asyncio."""

import argparse
import asyncio
import re
import signal
import socket
import sys
import time

MAX_COUNT = 1000


def on_signal(*args):
    raise KeyboardInterrupt


def say(text):
    print(text, flush=True)


def error(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def show(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def seconds(text):
    number = float(text)
    if not 0 <= number <= 1000000:
        raise ValueError
    return number


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def listen(host, port):
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


def parse(line):
    """Return COUNT, or raise ValueError."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long" if len(line) >= 100
                         else "the line has no newline at its end")
    if not re.fullmatch(rb"[0-9]+\n", line) or not 1 <= int(line) <= MAX_COUNT:
        raise ValueError(f"COUNT must be an integer from 1 to {MAX_COUNT}")
    return int(line)


async def read_line(conn):
    loop = asyncio.get_running_loop()
    line = b""
    while b"\n" not in line and len(line) < 100:
        data = await asyncio.wait_for(loop.sock_recv(conn, 100), 10)
        if not data:
            break
        line += data
    end = line.find(b"\n") + 1
    return line[:end] if 0 < end <= 100 else line


async def add_up(count, delay):
    total, start = 0, time.monotonic()
    for number in range(1, count + 1):
        total += number
        await asyncio.sleep(max(0, start + number * delay - time.monotonic()))
    return total


async def drain(conn):
    while await asyncio.get_running_loop().sock_recv(conn, 65536):
        await asyncio.sleep(0)


async def refuse(conn, reason, linger=1):
    """Send an error line and the end of the stream, and let the line arrive."""
    try:
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        await asyncio.wait_for(drain(conn), linger)
    except (OSError, asyncio.TimeoutError):
        pass


async def serve(conn, who, delay):
    with conn:
        try:
            count = parse(await read_line(conn))
            say(f"{who}: adding 1..{count}")
            total = await add_up(count, delay)
            say(f"{who}: sum of 1..{count} = {total}")
            conn.sendall(b"%d\n" % total)
        except asyncio.TimeoutError:
            error(f"{who}: silent for 10 seconds")
            await refuse(conn, "silent for 10 seconds", 0)
        except ValueError as e:
            error(f"{who}: {e}")
            await refuse(conn, e)
        except OSError as e:
            error(f"{who}: {e}")


async def run(listener, delay):
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, on_signal)
    loop.add_signal_handler(signal.SIGTERM, on_signal)
    tasks = set()                   # the loop itself keeps only weak references
    while True:
        try:
            conn, address = await loop.sock_accept(listener)
        except OSError as e:
            error(e)
            await asyncio.sleep(1)
            continue
        task = asyncio.create_task(serve(conn, show(address), delay))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12013, help="the server's port")
    parser.add_argument("--delay", type=seconds, default=0.2, metavar="SECONDS",
                        help="to sleep after each addition")
    args = parser.parse_args()
    listener = listen(args.host, args.port)
    say(f"listening on {show(listener.getsockname())}")
    listener.setblocking(False)
    asyncio.run(run(listener, args.delay))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("stopped", flush=True)
    except (OSError, UnicodeError) as e:
        error(e)
        sys.exit(1)
