"""Concurrent file server: one asyncio task for each client sends a file in
pieces of 1000 bytes, and sleeps after each piece."""

import argparse
import asyncio
import errno
import math
import os
import signal
import socket
import stat
import sys
import unicodedata

PIECE = 1000        # bytes between two sleeps
WAIT = 10           # seconds of silence that a client may have
LONGEST = 1024      # bytes of a line with a name
LINGER = 2          # seconds to read on after our end of the stream


class Refused(Exception):
    """The reason why a client gets no file; it goes to the client, too."""


def say(text):
    print(text, flush=True)


def complain(text):
    print("error: " + text, file=sys.stderr, flush=True)


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def show(name):
    """The bytes of a name as text that is safe to print."""
    return clean(name.decode("utf-8", "replace"))


def reason(exc):
    return clean(getattr(exc, "strerror", None) or str(exc) or type(exc).__name__)


def where(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def seconds(text):
    number = float(text)
    if not (math.isfinite(number) and number >= 0):
        raise ValueError
    return number


def listen(host, port):
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM,
                               flags=socket.AI_PASSIVE)
    found.sort(key=lambda info: info[0] != socket.AF_INET)  # IPv4 first
    family, kind, proto, _, address = found[0]
    listener = socket.socket(family, kind, proto)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


async def receive(conn):
    loop = asyncio.get_running_loop()
    try:
        return await asyncio.wait_for(loop.sock_recv(conn, 4096), WAIT)
    except asyncio.TimeoutError:
        raise Refused(f"silent for {WAIT} seconds") from None


async def send(conn, data):
    loop = asyncio.get_running_loop()
    try:
        await asyncio.wait_for(loop.sock_sendall(conn, data), WAIT)
    except asyncio.TimeoutError:
        raise OSError(f"the client took no bytes for {WAIT} seconds") from None


async def read_name(conn):
    line = b""
    while b"\n" not in line:
        if len(line) > LONGEST:
            raise Refused("the line with the name is too long")
        data = await receive(conn)
        if not data:
            raise Refused("the line with the name has no newline")
        line += data
    name = line[:line.index(b"\n")]
    if len(name) > LONGEST:
        raise Refused("the line with the name is too long")
    return name


def open_file(folder, name):
    """Open a regular file that is in the folder itself; return it and its size."""
    here = Refused(f"'{show(name)}' is not the name of a file here")
    separators = [os.fsencode(s) for s in (os.sep, os.altsep) if s]
    if (name in (b"", b".", b"..") or b"\0" in name
            or any(s in name for s in separators)
            or os.path.splitdrive(name)[0]):
        raise here
    path = os.path.join(os.fsencode(folder), name)
    flags = os.O_RDONLY
    for extra in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY", "O_CLOEXEC"):
        flags |= getattr(os, extra, 0)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise here
        number = os.open(path, flags)
    except FileNotFoundError:
        raise Refused(f"'{show(name)}' does not exist") from None
    except (OSError, ValueError) as exc:
        if getattr(exc, "errno", None) == errno.ELOOP:
            raise here from None
        raise Refused(f"'{show(name)}': {reason(exc)}") from None
    file = os.fdopen(number, "rb", buffering=0)
    info = os.fstat(number)
    if not stat.S_ISREG(info.st_mode):
        file.close()
        raise here
    return file, info.st_size


async def send_file(conn, file, size, delay):
    await send(conn, b"%d\n" % size)
    left = size
    while left:
        piece = file.read(min(PIECE, left))
        if not piece:
            raise OSError("the file has become shorter")
        await send(conn, piece)
        left -= len(piece)
        await asyncio.sleep(delay)


async def finish(conn):
    """Send the end of the stream; unread bytes must not turn it into a reset."""
    loop = asyncio.get_running_loop()

    async def drain():
        while await loop.sock_recv(conn, 65536):
            pass

    try:
        conn.shutdown(socket.SHUT_WR)
        await asyncio.wait_for(drain(), LINGER)
    except (OSError, asyncio.TimeoutError):
        pass


async def serve(conn, peer, args):
    try:
        try:
            name = await read_name(conn)
            file, size = open_file(args.dir, name)
        except Refused as exc:
            complain(f"{peer}: {exc}")
            await send(conn, f"error: {exc}\n".encode())
        else:
            with file:
                await send_file(conn, file, size, args.delay)
            say(f"{peer}: sent {show(name)}, {size} bytes")
        await finish(conn)
    except Exception as exc:
        complain(f"{peer}: {reason(exc)}")
    finally:
        conn.close()


async def accept_all(listener, args, tasks):
    loop = asyncio.get_running_loop()
    complained = False
    while True:
        try:
            conn, address = await loop.sock_accept(listener)
        except OSError as exc:
            if not complained:
                complain(f"cannot accept a client: {reason(exc)}")
                complained = True
            await asyncio.sleep(0.2)
            continue
        complained = False
        conn.setblocking(False)
        task = loop.create_task(serve(conn, where(address), args))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


async def run(listener, args):
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    tasks = set()
    acceptor = loop.create_task(accept_all(listener, args, tasks))
    say(f"listening on {where(listener.getsockname())}")
    waiter = loop.create_task(stop.wait())
    await asyncio.wait({acceptor, waiter}, return_when=asyncio.FIRST_COMPLETED)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    everything = [acceptor, waiter, *tasks]
    for task in everything:
        task.cancel()
    await asyncio.gather(*everything, return_exceptions=True)


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12200,
                        help="the server's port")
    parser.add_argument("--dir", help="folder of the files",
                        default=os.path.join(
                            os.path.dirname(os.path.abspath(__file__)), "files"))
    parser.add_argument("--delay", type=seconds, default=0.2, metavar="SECONDS",
                        help="to sleep after each piece of 1000 bytes")
    args = parser.parse_args()
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        if not os.path.isdir(args.dir):
            complain(f"{show(os.fsencode(args.dir))} is not a folder")
            return 1
        try:
            listener = listen(args.host, args.port)
        except (OSError, UnicodeError) as exc:
            complain(f"cannot listen on {args.host} port {args.port}: {reason(exc)}")
            return 1
        with listener:
            asyncio.run(run(listener, args))
    except KeyboardInterrupt:
        pass
    say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
