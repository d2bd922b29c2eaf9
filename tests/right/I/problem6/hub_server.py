"""A chat hub: each client has a reading and a writing thread, and each line
goes to all others in the same room. TLS and a file of users are optional."""
import argparse
import getpass
import hashlib
import hmac
import os
import re
import selectors
import signal
import socket
import ssl
import sys
import tempfile
import threading
import time

WORD = re.compile(r"(?!error\Z)[A-Za-z0-9_-]{1,20}")
MAX_LINE = 4002             # bytes, with the newline
MAX_CHARACTERS = 1000
MAX_OUTPUT = 1 << 20        # bytes that are kept for a client
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)

hub = threading.RLock()     # guards people, and their rooms
people = {}                 # name: Client
users = None                # name: (salt, hash, is a moderator)
context = None              # for TLS
log_ins = threading.BoundedSemaphore(20)  # those that wait for their hash
cores = threading.Semaphore(4)      # hashes at the same time: 16 MB each
screen = threading.Lock()


class BadClient(Exception):
    """The reason why a connection ends."""


def say(text, file=None):
    with screen:
        print(text, file=file or sys.stdout, flush=True)


def complain(text):
    say(f"error: {text}", sys.stderr)


def clean(text):
    return re.sub("[\x00-\x1f\x7f-\x9f]", "?", text)


