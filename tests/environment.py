"""The environment of the tests: .venv/VERSION, with pytest and pexpect in it.

    python3 tests/environment.py tests/demo.py problem4

runs tests/demo.py in it. The first time, and when requirements.txt changes, it makes the
environment; this needs the network. VENV=FOLDER puts it into another folder.
"""
import fcntl
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
VERSION = "%d.%d" % sys.version_info[:2]
VENV = Path(os.environ.get("VENV") or TESTS.parent / ".venv" / VERSION).absolute()
PYTHON = VENV / "bin" / "python"
WANTED = TESTS / "requirements.txt"


def ready():
    """Return whether the environment is there, with what the tests require today."""
    installed = VENV / "installed"
    return (PYTHON.exists() and installed.exists()
            and installed.read_text("utf-8") == WANTED.read_text("utf-8"))


def command(*words, otherwise):
    """Run a command; if it fails, end with its last line and what to do about it."""
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.strip()] or ["no reason"]
        errors = [line for line in said if line.startswith("ERROR: ")] or said
        sys.exit(f"error: {otherwise} ({errors[-1].replace('ERROR: ', '').strip()})")


def make():
    """Make the environment. A second one that comes meanwhile waits for the first."""
    try:
        import ensurepip  # noqa: F401 (Debian has it in a package of its own)
        import venv  # noqa: F401
    except ImportError:
        sys.exit(f"error: {sys.executable} has no module venv: install it "
                 "(Debian, Ubuntu: apt install python3-venv)")
    try:
        VENV.parent.mkdir(parents=True, exist_ok=True)
        lock = open(f"{VENV}.lock", "w", encoding="utf-8")
    except OSError as error:
        sys.exit(f"error: cannot write {VENV}: {error.strerror}: copy this folder to a "
                 f"place of your own, or choose another one: make test VENV=/tmp/tests")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if ready():
            return
        print(f"making {VENV}: pytest and pexpect, once", flush=True)
        if not PYTHON.exists() or not (VENV / "installed").exists():
            command(sys.executable, "-m", "venv", "--clear", VENV,
                    otherwise=f"cannot make {VENV}: is the disk full?")
        command(PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet",
                "--retries", "2", "-r", WANTED,
                otherwise="pip cannot install pytest and pexpect: the first run needs the "
                          "network; connect, and run it again")
        (VENV / "installed").write_text(WANTED.read_text("utf-8"), "utf-8")


def enter(*words):
    """Go on as Python in the environment, with these arguments; return if we are there."""
    if Path(sys.prefix).resolve() != VENV.resolve():
        if not ready():
            make()
        os.execv(PYTHON, [str(PYTHON), *words])


if __name__ == "__main__":
    try:
        enter(*sys.argv[1:])
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    except KeyboardInterrupt:
        sys.exit(130)
