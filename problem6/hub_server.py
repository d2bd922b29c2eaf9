r"""Chat hub, the server: relays each line to everyone else in the room.

The wire (TCP, or TLS over TCP): lines of UTF-8 text, each ended by a newline
byte.

    client                                hub
       | ----- ann lobby\n --------------> |   the name and the room
       | <--------------- password?\n ---- |   only with --users
       | ----- my secret\n --------------> |   only with --users
       | <----- joined lobby as ann\n ---- |
       | ----- Hello!\n -----------------> |   at most 1000 characters
       | <-------------- bob: Hi ann\n --- |
       | ----- /who\n -------------------> |   also /rooms, /join ROOM, /quit,
       | <----- in lobby: ann, bob\n ----- |   and /kick NAME for moderators

    or | <----- error: (the reason)\n ---- |   at any time

A name or a room has 1 to 20 ASCII letters, digits, - and _. Neither may be
"error": the hub's own lines begin with it. If the line has no room, the client
joins the lobby. The hub asks for a password also if the name is unknown, so
that nobody learns which names exist. An error before "joined", a line of more
than 4002 bytes, or one that is not UTF-8 ends the connection; after other
errors it goes on. The hub answers /quit only with the end of the stream.
"/kick bob" is answered with "kicked out: bob"; bob gets "error: ann has kicked
you out" and the end of the stream. The hub waits 10 seconds for the name, and
60 for the password. Lists of names are sorted. An empty line is relayed like
all others; a control character is relayed as "?".

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
    2< /who
    2| in lobby: ann, bob

Users: the --users file has a line for each user: NAME:SALT:HASH, or
NAME:SALT:HASH:moderator. The hub reads it when it starts. With --moderator,
the new user may /kick others. If the password is empty, or the second one is
another one, nobody is added (status 1).

    1$ python problem6/hub_server.py --users users.txt --add-user ann
    1| password:
    1< my secret
    1| once more:
    1< my secret
    1| added ann to users.txt
    1$ python problem6/hub_server.py --users users.txt
    1| listening on 127.0.0.1:12601
    2$ python problem6/hub_client.py ann
    2| password:
    2< my secret
    2| joined lobby as ann
    1| ann 127.0.0.1:<port> joined lobby
    3$ python problem6/hub_client.py bob
    3| password:
    3< a guess
    1| error: 127.0.0.1:<port>: wrong name or password
    3| error: wrong name or password

SALT is 16 random bytes in hexadecimal digits, so that two users with the same
password have different hashes. HASH is the scrypt hash of password and salt
(RFC 7914; n = 16384, r = 8, p = 1). Somebody who steals the file must guess
the passwords, and each guess costs 16 MB of memory and about 50 ms. The hub
computes hashes in threads, so the chat goes on. It refuses a log-in while 20
others wait for their hash.

Encryption: make a certificate for the lab, and start the hub with it:

    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout key.pem -out cert.pem
    python problem6/hub_server.py --cert cert.pem --key key.pem
    python problem6/hub_client.py ann --ca cert.pem

If the TLS handshake of a client fails, the hub prints nothing.

Notice: one thread serves all clients. If a client does not read, the hub keeps
up to 1 MB for it, and then closes its connection. If the hub waited for it,
one stopped client would block the whole room.

Try: stop a client with Ctrl+Z, talk, and continue it with `fg`. What has it
missed? (Nothing. A few lines are far less than 1 MB.) Then read along with
`make wire P=problem6/hub_server.py`: a password, too, unless the hub has a
--cert and a --key.
"""
import argparse
import asyncio
import getpass
import hashlib
import hmac
import os
import re
import signal
import socket
import ssl
import sys
import time

