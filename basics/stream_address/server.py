r"""Addresses, the server: prints each client's address, and sends it back.

The wire (TCP): one line of ASCII text, ended by a newline byte.

    client                                server
       | ----- (connects) -----------------> |
       | <---- (the client's address)\n ---- |   such as 127.0.0.1:43210
       | <-------------- (end of stream) --- |

Two terminals (1$ is a command in terminal 1, 1| is its output):

    1$ python basics/stream_address/server.py
    1| listening on 127.0.0.1:12010
    2$ python basics/stream_address/client.py
    1| client 127.0.0.1:<port>
    2| client 127.0.0.1:<port>
    2| server 127.0.0.1:12010
    2| the server sees the same client
    2$ python basics/stream_address/client.py
    1| client 127.0.0.1:<port>
    2| client 127.0.0.1:<port>
    2| server 127.0.0.1:12010
    2| the server sees the same client

Notice: the server has the same port in every connection. The client has a
different port each time, because the system chooses a free port for each
connection.

Try: run the pair on two machines, with --host 0.0.0.0 at the server. If a
router between them translates addresses (NAT), the server sees the router's
address.

Question: many clients use port 12010 at once. What identifies a connection?
Answer: four values: the address and the port of each end. Two connections
differ in at least one of them.
"""
import argparse
import signal
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12010  # only this machine; 0.0.0.0 opens it to the network


def main():
    args = options().parse_args()
    with listen(args.host, args.port) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                with conn:
                    print("client", show(peer))
                    conn.sendall(f"{show(peer)}\n".encode())  # too short to block
            except OSError as error:  # the client has left, or no descriptor is left
                print("error: cannot serve a client:", error)
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
