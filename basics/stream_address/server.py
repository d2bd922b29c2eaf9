r"""Addresses, the server: prints each client's address, and tells it to it.

    client                                server
       | ----- (connects) -----------------> |
       | <--------- 127.0.0.1:43210\n ------ |   whom the server sees
       | <-------------- (end of stream) --- |

Two terminals (1$ is a command in terminal 1, 1| printed, 1< typed there):

    1$ python basics/stream_address/server.py
    1| listening on 127.0.0.1:12010
    2$ python basics/stream_address/client.py
    1| client 127.0.0.1:<port>
    2| client 127.0.0.1:<port>
    2| server 127.0.0.1:12010
    2| the server sees the same
    2$ python basics/stream_address/client.py
    1| client 127.0.0.1:<port>
    2| client 127.0.0.1:<port>
    2| server 127.0.0.1:12010
    2| the server sees the same

Notice: the server's port is the same in every connection, the client's is
another one each time: the system chooses it.

Try: across two machines, with --host 0.0.0.0 at the server. Where a router on
the way translates addresses (NAT), the server sees the router's.

Question: many clients use port 12010 at once. What names a connection?
Answer: four numbers, the addresses and the ports of both its ends. One that
differs is enough.
"""
import argparse
import socket
import sys
import time

HOST, PORT = "127.0.0.1", 12010  # this machine only; 0.0.0.0 would admit the network
BACKLOG = 1024                   # clients that may wait for accept()


def tell(conn, peer):
    """Send the client its address."""
    conn.sendall(f"{peer}\n".encode())  # so short that it need not wait for the client


def serve(conn, peer):
    """Serve one client; an error ends its connection only."""
    with conn:
        try:
            print(f"client {peer}")
            tell(conn, peer)
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
    with socket.create_server((args.host, args.port), family=family,
                              backlog=BACKLOG) as listener:
        print("listening on", show(listener.getsockname()))
        while True:
            try:
                conn, peer = listener.accept()
                serve(conn, show(peer))
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
