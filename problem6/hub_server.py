r"""Chat hub, the server: relays each line to everyone else in the room.

The wire (TCP, or TLS over it): lines of UTF-8 text, each ended by a newline
byte.

    client                                hub
       | ----- ann lobby ----------------> |   name and room; a password comes
       | <----------------- password? ---- |   only with --users
       | ----- my secret ----------------> |
       | <------- joined lobby as ann ---- |   or error: and the reason
       | ----- Hello! -------------------> |   at most 4000 characters
       | <---------------- bob: Hi ann --- |
       | ----- /who ---------------------> |   also /rooms, /join ROOM, /quit,
       | <------- in lobby: ann, bob ----- |   and /kick NAME for moderators

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

    1$ python problem6/hub_server.py
    1| listening on 127.0.0.1:12601
    2$ python problem6/hub_client.py ann
    2| joined lobby as ann
    1| ann 127.0.0.1:<port> joined lobby
    3$ nc 127.0.0.1 12601
    3< bob lobby
    3| joined lobby as bob
    1| bob 127.0.0.1:<port> joined lobby
    2< Hello!
    3| ann: Hello!
    3< Hi ann
    2| bob: Hi ann

--users FILE has a line for each user: NAME:SALT:HASH, and :moderator if so.
SALT is 16 random bytes and HASH is scrypt of the password (RFC 7914), both in
hex: two users with one password do not look alike, and each guess costs some
16 MB of memory and a noticeable time. Who steals the file has not stolen the
passwords. To add a user, who may /kick others out:

    python problem6/hub_server.py --users users.txt --add-user ann --moderator

The hub reads the file when it starts.

A certificate for the lab, and a hub that nobody can listen in to:

    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout key.pem -out cert.pem
    python problem6/hub_server.py --cert cert.pem --key key.pem
    python problem6/hub_client.py ann --ca cert.pem

A client that does not manage to begin with TLS leaves no line at the hub.

Notice: one thread serves everybody. What a client does not take is kept for
it, up to a limit; beyond that the client is dropped. To wait for it would be
to let one stopped client hold up the whole room.

Try: stop a client with Ctrl+Z, talk, and `fg` it. What has it missed? (None
of it: the limit is far away, and the system keeps some, too.)
"""
import argparse
import asyncio
import getpass
import hashlib
import hmac
import os
import signal
import re
import socket
import ssl
import sys

HOST, PORT = "127.0.0.1", 12601  # only this machine; 0.0.0.0 opens it to the network
MAX_TEXT = 1000                  # characters in a line
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; UTF-8 has at most 4 a character
MAX_QUEUE = 1_000_000            # bytes kept for a client that does not take them
PATIENCE = 10                    # seconds for a program to say a name
PERSON = 60                      # seconds for a person to type a password
NAME = re.compile("(?!error$)[A-Za-z0-9_-]{1,20}")  # "error: " begins the hub's own
USER = re.compile(r"([\w-]{1,20}):([0-9a-f]{32}):([0-9a-f]{128})(:moderator)?\s*")


