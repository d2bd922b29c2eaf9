"""Chat hub, the client: one thread receives and prints the lines of the hub,
the main thread reads the keyboard and sends what you type."""

import signal

STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM}
if hasattr(signal, "pthread_sigmask"):
    # From now on these signals wait until watch_signals() takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

import argparse
import os
import queue
import re
import select
import socket
import ssl
import sys
import threading
import time
import unicodedata

try:
    import termios
    import readline
except ImportError:  # Windows
    termios = readline = None

SILENCE = 10        # seconds
NEXT_ADDRESS = 0.25  # seconds
LONGEST_LINE = 65536  # bytes of a line of the hub
LONGEST_INPUT = 1000  # characters of a line for the hub

is_tty = bool(sys.stdin and sys.stdout and sys.stdin.isatty()
              and sys.stdout.isatty())
cooked = None       # the terminal's settings before we touched them
if termios and sys.stdin and sys.stdin.isatty():
    try:
        cooked = termios.tcgetattr(0)
    except termios.error:
        pass

end_lock = threading.Lock()     # held by the thread that ends the program
output_lock = threading.Lock()  # held while something is printed
# Held while the main thread changes the terminal. The thread that ends the
# program takes it for ever: so nobody changes the terminal after it.
terminal_lock = threading.Lock()
asking = False      # the cursor stands behind the question for the password


# ---------------------------------------------------------------- the screen

def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def readline_is_active():
    """Does readline show a line at this moment?"""
    if not (readline and is_tty and cooked):
        return False
    try:
        return not termios.tcgetattr(0)[3] & termios.ICANON
    except termios.error:
        return False


def pieces(text, width):
    """Cut a text into pieces that fit into a row of the screen."""
    piece, columns = "", 0
    for c in text:
        if unicodedata.east_asian_width(c) in "WF":
            size = 2
        else:
            size = unicodedata.category(c) not in ("Mn", "Me", "Cf")
        if columns + size > width:
            yield piece
            piece, columns = "", 0
        piece += c
        columns += size
    yield piece


def show(text):
    """Print a line of the hub, above the line that is typed."""
    text = clean(text)
    with output_lock:
        if not readline_is_active():
            print(text, flush=True)
            return
        # The typed line has one row (horizontal-scroll-mode). We do not touch
        # it: make a free row below it (ESC D, up again), save the cursor,
        # insert a row (ESC [L) that moves the typed line down, write into
        # that row, and return to the saved column, one row lower.
        width = os.get_terminal_size(1).columns or 80
        print(*(f"\x1bD\x1b[A\x1b7\r\x1b[L{piece}\n\x1b8\x1b[B"
                for piece in pieces(text, width)),
              sep="", end="", flush=True)


def complain(text):
    """An error at the prompt: the program goes on."""
    with output_lock:
        print("error:", text, file=sys.stderr, flush=True)


def finish(text, status, interrupted=False):
    """Print a last line and end the program at once, from any thread."""
    end_lock.acquire()  # never released: only one thread ends the program

    def give_up():      # if nobody reads our output
        time.sleep(0.8)
        os._exit(status)

    threading.Thread(target=give_up, daemon=True).start()
    terminal_lock.acquire(timeout=0.3)
    output_lock.acquire(timeout=0.3)
    try:
        if readline_is_active():
            newline = bool(readline.get_line_buffer())
        else:
            newline = asking or (is_tty and interrupted)  # behind "^C"
        if cooked:
            termios.tcsetattr(0, termios.TCSANOW, cooked)
    except Exception:   # the terminal is gone
        newline = False
    stream = sys.stderr if status else sys.stdout
    try:
        if newline:
            print(flush=True)
        print(text, file=stream, flush=True)
    except (OSError, ValueError):
        pass
    os._exit(status)


def fail(text):
    finish(f"error: {clean(text)}", 1)


def reason(error):
    return getattr(error, "strerror", None) or str(error) or repr(error)


def watch_signals():
    if hasattr(signal, "sigwait"):
        number = signal.sigwait(STOP_SIGNALS)
        finish("stopped", 0, number == signal.SIGINT)


# --------------------------------------------------------------- the network

