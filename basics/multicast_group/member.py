"""Multicast group: every member sends one message to all.

A member sends and receives at the same time. A thread receives from the start,
while the main thread waits for the keyboard.

The wire (UDP): one datagram for each message, UTF-8 text of at most 100 bytes.

    member                                239.255.12.15:12015
       | ----- Hello from one! ------------> |   to every member, and back to
       | <---- Hello from one! ------------- |   the member that sent it

Two terminals (1$ is a command in terminal 1, 1| its output, 1< your input):

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

A longer message is refused with an error line: at the keyboard, where the
script asks again, and when it arrives. After its message, a member goes on to
receive until Ctrl+C.

Notice: your own message comes back like all others. There are two sockets. In
every member, the receiving socket has the group's port. The sending socket's
port differs in each member, so it shows which member on one machine sent a
message.

Try: start a third member after the first message. What does it receive? What
would it need to receive everything? (problem8 does that.)

Question: why must everybody start before the first message is sent?
Answer: a group stores nothing. A member that joins late receives only messages
that are sent after that.
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

GROUP, PORT = "239.255.12.15", 12015
INTERFACE = "127.0.0.1"  # nothing leaves this machine
MAX_MESSAGE = 100        # bytes


def receive(receiver):
    """Show each message that arrives. This waits without a limit."""
    while True:
        payload, peer = receiver.recvfrom(65_535)
        if len(payload) <= MAX_MESSAGE:
            text = printable(payload.decode(errors="replace"))
            tell(f"received {text} from {show(peer)}")
        else:
            tell(f"error: {show(peer)}: more than {MAX_MESSAGE} bytes")


def send_one(sender, group):
    """Wait until all members have started, then send one message to the group."""
    input("press Enter when all have started\n")
    payload = input("type your message\n").encode(errors="replace")
    while len(payload) > MAX_MESSAGE:
        print(f"error: not sent: {len(payload)} bytes; the limit is {MAX_MESSAGE}",
              file=sys.stderr)
        payload = input().encode(errors="replace")
    sender.sendto(payload, group)


def main():
    args = group_options().parse_args()
    receiver = join(args.group, args.port, args.interface)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                          socket.inet_aton(args.interface))
        group = args.group, receiver.getsockname()[1]
        threading.Thread(target=receive, args=(receiver,), daemon=True).start()
        print("joined", show(group))
        send_one(sender, group)
        while True:
            input()  # until Ctrl+C or Ctrl+D


# ---- The frame: the same in all members of a group -----------------------------------


def group_options():
    """Return a parser for the options that all members of a group share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", default=GROUP, help="the multicast address")
    parser.add_argument("--port", default=PORT, type=int, help="the group's port")
    parser.add_argument("--interface", default=INTERFACE, metavar="ADDRESS",
                        help="which of this machine's addresses to use")
    return parser


def join(group, port, interface):
    """Return a socket that receives the group's datagrams on this interface."""
    membership = socket.inet_aton(group) + socket.inet_aton(interface)
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # share the port
    if hasattr(socket, "SO_REUSEPORT"):  # macOS and BSD need this option, too
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if sys.platform == "linux":  # IP_MULTICAST_ALL: no other interface
        receiver.setsockopt(socket.IPPROTO_IP, 49, 0)
    # Windows cannot bind to a group
    receiver.bind(("" if sys.platform == "win32" else group, port))
    receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
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
