"""UDP streaming client: saves the stream of a file, and can feed a player
with it while it arrives."""

import argparse
import bisect
import os
import queue
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unicodedata

PATIENCE = 10          # seconds without a new piece
REQUEST_PAUSE = 0.5    # seconds between two requests
PLAY_START = 16000     # bytes that arrive before the player starts
PLAY_BEHIND = 8000     # bytes between the player and the newest piece
PLAYERS = (["mpv", "-"],
           ["ffplay", "-autoexit", "-"],
           ["vlc", "--play-and-exit", "-"])

DATA = re.compile(rb"data ([0-9]{1,18}) ([0-9]{1,18})\n(.+)", re.DOTALL)
END = re.compile(rb"end ([0-9]{1,18})")
TOKEN = re.compile(rb"token ([0-9A-Za-z]{12})")


class Failure(Exception):
    """What the user reads after "error: "."""


def clean(data):
    """Bytes from outside as text that is safe to show."""
    return "".join("?" if unicodedata.category(c) == "Cc" else c
                   for c in data.decode("utf-8", "replace"))


def say(text):
    print(text, flush=True)


def say_error(text):
    print("error: " + text, file=sys.stderr, flush=True)


def reason(exc):
    return getattr(exc, "strerror", None) or str(exc)


def on_signal(number, frame):
    raise KeyboardInterrupt


class Ranges:
    """Which bytes of the file are here: sorted ranges that do not touch."""

    def __init__(self):
        self.starts = []
        self.ends = []

    def add(self, start, end):
        """Add a range; return how many of its bytes are new."""
        first = bisect.bisect_left(self.ends, start)
        last = bisect.bisect_right(self.starts, end)
        low, high, old = start, end, 0
        for i in range(first, last):
            low = min(low, self.starts[i])
            high = max(high, self.ends[i])
            old += max(0, min(end, self.ends[i]) - max(start, self.starts[i]))
        self.starts[first:last] = [low]
        self.ends[first:last] = [high]
        return end - start - old


class Player:
    """A program that reads the stream, and the thread that feeds it."""

    def __init__(self, command):
        self.command = command
        self.process = None
        self.thread = None
        self.queue = queue.Queue()
        self.position = 0            # what is before it went into the queue
        self.gone = False

    def start(self):
        try:
            self.process = subprocess.Popen(self.command,
                                            stdin=subprocess.PIPE)
        except OSError as exc:
            self.gone = True
            raise Failure(f"cannot start {self.command[0]}: {reason(exc)}")
        self.thread = threading.Thread(target=self.feed, daemon=True)
        self.thread.start()
        say("playing")

    def feed(self):
        pipe = self.process.stdin
        try:
            while True:
                data = self.queue.get()
                if data is None:
                    break
                pipe.write(data)
                pipe.flush()
        except OSError:
            pass                     # somebody closed the player
        self.gone = True
        try:
            pipe.close()
        except OSError:
            pass

    def put(self, file, limit):
        """Bytes that did not come are zeros in the file."""
        while self.position < limit and not self.gone:
            file.seek(self.position)
            data = file.read(min(65536, limit - self.position))
            if not data:
                break
            self.position += len(data)
            self.queue.put(data)

    def finish(self):
        self.queue.put(None)
        if self.thread:
            while self.thread.is_alive():
                self.thread.join(0.2)
        while self.process and self.process.poll() is None:
            try:
                self.process.wait(0.2)
            except subprocess.TimeoutExpired:
                pass

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(0.3)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Download:
    def __init__(self, args, player):
        self.name = os.fsencode(args.name)
        self.output = args.output or "streamed_" + args.name
        self.incomplete = self.output + ".incomplete"
        self.addresses = socket.getaddrinfo(args.host, args.port,
                                            type=socket.SOCK_DGRAM)
        self.player = player
        self.sock = None
        self.file = None
        self.total = None
        self.ranges = Ranges()
        self.received = 0
        self.datagrams = 0
        self.highest = 0             # end of the newest piece
        self.ends = 0
        self.token = b"-"
        self.answered = False

    def connect(self, error=None):
        """Take the next address that the name has."""
        while self.addresses:
            family, kind, protocol, _, address = self.addresses.pop(0)
            if self.sock:
                self.sock.close()
            try:
                self.sock = socket.socket(family, kind, protocol)
                self.sock.connect(address)
                return
            except OSError as exc:
                error = exc
        raise Failure(f"no server: {reason(error)}")

    def open(self, total):
        if self.total is None:
            self.total = total
            if os.path.exists(self.output) and not os.path.isfile(self.output):
                raise Failure(f"{self.output} is not a regular file")
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
            for flag in ("O_NOFOLLOW", "O_BINARY"):
                flags |= getattr(os, flag, 0)
            self.file = os.fdopen(os.open(self.incomplete, flags, 0o666),
                                  "w+b")
        elif total != self.total:
            raise Failure("the size of the file changed")

    def take(self, offset, piece):
        """True if there are new bytes in the piece."""
        end = offset + len(piece)
        new = self.ranges.add(offset, end)
        if not new:
            return False
        self.file.seek(offset)
        self.file.write(piece)
        self.received += new
        self.datagrams += 1
        self.highest = max(self.highest, end)
        if self.player and not self.player.gone:
            if not self.player.process and self.received >= PLAY_START:
                self.player.start()
            if self.player.process:
                self.player.put(self.file, self.highest - PLAY_BEHIND)
        return True

    def run(self):
        self.connect()
        newest = time.monotonic()
        next_request = newest
        while True:
            now = time.monotonic()
            if now >= newest + PATIENCE:
                raise Failure(f"no new piece for {PATIENCE} seconds"
                              if self.answered else
                              f"no answer for {PATIENCE} seconds")
            try:
                if now >= next_request:
                    next_request = now + REQUEST_PAUSE
                    self.sock.send(b"get " + self.token + b" " + self.name)
                wait = min(next_request, newest + PATIENCE) - now
                self.sock.settimeout(max(wait, 0.001))
                datagram = self.sock.recv(65536)
            except socket.timeout:
                continue
            except ConnectionError as exc:
                if not self.answered:
                    self.connect(exc)
                    next_request = 0
                continue
            data = DATA.fullmatch(datagram)
            end = END.fullmatch(datagram)
            token = TOKEN.fullmatch(datagram)
            if data:
                offset, total = int(data[1]), int(data[2])
                if offset + len(data[3]) > total:
                    continue
                self.answered = True
                self.open(total)
                if self.take(offset, data[3]):
                    newest = time.monotonic()
            elif end:
                self.answered = True
                self.open(int(end[1]))
                self.ends += 1
            elif token:
                self.answered = True
                if self.token == b"-":
                    next_request = 0     # at once, but only the first time
                self.token = token[1]
            elif datagram.startswith(b"error "):
                raise Failure("the server says: " + clean(datagram[6:]))
            if self.total is not None and (self.received == self.total
                                           or self.ends == 3):
                return

    def close(self, ended=False):
        """Leave the file as it has to be; True if it is whole."""
        if self.sock:
            self.sock.close()
        if not self.file:
            return False
        with self.file:
            self.file.truncate(self.total)
            if self.player and not self.player.gone:
                if not self.player.process and self.received and ended:
                    self.player.start()
                if self.player.process:
                    self.player.put(self.file,
                                    self.total if ended else self.highest)
        if self.received == self.total:
            os.replace(self.incomplete, self.output)
            return True
        return False

    def report(self):
        if self.total is not None:
            say(f"received {clean(self.name)}: {self.received} of "
                f"{self.total} bytes in {self.datagrams} datagrams, "
                f"{self.total - self.received} missing")


