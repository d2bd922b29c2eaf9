r"""Objects over TCP, the client: sends one employee to the server.

The wire is described in server.py, and the line in employee.py.

    1$ python basics/stream_objects/server.py
    1| listening on 127.0.0.1:12008
    2$ python basics/stream_objects/client.py 12 "Grace Hopper" 5100
    1| 127.0.0.1:<port>: Employee(id=12, name='Grace Hopper', salary=5100)
    2| sent Employee(id=12, name='Grace Hopper', salary=5100)

Without values it asks for them:

    1$ python basics/stream_objects/server.py
    1| listening on 127.0.0.1:12008
    2$ python basics/stream_objects/client.py
    2| id:
    2< seven
    2| error: the id must be an integer from 1 to 999999
    2| id:
    2< 7
    2| name:
    2< Ada
    2| salary:
    2< 4200.50
    1| 127.0.0.1:<port>: Employee(id=7, name='Ada', salary=4200.5)
    2| sent Employee(id=7, name='Ada', salary=4200.5)

Notice: "sent" is printed when the server has said ok, not before. And the
server checks all values again, though this client has checked them: how could
it know that what connects to it is this client?

Try: the name `$(printf 'Ada\033[31m')`, which would turn the server's terminal
red.
"""
import argparse
import dataclasses
import socket
import sys

from employee import Employee, to_line  # of this folder

HOST, PORT = "127.0.0.1", 12008  # where server.py listens
MAX_REPLY = 200                  # bytes
TIMEOUT = 10                     # seconds to wait, to connect and for the reply


def number(text):
    """Return the number in text, or else text, which no id and no salary may be."""
    for kind in int, float:
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def ask(employee, field, kind):
    """Ask for the value of a field until it will do; no time limit, for a person."""
    while True:
        try:
            value = kind(input(f"{field}: ").strip())
            return dataclasses.replace(employee, **{field: value})
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)


def send_employee(conn, employee):
    """Send the employee; return when the server has acknowledged it."""
    conn.sendall(to_line(employee))
    with conn.makefile("rb") as stream:
        reply = stream.readline(MAX_REPLY)
    if reply != b"ok\n":
        reason = reply.decode(errors="replace").partition("error: ")[2].strip()
        raise ConnectionError(reason or "the server hung up, or talks nonsense")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("id", type=number, nargs="?", metavar="ID", help="an integer")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the name")
    parser.add_argument("salary", type=number, nargs="?", metavar="SALARY",
                        help="a number (without ID NAME SALARY: asks for them)")
    parser.add_argument("--host", default=HOST,
                        help="the server's address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the server's port (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    sys.stdin.reconfigure(errors="surrogateescape")  # no UTF-8: not printable
    if args.id is None:
        employee = Employee(1, "nobody", 0)  # until we know better
        for field, kind in ("id", number), ("name", str), ("salary", number):
            employee = ask(employee, field, kind)
    elif args.salary is None:
        parser.error("give ID NAME SALARY, or nothing")
    else:
        try:
            employee = Employee(args.id, args.name, args.salary)
        except ValueError as error:
            parser.error(error)
    try:
        conn = socket.create_connection((args.host, args.port), timeout=TIMEOUT)
    except (OSError, UnicodeError) as error:  # UnicodeError: no possible name
        sys.exit(f"error: cannot reach {show((args.host, args.port))}: {error}; "
                 "is the server running there?")
    try:
        with conn:
            send_employee(conn, employee)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {employee} is not acknowledged: {printable(str(error))}")
    print(f"sent {employee}")


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        print("\nstopped")
