"""What the tests of problem 4 share: files to stream, and the data that a relay has seen."""
import random

SERVER, CLIENT = "problem4/server.py", "problem4/client.py"


def make(folder, name, size, seed=1):
    content = random.Random(seed).randbytes(size)
    (folder / name).write_bytes(content)
    return content


def saved(lab, name):
    return (lab.folder / f"streamed_{name}").read_bytes()


def data(relay):
    """Return the (offset, payload) of the data that a relay has seen."""
    found = []
    for datagram in relay.down:
        if datagram.startswith(b"data "):
            header, _, payload = datagram.partition(b"\n")
            found.append((int(header.split()[1]), payload))
    return found


def data_only(treatment):
    """Treat the data only, eight pieces at a time, so that none is held back for ever."""
    def treated(datagrams):
        for datagram in datagrams:
            if not datagram.startswith(b"data "):
                yield datagram
                continue
            held = [datagram]
            while len(held) < 9 and not held[-1].startswith(b"end "):
                held.append(next(datagrams))
            yield from treatment(held[:-1])
            yield held[-1]
    return treated
