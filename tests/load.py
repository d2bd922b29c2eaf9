"""Load for a server, from a process of its own: `python load.py PORT CLIENTS SECONDS LINE`.

Threads beside the one that reads a terminal would starve it; so a test starts this program
with subprocess. Each client sends the line twenty times in one segment, reads as many lines,
and begins again. It prints "busy" when all clients have had an answer, and at the end how
many lines came back.
"""
import os
import socket
import sys
import threading
import time

PATIENCE = float(os.environ.get("PATIENCE", 20))  # seconds, as in terminal.py


def client(port, line, end, started, counts):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as conn, \
                conn.makefile("rb") as stream:
            while time.monotonic() < end:
                conn.sendall(line * 20)
                for _ in range(20):
                    if not stream.readline():
                        return
                    counts.append(1)
                started.release()
    except OSError:
        pass  # the server has ended


def main():
    port, clients, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    started, counts, end = threading.Semaphore(0), [], time.monotonic() + seconds
    threads = [threading.Thread(target=client, args=(
        port, sys.argv[4].encode() + b"\n", end, started, counts)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    patience = time.monotonic() + PATIENCE
    for _ in range(clients):
        started.acquire(timeout=max(0, patience - time.monotonic()))
    print("busy", flush=True)
    for thread in threads:
        thread.join()
    print(len(counts), flush=True)


if __name__ == "__main__":
    main()
