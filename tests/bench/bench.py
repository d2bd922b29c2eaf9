"""Measures the real scripts beside their peers; prints a Markdown table.

    make bench                  every row, six to seven minutes
    make bench ROW=stopwait     one row (the names are those of the functions)
    make bench ROW=growth       what one more client, member, electorate or line costs

Nothing here is an absolute figure: a machine shared with others is three times faster in
one minute than in the next. So ours and the peers take turns in one run, several times;
what is printed is the median of each, and their ratio. Peers that are not there are
"not installed". Those from PyPI come into .venv/bench-VERSION, and nowhere else.
"""
import json
import math
import os
import pathlib
import platform
import random
import re
import resource
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from statistics import median

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / ".venv" / ("bench-%d.%d" % sys.version_info[:2])
PYTHON = str(VENV / "bin" / "python")
PEERS = [PYTHON, str(HERE / "peers.py")]
PYPI = ["tftpy", "Pyro5", "rpyc"]
PATIENCE = 60  # seconds for anything that is started here
ENVIRONMENT = {name: value for name, value in os.environ.items()
               if not name.startswith("PYTHON")}
CORE = {min(os.sched_getaffinity(0))}  # as taskset -c 0
lines, charts, running = [], [], []


# --- what the rows share

BRING = {  # what installs a peer
    "atftp": "apt install atftp atftpd", "iperf3 -u -l 1500": "apt install iperf3",
    "tftpd-hpa, curl": "apt install tftpd-hpa curl; it replaces atftpd",
    "ncat --chat": "apt install ncat", "smallchat": "build antirez/smallchat, into the PATH",
    "floor in C": "apt install gcc", "threads in C": "apt install gcc"}


def say(*words):
    print(*words, flush=True)
    lines.append(" ".join(map(str, words)))


def line(what, ours, name, peer, goal=None, unit=""):
    """Print a row of the table: ours, the peer's, the ratio, and whether that will do.

    ours and peer are lists of measurements, or None if the peer is not installed; goal
    is ">=" or "<=" and the ratio to reach, or None.
    """
    if peer is None:
        how = BRING.get(name, f"pip install {name}")
        return say(f"| {what} | | {name}: not installed ({how}) | | |")
    ratio = median(ours) / median(peer)
    met = ""
    if goal:
        good = ratio >= goal[1] if goal[0] == ">=" else ratio <= goal[1]
        met = f"{goal[0]} {goal[1]:g}: {'met' if good else 'MISSED'}"
    digits = 4 if 0.9 < ratio < 1.1 else 3
    say(f"| {what} | {figure(ours)}{unit} | {name}: {figure(peer)}{unit} "
        f"| {ratio:.{digits}g} | {met} |")
    return ratio


def figure(samples):
    """Return the median, and half of the distance from the lowest to the highest."""
    value = median(samples)
    spread = 50 * (max(samples) - min(samples)) / value if value and len(samples) > 1 else 0
    text = f"{value:,.0f}" if value >= 100 else f"{value:.4g}"
    return text + (f" ±{spread:.0f} %" if len(samples) > 1 else "")


def start(*command, pin=False, **options):
    """Start a program, on one core if pin; a script's name alone is run by Python."""
    command = [str(word) for word in command]
    if command[0].endswith(".py"):
        command[:1] = [PYTHON, str(ROOT / command[0])]
    prepare = (lambda: os.sched_setaffinity(0, CORE)) if pin else None
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
               "stderr": subprocess.DEVNULL, "cwd": scratch, **options}
    process = subprocess.Popen(command, env=ENVIRONMENT, preexec_fn=prepare, **options)
    running.append(process)
    return process


def server(*command, **options):
    """Start a server; return its process and the port in its ready line."""
    with tempfile.TemporaryFile() as output:
        process = start(*command, stdout=output, **options)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and process.poll() is None:
            match = re.search(rb"(?:listening on|joined) \S+:(\d+)\n",
                              os.pread(output.fileno(), 200, 0))
            if match:
                return process, int(match[1])
            time.sleep(0.001)
    raise RuntimeError(f"{command[0]} does not get ready")


