r"""Calculator, the server: computes A OP B, for many clients at once.

A client sends two integers and one of + - * / %; the server sends the result.
Each client has a thread of its own, so a silent client delays no other.

The wire (TCP): lines of ASCII text, each ended by a newline byte.

    client                                server
       | ----- 12 + 30\n ------------------> |   integers of 1 to 1000 digits
       | <------------------------- 42\n --- |
       | ----- 7 / 0\n --------------------> |   any number of requests;
       | <--- error: division by zero\n ---- |   the replies keep their order
       | ----- (end of stream) ------------> |

There may be spaces before and after OP. An integer may have a sign. The result
of / is an integer if the division is exact, otherwise a decimal number as
Python prints it (3.5, or 1e+30). The result of % has the sign of the second
integer. A line that is not such a request gets an error line. A quotient that
is too large or too small for a float of Python gets one, too. After these
error lines the connection stays open. A line without its newline, at the end
of the stream, is not computed: it is an error. If a line has more than 2100
bytes, the server sends an error line and closes.

Three terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

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
"0". A server that calls recv() once gets "12 + 3". It answers 15; or, if it
looks for the newline, with an error. readline() waits for the newline. The
server closes a connection that is silent for 10 seconds.

Try: `(printf '12 + 3'; sleep 1; printf '0\n') | nc -N 127.0.0.1 12300`. Then
send two requests at once: `printf '1 + 1\n2 + 2\n' | nc -N 127.0.0.1 12300`.
In a third terminal, `make wire P=problem3 SPLIT=1` delivers each byte alone,
and draws it. Is the result the same?
"""
import argparse
import operator
import os
import re
import signal
import socket
import sys
import threading
import time

HOST, PORT = "127.0.0.1", 12300  # only this machine; 0.0.0.0 opens it to the network
MAX_LINE = 2100                  # bytes: two integers of 1000 digits, and some room
PATIENCE = 10                    # seconds that a client may be silent
REQUEST = re.compile("([+-]?[0-9]{1,1000}) *([-+*/%]) *([+-]?[0-9]{1,1000})")


def divide(a, b):
    """Return a / b: an integer if the division is exact, otherwise a float."""
    if a % b == 0:
        return a // b
    quotient = a / b
    if quotient == 0:
        raise OverflowError("too small for a float")
    return quotient


OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul,
              "/": divide, "%": operator.mod}


def compute(text):
    """Return the result of a request as text, or an error message."""
    request = REQUEST.fullmatch(text)
    if not request:
        return "error: expected A OP B: two integers and one of + - * / %"
    try:
        return str(OPERATIONS[request[2]](int(request[1]), int(request[3])))
    except ZeroDivisionError:
        return "error: division by zero"
    except OverflowError:
        return "error: the quotient is too large or too small for a float"


def answer(conn, peer):
    """Answer each request of this client, until it closes."""
    with conn.makefile("rb") as stream:             # one recv() may return half a line;
        while line := stream.readline(MAX_LINE):    # readline() waits for the newline
            if not line.endswith(b"\n"):
                raise ValueError("the line is too long, or was cut off")
            request = line.decode("ascii", "replace").strip()
            reply = compute(request)
            print(f"{peer}: {printable(request)} = {reply}")
            conn.sendall(f"{reply}\n".encode())


def serve(conn, peer):
    """Serve one client; an error ends only this connection."""
    with conn:
        conn.settimeout(PATIENCE)
        try:
            answer(conn, peer)
        except (OSError, ValueError) as error:
            print(f"error: {peer}: {error}")
            refuse(conn, error)


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                threading.Thread(
                    target=serve, args=(conn, show(peer)), daemon=True).start()
            except (OSError, RuntimeError) as error:  # no descriptor or thread is left
                print("error: cannot accept:", error)
                conn = None  # a client without a thread is closed
                time.sleep(0.1)


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


def refuse(conn, reason):
    """Send the client the reason, then close without a reset.

    If input is unread when we close, the system resets the connection, and the client
    may lose the reason. So end our stream first, and read until the client closes, too,
    or is silent for a second; but for at most 3 seconds.
    """
    try:
        conn.settimeout(1)
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 3
        while time.monotonic() < end and conn.recv(65_536):
            pass
    except OSError:
        pass  # the client has left, or is silent


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
