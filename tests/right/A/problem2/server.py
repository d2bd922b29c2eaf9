"""Concurrent file server: sends files to many clients at once, a thread for each."""
import argparse
import os
import signal
import socket
import stat
import sys
import threading
import time

SILENCE, PIECE = 10, 1000
lock = threading.Lock()


class Refused(Exception):
    """The client gets no file."""


def say(text, out=None):
    with lock:
        print(text, file=out or sys.stdout, flush=True)


def complain(text):
    say(f"error: {text}", sys.stderr)


def shown(address):
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def clean(name):
    return "".join(c if c.isprintable() else "?" for c in os.fsdecode(name))


def refuse(conn, peer, error):
    """Report the error to both sides; read what is left, as close() would reset the connection."""
    reason = f"silent for {SILENCE} seconds" if isinstance(error, socket.timeout) else str(error)
    complain(f"{peer}: {reason}")
    try:
        conn.sendall(f"error: {reason}\n".encode())
        conn.shutdown(socket.SHUT_WR)
        conn.settimeout(1)
        end = time.monotonic() + 2
        while time.monotonic() < end and conn.recv(65536):
            pass
    except OSError:
        pass


def open_file(folder, name):
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or len(name) > 255:
        raise Refused(f"'{clean(name)}' is not the name of a file here")
    path = os.path.join(os.fsencode(folder), name)
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise Refused(f"'{clean(name)}' is not the name of a file here")
        return open(path, "rb")
    except FileNotFoundError:
        raise Refused(f"'{clean(name)}' does not exist")
    except OSError as e:
        raise Refused(f"'{clean(name)}': {e.strerror}")


def read_name(conn, peer, args):
    """The first thread: it waits for the name only."""
    try:
        with conn.makefile("rb") as lines:
            line = lines.readline(1000)
        if not line.endswith(b"\n"):
            raise Refused("expected a line with a name")
        threading.Thread(target=send_file, args=(conn, peer, line[:-1], args), daemon=True).start()
    except (Refused, OSError, RuntimeError) as e:
        refuse(conn, peer, e)
        conn.close()


def send_file(conn, peer, name, args):
    """The second thread: it sends the file."""
    with conn:
        try:
            file = open_file(args.dir, name)
        except Refused as e:
            return refuse(conn, peer, e)
        try:
            with file:
                size = left = os.fstat(file.fileno()).st_size
                conn.sendall(b"%d\n" % size)
                while left:
                    piece = file.read(min(PIECE, left))
                    if not piece:
                        raise OSError(f"'{clean(name)}' became shorter")
                    conn.sendall(piece)
                    left -= len(piece)
                    time.sleep(args.delay)
            say(f"{peer}: sent {clean(name)}, {size} bytes")
        except OSError as e:  # no error line to the client: it would take it for bytes of the file
            complain(f"{peer}: {e}")


def accept(listener, args):
    conn = None
    try:
        conn, address = listener.accept()
        conn.settimeout(SILENCE)
        threading.Thread(target=read_name, args=(conn, shown(address), args), daemon=True).start()
    except (OSError, RuntimeError) as e:
        complain(f"cannot accept: {e}")
        if conn:
            conn.close()
        time.sleep(0.5)


def port(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def seconds(text):
    if not 0 <= float(text) <= 3600:
        raise ValueError
    return float(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12200)
    parser.add_argument("--delay", type=seconds, default=0.2, help="seconds after each piece")
    parser.add_argument("--dir", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "files"))
    args = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        family, *_, address = socket.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address, family=family, backlog=128)
        say(f"listening on {shown(listener.getsockname())}")
        while True:
            accept(listener, args)
    except KeyboardInterrupt:
        lock.acquire(timeout=0.5)  # and keep it: nobody prints after this
        print("stopped", flush=True)
        os._exit(0)
    except (OSError, UnicodeError) as e:
        complain(f"cannot listen on {args.host}, port {args.port}: {e}")
        sys.exit(1)


if __name__ == "__main__":
    main()
