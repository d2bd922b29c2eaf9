r"""Welcome, the server: sends one line to the client that connects, and ends.

The steps of every TCP server, by hand this once. The later ones leave the
first three to socket.create_server(), which knows what they need on Windows.

    client                                server
       |                                     |   socket()  make a socket
       |                                     |   bind()    give it an address
       |                                     |   listen()  let clients come
       | ----- (connects) -----------------> |   accept()  take the next one
       | <------------------ Welcome!\n ---- |   sendall()
       | <-------------- (end of stream) --- |   close(), by the with

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_welcome/server.py
    1| listening on 127.0.0.1:12005
    2$ python basics/stream_welcome/client.py
    1| client 127.0.0.1:<port>
    2| Server: Welcome!

Notice: there are two sockets. The listener only takes clients, and never
carries a byte of theirs; accept() makes another one, conn, for each client.

The side that hangs up first, mostly the server here, keeps the connection for
a minute more, in case something comes late (state TIME_WAIT). SO_REUSEADDR
lets a new server have the port at once all the same. On Windows the option
would let two servers share the port, which is free there without it (by
documentation).

Try: remove SO_REUSEADDR (the `if` and the line below it), and run both a few
times. On Linux `ss -tan | grep 12005` shows what is in the way. And `nc
127.0.0.1 12005` is a client, too.

Question: what are a server's steps, and which methods take them?
Answer: it creates a socket (socket), binds it to an address (bind), has the
system queue clients (listen), and takes one after the other (accept).
"""
import argparse
import os
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12005  # this machine only; 0.0.0.0 would admit the network
WELCOME = b"Welcome!\n"          # so short that sendall() need not wait for the client


def greet(conn):
    """Send the welcome line."""
    conn.sendall(WELCOME)


def serve(conn, peer):
    """Serve one client, and return True; an error ends its connection only."""
    with conn:
        try:
            print(f"client {peer}")
            greet(conn)
            return True
        except OSError as error:
            print(f"error: {peer}: {error}")


def show(address):
    """Return HOST:PORT, with the brackets that IPv6 needs (RFC 3986)."""
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        if os.name == "posix":  # not on Windows, where it means something else
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((args.host, args.port))
        listener.listen()
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                if serve(conn, show(peer)):
                    return  # one client, and the server ends
            except OSError as error:
                print(f"error: cannot accept: {error}")
                time.sleep(0.1)  # no descriptor is left: wait until one is


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
    except (OSError, TypeError) as error:  # TypeError: no possible name
        sys.exit(f"error: cannot listen: {error}; try another --port or --host")
