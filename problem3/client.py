"""Calculator, the client: sends A OP B to the server, and shows the result.

OP is one of + - * / %. If the division is exact, / gives an integer. The wire
is described in server.py.

    1$ python problem3/server.py
    1| listening on 127.0.0.1:12300
    2$ python problem3/client.py -7 % 3
    1| 127.0.0.1:<port>: -7 % 3 = 2
    2| -7 % 3 = 2
    2$ python problem3/client.py
    2| first integer:
    2< seven
    2| error: expected an integer of at most 1000 digits
    2| first integer:
    2< 7
    2| operator + - * / %:
    2< /
    2| second integer:
    2< 2
    1| 127.0.0.1:<port>: 7 / 2 = 3.5
    2| 7 / 2 = 3.5

The shell replaces * by file names, so quote it: 2 '*' 3.

Notice: if the reply is cut off before its newline, the client reports an
error. It does not print a shorter number. `echo $?` prints the status of the
last command: 1 if there was no result.

Try: stop the server and compute 2 '*' 3. Then run `nc -l 127.0.0.1 12300` in
place of the server. How long does the client wait? The wait for your input has
no time limit, because a person types it.
"""
import argparse
import re
import socket
import sys

HOST, PORT = "127.0.0.1", 12300  # where server.py listens
MAX_LINE = 2100                  # bytes: a product of 2000 digits, and some room
TIMEOUT = 10                     # seconds to wait for the server


def ask(question, pattern, expected):
    """Ask until the answer matches the pattern. A person has no time limit."""
    while True:
        text = input(question).strip()
        if re.fullmatch(pattern, text):
            return text
        print(f"error: expected {expected}", file=sys.stderr)


def ask_request():
    """Ask for A, OP and B."""
    integer = "[+-]?[0-9]{1,1000}", "an integer of at most 1000 digits"
    return [ask("first integer: ", *integer),
            ask("operator + - * / %: ", "[-+*/%]", "one of + - * / %"),
            ask("second integer: ", *integer)]


def calculate(conn, request):
    """Send the request, and return the server's reply."""
    conn.sendall(f"{request}\n".encode(errors="replace"))
    with conn.makefile("rb") as stream:     # one recv() may return half a line;
        reply = stream.readline(MAX_LINE)   # readline() waits for the newline
    if not reply.endswith(b"\n"):
        raise ValueError("the reply is too long, or was cut off")
    return printable(reply.decode("ascii", "replace").strip())


def main():
    parser = options()
    parser.add_argument("request", nargs="*", metavar="A OP B",
                        help="without them, the client asks for them")
    args = parser.parse_args()
    sys.stdin.reconfigure(errors="replace")
    request = " ".join(args.request or ask_request())
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        reply = calculate(conn, request)
    if reply.startswith("error: "):
        sys.exit(reply)
    print(f"{request} = {reply}")


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


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
