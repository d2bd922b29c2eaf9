r"""Objects over TCP, the server: receives one employee, prints it, and ends.

An object lives in the memory of one program. The client sends a text that
describes the object, and the server makes an object of its own from the text.

The wire (TCP): one line of JSON, and one line back. employee.py says which
values are allowed.

    client                                               server
       | ---- {"id": 7, "name": "Ada", "salary": 4200.5}\n -> |
       | <-------------------------------------------- ok\n - |
       | <--------------------------------- (end of stream) - |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/stream_objects/server.py
    1| listening on 127.0.0.1:12008
    2$ python basics/stream_objects/client.py 7 "Ada Lovelace" 4200
    1| 127.0.0.1:<port>: Employee(id=7, name='Ada Lovelace', salary=4200.0)
    2| sent Employee(id=7, name='Ada Lovelace', salary=4200.0)

Notice: with Python's pickle, two lines could replace employee.py. But a pickle
is a program that builds an object, and pickle.loads() runs it:

    class Employee:
        def __reduce__(self):
            return os.system, ("touch /tmp/i_was_here",)

pickle.dumps(Employee()) makes 59 bytes. If a server calls pickle.loads() with
them, it runs the command before it can check anything. (A test does this with
another receiver and a harmless command. For this server, such bytes are just a
line that is not JSON.)

Try: send half a line, `printf '{"id": 7' | nc -N 127.0.0.1 12008`. Then send
wrong values: `true` for the id, 1e999 for the salary, or an extra field. In a
third terminal, `make wire P=stream_objects` draws an object on the wire.

Question: why not pickle?
Answer: because pickle.loads() runs any command that the sender has chosen. Use
a format that can hold only data (JSON), limit its length, and check every
value on arrival.
"""
import argparse
import signal
import socket
import sys

from employee import MAX_LINE, from_line  # in this folder

HOST, PORT = "127.0.0.1", 12008  # only this machine; 0.0.0.0 opens it to the network
PATIENCE = 10                    # seconds that a client may be silent


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        conn, peer = listener.accept()  # waits for a client, without a timeout
        with conn:
            conn.settimeout(PATIENCE)
            try:
                with conn.makefile("rb") as stream:  # one recv() may return half a line
                    employee = from_line(stream.readline(MAX_LINE))
                conn.sendall(b"ok\n")
                print(f"{show(peer)}: {employee}")
            except (OSError, ValueError) as error:
                sys.exit(f"error: {show(peer)}: {error}")


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


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # kill works like Ctrl+C
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped")
    except (OSError, OverflowError, UnicodeError) as error:
        sys.exit(f"error: {error}; try another --host or --port")