HOST, PORT = "127.0.0.1", 12601  # only this machine; 0.0.0.0 opens it to the network
MAX_TEXT = 1000                  # characters in a line
MAX_LINE = 4 * MAX_TEXT + 2      # bytes; a character of UTF-8 takes up to 4
MAX_QUEUE = 1_000_000            # bytes to keep for a client that does not read
MAX_LOGINS = 20                  # log-ins that wait for a password's hash
PATIENCE = 10                    # seconds for a program to send a name
PERSON = 60                      # seconds for a person to type a password
NAME = re.compile("(?!error$)[A-Za-z0-9_-]{1,20}")  # "error: " begins the hub's lines
USER = re.compile(r"([\w-]{1,20}):([0-9a-f]{32}):([0-9a-f]{128})(:moderator)?")


def scrypt(password, salt):
    """Return the slow hash of a password: about 50 ms and 16 MB (RFC 7914)."""
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def read_users(path):
    """Return the users in the file, by name: salt, hash, and whether a moderator."""
    users = {}
    with open(path, encoding="ascii", errors="replace") as file:
        for number, line in enumerate(file, 1):
            match = USER.fullmatch(line.strip())
            if match and match[1] not in users:
                salt, digest = bytes.fromhex(match[2]), bytes.fromhex(match[3])
                users[match[1]] = salt, digest, bool(match[4])
            elif line.strip():
                raise ValueError(f"{path}: line {number} is not NAME:SALT:HASH or "
                                 "NAME:SALT:HASH:moderator, or repeats a name")
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
            raise ValueError("no password, or two different ones")
    except EOFError:
        raise ValueError("no password; nobody is added") from None
    salt = os.urandom(16)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)  # its owner only
    with open(file, "a+", encoding="ascii", errors="replace") as users:
        users.seek(0)
        if not (users.read() or "\n").endswith("\n"):
            users.write("\n")
        users.write(f"{name}:{salt.hex()}:{scrypt(password, salt).hex()}"
                    f"{':moderator' if moderator else ''}\n")


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
        self.out = False  # kicked or dropped: the hub ignores its lines

    def send(self, text):
        """Send a line of the hub's own."""
        self.write(f"{text}\n".encode())

    def write(self, line):
        """Send a line, or keep it for later; drop a member that does not read."""
        if self.transport.is_closing():
            return
        try:
            waiting = self.transport.get_write_buffer_size()
        except AttributeError:  # TLS before Python 3.11: the client has just left
            return
        if waiting > MAX_QUEUE:
            print(f"error: {self.name} does not read what is sent: dropped")
            self.out = True
            self.transport.abort()
        else:
            self.transport.write(line)


