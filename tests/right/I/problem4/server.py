"""UDP streaming server: sends the files of a folder, piece by piece, at a steady rate.
One asyncio task for each client's address; a token shows that the address is real."""

import argparse
import asyncio
import errno
import hmac
import os
import random
import re
import secrets
import signal
import socket
import stat
import sys
import time

SILENCE = 3  # seconds after the last request
END_EVERY = 0.2


def number(low, high):
    def whole_number(text):
        if not low <= int(text) <= high:
            raise ValueError
        return int(text)
    return whole_number


def clean(name):
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", name.decode(errors="replace"))


def shown(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def error(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def open_file(folder, name):
    """Returns a descriptor and the size; an OSError or ValueError has the reason."""
    if b"/" in name:
        raise ValueError("has a folder in it")
    if b"\0" in name:
        raise ValueError("is not a file name")
    try:
        fd = os.open(os.path.join(os.fsencode(folder), name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise ValueError("does not exist") from None
    except OSError as e:
        link = e.errno == errno.ELOOP
        raise ValueError("is a symbolic link" if link else f"cannot be opened: {e.strerror}") from None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise ValueError("is not a regular file")
    return fd, status.st_size


class Stream:
    def __init__(self, server, address, name):
        self.server, self.address, self.name = server, address, name
        self.fd, self.size = open_file(server.folder, name)
        self.label = f"{shown(address)}: {clean(name)}, {self.size} bytes"
        self.last_request = time.monotonic()
        self.task = asyncio.create_task(self.run())
        # not in run(): a task that is cancelled before its first step never runs
        self.task.add_done_callback(self.close)
        print(self.label, flush=True)

    def close(self, _):
        os.close(self.fd)
        if self.server.streams.get(self.address) is self:
            del self.server.streams[self.address]

    def send(self, data):
        self.server.transport.sendto(data, self.address)

    async def wait_until(self, due):
        while True:  # sleep(0), too, lets the other streams work
            await asyncio.sleep(min(max(due - time.monotonic(), 0), 0.2))
            now = time.monotonic()
            if now - self.last_request > SILENCE:
                raise TimeoutError
            if now >= due and not self.server.transport.get_write_buffer_size():
                return

    async def run(self):
        sizes, offset, due = random.Random(self.name), 0, time.monotonic()
        try:
            while offset < self.size:
                await self.wait_until(due)
                want = min(sizes.randint(1000, 2000), self.size - offset)
                piece = os.pread(self.fd, want, offset)
                if len(piece) < want:
                    raise OSError("the file has become shorter")
                self.send(b"data %d %d\n%b" % (offset, self.size, piece))
                offset += want
                # after a pause of this process: no burst to catch up
                due = max(due, time.monotonic() - 0.1) + want / self.server.rate
            print(f"{self.label} sent", flush=True)
            while True:
                self.send(b"end %d" % self.size)
                await self.wait_until(time.monotonic() + END_EVERY)
        except TimeoutError:
            if offset < self.size:
                error(f"{self.label}, the client is silent after {offset} bytes")
        except OSError as e:
            self.server.refuse(self.address, f"{clean(self.name)!r}: {e.strerror or e}")


class Server(asyncio.DatagramProtocol):
    def __init__(self, folder, rate):
        self.folder, self.rate = folder, rate
        self.secret, self.streams = secrets.token_bytes(), {}

    def connection_made(self, transport):
        self.transport = transport

    def error_received(self, e):
        error(e)

    def refuse(self, address, reason):
        error(f"{shown(address)}: {reason}")
        self.transport.sendto(b"error " + reason.encode(), address)

    def datagram_received(self, data, address):
        words = data.split(b" ", 2)
        if len(words) != 3 or words[0] != b"get":
            return error(f"{shown(address)}: not a request: {clean(data[:50])}")
        token = hmac.new(self.secret, repr(address).encode(), "sha256").hexdigest()[:12].encode()
        if not hmac.compare_digest(words[1], token):
            return self.transport.sendto(b"token " + token, address)
        name, stream = words[2], self.streams.get(address)
        if stream and stream.name == name:
            stream.last_request = time.monotonic()
            return
        if stream:
            stream.task.cancel()
        try:
            self.streams[address] = Stream(self, address, name)
        except ValueError as e:
            self.refuse(address, f"'{clean(name[:300])}' {e}")


async def serve(args):
    family, kind, _, _, address = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_DGRAM)[0]
    sock = socket.socket(family, kind)
    sock.bind(address)
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number_ in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number_, stop.set)
    await loop.create_datagram_endpoint(lambda: Server(args.dir, args.rate), sock=sock)
    print(f"listening on {shown(sock.getsockname())}", flush=True)
    await stop.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=number(0, 65535), default=12400)
    parser.add_argument("--dir", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "media"))
    parser.add_argument("--rate", type=number(1, 10**12), default=32000, metavar="BYTES_PER_SECOND")
    try:
        asyncio.run(serve(parser.parse_args()))
    except (OSError, UnicodeError) as e:
        error(e)
        sys.exit(1)
    except KeyboardInterrupt:
        pass
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
