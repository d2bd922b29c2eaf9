"""Broadcast, the client: what one types is shown to the whole network.

The note is in server.py.

    1$ python basics/broadcast/client.py
    1| listening on 127.255.255.255:12016
    2$ python basics/broadcast/client.py
    2| listening on 127.255.255.255:12016
    1< Is there anybody?
    2| received Is there anybody? from 127.0.0.1:<port>
    2< Only me.
    1| received Only me. from 127.0.0.1:<port>

Notice: SO_BROADCAST. Without it the system refuses to send to a broadcast
address ("Permission denied"), so that nobody does so by mistake.

Try: leave that line out. Start five clients, and the server.
"""
import argparse
import os
import socket
import sys
import threading

try:
    import readline  # to edit the line that one types; Windows has none
except ImportError:
    readline = None

BROADCAST, PORT = "127.255.255.255", 12016
MAX_TEXT = 1000  # characters in a message


def tell(text):
    """Print a line above the one that one is typing."""
    if readline and sys.__stdout__.isatty():
        text = f"\r\x1b[K{text}\n{readline.get_line_buffer()}"  # \x1b[K: clear the line
        print(text, end="", flush=True)
    else:
        print(text)


def listen(receiver, own):
    """Show what the others say; waits for it without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65535)
        text = printable(payload.decode(errors="replace"))
        if len(text) <= MAX_TEXT and peer != own:
            tell(f"received {text} from {show(peer)}")


def say(sender, text):
    """Send one line to the whole network."""
    if len(text) > MAX_TEXT:
        print(f"error: not sent: {len(text)} characters, at most {MAX_TEXT} please",
              file=sys.stderr)
        return
    try:
        sender.send(text.encode())
    except OSError as error:
        print(f"error: not sent: {error}", file=sys.stderr)


def bind_broadcast(broadcast, port):
    """Return a socket that gets what is sent to the broadcast address."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # many a machine
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD want this for it
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    receiver.bind(("" if os.name == "nt" else broadcast, port))  # not on Windows
    return receiver


def show(address):
    """Return HOST:PORT."""
    return "{}:{}".format(*address)


def printable(text):
    """Return text with ? for control characters: no peer may steer this terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broadcast", default=BROADCAST, metavar="ADDRESS",
                        help="the network's broadcast address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="port; 0: the system chooses one (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    sys.stdin.reconfigure(errors="replace")
    receiver = bind_broadcast(args.broadcast, args.port)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:  # and not the receiver: it may not be closed while a thread reads it
        everybody = (args.broadcast, receiver.getsockname()[1])
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.connect(everybody)  # an address to know its own datagrams by
        print("listening on", show(everybody))
        threading.Thread(
            target=listen, args=(receiver, sender.getsockname()), daemon=True).start()
        while True:
            say(sender, input())


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --broadcast or --port")
