"""Calculator, the client: has the server compute A OP B.

OP is one of + - * / %; / gives an integer when the division is exact. The
wire is described in server.py.

    1$ python problem3/server.py
    1| listening on 127.0.0.1:12300
    2$ python problem3/client.py -7 % 3
    1| 127.0.0.1:<port>: -7 % 3 = 2
    2| -7 % 3 = 2
    2$ python problem3/client.py
    2| first integer:
    2< seven
    2| error: an integer of at most 1000 digits, please
    2| first integer:
    2< 7
    2| operator + - * / %:
    2< /
    2| second integer:
    2< 2
    1| 127.0.0.1:<port>: 7 / 2 = 3.5
    2| 7 / 2 = 3.5

A shell takes * for itself: write 2 '*' 3.

Notice: a reply that is cut off before its newline is an error, not a shorter
number. `echo $?` prints the status of the last command: 1 if there was no
result.

Try: compute 2 '*' 3 with the server stopped, then with `nc -l 127.0.0.1
12300` in its place. How long does the client wait? Without a timeout it would
wait for ever, as its questions do: they are put to a person.
"""
import argparse
import re
import socket
import sys

HOST, PORT = "127.0.0.1", 12300  # where server.py listens
MAX_LINE = 2100                  # bytes: a product of 2000 digits, and some room
TIMEOUT = 10                     # seconds to wait, to connect and for the reply


def integer(text):
    """Return text if it is an integer that the server takes."""
    if not re.fullmatch("[+-]?[0-9]{1,1000}", text):
        raise argparse.ArgumentTypeError("an integer of at most 1000 digits, please")
    return text


def operator(text):
    """Return text if it is an operator (which a shell may have taken for itself)."""
    if text not in ("+", "-", "*", "/", "%"):
        raise argparse.ArgumentTypeError("one of + - '*' / %, please")
    return text


def ask(question, check):
    """Ask until the answer is good; no time limit, for a person."""
    while True:
        try:
            return check(input(question).strip())
        except argparse.ArgumentTypeError as error:
            print(f"error: {error}", file=sys.stderr)


def calculate(conn, request):
    """Send the request and return the server's reply, each of them one line of text."""
    conn.sendall(f"{request}\n".encode())
    with conn.makefile("rb") as stream:
        reply = stream.readline(MAX_LINE).decode("ascii", "replace")
    if not re.fullmatch(r"(-?[0-9.]+(e[+-][0-9]+)?|error: [ -~]+)\n", reply):
        raise ValueError("the reply is cut off, or nonsense")
    return reply.strip()


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=integer, nargs="?", metavar="A", help="an integer")
    parser.add_argument("op", type=operator, nargs="?", metavar="OP",
                        help="one of + - * / %%")
    parser.add_argument("b", type=integer, nargs="?", metavar="B",
                        help="an integer (without A OP B: asks for them)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if args.a is None:
        sys.stdin.reconfigure(errors="replace")  # no UTF-8: asked again
        args.a = ask("first integer: ", integer)
        args.op = ask("operator + - * / %: ", operator)
        args.b = ask("second integer: ", integer)
    elif args.b is None:
        parser.error("give A OP B, or nothing")
    request = f"{args.a} {args.op} {args.b}"
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn:
            reply = calculate(conn, request)
    except (OSError, ValueError) as error:
        sys.exit(f"error: no result of {request}: {error}")
    if reply.startswith("error: "):
        sys.exit(reply)
    print(f"{request} = {reply}")


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        print("\nstopped")
