r"""Welcome, the server: sends one line to the client that connects, and ends.

Every TCP server takes these steps. In this script each step has its own line.
In later scripts, our own function listen() does the first three.

The wire (TCP): one line of ASCII text, ended by a newline byte.

    client                                server
       |                                     |   socket()  make a socket
       |                                     |   bind()    give it an address
       |                                     |   listen()  let clients connect
       | ----- (connects) -----------------> |   accept()  take a client
       | <------------------ Welcome!\n ---- |   sendall()
       | <-------------- (end of stream) --- |   close(): end of with

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/stream_welcome/server.py
    1| listening on 127.0.0.1:12005
    2$ python basics/stream_welcome/client.py
    1| client 127.0.0.1:<port>
    2| Server: Welcome!

Notice: there are two sockets. The listener only accepts clients; no byte of
a conversation passes through it. accept() returns a second socket, conn, for
the conversation with one client.

The side that closes first, here the server, keeps the connection for one more
minute (state TIME_WAIT), in case a late packet arrives. Without SO_REUSEADDR,
bind() fails during that minute: "Address already in use". Windows does not
need this option: there it would let two servers share one port (by Windows'
documentation).

Try: another client, `nc 127.0.0.1 12005`. Then `make wire P=stream_welcome
SPLIT=1`, in a third terminal, delivers the welcome in nine pieces. How many
does the client print? Then delete the line with SO_REUSEADDR and the `if`
above it, and run both scripts twice. On Linux, `ss -tan | grep 12005` shows
the old connection. (Put the lines back, and wait a minute: the old connection
was made without the option.)

Question: what are the steps of a server, and which method does each step?
Answer: it creates a socket (socket), binds it to an address (bind), asks the
system to queue the clients that connect (listen), and takes the first client
out of this queue (accept).
"""
import argparse
import signal
import socket
import sys

HOST, PORT = "127.0.0.1", 12005  # only this machine; 0.0.0.0 opens it to the network


def main():
    args = options().parse_args()
    family, address = resolve(args.host, args.port)
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
        print("listening on", show(listener.getsockname()))
        conn, peer = listener.accept()  # waits for a client, without a timeout
        with conn:
            print("client", show(peer))
            conn.sendall(b"Welcome!\n")


# ---- The frame: the same in all TCP servers ------------------------------------------


def options():
    """Return a parser for the options that servers and clients share."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default=HOST, help="the server's address")
    parser.add_argument("--port", default=PORT, type=int, help="the server's port")
    return parser


def resolve(host, port):
    """Return the address family (IPv4 or IPv6) and the address of host and port."""
    family, _, _, _, (host, _, *scope) = socket.getaddrinfo(host, None)[0]
    return family, (host, port, *scope)


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