def ours(script, *options, **more):
    return server(script, "--port", 0, *options, **more)


def run(*command, **options):
    """Run a program to its end; return the seconds that it took, and its output."""
    begin = time.monotonic()
    process = start(*command, **{"stdout": subprocess.PIPE, **options})
    output = process.communicate(timeout=PATIENCE)[0] or b""
    seconds = time.monotonic() - begin
    stop(process)
    return seconds, output.decode(errors="replace")


def stop(*processes):
    for process in processes:
        process.kill()
        process.wait()
        running.remove(process)
        for pipe in process.stdin, process.stdout:
            if pipe:
                pipe.close()


def free_port(kind=socket.SOCK_DGRAM):
    """Return a port for a program that cannot be told to choose one."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def compiled(name, *options):
    """Return the program made of a C source here, or None if there is no compiler."""
    program = VENV / name
    if not shutil.which("cc"):
        return None
    subprocess.run(["cc", "-O2", "-pthread", "-o", program, HERE / f"{name}.c"], check=True)
    return program


def installed(module):
    """Return whether the Python of the peers has this module."""
    return subprocess.run([PYTHON, "-c", f"import {module}"], env=ENVIRONMENT,
                          stderr=subprocess.DEVNULL).returncode == 0


def tool(name):
    """Return the path of a program of the system, sbin included."""
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def highest(trial, low, high, steps=5):
    """Return the highest rate at which nothing is lost, by halving; trial(rate) returns
    the rate that was reached, or 0 if something was lost. (Whatever else runs on the
    machine makes this lower and never higher: hence the best of some, not the median.)"""
    best = 0
    for _ in range(steps):
        rate = (low * high) ** 0.5
        reached = trial(rate)
        if reached:
            low, best = rate, max(best, reached)
        else:
            high = rate
    return best


def peak(process, what="VmHWM"):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{what}:\s+(\d+) kB", status)[1])


# --- the rows

def stopwait():
    """Problem 1 over TCP: units of 100 bytes, each acknowledged; all on one core."""
    units = 30_000
    folder = scratch / "tftp"
    folder.mkdir()
    folder.chmod(0o755)
    names = {units: "large.bin", 1: "small.bin"}
    for count, name in names.items():
        (folder / name).write_bytes(random.randbytes(100 * count))
    _, port = ours("problem1/tcp_server.py", "--dir", scratch / "got", pin=True)
    commands = {"ours": lambda n: ["problem1/tcp_client.py", folder / names[n],
                                   "--port", port]}
    if floor := compiled("stopwait"):
        _, floor_port = server(floor, pin=True)
        commands["floor in C"] = lambda n: [floor, floor_port, n]
    _, b_port = server(*PEERS, "serve", "bare", pin=True)
    commands["bare Python"] = lambda n: [*PEERS, "units", b_port, n]
    root = os.geteuid() == 0  # both daemons want to become somebody else
    if root and tool("atftpd") and tool("atftp"):
        a_port = free_port()
        start(tool("atftpd"), "--daemon", "--no-fork", "--bind-address", "127.0.0.1",
              "--port", a_port, "--logfile", "/dev/null", folder, pin=True)
        commands["atftp"] = lambda n: [
            "atftp", "--option", "blksize 100", "-g", "-r", names[n], "-l",
            scratch / "a.bin", "127.0.0.1", a_port]
    if root and tool("curl") and tool("in.tftpd") and (
            "tftp-hpa" in run(tool("in.tftpd"), "-V")[1]):  # atftpd has one, too
        h_port = free_port()
        start(tool("in.tftpd"), "--foreground", "--listen", "--address",
              f"127.0.0.1:{h_port}", "--secure", folder, pin=True)
        commands["tftpd-hpa, curl"] = lambda n: [
            "curl", "-s", "--tftp-blksize", "100", "-o", scratch / "h.bin",
            f"tftp://127.0.0.1:{h_port}/{names[n]}"]
    if installed("tftpy"):
        _, t_port = server(*PEERS, "serve", "tftpy", folder, pin=True)
        commands["tftpy"] = lambda n: [*PEERS, "tftp", t_port, names[n], scratch / "t.bin"]
    time.sleep(0.5)
    rates = {name: [] for name in commands}
    for _ in range(5):
        for name, command in commands.items():
            idle = run(*command(1), pin=True)[0]  # to start, mostly
            rates[name].append(units / (run(*command(units), pin=True)[0] - idle))
    large = (folder / "large.bin").read_bytes()
    for copy in scratch / "got" / "large.bin", *scratch.glob("?.bin"):
        assert copy.read_bytes() == large, copy
    if floor:
        line("the same, bare Python", rates["bare Python"], "floor in C",
             rates["floor in C"])
    for name, goal in (("floor in C", None), ("bare Python", 0.6), ("atftp", 0.75),
                       ("tftpd-hpa, curl", None), ("tftpy", 2.5)):
        line("stop and wait, units/s", rates["ours"], name, rates.get(name),
             goal and (">=", goal))


def udplines():
    """Problem 1 over UDP: the lines a second at which the first are lost."""
    many = scratch / "many.txt"

    def send(rate, count):
        many.write_text("".join(f"{number}\n" for number in range(count)))
        receiver, port = ours("problem1/udp_server.py")
        got = scratch / "received" / "many.txt"
        got.unlink(missing_ok=True)
        seconds, _ = run("problem1/udp_client.py", many, "--port", port, "--rate", rate)
        until = time.monotonic() + 0.5
        while not got.exists() and time.monotonic() < until:
            time.sleep(0.01)
        stop(receiver)
        return count / seconds if got.exists() else 0

    def iperf(rate):
        return iperf_udp(rate, 60, seconds=1) / 60

    send(10_000, 100)
    whole = int(send(10_000, 100_000) > 0)
    ours_best, peer_best = [], []
    for _ in range(3):
        ours_best.append(highest(lambda rate: send(rate, int(rate / 2)), 20_000, 400_000))
        peer_best.append(tool("iperf3") and highest(iperf, 20_000, 400_000))
    line("UDP lines/s, none lost (best of 3)", [max(ours_best)], "iperf3 -u -l 60",
         [max(peer_best)] if tool("iperf3") else None)
    line("100,000 lines at the default rate, whole", [whole], "runs", [1], (">=", 1))


def iperf_udp(rate, size, seconds):
    """Have iperf3 send datagrams; return the bytes a second, or 0 if one was lost."""
    port = free_port(socket.SOCK_STREAM)
    most = int(pathlib.Path("/proc/sys/net/core/rmem_max").read_text())
    peer = start("iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", port)
    time.sleep(0.1)
    _, output = run("iperf3", "-c", "127.0.0.1", "-p", port, "-u", "-l", size, "-w",
                    min(4_000_000, most), "-b", int(rate * size * 8), "-t", seconds, "-J")
    stop(peer)
    report = json.loads(output)["end"]["sum"]
    return 0 if report["lost_packets"] else report["bytes"] / report["seconds"]


def fetch_all(port, count, request=b"data.bin\n", reply=None):
    """Send the request from many clients at once; return the seconds that the slowest
    took, and how many got the whole reply (by default the file)."""
    reply = reply or b"10000\n" + payload
    poll, good, begin = selectors.DefaultSelector(), 0, time.monotonic()
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        poll.register(sock, selectors.EVENT_WRITE, bytearray())
    while poll.get_map() and time.monotonic() < begin + 10:
        for key, events in poll.select(1):
            try:
                if events & selectors.EVENT_WRITE:
                    key.fileobj.send(request)
                    poll.modify(key.fileobj, selectors.EVENT_READ, key.data)
                    continue
                data = key.fileobj.recv(65536)
            except OSError:
                data = b""
            key.data.extend(data)
            if not data:
                good += key.data == reply
                poll.unregister(key.fileobj)
                key.fileobj.close()
    seconds = time.monotonic() - begin
    for key in list(poll.get_map().values()):
        key.fileobj.close()
    return seconds, good


payload = random.Random(2).randbytes(10_000)  # ten pieces, 200 ms each


def files():
    """Problem 2: 1 to 1000 clients at once; the slowest against the ideal 2.0 s."""
    (scratch / "data.bin").write_bytes(payload)
    makers = {"ours": lambda: ours("problem2/server.py", "--dir", scratch),
              "on one core": lambda: ours("problem2/server.py", "--dir", scratch, pin=True)}
    if floor := compiled("threads"):
        makers["threads in C"] = lambda: server(floor, scratch / "data.bin")
    slowest, memory = {}, {name: [] for name in makers}
    for count, rounds in (1, 1), (10, 1), (100, 2), (500, 3), (1000, 3):
        for _ in range(rounds):
            for name, make in makers.items():
                process, port = make()
                before = peak(process, "VmRSS")
                seconds, good = fetch_all(port, count)
                assert good == count, f"{name}: {good} of {count} clients served"
                slowest.setdefault((name, count), []).append(seconds / 2)
                if count == 1000:
                    memory[name].append((peak(process) - before) / count)
                stop(process)
    for count, goal in (1, None), (10, None), (100, 1.03), (500, 1.10), (1000, 1.25):
        line(f"{count} file clients, slowest / 2.0 s", slowest["ours", count], "ideal", [1])
        line(f"{count} file clients, slowest / 2.0 s", slowest["ours", count],
             "threads in C", slowest.get(("threads in C", count)), goal and ("<=", goal))
        if count >= 500:
            line(f"{count} file clients, slowest / 2.0 s", slowest["on one core", count],
                 "ideal, the server on one core", [1])
    line("memory a client", memory["ours"], "the goal's 25 kB", [25], ("<=", 1), " kB")
    line("memory a client", memory["ours"], "threads in C", memory.get("threads in C"),
         unit=" kB")
    process, port = server(*PEERS, "serve", "socketserver", scratch)
    seconds, good = fetch_all(port, 100)
    stop(process)
    line("100 file clients, served in 10 s", [100], "ThreadingTCPServer", [good])
    counts = [1, 10, 100, 500, 1000]
    chart("File server: slowest client / ideal (first line: ours, second: C)",
          "clients at once", counts, "slowest / 2.0 s", "1 --> 1.3",
          [[median(slowest["ours", count]) for count in counts]] + (
              [[median(slowest["threads in C", count]) for count in counts]]
              if floor else []))


def calculator():
    """Problem 3: requests a second, many on one connection, and a connection each."""
    kinds = {"ours": ours("problem3/server.py")}
    if floor := compiled("threads"):
        kinds["threads in C"] = server(floor)
    for name in "xmlrpc.server", "rpyc", "Pyro5":
        if name == "xmlrpc.server" or installed(name):
            kinds[name] = server(*PEERS, "serve", name)
    each = {"xmlrpc.server": 1.5, "Pyro5": 2}
    for what, mode, pin, goals in [
            ("on one connection, one core", "one", True, {"xmlrpc.server": 10}),
            ("a connection each, two cores", "each", False, each),
            ("a connection each, one core", "each", True, each)]:
        rates = {name: [] for name in kinds}
        for process, _ in kinds.values():
            for task in os.listdir(f"/proc/{process.pid}/task"):
                os.sched_setaffinity(int(task), CORE if pin else os.sched_getaffinity(0))
        for _ in range(5):
            for name, (_, port) in kinds.items():
                kind = "line" if name in ("ours", "threads in C") else name
                _, output = run(*PEERS, "ask", kind, port, mode, 0.5, pin=pin)
                rates[name].append(float(output))
        for name in "threads in C", "xmlrpc.server", "rpyc", "Pyro5":
            line(f"sums/s, {what}", rates["ours"], name, rates.get(name),
                 name in goals and (">=", goals[name]))


def streaming():
    """Problem 4: the rate at which no byte is lost; 50 MB."""
    size = 50_000_000
    with open(scratch / "large.wav", "wb") as file:
        file.write(random.randbytes(size))
    (scratch / "small.wav").write_bytes(random.randbytes(160_000))
    (scratch / "tiny.wav").write_bytes(random.randbytes(1000))

    def stream(rate, name="large.wav"):
        """Return the bytes a second, 0 if one is missing."""
        options = ["--rate", rate] if rate else []
        process, port = ours("problem4/server.py", "--dir", scratch, *options)
        seconds, output = run("problem4/client.py", name, "--port", port)
        stop(process)
        total = (scratch / name).stat().st_size
        return total / seconds if " 0 missing" in output else 0

    def iperf(rate):
        return iperf_udp(rate / 1500, 1500, seconds=1)

    peer = tool("iperf3")
    at_goal, best, peer_best = [], [], []
    for _ in range(5):
        at_goal.append(stream(125_000_000) > 0)
    for _ in range(3):
        best.append(highest(stream, 60_000_000, 800_000_000, 4))
        peer_best.append(peer and highest(iperf, 60_000_000, 800_000_000, 4))
    line("50 MB at 1 Gbit/s, runs with no byte missing", [sum(at_goal)], "runs", [5],
         (">=", 1))
    line("MB/s with no byte missing (best of 3)", [max(best) / 1e6], "iperf3 -u -l 1500",
         [max(peer_best) / 1e6] if peer else None)
    took, idle = 160_000 / stream(None, "small.wav"), 1000 / stream(None, "tiny.wav")
    ratio = line("default rate, bytes/s", [159_000 / (took - idle)], "asked for", [32_000])
    say(f"| default rate within 5 % of the one asked for | {100 * (ratio - 1):+.1f} % "
        f"| | | {'met' if 0.95 < ratio < 1.05 else 'MISSED'} |")


class Room:
    """A sender and many receivers in a hub, and how long its lines take to all of them."""

    def __init__(self, port, size, hello):
        self.poll = selectors.DefaultSelector()
        self.size = size
        for number in range(size + 1):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if hello:
                sock.sendall(b"m%d lobby\n" % number)
            self.poll.register(sock, selectors.EVENT_READ)
        self.sender = sock
        quiet = time.monotonic() + 0.3
        while time.monotonic() < quiet:  # welcomes and announcements
            for key, _ in self.poll.select(0.1):
                key.fileobj.recv(65536)
                quiet = time.monotonic() + 0.3

    def relayed(self, seconds):
        """Send a line when all have the last one; return the deliveries a second."""
        count, begin = 0, time.monotonic()
        while time.monotonic() < begin + seconds:
            self.sender.sendall(b"a line of thirty characters ...\n")
            left = self.size
            while left:
                ready = self.poll.select(10)
                assert ready, "a line was lost"
                for key, _ in ready:
                    left -= key.fileobj.recv(4096).count(b"\n")
            count += self.size
        return count / (time.monotonic() - begin)

    def latencies(self, seconds, rate=50):
        """Send so many lines a second; return the seconds that each delivery took."""
        sent, took, begin = [], [], time.monotonic()
        total = int(seconds * rate)
        while len(took) < total * self.size:
            now = time.monotonic()
            assert now < begin + seconds + 10, "a line was lost"
            if len(sent) < total and now >= begin + len(sent) / rate:
                sent.append(now)
                self.sender.sendall(b"%d\n" % (len(sent) - 1))
            wait = begin + len(sent) / rate - now if len(sent) < total else 1
            for key, _ in self.poll.select(max(0, wait)):
                data = key.fileobj.recv(4096)
                now = time.monotonic()
                took += [now - sent[int(text.split()[-1])] for text in data.splitlines()]
        return took

    def close(self):
        for key in list(self.poll.get_map().values()):
            key.fileobj.close()
        self.poll.close()


def hub():
    """Problem 6's hub: a line in, a line out to each of 10, 100 and 500 clients."""
    def plain(port, *command):
        process = start(*command)
        time.sleep(0.3)
        return process, port

    for size in 10, 100, 500:
        made = {"ours": ours("problem6/hub_server.py")}
        if tool("smallchat-server"):  # github.com/antirez/smallchat; its port is fixed
            made["smallchat"] = plain(7711, tool("smallchat-server"))
        if tool("ncat") and size < 500:  # it takes 46 s to greet so many
            port = free_port(socket.SOCK_STREAM)
            made["ncat --chat"] = plain(port, "ncat", "-ln", "-m", 1000, "--chat",
                                        "127.0.0.1", port)
        rooms = {name: Room(port, size, name == "ours") for name, (_, port) in made.items()}
        rates = {name: [] for name in made}
        slow = {name: [] for name in made}
        for _ in range(4):
            for name, room in rooms.items():
                rates[name].append(room.relayed(0.5))
                took = sorted(room.latencies(1))
                slow[name].append(1000 * took[int(0.99 * len(took))])
        for room in rooms.values():
            room.close()
        stop(*[process for process, _ in made.values()])
        for name, goal, late in ("smallchat", 0.8, 1.5), ("ncat --chat", 1, None):
            if name == "ncat --chat" and size == 500:
                continue
            line(f"hub, {size} clients, deliveries/s", rates["ours"], name, rates.get(name),
                 (">=", goal) if size == 100 else None)
            line(f"hub, {size} clients, slowest 1 %", slow["ours"], name, slow.get(name),
                 ("<=", late) if late and size == 500 else None, " ms")


