"""Broadcast, the client: sends each line that you type to the whole network.

The wire is described in server.py.

    1$ python basics/broadcast/client.py
    1| listening on 127.255.255.255:12016
    2$ python basics/broadcast/client.py
    2| listening on 127.255.255.255:12016
    1< Is there anybody?
    2| received Is there anybody? from 127.0.0.1:<port>
    2< Only me.
    1| received Only me. from 127.0.0.1:<port>

Notice: SO_BROADCAST. Without it the system refuses to send to a broadcast
address ("Permission denied"), so that nobody does it by mistake.

Your own line comes back, too. connect() gives the sending socket an address,
and the client does not show messages from this address.

Try: delete the line with SO_BROADCAST and send a line. Put it back, and start
five clients and the server.
"""
import argparse
import contextlib
import os
import signal
import socket
import sys
import threading

try:
    import readline  # to edit the line that you type; Windows does not have it
except ImportError:
    readline = None

BROADCAST, PORT = "127.255.255.255", 12016
MAX_TEXT = 1000  # characters in a message


def receive(receiver, own):
    """Show each message that arrives. This waits without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65_535)
        text = printable(payload.decode(errors="replace"))
        if len(text) <= MAX_TEXT and peer != own:
            tell(f"received {text} from {show(peer)}")


def send_lines(sender):
    """Send each line that is typed, until Ctrl+C or Ctrl+D."""
    while True:
        text = input()
        try:
            if len(text) > MAX_TEXT:
                raise ValueError(f"{len(text)} characters; the limit is {MAX_TEXT}")
            sender.send(text.encode())
        except (OSError, ValueError) as error:
            print(f"error: not sent: {error}", file=sys.stderr)


def main():
    args = broadcast_options().parse_args()
    receiver = join_broadcast(args.broadcast, args.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        everybody = args.broadcast, receiver.getsockname()[1]
        sender.connect(everybody)
        own = sender.getsockname()
        threading.Thread(target=receive, args=(receiver, own), daemon=True).start()
        print("listening on", show(everybody))
        send_lines(sender)


# ---- The frame: the same in all members of a group -----------------------------------


def broadcast_options():
    """Return a parser for the options that server and client share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broadcast", default=BROADCAST, metavar="ADDRESS",
                        help="the network's broadcast address")
    parser.add_argument("--port", default=PORT, type=int, help="everybody's port")
    return parser


def join_broadcast(broadcast, port):
    """Return a socket that receives datagrams to the broadcast address."""
    socket.inet_aton(broadcast)  # refuses a host name
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # share the port
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD need this option, too
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    # Windows cannot bind to this address
    receiver.bind(("" if sys.platform == "win32" else broadcast, port))
    return receiver


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def printable(text):
    """Return text with ? for control characters, which could control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def tell(text):
    """Print a line above the line that is being typed."""
    if readline and sys.stdout.isatty():
        line = ""
        with contextlib.suppress(ValueError):  # readline is not reading a line
            line = readline.get_line_buffer()
        rows, column = divmod(len(line), os.get_terminal_size().columns or 80)
        clear = "\r" + rows * "\x1b[A" + "\x1b[J"  # from its start, erase all
        wrap = " \r" if rows and not column else ""  # as readline does at the edge
        print(f"{clear}{text}\n{line}{wrap}", end="", flush=True)
    else:
        print(text)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True, write_through=False, errors="replace")
    sys.stdin.reconfigure(errors="replace")
    if sys.platform == "win32":  # Ctrl+C does not interrupt a blocking call there
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        main()
    except (KeyboardInterrupt, EOFError):  # Ctrl+C, or Ctrl+D at a prompt
        print("\nstopped\n", end="")  # one write, not two
        os._exit(0)  # do not wait for other threads
    except (OSError, OverflowError) as error:
        sys.exit(f"error: {error}; try another address or --port")
