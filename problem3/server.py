r"""Calculator, the server: computes A OP B for any number of clients at once.

A client sends two integers and one of + - * / %; the server answers with the
result. Each client has a thread of its own, so that one that connects and
then says nothing keeps nobody waiting.

The wire (TCP): lines of text, each ended by a newline byte.

    client                                server
       | ----- 12 + 30 --------------------> |   integers of 1 to 1000 digits
       | <--------------------------- 42 --- |
       | ----- 7 / 0 ----------------------> |   any number of requests;
       | <----- error: division by zero ---- |   the replies keep their order
       | ----- (end of stream) ------------> |

Three terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python problem3/server.py
    1| listening on 127.0.0.1:12300
    2$ python problem3/client.py 12 + 30
    2| 12 + 30 = 42
    1| 127.0.0.1:<port>: 12 + 30 = 42
    3$ nc 127.0.0.1 12300
    3< 7 / 0
    1| 127.0.0.1:<port>: 7 / 0 = error: division by zero
    3| error: division by zero
    3< 7 / 2
    1| 127.0.0.1:<port>: 7 / 2 = 3.5
    3| 3.5

Notice: TCP carries bytes, not messages. "12 + 30" may arrive as "12 + 3" and
"0", and a server that takes one recv() for one message answers 15. readline()
waits for the newline instead. A client that is silent for 10 seconds has to
go.

Try: `(printf '12 + 3'; sleep 1; printf '0\n') | nc -N 127.0.0.1 12300`, and
two requests at once: `printf '1 + 1\n2 + 2\n' | nc -N 127.0.0.1 12300`.
"""
import argparse
import operator
import os
import re
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12300  # this machine only; 0.0.0.0 would admit the network
MAX_LINE = 2100                  # bytes: two integers of 1000 digits, and some room
PATIENCE = 10                    # seconds that a client may be silent
BACKLOG = 1024                   # clients that may arrive at once, before accept()
REQUEST = re.compile(r" *([+-]?[0-9]{1,1000}) *([-+*/%]) *([+-]?[0-9]{1,1000}) *\r?\n")


def divide(a, b):
    """Return a / b: an integer if the division is exact, or else a float."""
    if a % b == 0:
        return a // b
    try:
        quotient = a / b
    except OverflowError:  # above 1.8e308
        quotient = 0.0
    if quotient == 0.0:    # or below 4.9e-324
        raise ValueError("the quotient is beyond floating point")
    return quotient


OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul,
              "/": divide, "%": operator.mod}


def compute(line):
    """Return the result of a request line; raise ValueError if it has none."""
    request = REQUEST.fullmatch(line)
    if not request:
        raise ValueError("expected A OP B: two integers and one of + - * / %")
    a, op, b = int(request[1]), request[2], int(request[3])
    if op in "/%" and b == 0:
        raise ValueError("division by zero")
    return OPERATIONS[op](a, b)


def answer(conn, peer):
    """Answer one request after the other, until the client hangs up."""
    with conn.makefile("rb") as stream:             # recv() may split or join lines;
        while line := stream.readline(MAX_LINE):    # readline() waits for the newline
            if not line.endswith(b"\n"):
                raise ValueError("the line is too long, or cut off")
            line = line.decode("ascii", "replace")
            try:
                reply = f"{compute(line)}"
            except ValueError as error:
                reply = f"error: {error}"
            print(f"{peer}: {printable(line.strip())} = {reply}")
            conn.sendall(f"{reply}\n".encode())


def serve(conn, peer):
    """Serve one client; whatever goes wrong here ends its connection only."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            answer(conn, peer)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def refuse(conn, reason):
    """Tell the client why, and hang up in such a way that it can read this.

    A close with unread input sends a reset, and the client may then lose our line.
    So: say that no more will follow, then read and drop, for 10 seconds at most.
    """
    try:
        conn.settimeout(1)
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


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


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
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                worker = threading.Thread(
                    target=serve, args=(conn, show(peer)), daemon=True)
                worker.start()
            except (OSError, RuntimeError) as error:
                print(f"error: cannot accept: {error}")
                time.sleep(0.1)  # no descriptor or thread is left: wait until one is


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