def port_number(text):
    value = int(text)
    if not 0 <= value <= 65535:
        raise ValueError
    return value


def find_player(play):
    if play is True:
        for command in PLAYERS:
            if shutil.which(command[0]):
                return command
        raise Failure("none of mpv, ffplay and vlc is installed")
    if not shutil.which(play[0]):
        raise Failure(f"there is no player {clean(os.fsencode(play[0]))}")
    return play


def command_line(text):
    words = shlex.split(text)
    if not words:
        raise ValueError
    return words


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", metavar="NAME", help="the file to stream")
    parser.add_argument("--host", default="127.0.0.1",
                        help="the server's address")
    parser.add_argument("--port", type=port_number, default=12400,
                        help="the server's port")
    parser.add_argument("--output", help="default: streamed_NAME")
    parser.add_argument("--play", nargs="?", const=True, type=command_line,
                        metavar="COMMAND",
                        help="play it; with mpv, ffplay or vlc")
    args = parser.parse_args()
    if not args.name:
        parser.error("NAME is empty")

    player = download = None
    transferring = True
    code = 0
    try:
        try:
            if args.play:
                player = Player(find_player(args.play))
            if args.output and os.path.isdir(args.output):
                raise Failure(f"{clean(os.fsencode(args.output))} is a folder")
            download = Download(args, player)
            problem = None
            try:
                download.run()
            except (Failure, OSError) as exc:
                problem = exc
            whole = download.close(problem is None)
            transferring = False
            download.report()
            if problem:
                raise problem
            if not whole:
                raise Failure(f"not whole: "
                              f"{clean(os.fsencode(download.incomplete))}")
        except (Failure, OSError, UnicodeError) as exc:
            transferring = False
            code = 1
            say_error(reason(exc))
        if player:
            player.finish()
        return code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if player:
            player.kill()
            player.gone = True
        if transferring and download:
            try:
                download.close()
            except (Failure, OSError):
                pass
        say("stopped")
        os._exit(130 if transferring else 0)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        status = main()
    except KeyboardInterrupt:
        say("stopped")
        status = 0
    sys.exit(status)
