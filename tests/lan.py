"""A network of several hosts inside this machine: Linux namespaces, and no root needed.

Each host has the address 10.12.0.N and a loopback of its own; a bridge connects them, and
nothing leads out of there. `make net` opens a shell on host 1, `make net HOST=2` one on
host 2 of the same network. The network ends with the shell on host 1.
"""
import argparse
import fcntl
import subprocess
import sys
from pathlib import Path

NOTE = Path(".net")  # which processes hold the hosts of `make net`


class Lan:
    def __init__(self, hosts=3, lose=0):
        """Make the network; raise OSError with the reason if this machine forbids it.

        lose: the percentage of the UDP datagrams to each host that the kernel drops.
        """
        self.shells = []
        try:
            self._make(hosts, lose)
        except OSError:
            self.close()
            raise

    def _make(self, hosts, lose):
        wires = self._hold("unshare", "-Urn")
        self._do(wires, "ip link set lo up; ip link add lan type bridge mcast_snooping 0; "
                        "ip link set lan up")
        self.hosts = {0: wires}  # host 0 has no address but the loopback's, and no route
        for number in range(1, hosts + 1):
            host = self.hosts[number] = self._hold(*enter(wires), "unshare", "-n")
            self._do(wires, f"ip link add host{number} type veth peer name eth0 netns {host}; "
                            f"ip link set host{number} master lan up")
            self._do(host, "ip link set lo up; ip link set eth0 up; "
                           f"ip address add 10.12.0.{number}/24 broadcast + dev eth0")
            if lose:
                self._do(host, "nft 'add table inet lab; add chain inet lab in "
                               "{ type filter hook input priority 0; }; add rule inet lab in "
                               f"meta l4proto udp numgen random mod 100 < {lose} drop'")

    def _hold(self, *command):
        """Start a shell that keeps a namespace alive for as long as we live."""
        shell = subprocess.Popen([*command, "sh", "-c", "echo; read forever"], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        self.shells.append(shell)
        if shell.stdout.readline() != "\n":
            raise OSError(shell.stderr.read().strip())
        return shell.pid

    def _do(self, pid, commands):
        done = subprocess.run([*enter(pid), "sh", "-ec", commands], capture_output=True,
                              text=True)
        if done.returncode:
            raise OSError(done.stderr.strip())

    def on(self, number):
        """Return the words to put before a command so that it runs on this host."""
        return enter(self.hosts[number])

    def close(self):
        for shell in self.shells:
            shell.communicate()


def enter(pid):
    return ["nsenter", "-t", str(pid), "-U", "-n", "--preserve-credentials", "--"]


def shell(number, pid):
    """Run a shell on a host until it ends."""
    print(f"a shell on host {number}, 10.12.0.{number}; Ctrl+D ends it", flush=True)
    subprocess.run([*enter(pid), "env", f"PS1=host{number}$ ", "ENV=", "sh"])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host", type=int, choices=[1, 2, 3])
    parser.add_argument("--lose", type=int, default=0, metavar="PERCENT")
    args = parser.parse_args()
    if not 0 <= args.lose <= 99:
        parser.error("LOSE takes 0 to 99, a percentage")
    try:
        note = open(NOTE, "a+", encoding="ascii")
    except OSError as error:
        sys.exit(f"error: cannot write {NOTE} here: {error.strerror}")
    with note:
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held while the network lives
        except OSError:
            note.seek(0)
            pids = note.read().split()
            if args.lose or not pids:
                sys.exit("error: there is a network already; leave the shell on host 1 "
                         "first, or join it without LOSE")
            shell(args.host, pids[args.host - 1])
            return
        try:
            if args.host > 1:
                sys.exit("error: there is no network yet; make net, in another terminal")
            lan = Lan(3, args.lose)
            note.truncate(0)
            print(*(lan.hosts[number] for number in (1, 2, 3)), file=note, flush=True)
            print("a network of three hosts; in other terminals: make net HOST=2, "
                  "make net HOST=3")
            shell(1, lan.hosts[1])
            lan.close()
        except OSError as error:
            sys.exit(f"error: this system makes no network: {error}")
        finally:
            NOTE.unlink(missing_ok=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