def scrypt(password, salt):
    """Return the slow hash of a password: about 50 ms and 16 MB each (RFC 7914)."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def read_users(path):
    """Return the users in the file: name to salt, hash, and whether a moderator."""
    users = {}
    with open(path, encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            match = USER.fullmatch(line)
            if not line.strip():
                continue
            if not match or match[1] in users:
                raise ValueError(f"{path}: line {number} is not NAME:SALT:HASH or "
                                 "NAME:SALT:HASH:moderator, or is a name again")
            salt, digest = bytes.fromhex(match[2]), bytes.fromhex(match[3])
            users[match[1]] = salt, digest, bool(match[4])
    return users


def add_user(path, name, moderator):
    """Ask for a password twice, and add the user to the file."""
    if not NAME.fullmatch(name):
        raise ValueError("a name has 1 to 20 letters, digits, - and _")
    if os.path.exists(path) and name in read_users(path):
        raise ValueError(f"{name} is in {path} already")
    try:
        password = getpass.getpass("password: ")
        if not password or password != getpass.getpass("once more: "):
            raise ValueError("no password, or not the same one")
    except EOFError:
        raise ValueError("no password; nobody is added") from None
    before = ""
    if os.path.exists(path):
        with open(path, encoding="ascii", errors="replace") as users:
            before = users.read()
    salt = os.urandom(16)
    line = "\n" if before and not before.endswith("\n") else ""
    line += f"{name}:{salt.hex()}:{scrypt(password, salt).hex()}"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # for us alone
    with open(file, "w", encoding="ascii") as users:
        users.write(f"{line}:moderator\n" if moderator else f"{line}\n")


async def read_line(reader, timeout=None):
    """Return the next line as text, None at the end; ValueError if it is too long."""
    try:
        line = await asyncio.wait_for(reader.readline(), timeout)
    except ValueError:
        raise ValueError(f"a line takes at most {MAX_TEXT} characters") from None
    return line.decode().rstrip("\r\n") if line.endswith(b"\n") else None


class Member:
    """Somebody who is in a room."""

    def __init__(self, name, room, moderator, transport):
        self.name, self.room, self.moderator = name, room, moderator
        self.transport = transport
        self.out = False  # kicked out or dropped: what it said before that is void

    def send(self, line):
        """Send a line, or keep it until it can be sent; drop who takes no more."""
        if self.transport.is_closing():
            return
        try:
            waiting = self.transport.get_write_buffer_size()
        except AttributeError:  # TLS before Python 3.11: the client has just gone
            return
        if waiting > MAX_QUEUE:
            print(f"error: {self.name} does not take what is sent: dropped")
            self.out = True
            self.transport.abort()
        else:
            self.transport.write(line)

    def tell(self, text):
        """Send a line of the hub's own."""
        self.send(f"{text}\n".encode())


class Hub:
    """All the members, in all the rooms."""

    def __init__(self, users):
        self.users = users  # as from read_users(); None: everybody may come in
        self.members = {}   # by name

    async def admit(self, reader, writer):
        """Return the new member; raise ValueError if it may not come in."""
        name, _, room = (await read_line(reader, PATIENCE) or "").partition(" ")
        room, moderator = room or "lobby", False
        if not NAME.fullmatch(name) or not NAME.fullmatch(room):
            raise ValueError("names have 1 to 20 letters, digits, - and _")
        if self.users is not None:
            writer.write(b"password?\n")
            password = await read_line(reader, PERSON) or ""
            salt, digest, moderator = self.users.get(name, (b"", b"", False))
            given = await asyncio.get_running_loop().run_in_executor(
                None, scrypt, password, salt)  # in a thread: it is slow
            if not hmac.compare_digest(given, digest):
                raise ValueError("wrong name or password")
        if name in self.members:
            raise ValueError(f"{name} is here already")
        member = Member(name, room, moderator, writer.transport)
        self.members[name] = member
        member.tell(f"joined {room} as {name}")
        return member

    async def serve(self, reader, writer):
        """Serve one client; whatever goes wrong here ends its connection only."""
        peer = show(writer.get_extra_info("peername"))
        try:
            member = await self.admit(reader, writer)
            try:
                print(f"{member.name} {peer} joined {member.room}")
                await self.converse(member, reader)
            finally:
                del self.members[member.name]
                print(f"{member.name} has left")
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            reason = str(error) or "timed out"
            print(f"error: {peer}: {reason}")
            await refuse(reader, writer, reason)
        finally:
            writer.close()

    async def converse(self, member, reader):
        """Do what a member says, until it leaves."""
        while (text := await read_line(reader)) not in (None, "/quit"):
            if member.out:
                break
            self.obey(member, text)
            await asyncio.sleep(0)  # the others' turn, whoever floods us

    def obey(self, member, text):
        """Relay a line, or do what it commands."""
        command, _, what = text.partition(" ")
        if len(text) > MAX_TEXT:
            member.tell(f"error: a line takes at most {MAX_TEXT} characters")
        elif not text.startswith("/"):
            self.relay(member, text)
        elif command == "/who":
            names = sorted(other.name for other in self.members.values()
                           if other.room == member.room)
            member.tell(f"in {member.room}: {', '.join(names)}")
        elif command == "/rooms":
            rooms = sorted({other.room for other in self.members.values()})
            member.tell(f"open rooms: {', '.join(rooms)}")
        elif command == "/join" and NAME.fullmatch(what):
            member.room = what
            member.tell(f"joined {what} as {member.name}")
        elif (command == "/kick" and member.moderator
              and (target := self.members.get(what))):
            target.tell(f"error: {member.name} has kicked you out")
            target.out = True
            target.transport.close()  # when this line is sent; but if it is not read:
            asyncio.get_running_loop().call_later(1, target.transport.abort)
            member.tell(f"kicked out: {what}")
        elif command == "/kick":
            member.tell("error: nobody of that name, or you are no moderator")
        else:
            member.tell("error: the commands are /who, /rooms, /join ROOM, /quit, "
                        "and /kick NAME for moderators")

    def relay(self, member, text):
        """Send a line to everybody else in the room."""
        line = f"{member.name}: {printable(text)}\n".encode()
        for other in self.members.values():
            if other.room == member.room and other is not member:
                other.send(line)