def connect(host, port):
    """Try all addresses, each a quarter of a second after the one before."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    error = OSError("no address")
    end = time.monotonic() + SILENCE
    pending = []
    winner = None
    while winner is None and (addresses or pending):
        if addresses:
            family, kind, proto, _, address = addresses.pop(0)
            try:
                sock = socket.socket(family, kind, proto)
                sock.setblocking(False)
                pending.append(sock)
                try:
                    sock.connect(address)
                except (BlockingIOError, InterruptedError):
                    pass
            except OSError as e:
                error = e
                if pending and pending[-1] is sock:
                    pending.pop().close()
                continue
        next_try = time.monotonic() + NEXT_ADDRESS if addresses else end
        while pending and winner is None:
            left = min(next_try, end) - time.monotonic()
            if left <= 0:
                break
            _, ready, bad = select.select([], pending, pending, left)
            for sock in set(ready + bad):
                number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if number:
                    error = OSError(number, os.strerror(number))
                    pending.remove(sock)
                    sock.close()
                    next_try = 0    # do not wait for the next address
                elif winner is None:
                    winner = sock
        if winner is None and time.monotonic() >= end:
            error = OSError(f"no connection after {SILENCE} seconds")
            break
    for sock in pending:
        if sock is not winner:
            sock.close()
    if winner is None:
        raise error
    return winner


class Hub:
    def __init__(self, sock):
        self.sock = sock
        sock.setblocking(False)
        self.lock = threading.Lock()    # a TLS socket is for one thread a time
        self.reset = None
        self.joined = False
        self.kicked = False
        self.quitting = False
        self.deadline = time.monotonic() + SILENCE
        self.questions = queue.Queue()  # for the main thread

    def send(self, line, seconds=SILENCE):
        """Send a line. On an error, receive() sees it, too, and ends."""
        data = line.encode() + b"\n"
        end = time.monotonic() + seconds
        while data:
            try:
                with self.lock:
                    try:
                        data = data[self.sock.send(data):]
                        end = time.monotonic() + seconds
                        continue
                    except ConnectionResetError as e:
                        self.reset = e
                        raise
            except (BlockingIOError, ssl.SSLWantWriteError):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                select.select([], [self.sock], [], left)
            except ssl.SSLWantReadError:
                if time.monotonic() >= end:
                    return False
                time.sleep(0.05)
            except OSError as e:
                time.sleep(0.5)     # receive() knows better what has happened
                if self.quitting:
                    return False
                fail(f"the hub: {reason(e)}")
        return True

    def receive_some(self, unfinished):
        begin = time.monotonic()
        while True:
            with self.lock:
                try:
                    return self.sock.recv(65536)
                except (BlockingIOError, ssl.SSLWantReadError,
                        ssl.SSLWantWriteError):
                    pass
            # A person may take as long as they like; the hub may not.
            end = begin + SILENCE if unfinished else self.deadline
            wait = None if self.joined else 0.5
            if end is not None:
                left = end - time.monotonic()
                if left <= 0:
                    fail(f"the hub has been silent for {SILENCE} seconds")
                wait = left if self.joined else min(left, 0.5)
            select.select([self.sock], [], [], wait)

    def receive(self):
        """The second thread: print what arrives, until the hub ends."""
        buffer = b""
        try:
            while True:
                data = self.receive_some(bool(buffer))
                if not data:
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self.handle(line)
                if len(buffer) > LONGEST_LINE:
                    fail("the hub has sent a line that is too long")
        except OSError as e:
            self.reset = e
        if self.quitting and not self.kicked:
            self.close(0, "stopped")
        if self.reset:
            fail(f"the hub: {reason(self.reset)}")
        if buffer:
            fail("the hub has sent a line without a newline at its end")
        if not self.joined or self.kicked:
            fail("the hub has hung up")
        self.close(0, "the hub has hung up")

    def handle(self, line):
        if len(line) > LONGEST_LINE:
            fail("the hub has sent a line that is too long")
        try:
            line = line.decode()
        except UnicodeDecodeError:
            fail("the hub has sent a line that is not UTF-8")
        if self.joined:
            self.kicked = bool(re.fullmatch(
                r"error: [A-Za-z0-9_-]{1,20} has kicked you out", line))
            try:
                show(line)
            except OSError as e:
                fail(f"standard output: {reason(e)}")
        elif line.startswith("error:"):
            finish(clean(line), 1)
        elif re.fullmatch("joined [A-Za-z0-9_-]+ as [A-Za-z0-9_-]+", line):
            try:
                show(line)
            except OSError as e:
                fail(f"standard output: {reason(e)}")
            self.joined = True
            self.deadline = None
            self.questions.put("joined")
        elif line == "password?":
            self.deadline = None
            self.questions.put("password")
        else:
            fail(f"this is no hub, it has sent: {line[:80]}")

    def close(self, status, text):
        if isinstance(self.sock, ssl.SSLSocket):
            if self.lock.acquire(timeout=0.2):
                try:
                    self.sock.unwrap()  # say goodbye
                except (OSError, ValueError):
                    pass
                self.lock.release()
        finish(text, status)

    def quit(self):
        """Leave; show what the hub still has to say, but not for long."""
        self.quitting = True
        begin = time.monotonic()
        self.send("/quit", 0.5)
        time.sleep(max(0, begin + 0.7 - time.monotonic()))
        self.close(0, "stopped")


# -------------------------------------------------------------- the keyboard

def read_bytes():
    """A line of standard input, without readline."""
    if sys.stdin is None:
        raise EOFError
    limit = 4 * LONGEST_INPUT + 2
    data = sys.stdin.buffer.readline(limit)
    if not data:
        raise EOFError
    more = data
    while len(more) == limit and not more.endswith(b"\n"):
        more = sys.stdin.buffer.readline(limit)     # too long: skip the rest
    if data.endswith(b"\n"):
        data = data[:-1]
    if data.endswith(b"\r"):
        data = data[:-1]
    return data.decode()


def terminal_is_ready():
    """Called by readline as soon as it has changed the terminal."""
    try:
        terminal_lock.release()
    except RuntimeError:
        pass


def read_line():
    if not is_tty:
        return read_bytes()
    if not (readline and cooked):
        return input()
    terminal_lock.acquire()
    try:
        return input()
    finally:
        if not ready.is_set():
            terminal_is_ready()
        ready.clear()


ready = threading.Event()


def startup_hook():
    ready.set()
    terminal_is_ready()


def read_password():
    global asking
    if not is_tty:
        with output_lock:
            print("password:", flush=True)
        return read_bytes()
    if not cooked:      # Windows
        import getpass
        return getpass.getpass("password: ")
    with terminal_lock:
        silent = termios.tcgetattr(0)
        silent[3] &= ~termios.ECHO
        termios.tcsetattr(0, termios.TCSADRAIN, silent)
    with output_lock:
        asking = True
        print("password: ", end="", flush=True)
    try:
        return read_bytes()
    finally:
        with terminal_lock:
            termios.tcsetattr(0, termios.TCSADRAIN, cooked)
        with output_lock:
            asking = False
            print(flush=True)


def ask(read):
    """The next good line of the user."""
    while True:
        try:
            line = read()
            line.encode()
        except UnicodeError:
            complain("this line is not UTF-8")
            continue
        except OSError as e:
            fail(f"standard input: {reason(e)}")
        if len(line) <= LONGEST_INPUT:
            return line
        complain(f"a line has at most {LONGEST_INPUT} characters")


# ----------------------------------------------------------------- the start

def name(text):
    if not re.fullmatch("[A-Za-z0-9_-]{1,20}", text) or text == "error":
        raise argparse.ArgumentTypeError(
            '1 to 20 letters, digits, - and _, and not "error"')
    return text


def port_number(text):
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > 65535:
        raise argparse.ArgumentTypeError("a number from 0 to 65535")
    return int(text)


def main():
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.reconfigure(encoding="utf-8", errors="replace")
    threading.Thread(target=watch_signals, daemon=True).start()
    if not hasattr(signal, "sigwait"):      # Windows
        for number in STOP_SIGNALS:
            signal.signal(number, lambda *_: finish("stopped", 0))

    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", metavar="NAME", type=name,
                        help="1 to 20 letters, digits, - and _")
    parser.add_argument("--host", default="127.0.0.1",
                        help="the server's address")
    parser.add_argument("--port", type=port_number, default=12601,
                        help="the server's port")
    parser.add_argument("--room", type=name, default="lobby",
                        help="the room to join")
    parser.add_argument("--ca", metavar="FILE",
                        help="encrypt; the hub's certificate")
    args = parser.parse_args()

    context = None
    if args.ca is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(args.ca)
        except (OSError, ValueError) as e:
            fail(f"{args.ca}: {reason(e)}")
    try:
        sock = connect(args.host, args.port)
        if context:
            sock.settimeout(SILENCE)
            sock = context.wrap_socket(sock, server_hostname=args.host)
    except (OSError, ValueError) as e:
        fail(f"{args.host}:{args.port}: {reason(e)}")

    hub = Hub(sock)
    if readline and is_tty:
        readline.set_startup_hook(startup_hook)
        # A pasted text is not one line with newlines in it.
        readline.parse_and_bind("set enable-bracketed-paste off")
        # A long line is one row of the screen: see show().
        readline.parse_and_bind("set horizontal-scroll-mode on")
    # First the thread: it sees it if the hub ends while we send.
    threading.Thread(target=hub.receive, daemon=True).start()
    hub.send(f"{args.name} {args.room}")
    try:
        while hub.questions.get() == "password":
            password = ask(read_password)
            hub.deadline = time.monotonic() + SILENCE
            hub.send(password)
        while True:
            line = ask(read_line)
            if line.strip() == "/quit":
                break
            if not hub.send(line):
                fail(f"the hub has not read for {SILENCE} seconds")
    except EOFError:
        pass
    if not hub.joined:
        finish("stopped", 0)
    hub.quit()


if __name__ == "__main__":
    main()
