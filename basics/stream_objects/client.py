r"""Objects over TCP, the client: sends one employee to the server.

The wire is described in server.py, the object in employee.py.

    1$ python basics/stream_objects/server.py
    1| listening on 127.0.0.1:12008
    2$ python basics/stream_objects/client.py 12 "Grace Hopper" 5100
    1| 127.0.0.1:<port>: Employee(id=12, name='Grace Hopper', salary=5100.0)
    2| sent Employee(id=12, name='Grace Hopper', salary=5100.0)

Without values it asks for them:

    1$ python basics/stream_objects/server.py
    1| listening on 127.0.0.1:12008
    2$ python basics/stream_objects/client.py
    2| id:
    2< 0
    2| name:
    2< Ada
    2| salary:
    2< 4200.50
    2| error: the id must be an integer from 1 to 999999
    2| id:
    2< 7
    2| name:
    2< Ada
    2| salary:
    2< 4200.50
    1| 127.0.0.1:<port>: Employee(id=7, name='Ada', salary=4200.5)
    2| sent Employee(id=7, name='Ada', salary=4200.5)

Notice: the client prints "sent" when the server has answered ok, not before.
The server checks all values again, although this client has checked them. The
server cannot know whether a connection comes from this client.

Try: send the name `$(printf 'Ada\033[31m')`. If the server printed it
unchanged, its terminal would turn red.
"""
import argparse
import socket
import sys

from employee import MAX_LINE, Employee, to_line  # in this folder

HOST, PORT = "127.0.0.1", 12008  # where server.py listens
TIMEOUT = 10                     # seconds to wait for the server


def ask_employee():
    """Ask for the values until they are valid. A person has no time limit."""
    while True:
        try:
            return Employee(int(input("id: ")), input("name: ").strip(),
                            float(input("salary: ")))
        except ValueError as error:
            print(f"error: {error}", file=sys.stderr)


def send_employee(conn, employee):
    """Send the employee, and wait until the server acknowledges it."""
    conn.sendall(to_line(employee))
    with conn.makefile("rb") as stream:
        if stream.readline(MAX_LINE) != b"ok\n":
            raise ConnectionError("the server did not accept the employee")


def main():
    parser = options()
    parser.add_argument("id", nargs="?", type=int, metavar="ID",
                        help="without ID NAME SALARY, the client asks for them")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("salary", nargs="?", type=float, metavar="SALARY")
    args = parser.parse_args()
    sys.stdin.reconfigure(errors="replace")
    if args.salary is None:
        employee = ask_employee()
    else:
        try:
            employee = Employee(args.id, args.name, args.salary)
        except ValueError as error:
            parser.error(error)
    with socket.create_connection((args.host, args.port), timeout=TIMEOUT) as conn:
        send_employee(conn, employee)
    print("sent", employee)


# ---- The frame: the same in all clients ----------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, ValueError, OverflowError) as error:
        sys.exit(f"error: {error}; is the server running with this --host and --port?")
