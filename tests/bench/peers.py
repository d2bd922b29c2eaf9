"""What the bench compares with: peers in Python, each as its own notes show it.

    peers.py serve KIND [FOLDER]             a server; prints "listening on HOST:PORT"
    peers.py ask KIND PORT each|one SECONDS  a client; prints its requests a second
    peers.py tftp PORT FILE SAVED            tftpy fetches a file in blocks of 100 bytes
    peers.py units PORT N                    stop and wait, with nothing but the sockets
    peers.py vote ID N PORT LOSE             a natural electorate: repeats its own vote
"""
import os
import random
import socket
import socketserver
import sys
import time
import xmlrpc.client
import xmlrpc.server


def add(a, b):
    return a + b


def ready(port):
    print(f"listening on 127.0.0.1:{port}", flush=True)


class SendFile(socketserver.StreamRequestHandler):
    """A piece, a sleep, a piece: problem 2 as the socketserver page would have it."""

    def handle(self):
        with open(os.path.join(sys.argv[3], self.rfile.readline().decode().strip()),
                  "rb") as file:
            self.wfile.write(b"%d\n" % os.fstat(file.fileno()).st_size)
            while piece := file.read(1000):
                self.wfile.write(piece)
                time.sleep(0.2)


def serve(kind):
    if kind == "socketserver":
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), SendFile)
        server.daemon_threads = True
        ready(server.server_address[1])
        server.serve_forever()
    if kind == "xmlrpc.server":
        server = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)
        server.RequestHandlerClass.protocol_version = "HTTP/1.1"  # keeps the connection
        server.register_function(add)
        ready(server.server_address[1])
        server.serve_forever()
    if kind == "rpyc":
        import rpyc
        from rpyc.utils.server import ThreadedServer

        class Calculator(rpyc.Service):
            exposed_add = staticmethod(add)

        server = ThreadedServer(Calculator, hostname="127.0.0.1", port=0)
        ready(server.port)
        server.start()
    if kind == "Pyro5":
        import Pyro5.api

        @Pyro5.api.expose
        class Sums:
            add = staticmethod(add)

        with Pyro5.api.Daemon(host="127.0.0.1") as daemon:
            daemon.register(Sums, "sums")
            ready(daemon.locationStr.rpartition(":")[2])
            daemon.requestLoop()
    if kind == "bare":
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ready(listener.getsockname()[1])
            while True:
                conn = listener.accept()[0]
                while conn.recv(100):
                    conn.sendall(b"ack ....")
    if kind == "tftpy":
        import tftpy
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        ready(port)
        tftpy.TftpServer(sys.argv[3]).listen("127.0.0.1", port)


def session(kind, port):
    """Connect; return a function that adds, and one that hangs up."""
    if kind == "line":  # ours, and the floor in C
        conn = socket.create_connection(("127.0.0.1", port))
        stream = conn.makefile("rb")

        def add_line(a, b):
            conn.sendall(b"%d + %d\n" % (a, b))
            return int(stream.readline())

        def close():
            stream.close()
            conn.close()
        return add_line, close
    if kind == "xmlrpc.server":
        proxy = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}")
        return proxy.add, proxy("close")
    if kind == "rpyc":
        import rpyc
        conn = rpyc.connect("127.0.0.1", port)
        return conn.root.add, conn.close
    import Pyro5.api
    proxy = Pyro5.api.Proxy(f"PYRO:sums@127.0.0.1:{port}")
    return proxy.add, proxy._pyroRelease


def ask(kind, port, mode, seconds):
    """Print how many requests a second are answered, the right way."""
    call = close = None
    count, start = 0, time.monotonic()
    while time.monotonic() < start + seconds:
        if call is None:
            call, close = session(kind, port)
            if count == 0:
                start = time.monotonic()  # imports are not requests
        assert call(count, 30) == count + 30
        count += 1
        if mode == "each":
            close()
            call = None
    print(count / (time.monotonic() - start))


def units(port, count):
    with socket.create_connection(("127.0.0.1", port)) as conn:
        for _ in range(count):
            conn.sendall(bytes(100))
            conn.recv(8)


def vote(number, size, port, lose):
    """Repeat the own vote every 200 ms until all have been heard, and go on (to stop
    would be to leave the others without it)."""
    group, own = "239.255.12.8", random.choice("AB")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                        socket.inet_aton("127.0.0.1"))
        sock.bind((group, port))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                        socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
        print(f"joined {group}:{port}", flush=True)
        sys.stdin.readline()
        votes = {number: own}
        while True:
            sock.sendto(f"{number} {own}".encode(), (group, port))
            until = time.monotonic() + 0.2
            while (left := until - time.monotonic()) > 0:
                sock.settimeout(left)
                try:
                    other, what = sock.recv(100).split()
                except socket.timeout:
                    break
                if random.random() >= lose and int(other) not in votes:
                    votes[int(other)] = what
                    if len(votes) == size:
                        print("winner: known", flush=True)


if __name__ == "__main__":
    task, *words = sys.argv[1:]
    if task == "serve":
        serve(words[0])
    elif task == "ask":
        ask(words[0], int(words[1]), words[2], float(words[3]))
    elif task == "units":
        units(int(words[0]), int(words[1]))
    elif task == "vote":
        vote(int(words[0]), int(words[1]), int(words[2]), float(words[3]))
    elif task == "tftp":
        import tftpy
        tftpy.TftpClient("127.0.0.1", int(words[0]), {"blksize": 100}).download(
            words[1], words[2])