async def refuse(reader, writer, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 10 seconds at most.
    """
    try:
        writer.write(f"error: {reason}\n".encode())
        if writer.can_write_eof():  # TLS cannot
            writer.write_eof()
        for _ in range(10):
            if not await asyncio.wait_for(reader.read(1_000_000), 1):
                break
    except (OSError, asyncio.TimeoutError):
        pass  # the client is gone, or goes on talking: it had its chance


def complain(loop, trouble):
    """Print what troubles asyncio: that no descriptor is left, say."""
    print(f"error: {trouble['message']}")


async def run(listener, hub, context):
    """Serve everybody; there is no timeout."""
    asyncio.get_running_loop().set_exception_handler(complain)
    server = await asyncio.start_server(
        hub.serve, sock=listener, ssl=context, limit=MAX_LINE, backlog=1,
        ssl_handshake_timeout=context and PATIENCE)
    listener.listen(1024)  # asyncio would take so many at a time, with nobody served
    print("listening on", show(listener.getsockname()))
    await server.serve_forever()


def main():
    parser = options()
    parser.add_argument("--users", metavar="FILE", help="admit only the users in there")
    parser.add_argument("--add-user", metavar="NAME", help="add to the users, and end")
    parser.add_argument("--moderator", action="store_true", help="a user who may /kick")
    parser.add_argument("--cert", metavar="FILE", help="certificate: encrypt by TLS")
    parser.add_argument("--key", metavar="FILE", help="the certificate's private key")
    args = parser.parse_args()
    adding = args.add_user is not None
    if (adding or args.moderator) and (not adding or args.users is None):
        parser.error("it takes --users FILE --add-user NAME [--moderator]")
    if (args.cert is None) != (args.key is None):
        parser.error("--cert and --key go together")
    context = None
    try:
        if adding:
            add_user(args.users, args.add_user, args.moderator)
            print(f"added {args.add_user} to {args.users}")
            return
        hub = Hub(read_users(args.users) if args.users is not None else None)
        if args.cert is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(
                args.cert, args.key, lambda: getpass.getpass("pass phrase: "))
    except (OSError, ValueError) as error:
        where = f"cannot use {args.cert} and {args.key}: " if context else ""
        sys.exit(f"error: {where}{error}")
    with listen(args.host, args.port) as listener:
        loop = asyncio.new_event_loop()
        if os.name == "posix":  # Ctrl+C in a callback may be lost before Python 3.11
            for number in signal.SIGINT, signal.SIGTERM:
                loop.add_signal_handler(
                    number, signal.default_int_handler, number, None)
        loop.run_until_complete(run(listener, hub, context))


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


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if os.name == "nt":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
