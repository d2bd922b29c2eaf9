"""Chat with many clients in lock-step: one thread reads each client's messages,
and the operator answers with "N TEXT"."""
import argparse
import os
import shutil
import signal
import socket
import sys
import threading
import time
import unicodedata

try:
    import readline
except ImportError:             # Windows
    readline = None

LONGEST = 1000                  # characters in a message
WAIT = 10                       # seconds until a send has failed

lock = threading.Lock()         # guards waiting
waiting = {}                    # number of a client (as text) -> its socket
screen = threading.Lock()       # guards the terminal
typing = False                  # does readline show a line now?


def port_number(text):
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def show_address(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def width(text):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def tell(text, file=None):
    """Print a line above the line that the operator is typing."""
    with screen:
        line = ""
        if typing:
            line = readline.get_line_buffer()
            columns = shutil.get_terminal_size().columns or 80
            up = width(line) // columns
            print("\r" + "\x1b[A" * up + "\x1b[J", end="", flush=True)
        print(text, file=file or sys.stdout, flush=True)
        if line:
            wrap = " \r" if width(line) % columns == 0 else ""
            print(line + wrap, end="", flush=True)


def error(text):
    tell(f"error: {text}", sys.stderr)


def messages(conn):
    """Yield each message of a client until it ends its stream."""
    data = b""
    while True:
        line, newline, rest = data.partition(b"\n")
        if newline:
            data = rest
            if line.endswith(b"\r"):
                line = line[:-1]
            try:
                text = line.decode()
            except UnicodeDecodeError:
                raise ValueError("the line is not UTF-8") from None
            if len(text) > LONGEST:
                raise ValueError(f"more than {LONGEST} characters")
            yield text
            continue
        if len(data) > 4 * LONGEST + 1:
            raise ValueError(f"more than {LONGEST} characters")
        try:
            more = conn.recv(4096)
        except socket.timeout:  # a person may think; the time limit is for sends
            continue
        if not more:
            if data:
                raise ValueError("the stream ends in the middle of a line")
            return
        data += more


def refuse(conn, reason):
    """Send an error line, and end the stream so that the line arrives."""
    try:
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        end = time.monotonic() + 2
        while time.monotonic() < end:       # unread bytes would cause a reset
            conn.settimeout(max(0.01, end - time.monotonic()))
            if not conn.recv(65536):
                break
    except OSError:
        pass


def serve(conn, address, number):
    with conn:
        tell(f"client {number} {show_address(address)}")
        try:
            conn.settimeout(WAIT)
            conn.sendall(b"ready\n")
            for text in messages(conn):
                with lock:
                    if number in waiting:
                        raise ValueError("a second message before the reply")
                    waiting[number] = conn
                tell(f"[{number}] {clean(text)}")
        except ValueError as reason:
            with lock:
                waiting.pop(number, None)
            error(f"client {number}: {reason}")
            refuse(conn, reason)
            return
        except OSError:
            pass
        with lock:
            waiting.pop(number, None)
        tell(f"client {number} has left")


def accept(listener):
    count = 0
    failed = False
    while True:
        try:
            conn, address = listener.accept()
        except OSError as problem:
            if not failed:                  # say it once, not in each second
                error(f"no new client: {problem.strerror or problem}")
            failed = True
            time.sleep(0.5)
            continue
        failed = False
        try:
            threading.Thread(target=serve, args=(conn, address, str(count + 1)),
                             daemon=True).start()
            count += 1
        except (RuntimeError, MemoryError):
            error(f"no thread for the client {show_address(address)}")
            try:
                conn.setblocking(False)
                conn.sendall(b"error: the server has no thread left\n")
            except OSError:
                pass
            conn.close()


def reply(line):
    number, space, text = line.partition(" ")
    if not (space and number.isdecimal()):
        error("not sent: type N TEXT")
        return
    try:
        data = text.encode() + b"\n"
    except UnicodeEncodeError:
        error("not sent: the text is not UTF-8")
        return
    if len(text) > LONGEST:
        error(f"not sent: more than {LONGEST} characters")
        return
    with lock:
        conn = waiting.pop(number, None)
    if conn is None:
        error("not sent: this client does not wait for a reply; type N TEXT")
        return
    try:
        conn.sendall(data)
    except OSError:
        error(f"not sent: client {number} does not take the reply")
        try:
            conn.shutdown(socket.SHUT_RDWR)     # its thread notices the end
        except OSError:
            pass


def listen(host, port):
    problem = None
    for family, kind, proto, _, address in socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE):
        try:
            listener = socket.socket(family, kind, proto)
        except OSError as failure:
            problem = problem or failure
            continue
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
            return listener
        except OSError as failure:
            problem = problem or failure
            listener.close()
    raise problem


def started():                  # readline calls this when it shows a new line
    global typing
    typing = True


def operate():
    global typing
    if readline and sys.stdin.isatty() and sys.stdout.isatty():
        readline.set_startup_hook(started)
    while True:
        line = input()
        typing = False
        reply(line)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", default=12600, type=port_number,
                        help="the server's port")
    args = parser.parse_args()
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        listener = listen(args.host, args.port)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
    except (OSError, UnicodeError, RuntimeError) as problem:
        error(f"{args.host} port {args.port}: "
              f"{getattr(problem, 'strerror', None) or problem}")
        sys.exit(1)
    tell(f"listening on {show_address(listener.getsockname())}")
    operate()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        screen.acquire()        # for good: nothing is printed after "stopped"
        if typing and readline.get_line_buffer():
            print()
        print("stopped", flush=True)
        os._exit(0)             # does not wait for the threads
