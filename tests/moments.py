"""Ctrl+C at many moments: `python moments.py COUNT REQUEST SCRIPT OPTIONS` does that.

A server must end well at whatever moment somebody presses Ctrl+C. This program starts COUNT
servers, 25 at a time; a client keeps each busy with the REQUEST; Ctrl+C comes at another
moment of the first half second after the first line that each prints. It forks the servers
after it has imported what they import, so that fifty cost little more than ten.

    for moment, status, output in interrupt(50, "3\n", ENVIRONMENT, ROOT / "x/server.py"):
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

from cases import child  # which is this script, in a forked process

PATIENCE = 20  # seconds that a server may take to be ready, and to end


def interrupt(count, request, environment, *command, python=sys.executable):
    """Return for each of so many moments: the seconds, the exit status, the output."""
    done = subprocess.run([python, __file__, str(count), request, *map(str, command)],
                          env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Server:
    """A server in a process of its own, with a client that keeps it busy."""

    def __init__(self, moment, request, script, *options):
        self.moment, self.request, self.output = moment, request, b""
        self.due, self.client, self.pressed = None, None, False
        self.out, out = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.setpgid(0, 0)
            child(script, ["--port", "0", *options], out, out)
            os._exit(0)
        os.close(out)

    def read(self):
        """Read what it printed; after its first line, start the client and the clock."""
        piece = os.read(self.out, 65536)
        self.output += piece
        if self.due is None and b"\n" in self.output:
            self.due = time.monotonic() + self.moment
            port = int(self.output.split(b"\n")[0].rpartition(b":")[2])
            self.client = os.fork()
            if self.client == 0:
                self.keep_busy(port)
        return piece

    def keep_busy(self, port):
        try:
            while True:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as conn:
                    conn.sendall(self.request.encode())
                    conn.recv(100)
                time.sleep(0.005)  # the servers need the processor, too
        finally:
            os._exit(0)

    def press(self):
        self.pressed = True
        os.kill(self.pid, signal.SIGINT)

    def end(self):
        """Return how the server ended, after its output has."""
        os.close(self.out)
        status = os.waitpid(self.pid, 0)[1]
        if self.client:
            os.waitpid(self.client, 0)
        return self.moment, os.WEXITSTATUS(status) if os.WIFEXITED(status) else None, (
            self.output.decode("utf-8", "replace"))


def run(moments, request, command):
    """Run a server for each moment, all at once; return how each ended."""
    servers = [Server(moment, request, *command) for moment in moments]
    running, deadline = list(servers), time.monotonic() + PATIENCE
    while running:
        for server in running:
            if server.due and not server.pressed and server.due <= time.monotonic():
                server.press()
            if time.monotonic() > deadline:
                os.kill(server.pid, signal.SIGKILL)
        ready = select.select([server.out for server in running], [], [], 0.002)[0]
        running = [server for server in running if server.out not in ready or server.read()]
    return [server.end() for server in servers]


def main():
    for module in "argparse", "asyncio", "selectors", "threading":
        __import__(module)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    count, request, *command = int(sys.argv[1]), *sys.argv[2:]
    moments = [0.5 * number / count for number in range(count)]
    results = []
    for start in range((count + 24) // 25):
        results += run(moments[start::(count + 24) // 25], request, command)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