def decide(size, command, *options):
    """Hold an election; return the seconds from the last vote typed to the last winner."""
    port, all_ = free_port(), []
    for number in range(1, size + 1):
        words = [{"ID": number, "PORT": port, "SIZE": size}.get(word, word)
                 for word in command]
        all_.append(start(*words, *options, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for one in all_:
        assert b"joined" in one.stdout.readline()
    time.sleep(0.002 * size)  # until the last one has asked for its vote
    for number, one in enumerate(all_):
        one.stdin.write(b"AB"[number % 2:][:1] + b"\n")
        one.stdin.flush()
    begin = time.monotonic()
    watch = threading.Timer(PATIENCE, lambda: [one.kill() for one in all_])
    watch.start()
    for one in all_:
        while b"winner" not in (text := one.stdout.readline()):
            assert text, "an electorate has ended without a winner"
    watch.cancel()
    seconds = time.monotonic() - begin
    stop(*all_)
    return seconds


def election():
    """Problem 8: from the last vote cast to the last screen's winner."""
    script = ["problem8/electorate.py", "ID", "--electorates", "SIZE", "--port", "PORT"]
    curve = {"ours": [], "natural": []}
    for lose, goal in (0, 0.1), (0.1, None), (0.3, 0.2), (0.5, 0.3):
        times, natural = [], []
        for _ in range(20):
            times.append(decide(5, script, "--lose", lose))
            if len(times) % 2:
                natural.append(decide(5, [*PEERS, "vote", "ID", "SIZE", "PORT", lose]))
        what = f"5 electorates, {lose:.0%} lost, seconds"
        if goal:
            line(what, times, "the goal", [goal], ("<=", 1))
        line(what, times, "natural: repeats its own vote", natural)
        curve["ours"].append(1000 * median(times))
        curve["natural"].append(1000 * median(natural))
    for lose, goal in (0, 1), (0.1, None), (0.3, 1), (0.5, None):
        times = [decide(50, script, "--lose", lose) for _ in range(3)]
        line(f"50 electorates, {lose:.0%} lost, seconds", times,
             "the goal" if goal else "the goal at 30 %", [1], goal and ("<=", 1))
    chart("Election of 5: milliseconds to decide (first line: ours, second: natural)",
          "% lost", [0, 10, 30, 50], "ms", "0 --> 1000", list(curve.values()))


def sums():
    """basics/sum: COUNT 100, and 5 half a second later, at all the servers at once."""
    found = sorted((ROOT / "basics" / "sum").glob("*_server.py"))
    if not found:
        return say("| sum servers | | not there | | |")
    waited = {}

    def client(name, port, count):
        _, output = run("basics/sum/client.py", count, "--port", port)
        assert f"sum of 1..{count} = {count * (count + 1) // 2}\n" in output
        waited[name, count] = float(re.search(r"waited ([\d.]+)", output)[1])

    clients, first = [], time.monotonic()
    ports = {path.stem: ours(path.relative_to(ROOT).as_posix())[1] for path in found}
    plan = [(late + number / 10, name, count) for late, count in ((0.5, 100), (1, 5))
            for number, name in enumerate(ports)]  # one start at a time
    for late, name, count in plan:
        time.sleep(max(0, first + late - time.monotonic()))
        clients.append(threading.Thread(target=client, args=(name, ports[name], count)))
        clients[-1].start()
    for thread in clients:
        thread.join()
    for name in ports:  # beside plain loops of additions and sleeps, measured before
        turn = 20.516 if name.startswith("iterative") else 1.002
        line(f"sum, {name}, COUNT 100", [waited[name, 100]], "natural", [20.014],
             ("<=", 1.001), " s")
        line(f"sum, {name}, COUNT 5", [waited[name, 5]], "natural", [turn],
             ("<=", 1.001), " s")
    many_sums(["concurrent_server", "selectors_server", "asyncio_server"])


def many_sums(names, clients=1000):
    """What threads, selectors and asyncio cost: COUNT 5 for 1000 clients at once."""
    slowest, memory = {name: [] for name in names}, {name: [] for name in names}
    for _ in range(3):
        for name in names:
            process, port = ours(f"basics/sum/{name}.py")
            before = peak(process, "VmRSS")
            seconds, good = fetch_all(port, clients, b"5\n", b"15\n")
            assert good == clients, f"{name}: {good} of {clients} clients served"
            slowest[name].append(seconds)
            memory[name].append((peak(process) - before) / clients)
            stop(process)
    for name in names:
        line(f"sum, {name}, {clients} clients, slowest", slowest[name], "natural", [1],
             unit=" s")
        line(f"sum, {name}, memory a client", memory[name], "a thread each",
             memory[names[0]], unit=" kB")


USED = ("import argparse, socket; p = argparse.ArgumentParser(); "
        "p.add_argument('--port'); p.parse_args(); ")
BARE = ("import socket; listener = socket.create_server(('127.0.0.1', 0)); "
        "print('listening on', listener.getsockname(), flush=True)")


def startup():
    """From exec to the ready line, against Python with a socket; all on one core."""
    names = [str(path.relative_to(ROOT)) for folder in ("problem*/*.py", "basics/*/*.py")
             for path in sorted(ROOT.glob(folder))
             if re.search(r'print\("(listening on|joined)"', path.read_text())]
    extra = {"problem8/electorate.py": ["1"]}
    times = {"bare": [], "argparse": [], **{name: [] for name in names}}

    def ready_after(*command):
        start_ = time.monotonic()
        process = start(*command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, pin=True)
        text = process.stdout.readline()
        seconds = time.monotonic() - start_
        stop(process)
        assert re.search(rb"(listening on|joined) ", text), command
        return 1000 * seconds

    for _ in range(11):
        times["bare"].append(ready_after(PYTHON, "-c", BARE))
        times["argparse"].append(ready_after(PYTHON, "-c", USED + BARE))
        for name in names:
            times[name].append(ready_after(name, *extra.get(name, []), "--port", 0))
    heavy = [name for name in names if "import asyncio" in (ROOT / name).read_text()]
    light = sorted(set(names) - set(heavy), key=lambda name: median(times[name]))
    line("start of bare socket and argparse", times["argparse"], "bare socket",
         times["bare"], unit=" ms")
    for name in light[:1] + light[len(light) // 2:][:1] + light[-1:] + heavy:
        line(f"start of {name}", times[name], "bare socket and argparse", times["argparse"],
             ("<=", 1.05) if name in light else None, " ms")


# --- growth

def growth():
    """What one more costs: clients of problem 2, members of the hub, electorates, lines."""
    (scratch / "data.bin").write_bytes(payload)
    slowest, memory = {}, {}
    for count in 1, 10, 100, 500, 1000, 2000:
        process, port = ours("problem2/server.py", "--dir", scratch)
        before = peak(process, "VmRSS")
        seconds, good = fetch_all(port, count)
        assert good == count, f"{good} of {count} clients served"
        slowest[count] = seconds
        memory[count] = (peak(process) - before) / count
        stop(process)
    grown("problem 2: the slowest client, seconds, by the number of clients", slowest)
    grown("problem 2: memory a client, kB", memory, first=100)

    delivery, memory = {}, {}
    for size in 10, 30, 100, 300, 1000:
        process, port = ours("problem6/hub_server.py")
        before = peak(process, "VmRSS")
        room = Room(port, size, hello=True)
        delivery[size] = 1e6 / median(room.relayed(0.5) for _ in range(3))
        memory[size] = (peak(process) - before) / size
        room.close()
        stop(process)
    grown("the hub: a delivery, microseconds, by the number of members", delivery)
    grown("the hub: memory a member, kB", memory, first=100)

    script = ["problem8/electorate.py", "ID", "--electorates", "SIZE", "--port", "PORT"]
    grown("problem 8: the last winner, seconds, by the number of electorates",
          {size: median(decide(size, script) for _ in range(3))
           for size in (5, 10, 20, 50, 100)})

    many, memory = scratch / "many.txt", {}
    for count in 1000, 10_000, 100_000, 1_000_000:
        many.write_text("".join(f"{number}\n" for number in range(count)))
        process, port = ours("problem1/udp_server.py")
        before = peak(process, "VmRSS")
        run("problem1/udp_client.py", many, "--port", port, "--rate", 100_000)
        memory[count] = peak(process) - before
        stop(process)
    grown("problem 1 over UDP: memory of the server, kB, by the lines of the file", memory)


def grown(title, costs, first=None):
    """Print a table and a plot of cost against size, and the exponent: cost ~ size ** e.

    The exponent is that between the size first (otherwise the smallest) and the largest.
    """
    low, high = first or min(costs), max(costs)
    exponent = math.log(costs[high] / costs[low]) / math.log(high / low)
    print(f"\n{title}")
    for size, cost in costs.items():
        print(f"{size:>9,} {cost:>9.3g}  {'#' * round(40 * cost / max(costs.values()))}")
    print(f"cost ~ size ** {exponent:.2f}, from {low:,} to {high:,}", flush=True)


# --- the page

def chart(title, x_name, x, y_name, y_range, curves):
    points = "\n".join(f"    line {[round(value, 3) for value in curve]}"
                       for curve in curves)
    charts.append(f"```mermaid\nxychart-beta\n    title \"{title}\"\n"
                  f"    x-axis \"{x_name}\" {json.dumps(list(map(str, x)))}\n"
                  f"    y-axis \"{y_name}\" {y_range}\n{points}\n```")


def prepare():
    """Make the peers' environment; without a network, or pip, it has no packages."""
    if not os.path.exists(PYTHON):
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        for package in PYPI:
            subprocess.run([PYTHON, "-m", "pip", "--disable-pip-version-check", "install",
                            "--retries", "1", "--quiet", package])
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def main():
    global scratch
    rows = {row.__name__: row for row in (stopwait, udplines, files, calculator, streaming,
                                          hub, election, sums, startup, growth)}
    wanted = sys.argv[1:] or [name for name in rows if name != "growth"]
    for name in wanted:
        if name not in rows:
            sys.exit(f"error: no row {name}; there are {', '.join(rows)}")
    prepare()
    say(f"Python {platform.python_version()}, {platform.system()} {platform.release()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}\n")
    if os.getloadavg()[0] > 0.5:
        say("Other programs use this machine now: the ratios may say more about them.\n")
    say("| what | ours | peer | ratio | goal |\n|---|---|---|---|---|")
    for name in wanted:
        start_ = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            scratch = pathlib.Path(folder)
            scratch.chmod(0o755)  # for daemons that become somebody else
            try:
                rows[name]()
            finally:
                stop(*running)
        print(f"({name}: {time.monotonic() - start_:.0f} s)", file=sys.stderr)
    (VENV / "results.md").write_text("\n".join(lines + [""] + charts) + "\n")
    print(f"written to {(VENV / 'results.md').relative_to(ROOT)}", file=sys.stderr)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nstopped")
