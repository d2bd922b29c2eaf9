"""Run a command apart from this machine (Linux): `python isolate.py READ… -- COMMAND…`.

The command sees a disk of its own: the system's programs, the READ folders, all read-only,
and a scratch folder /tmp of limited size, which disappears. It has no other network than a
loopback, no home folder, a limited number of processes, and no rights that root has. When
the command ends, or this program, all its processes end.

    isolated(["make", "test"], ["/usr/share"])     # the words that do this
    possible()                                     # why this system does not allow it, or None

It is done with what unshare(1) does, and with chroot(2), as root or as anybody whom the
system gives user namespaces.
"""
import ctypes
import os
import random
import resource
import shutil
import subprocess
import sys

SYSTEM = "/bin", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/opt"
PLACES = "/mnt", "/media", "/srv"  # over one of these, for the command only, its disk
DEVICES = "null", "zero", "full", "random", "urandom", "tty"
SCRATCH = "256m"       # bytes in /tmp
PROCESSES = 400        # processes and threads at once, tests and all
NOBODIES = 20_000, 60_000  # users without a name; the limit counts what a user runs
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = (
    1, 2, 4, 8, 32, 4096, 16384, 1 << 18)
libc = ctypes.CDLL(None, use_errno=True)


# ---- Outside ---------------------------------------------------------------------------

def isolated(command, read):
    """Return the command that runs a command apart, with these folders to read."""
    spaces = ["--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child"]
    if os.geteuid():
        spaces += ["--user", "--map-root-user"]
    return ["unshare", *spaces, sys.executable, os.path.abspath(__file__),
            *map(os.path.abspath, [*read, *links(sys.executable)]), "--", *command]


def links(path):
    """Return the folders on the way if the path is a link to a link, and so on."""
    folders = []
    while os.path.islink(path):
        path = os.path.join(os.path.dirname(path), os.readlink(path))
        folders.append(os.path.dirname(path))
    return folders


def possible():
    """Return why no command can be run apart here, or None."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return "this needs Linux, and unshare of util-linux"
    done = subprocess.run(
        isolated([sys.executable, "-c", "pass"], [sys.prefix, sys.base_prefix]), text=True,
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    return None if done.returncode == 0 else done.stderr.strip().rpartition("\n")[2]


# ---- Inside ----------------------------------------------------------------------------

def call(name, *arguments):
    """Call a function of the C library; raise OSError if it fails."""
    words = [word.encode() if isinstance(word, str) else word for word in arguments]
    if getattr(libc, name)(*words) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}", str(arguments))


def show(path, root):
    """Let a folder be seen under root, read-only."""
    if os.path.islink(path):
        os.symlink(os.readlink(path), root + path)
        return
    os.makedirs(root + path, exist_ok=True)
    call("mount", path, root + path, None, BIND | REC, None)
    flags, own = os.statvfs(path).f_flag, 0
    for flag in NOSUID, NODEV, NOEXEC:  # flags that the system has locked
        own |= flags & flag
    call("mount", None, root + path, None, BIND | REMOUNT | RDONLY | own, None)


def build(root, read):
    """Make the disk that the command sees."""
    call("mount", None, "/", None, REC | PRIVATE, None)
    call("mount", "tmpfs", root, "tmpfs", NOSUID | NODEV, "size=1m,mode=755")
    for path in "/proc", "/dev/pts", "/dev/shm", "/tmp":
        os.makedirs(root + path)
    call("mount", "proc", root + "/proc", "proc", NOSUID | NODEV | NOEXEC, None)
    for name in DEVICES:
        open(f"{root}/dev/{name}", "x").close()
        call("mount", f"/dev/{name}", f"{root}/dev/{name}", None, BIND, None)
    call("mount", "devpts", root + "/dev/pts", "devpts", NOSUID | NOEXEC,
         "newinstance,ptmxmode=0666,mode=0620")
    os.symlink("pts/ptmx", root + "/dev/ptmx")
    os.symlink("/proc/self/fd", root + "/dev/fd")
    call("mount", "tmpfs", root + "/dev/shm", "tmpfs", NOSUID | NODEV, "size=16m")
    call("mount", "tmpfs", root + "/tmp", "tmpfs", NOSUID | NODEV,
         f"size={SCRATCH},mode=1777")
    for path in [path for path in SYSTEM if os.path.exists(path)] + sorted(read):
        if not os.path.exists(root + path):  # inside of one that is shown already
            show(path, root)
    call("mount", None, root, None, REMOUNT | RDONLY | NOSUID | NODEV, None)


def main():
    end = sys.argv.index("--")
    read, command = sys.argv[1:end], sys.argv[end + 1:]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    root = next(path for path in PLACES if os.path.isdir(path)
                and not any(folder.startswith(path + "/") for folder in read))
    build(root, read)
    with open("/proc/self/uid_map", encoding="ascii") as users:
        real_root = users.read().split()[2] != "1"
    os.chroot(root)
    os.chdir("/tmp")
    resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for capability in range(64):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP: of no use after exec
    if real_root:  # for whom there is no limit of processes
        nobody = random.randrange(*NOBODIES)
        os.setgroups([])
        os.setresgid(nobody, nobody, nobody)
        os.setresuid(nobody, nobody, nobody)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    os.execvpe(command[0], command, {
        "PATH": os.environ["PATH"], "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8",
        **{name: value for name, value in os.environ.items()
           if name in ("LAB", "SHOWN_LAB", "MARKS")}})


if __name__ == "__main__":
    main()
