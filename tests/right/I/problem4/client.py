"""UDP streaming client: asks for a file, puts each piece into its place in OUTPUT,
and can feed a player at the same time."""

import argparse
import bisect
import os
import queue
import re
import select
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

GIVE_UP = 10  # seconds without a new piece
REPEAT = 0.5
START, BEHIND = 16000, 8000  # bytes: the player's start, and its distance
PLAYERS = (["mpv", "-"], ["ffplay", "-autoexit", "-"], ["vlc", "--play-and-exit", "-"])


def clean(data):
    return re.sub(r"[\x00-\x1f\x7f-\x9f]", "?", data.decode(errors="replace"))


def port_number(text):
    if not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


class Failure(Exception):
    pass


class Player:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, bufsize=0)
        self.queue = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.write, daemon=True)
        self.thread.start()
        print("playing", flush=True)

    def write(self):
        with self.process.stdin as pipe:
            try:
                for data in iter(self.queue.get, None):
                    while data:
                        data = data[pipe.write(data):]
            except OSError:
                pass  # the player has ended: the download goes on without it

    def put(self, data):
        if self.thread.is_alive():
            self.queue.put(data)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(0.4)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Client:
    def __init__(self, args):
        self.args, self.name = args, os.fsencode(args.name)
        self.output = args.output or f"streamed_{args.name}"
        self.incomplete = self.output + ".incomplete"
        self.file = self.total = self.player = None
        self.transferring = True
        self.holes = []  # the missing bytes: (begin, end), sorted
        self.datagrams = self.newest = self.fed = self.ends = 0
        self.token = b"-"
        self.command = self.choose_player()
        for path in (self.output, self.incomplete):
            if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
                raise Failure(f"{path} is not a regular file")

    def choose_player(self):
        if self.args.play is None:
            return None
        command = shlex.split(self.args.play)
        for candidate in [command] if command else PLAYERS:
            if shutil.which(candidate[0]):
                return candidate
        raise Failure(f"{command[0]} is not installed" if command else "no mpv, ffplay or vlc is installed")

    def missing(self):
        return sum(end - begin for begin, end in self.holes)

    def connect(self):
        """The next address of the server."""
        while True:
            family, kind, _, _, address = self.addresses.pop(0)
            try:
                self.sock = socket.socket(family, kind)
                self.sock.connect(address)
                return self.sock.setblocking(False)
            except OSError:
                if not self.addresses:
                    raise

    def request(self):
        self.sock.send(b"get %b %b" % (self.token, self.name))

    def download(self):
        self.addresses = socket.getaddrinfo(self.args.host, self.args.port, type=socket.SOCK_DGRAM)
        self.connect()
        answered = False
        next_request = time.monotonic()
        self.last_piece = next_request
        while self.ends < 3 and (self.total is None or self.holes):
            now = time.monotonic()
            give_up = self.last_piece + GIVE_UP
            if now >= give_up:
                if self.total is None:
                    raise Failure("the server sends nothing")
                return
            try:
                if now >= next_request:
                    next_request = now + REPEAT
                    self.request()
                if not select.select([self.sock], [], [], min(next_request, give_up) - now)[0]:
                    continue
                data = self.sock.recv(65536)
            except BlockingIOError:
                continue
            except ConnectionRefusedError:
                if answered:
                    continue  # perhaps the server starts again
                if not self.addresses:
                    raise
                self.connect()
                next_request = now
                continue
            answered = True
            token = self.token
            self.handle(data)
            if token != self.token:
                next_request = now

    def handle(self, data):
        if data.startswith(b"error "):
            raise Failure(f"the server says: {clean(data[6:])}")
        if match := re.fullmatch(rb"token ([0-9A-Za-z]{12})", data):
            self.token = match[1]
        elif match := re.fullmatch(rb"end ([0-9]{1,18})", data):
            self.ends += self.has_total(int(match[1]))
        elif match := re.fullmatch(rb"data ([0-9]{1,18}) ([0-9]{1,18})\n(.+)", data, re.DOTALL):
            begin, total, piece = int(match[1]), int(match[2]), match[3]
            if begin + len(piece) <= total and self.has_total(total):
                self.store(begin, piece)

    def has_total(self, total):
        """Opens the file when the server tells its size for the first time."""
        if self.total is None:
            fd = os.open(self.incomplete, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
            self.file = open(fd, "r+b", buffering=0)
            self.file.truncate(total)  # zeros
            self.total, self.holes = total, [(0, total)] if total else []
        return total == self.total

    def store(self, begin, piece):
        end = begin + len(piece)
        last = bisect.bisect_left(self.holes, (end,))
        first = last
        while first and self.holes[first - 1][1] > begin:
            first -= 1
        if first == last:
            return  # nothing new
        rest = [(self.holes[first][0], begin), (end, self.holes[last - 1][1])]
        self.holes[first:last] = [hole for hole in rest if hole[0] < hole[1]]
        if os.pwrite(self.file.fileno(), piece, begin) != len(piece):
            raise Failure("the disk is full")
        self.datagrams += 1
        self.last_piece = time.monotonic()
        self.newest = max(self.newest, begin)
        if self.command:
            if not self.player and self.total - self.missing() >= START:
                self.player = Player(self.command)
            if self.player:
                self.feed(self.newest - BEHIND)

    def feed(self, end):
        while self.fed < end:
            data = os.pread(self.file.fileno(), min(end - self.fed, 65536), self.fed)
            if not data:
                raise Failure(f"{self.incomplete} has become shorter")
            self.fed += len(data)
            self.player.put(data)

    def run(self):
        self.download()
        missing = self.missing()
        if not missing:
            os.replace(self.incomplete, self.output)
        self.transferring = False
        if self.command and not self.player:
            self.player = Player(self.command)
        print(f"received {clean(self.name)}: {self.total - missing} of {self.total} bytes"
              f" in {self.datagrams} datagrams, {missing} missing", flush=True)
        if self.player:
            self.feed(self.total)
            self.player.put(None)
            self.player.process.wait()
        if missing:
            raise Failure(f"{missing} bytes are missing in {self.incomplete}")


def interrupt(*_):
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the file to stream")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port_number, default=12400)
    parser.add_argument("--output", help="default: streamed_NAME")
    parser.add_argument("--play", nargs="?", const="", metavar="COMMAND", help="play it; with mpv, ffplay or vlc")
    client = None
    try:
        client = Client(parser.parse_args())
        client.run()
    except (OSError, ValueError, Failure) as e:
        if client and client.player:
            client.player.stop()
        print(f"error: {e}", file=sys.stderr, flush=True)
        sys.exit(1)
    except KeyboardInterrupt:
        if client and client.player:
            client.player.stop()
        print("stopped", flush=True)
        sys.exit(130 if client and client.transferring else 0)


if __name__ == "__main__":
    main()
