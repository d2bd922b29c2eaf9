"""Chat with the server in lock-step: send one message, wait for one reply."""
import argparse
import signal
import socket
import sys
import unicodedata

try:
    import readline             # input() then has a line editor
except ImportError:             # Windows
    readline = None

LONGEST = 1000                  # characters in a message
asking = False                  # is the prompt on the screen?


def port_number(text):
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError
    return port


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def error(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


class Lines:
    """The lines that come from a socket."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""

    def next(self):
        """Return a line without its end, or None if the server has left."""
        while b"\n" not in self.data:
            if len(self.data) > 4 * LONGEST + 1:
                raise ValueError("the server's line is too long")
            try:
                more = self.sock.recv(4096)
            except socket.timeout:
                raise
            except OSError:
                return None
            if not more:
                if self.data:
                    raise ValueError("the stream ends in the middle of a line")
                return None
            self.data += more
        line, _, self.data = self.data.partition(b"\n")
        if line.endswith(b"\r"):
            line = line[:-1]
        try:
            text = line.decode()
        except UnicodeDecodeError:
            raise ValueError("the server's line is not UTF-8") from None
        if len(text) > LONGEST:
            raise ValueError("the server's line is too long")
        return text


def ask():
    """Return the bytes of the person's next message."""
    global asking
    while True:
        asking = True
        text = input("You: ")
        asking = False
        if not sys.stdin.isatty():
            print(flush=True)   # nobody pressed Enter on this screen
        try:
            data = text.encode() + b"\n"
        except UnicodeEncodeError:
            error("not sent: the text is not UTF-8")
            continue
        if len(text) > LONGEST:
            error(f"not sent: more than {LONGEST} characters")
            continue
        return data


def chat(sock):
    lines = Lines(sock)
    sock.settimeout(1)
    try:
        first = lines.next()
    except socket.timeout:
        print("the server talks to another client: wait", flush=True)
        sock.settimeout(None)
        first = lines.next()
    sock.settimeout(None)
    if first is not None and first.startswith("error: "):
        raise ValueError(clean(first[len("error: "):]))
    answer = first
    while answer is not None:
        data = ask()
        try:
            sock.sendall(data)
        except OSError:
            pass                # there may still be a line to read
        answer = lines.next()
        if answer is not None:
            print(f"Server: {clean(answer)}", flush=True)
    print("the server has left", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", default=12600, type=port_number,
                        help="the server's port")
    args = parser.parse_args()
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        sock = socket.create_connection((args.host, args.port), timeout=10)
    except (OSError, UnicodeError) as problem:
        error(f"{args.host} port {args.port}: "
              f"{getattr(problem, 'strerror', None) or problem}")
        sys.exit(1)
    with sock:
        try:
            chat(sock)
        except ValueError as problem:
            error(problem)
            sys.exit(1)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if asking or sys.stdin.isatty():
            print()             # "stopped" gets a line of its own
        print("stopped", flush=True)
        sys.exit(0)