class Hub:
    """All members, in all rooms."""

    def __init__(self, users):
        self.users = users  # as read_users() returns; None: all may join
        self.members = {}   # by name
        self.logins = asyncio.Semaphore(MAX_LOGINS)

    async def check_password(self, name, password):
        """Raise ValueError if this is not the password; return whether a moderator."""
        salt, digest, moderator = self.users.get(name, (b"", b"", False))
        if self.logins.locked():
            raise ValueError("too many log-ins at once; try again")
        async with self.logins:
            given = await asyncio.get_running_loop().run_in_executor(
                None, scrypt, password, salt)  # in a thread: it is slow
        if not hmac.compare_digest(given, digest):
            raise ValueError("wrong name or password")
        return moderator

    async def admit(self, reader, writer):
        """Return the new member; raise ValueError if it may not come in."""
        name, _, room = (await read_line(reader, PATIENCE) or "").partition(" ")
        room, moderator = room or "lobby", False
        if not NAME.fullmatch(name) or not NAME.fullmatch(room):
            raise ValueError("names have 1 to 20 letters, digits, - and _")
        if self.users is not None:
            writer.write(b"password?\n")
            password = await read_line(reader, PERSON) or ""
            moderator = await self.check_password(name, password)
        if name in self.members:
            raise ValueError(f"{name} is here already")
        member = self.members[name] = Member(name, room, moderator, writer.transport)
        member.send(f"joined {room} as {name}")
        return member

    async def serve(self, reader, writer):
        """Serve one client; an error ends only this connection."""
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
            reason = str(error) or "timed out"  # asyncio's TimeoutError has no text
            print(f"error: {peer}: {reason}")
            await refuse(reader, writer, reason)
        finally:
            writer.close()

    async def converse(self, member, reader):
        """Relay each line, or run its command, until the member leaves."""
        while (text := await read_line(reader)) not in (None, "/quit"):
            if member.out:
                break
            command, _, argument = text.partition(" ")
            if len(text) > MAX_TEXT:
                member.send(f"error: a line takes at most {MAX_TEXT} characters")
            elif text.startswith("/"):
                run = self.COMMANDS.get(command, Hub.unknown)
                run(self, member, argument)
            else:
                line = f"{member.name}: {printable(text)}\n".encode()
                for other in self.room(member.room):
                    if other is not member:
                        other.write(line)
            await asyncio.sleep(0)  # other tasks run, even if this member floods us

    def room(self, name):
        """Return the members in this room."""
        return [member for member in self.members.values() if member.room == name]

    def who(self, member, _):
        names = sorted(other.name for other in self.room(member.room))
        member.send(f"in {member.room}: {', '.join(names)}")

    def rooms(self, member, _):
        rooms = sorted({other.room for other in self.members.values()})
        member.send(f"open rooms: {', '.join(rooms)}")

    def join(self, member, room):
        if not NAME.fullmatch(room):
            return self.unknown(member, room)
        member.room = room
        member.send(f"joined {room} as {member.name}")

    def kick(self, member, name):
        target = self.members.get(name)
        if not member.moderator or not target:
            member.send("error: nobody has that name, or you are not a moderator")
            return
        target.send(f"error: {member.name} has kicked you out")
        target.out = True
        target.transport.close()  # after it reads this line, or after a second
        asyncio.get_running_loop().call_later(1, target.transport.abort)
        member.send(f"kicked out: {name}")

    def unknown(self, member, _):
        member.send("error: the commands are /who, /rooms, /join ROOM, /quit, "
                    "and /kick NAME for moderators")

    COMMANDS = {"/who": who, "/rooms": rooms, "/join": join, "/kick": kick}


async def refuse(reader, writer, reason):
    """Send the client the reason, then close without a reset.

    If input is unread when we close, the system resets the connection, and the client
    may lose the reason. So end our stream first, and read until the client closes, too,
    or is silent for a second; but for at most 3 seconds.
    """
    try:
        writer.write(f"error: {reason}\n".encode())
        if writer.can_write_eof():  # TLS cannot end one direction
            writer.write_eof()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if not await asyncio.wait_for(reader.read(65_536), 1):
                break
    except (OSError, asyncio.TimeoutError):
        pass  # the client has left, or is silent


async def run(listener, hub, context):
    """Serve all clients, for ever."""
    asyncio.get_running_loop().set_exception_handler(  # when no descriptor is left
        lambda loop, trouble: print(f"error: {trouble['message']}"))
    server = await asyncio.start_server(
        hub.serve, sock=listener, ssl=context, limit=MAX_LINE, backlog=1,
        ssl_handshake_timeout=context and PATIENCE)
    listener.listen(1024)  # backlog=1024 would accept 1024 clients before serving one
    print("listening on", show(listener.getsockname()))
    await server.serve_forever()


def main():
    parser = options()
    parser.add_argument("--users", metavar="FILE", help="admit only these users")
    parser.add_argument("--add-user", metavar="NAME", help="add to the users, and end")
    parser.add_argument("--moderator", action="store_true", help="a user who may /kick")
    parser.add_argument("--cert", metavar="FILE", help="certificate: encrypt by TLS")
    parser.add_argument("--key", metavar="FILE", help="the certificate's private key")
    args = parser.parse_args()
    adding = args.add_user is not None
    if (adding or args.moderator) and (not adding or args.users is None):
        parser.error("use --users FILE --add-user NAME [--moderator]")
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
        # Before Python 3.11, Ctrl+C in a callback may be lost
        if sys.platform != "win32":
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
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
