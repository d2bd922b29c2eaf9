"""Multicast group: every member sends one message, and gets those of all.

A member sends and receives at once: a thread listens from the beginning, while
the main one waits for the keyboard. The messages are as in basics/multicast:
UTF-8 text, a datagram each, of at most 100 bytes.

    1$ python basics/multicast_group/member.py
    1| joined 239.255.12.15:12015
    1| press Enter when all have started
    2$ python basics/multicast_group/member.py
    2| joined 239.255.12.15:12015
    2| press Enter when all have started
    1<
    1| type your message
    1< Hello from one!
    1| received Hello from one! from 127.0.0.1:<port>
    2| received Hello from one! from 127.0.0.1:<port>
    2<
    2| type your message
    2< And from two!
    1| received And from two! from 127.0.0.1:<port>
    2| received And from two! from 127.0.0.1:<port>

Notice: one's own message comes back like everybody else's. Two sockets: the
one that receives has the group's port, as all members do; the one that sends
has a port of its own, by which the members on one machine can be told apart.

Try: a third member that starts after the first message. What does it get, and
what would it take for it to get all? (problem8 does that.)

Question: why has everybody to start before the first message is sent?
Answer: a group keeps nothing. Who joins later gets what is sent later.
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

GROUP, PORT = "239.255.12.15", 12015
INTERFACE = "127.0.0.1"  # nothing leaves this machine, which needs no network then
MAX_MESSAGE = 100        # bytes


def tell(text):
    """Print a line above the one that one is typing."""
    if readline and sys.__stdout__.isatty():
        text = f"\r\x1b[K{text}\n{readline.get_line_buffer()}"  # \x1b[K: clear the line
        print(text, end="", flush=True)
    else:
        print(text)


def listen(receiver):
    """Show all that is sent to the group; waits without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65535)
        if len(payload) <= MAX_MESSAGE:
            text = printable(payload.decode(errors="replace"))
            tell(f"received {text} from {show(peer)}")
        else:
            tell(f"error: {show(peer)}: a message takes at most {MAX_MESSAGE} bytes")


def say(sender, group):
    """Send one message, when all have started."""
    print("press Enter when all have started")
    input()
    print("type your message")
    while len(payload := input().encode(errors="replace")) > MAX_MESSAGE:
        print(f"error: not sent: {len(payload)} bytes, at most {MAX_MESSAGE} please",
              file=sys.stderr)
    sender.sendto(payload, group)


def join(group, port, interface):
    """Return a socket that gets what comes for the group through this interface."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # many a machine
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD want this for it
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    receiver.bind(("" if os.name == "nt" else group, port))  # Windows binds no group
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(group) + socket.inet_aton(interface))
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
    parser.add_argument("--group", default=GROUP,
                        help="multicast address (default: %(default)s)")
    parser.add_argument("--port", type=int, default=PORT,
                        help="the group's port (default: %(default)s)")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="an address of this machine (default: %(default)s)")
    args = parser.parse_args()
    if not 0 <= args.port <= 65535:
        parser.error("--port takes 0 to 65535")
    sys.stdout.reconfigure(line_buffering=True, errors="replace")  # also in a pipe
    sys.stdin.reconfigure(errors="replace")
    receiver = join(args.group, args.port, args.interface)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:  # and not the receiver: it may not be closed while a thread reads it
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))  # not where routes lead
        group = (args.group, receiver.getsockname()[1])
        print("joined", show(group))
        threading.Thread(target=listen, args=(receiver,), daemon=True).start()
        say(sender, group)
        while True:
            input()  # until Ctrl+C or Ctrl+D: one message each


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        sys.stdout = None  # no thread has a word to say after this one
        print("\nstopped", file=sys.__stdout__)
        os._exit(0)  # a normal exit can be stalled by a thread that is just printing
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot join: {error}; "
                 "try another --group, --port or --interface")