def show_address(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def scrypt(password, salt, length=64):
    return hashlib.scrypt(password.encode(), salt=salt, n=16384, r=8, p=1, dklen=length)


class Client:
    def __init__(self, sock, address):
        sock.setblocking(False)
        self.sock = sock
        self.address = show_address(address)
        self.tls_lock = threading.Lock()    # OpenSSL: one thread at a time
        self.input = b""
        self.output = bytearray()
        self.changed = threading.Condition()  # guards output and ended
        self.ended = False
        self.name = self.room = None
        self.moderator = False
        self.writer = threading.Thread(target=self.write, daemon=True)
        self.reader = threading.Thread(target=self.serve, daemon=True)

    def start(self):
        self.writer.start()
        try:
            self.reader.start()
        except RuntimeError:
            self.end()
            raise

    # the bytes

    def when_ready(self, action, event, seconds=None):
        """Do action() on the socket as soon as it does not block."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                with self.tls_lock:
                    return action()
            except ssl.SSLWantReadError:
                wanted = READ
            except ssl.SSLWantWriteError:
                wanted = WRITE
            except BlockingIOError:
                wanted = event
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            with Selector() as selector:
                selector.register(self.sock, wanted)
                selector.select(left)

    def read_line(self, seconds=None):
        """The next line, or None at the end of the stream."""
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self.input:
            if len(self.input) >= MAX_LINE:
                raise BadClient("the line is too long")
            left = None if end is None else max(0, end - time.monotonic())
            try:
                data = self.when_ready(lambda: self.sock.recv(4096), READ, left)
            except TimeoutError:
                raise BadClient(f"no line for {seconds} seconds") from None
            if not data:
                if self.input and not self.ended:
                    raise BadClient("the line has no newline")
                return None
            self.input += data
        line, _, self.input = self.input.partition(b"\n")
        if len(line) >= MAX_LINE:
            raise BadClient("the line is too long")
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise BadClient("the line is not UTF-8") from None

    def send(self, text):
        """Keep a line for the writing thread."""
        with self.changed:
            if self.ended:
                return
            data = text.encode() + b"\n"
            if len(self.output) + len(data) <= MAX_OUTPUT:
                self.output += data
                self.changed.notify()
                return
            self.ended = True
            self.output.clear()
            self.changed.notify()
        complain(f"{self.address}: {self.name} does not read")
        self.shut(socket.SHUT_RDWR)

    def end(self):
        """Send what is kept, then the end of the stream."""
        with self.changed:
            self.ended = True
            self.changed.notify()

    def shut(self, how):
        try:
            socket.socket.shutdown(self.sock, how)  # leaves TLS as it is
        except OSError:
            pass

    def write(self):
        try:
            while True:
                with self.changed:
                    self.changed.wait_for(lambda: self.output or self.ended)
                    data = bytes(self.output[:65536])
                if not data:
                    break
                try:
                    sent = self.when_ready(lambda: self.sock.send(data), WRITE, 10)
                except TimeoutError:
                    if self.ended:
                        break
                    continue
                with self.changed:
                    del self.output[:sent]
            if isinstance(self.sock, ssl.SSLSocket):
                with self.tls_lock:
                    self.sock.unwrap()
        except (OSError, ValueError):
            pass
        with self.changed:
            self.ended = True
        self.shut(socket.SHUT_WR)
        if self.reader.ident:       # it reads the rest: an unread byte is a reset
            self.reader.join(2)
        self.shut(socket.SHUT_RDWR)
        self.reader.ident and self.reader.join()
        self.sock.close()

    # the chat

    def serve(self):
        try:
            if context and not self.handshake():
                return
            if self.log_in():
                while not self.ended:
                    line = self.read_line()
                    if line is None or line == "/quit":
                        break
                    with hub:
                        if people.get(self.name) is self:
                            self.obey(line)
        except BadClient as error:
            if not self.ended:
                self.send(f"error: {error}")
                complain(f"{self.address}: {error}")
        except OSError:
            pass
        finally:
            self.leave()
            self.end()
        try:
            while self.when_ready(lambda: self.sock.recv(65536), READ):
                pass
        except OSError:
            pass

    def handshake(self):
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True,
                                            do_handshake_on_connect=False)
            self.when_ready(self.sock.do_handshake, READ, 10)
            return True
        except (OSError, ValueError):
            return False

    def log_in(self):
        line = self.read_line(10)
        if line is None:
            return False
        name, space, room = line.partition(" ")
        if not space:
            room = "lobby"
        if not WORD.fullmatch(name) or not WORD.fullmatch(room):
            raise BadClient("a name or a room has 1 to 20 letters, digits, - and _, "
                            'and is not "error"')
        if users is not None:
            self.send("password?")
            password = self.read_line(60)
            if password is None:
                return False
            if not log_ins.acquire(blocking=False):
                raise BadClient("too many log-ins; try again later")
            try:
                salt, right, self.moderator = users.get(name, (bytes(16), bytes(64), False))
                with cores:
                    given = scrypt(password, salt, len(right))
            finally:
                log_ins.release()
            if not hmac.compare_digest(given, right) or name not in users:
                raise BadClient("wrong name or password")
        with hub:
            if name in people:
                raise BadClient(f"the name {name} is taken")
            people[name] = self
            self.name, self.room = name, room
            self.send(f"joined {room} as {name}")
            say(f"{name} {self.address} joined {room}")
        return True

    def leave(self):
        with hub:
            if self.name and people.get(self.name) is self:
                del people[self.name]
                say(f"{self.name} has left")

    def obey(self, line):
        command, _, word = line.partition(" ")
        if len(line) > MAX_CHARACTERS:
            self.send(f"error: a line has at most {MAX_CHARACTERS} characters")
        elif not line.startswith("/"):
            text = f"{self.name}: {clean(line)}"
            for other in people.values():
                if other is not self and other.room == self.room:
                    other.send(text)
        elif line == "/who":
            names = sorted(n for n, c in people.items() if c.room == self.room)
            self.send(f"in {self.room}: {', '.join(names)}")
        elif line == "/rooms":
            self.send("open rooms: " + ", ".join(sorted({c.room for c in people.values()})))
        elif command == "/join":
            if WORD.fullmatch(word):
                self.room = word
                self.send(f"joined {word} as {self.name}")
            else:
                self.send("error: a room has 1 to 20 letters, digits, - and _")
        elif command == "/kick":
            if not self.moderator:
                self.send("error: only a moderator may /kick")
            elif word not in people:
                self.send("error: nobody has this name")
            else:
                self.send(f"kicked out: {word}")
                other = people[word]
                other.send(f"error: {self.name} has kicked you out")
                other.leave()
                other.end()
        else:
            self.send("error: the commands are /who, /rooms, /join ROOM, /quit, /kick NAME")


def read_users(path):
    if os.path.exists(path) and not os.path.isfile(path):
        raise ValueError(f"{path} is not a regular file")
    found = {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                name, salt, digest, *rest = line.rstrip("\n").split(":")
                salt, digest = bytes.fromhex(salt), bytes.fromhex(digest)
                if (not WORD.fullmatch(name) or name in found or len(salt) != 16
                        or len(digest) < 16 or rest not in ([], ["moderator"])):
                    raise ValueError
            except ValueError:
                raise ValueError(f"{path}: line {number} is bad") from None
            found[name] = salt, digest, bool(rest)
    return found


def ask(question):
    while True:
        try:
            if sys.stdin.isatty():
                answer = getpass.getpass(question, sys.stdout)
            else:
                print(question, end="", flush=True)
                answer = sys.stdin.readline()
                if not answer:
                    raise EOFError
                print(flush=True)
        except UnicodeDecodeError:      # getpass reads the terminal itself
            answer = "\udcff"
        except (EOFError, KeyboardInterrupt):
            print(flush=True)
            raise
        answer = answer.rstrip("\n")
        try:
            answer.encode()
            return answer
        except UnicodeEncodeError:
            complain("this is not UTF-8")


def add_user(path, name, moderator):
    try:
        found = read_users(path)
    except FileNotFoundError:
        found = {}
    if name in found:
        raise ValueError(f"{name} is already in {path}")
    password = ask("password: ")
    if not password:
        raise ValueError("the password is empty")
    if len(password) > MAX_CHARACTERS:
        raise ValueError(f"a password has at most {MAX_CHARACTERS} characters")
    if ask("once more: ") != password:
        raise ValueError("this is another password")
    salt = os.urandom(16)
    found[name] = salt, scrypt(password, salt), moderator
    real = os.path.realpath(path)
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(real))
    try:
        with open(handle, "w", encoding="utf-8") as file:
            for user, (salt, digest, mod) in found.items():
                end = ":moderator" if mod else ""
                file.write(f"{user}:{salt.hex()}:{digest.hex()}{end}\n")
        os.replace(temporary, real)
    except BaseException:
        os.unlink(temporary)
        raise
    say(f"added {name} to {path}")


def listen(host, port):
    problem = None
    for family, _, _, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        try:
            return socket.create_server(address[:2] if family == socket.AF_INET else address,
                                        family=family, backlog=128)
        except OSError as error:
            problem = error
    raise problem


def accept_all(server):
    while True:
        try:
            sock, address = server.accept()
        except OSError as error:
            complain(error)
            time.sleep(0.5)
            continue
        try:
            Client(sock, address).start()
        except (RuntimeError, OSError) as error:
            complain(error)
            sock.close()


def stop(number, frame):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def finish(text, status, file):
    screen.acquire(timeout=0.5)    # for ever: this is the last line
    print(text, file=file, flush=True)
    os._exit(status)


def port_number(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def user_name(text):
    if not WORD.fullmatch(text):
        raise ValueError
    return text


def main():
    global users, context
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
    parser.add_argument("--port", type=port_number, default=12601, help="0: any free port")
    parser.add_argument("--users", metavar="FILE", help="admit only these users")
    parser.add_argument("--add-user", metavar="NAME", type=user_name,
                        help="add to the users, and end")
    parser.add_argument("--moderator", action="store_true", help="a user who may /kick")
    parser.add_argument("--cert", metavar="FILE", help="certificate: encrypt by TLS")
    parser.add_argument("--key", metavar="FILE", help="the certificate's private key")
    args = parser.parse_args()
    if args.add_user and not args.users:
        parser.error("--add-user needs --users")
    if args.moderator and not args.add_user:
        parser.error("--moderator needs --add-user")
    if bool(args.cert) != bool(args.key):
        parser.error("--cert and --key need each other")
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        if args.add_user:
            add_user(args.users, args.add_user, args.moderator)
            return
        if args.users:
            users = read_users(args.users)
        if args.cert:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(args.cert, args.key, password="")
        server = listen(args.host, args.port)
        say(f"listening on {show_address(server.getsockname())}")
        accept_all(server)
    except (OSError, ValueError) as error:
        finish(f"error: {error}", 1, sys.stderr)


if __name__ == "__main__":
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        main()
    except (KeyboardInterrupt, EOFError):
        finish("stopped", 0, sys.stdout)
