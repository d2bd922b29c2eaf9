"""Chat hub, the client: shows the lines of the others while you type yours.

hub_server.py describes the wire. If the hub ends, the client prints "the hub
has hung up", and ends. Before "joined" this is an error (status 1). So is a
reset, and so is the end after "NAME has kicked you out". A line that begins
with / is a command: /who, /rooms, /join ROOM, /quit, and /kick NAME for
moderators.

    1$ python problem6/hub_server.py
    1| listening on 127.0.0.1:12601
    2$ python problem6/hub_client.py ann --room games
    2| joined games as ann
    1| ann 127.0.0.1:<port> joined games
    3$ python problem6/hub_client.py bob
    3| joined lobby as bob
    1| bob 127.0.0.1:<port> joined lobby
    3< /rooms
    3| open rooms: games, lobby
    3< /join games
    3| joined games as bob
    3< Anybody for chess?
    2| bob: Anybody for chess?
    2< /who
    2| in games: ann, bob
    3< /quit
    3| stopped
    1| bob has left

With --ca FILE the client encrypts. The hub's certificate must then be in this
file, and be valid for your --host. Without this check, somebody between you
and the hub could pretend to be the hub, and read every line.

Notice: lines that arrive do not break up the line that you type. (On Windows
they do, because it has no readline.) The main thread reads the keyboard;
asyncio runs in a second thread. If a host name has several addresses,
open_connection() tries the next one after a quarter of a second (RFC 8305).

Try: two clients of the same name. A name of 21 letters. `nc` as a client.
"""
import argparse
import asyncio
import contextlib
import getpass
import os
import ssl
import sys
import threading

try:
    import readline  # to edit the line that you type; Windows does not have it
    import termios
except ImportError:
    readline = None

HOST, PORT = "127.0.0.1", 12601  # where hub_server.py listens
MAX_TEXT = 1000                  # characters in a line
MAX_LINE = 4 * MAX_TEXT + 50     # bytes; a character of UTF-8 takes up to 4
TIMEOUT = 10                     # seconds to wait for an answer of the hub


async def listen(reader, terminal):
    """Show each line of the hub, until it closes; then end the program."""
    text, error = "", None
    try:
        while line := await reader.readline():
            text = printable(line.decode().rstrip("\r\n"))
            tell(text)
        tell("the hub has hung up")
    except OSError as reason:
        error = reason
    except ValueError:
        error = "the hub sent a line that is too long, or not UTF-8"
    if terminal:  # restore its settings, as readline cannot do it now
        termios.tcsetattr(0, termios.TCSANOW, terminal)
    if error:
        print(f"\nerror: {error}; start again", file=sys.stderr)
    kicked = text.endswith(" has kicked you out")
    os._exit(1 if error or kicked else 0)  # the main thread waits for the keyboard


def main():
    parser = options()
    parser.add_argument("name", metavar="NAME", help="1 to 20 letters, digits, - and _")
    parser.add_argument("--room", default="lobby", help="the room to join")
    parser.add_argument("--ca", metavar="FILE", help="encrypt; the hub's certificate")
    args = parser.parse_args()
    sys.stdin.reconfigure(errors="replace")
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    def wait(coroutine):
        """Let the loop run this coroutine; return its result."""
        in_time = asyncio.wait_for(coroutine, TIMEOUT)
        return asyncio.run_coroutine_threadsafe(in_time, loop).result()

    async def send(text):
        writer.write(f"{text}\n".encode(errors="replace"))
        await writer.drain()

    try:
        context = None
        if args.ca is not None:
            context = ssl.create_default_context(cafile=args.ca)
    except OSError as error:
        sys.exit(f"error: cannot use --ca {args.ca}: {error}")
    try:
        reader, writer = wait(asyncio.open_connection(
            args.host, args.port, ssl=context, limit=MAX_LINE,
            happy_eyeballs_delay=0.25))
    except ssl.SSLError as error:
        sys.exit(f"error: cannot trust this hub's TLS: {error}; see --ca")
    except asyncio.TimeoutError:
        raise TimeoutError("timed out") from None
    try:
        wait(send(f"{args.name} {args.room}"))
        answer = wait(reader.readline())
        if answer == b"password?\n":
            password = getpass.getpass("password: ")
            try:
                wait(send(password))
            except OSError:
                pass  # the hub has closed; its last line says why
            answer = wait(reader.readline()) or b"error: the hub has hung up"
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        sys.exit(f"error: the hub does not answer: {str(error) or 'timed out'}")
    answer = printable(answer.decode(errors="replace").strip())
    if not answer.startswith("joined "):
        sys.exit(answer if answer.startswith("error: ") else
                 "error: this is not a hub, or it needs --ca")
    print(answer)
    terminal = termios.tcgetattr(0) if readline and sys.stdin.isatty() else None
    asyncio.run_coroutine_threadsafe(listen(reader, terminal), loop)
    word = "stopped"
    try:
        while (text := input()) != "/quit":
            if len(text) > MAX_TEXT:
                print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} "
                      "please", file=sys.stderr)
                continue
            try:
                wait(send(printable(text)))
            except (OSError, asyncio.TimeoutError):
                pass  # the hub has left; listen() says so
    except (KeyboardInterrupt, EOFError):
        word = "\nstopped"
    print(word)
    os._exit(0)  # do not wait for the other thread


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def tell(text):
    """Print a line above the line that is being typed."""
    if readline and sys.stdout.isatty():
        line = ""
        with contextlib.suppress(ValueError):  # readline is not reading a line
            line = readline.get_line_buffer()
        rows, column = divmod(len(line), os.get_terminal_size().columns or 80)
        clear = "\r" + rows * "\x1b[A" + "\x1b[J"  # from its start, erase all
        wrap = " \r" if rows and not column else ""  # as readline does at the edge
        print(f"{clear}{text}\n{line}{wrap}", end="", flush=True)
    else:
        print(text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
