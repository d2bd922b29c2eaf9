r"""Objects over TCP, the server: takes one employee, prints it, and ends.

An object lives in the memory of one program. What goes over the wire is a
text that describes it, and the receiver makes an object of its own from that,
if the text is one that it allows.

The wire (TCP): one line each way. What may be in it, says employee.py.

    client                                             server
       | - {"id": 7, "name": "Ada", "salary": 4200}\n -> |
       | <------------------------------------- ok\n --- |
                                       or error: REASON\n

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_objects/server.py
    1| listening on 127.0.0.1:12008
    3$ nc 127.0.0.1 12008
    3< {"id": 7, "name": "Ada", "salary": NaN}
    1| error: 127.0.0.1:<port>: the salary must be a number from 0 to 10000000
    3| error: the salary must be a number from 0 to 10000000
    2$ python basics/stream_objects/client.py 7 "Ada Lovelace" 4200
    1| 127.0.0.1:<port>: Employee(id=7, name='Ada Lovelace', salary=4200)
    2| sent Employee(id=7, name='Ada Lovelace', salary=4200)

Notice: Python's pickle would need two lines in place of employee.py. But a
pickle is a program for making an object again, and loads() runs it:

    class Employee:
        def __reduce__(self):
            return os.system, ("touch /tmp/i_was_here",)

pickle.dumps(Employee()) makes 59 bytes. The receiver that calls
pickle.loads() with them runs the command, with all that its user may do,
before it could check anything. (A test does this, with a harmless command, to
a receiver of its own; to this server such bytes are a line that is no JSON.)

Try: send half a line, `printf '{"id": 7' | nc -N 127.0.0.1 12008`, and wrong
values: `true` for an id, 1e999 for a salary, one field too many.

Question: why not pickle?
Answer: because unpickling runs what the sender chose. Take data that can only
be data (JSON), limit its length, and check every value on arrival.
"""
import argparse
import socket
import sys
import time

from employee import MAX_LINE, from_line  # of this folder

HOST, PORT = "127.0.0.1", 12008  # this machine only; 0.0.0.0 would admit the network
PATIENCE = 9                     # seconds that a client may be silent; refuse() takes 1


def receive_employee(conn, peer):
    """Print the employee that this client sends, and acknowledge it."""
    with conn.makefile("rb") as stream:                 # recv() may split the line;
        employee = from_line(stream.readline(MAX_LINE))  # readline() waits for its end
    print(f"{peer}: {employee}")
    conn.sendall(b"ok\n")


def serve(conn, peer):
    """Serve one client, and return True; an error ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            receive_employee(conn, peer)
            return True
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def refuse(conn, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 1 second at most.
    """
    try:
        conn.settimeout(0.1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        for _ in range(10):
            if not conn.recv(1_000_000):
                break
    except OSError:
        pass  # the client is gone, or goes on talking: it had its chance


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST,
                        help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    if not args.host:
        parser.error("--host takes an address or a name")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    family = socket.AF_INET6 if ":" in args.host else socket.AF_INET
    with socket.create_server((args.host, args.port), family=family) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                if serve(conn, show(peer)):
                    return  # one client, and the server ends
            except OSError as error:
                print(f"error: cannot accept: {error}")
                time.sleep(0.1)  # no descriptor is left: wait until one is


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
