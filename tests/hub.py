"""What the tests of the hub share: members with a program and without, users, a certificate.

    ann = enter(lab, hub, "ann")          # hub_client.py in a terminal, in the lobby
    bob = Raw(hub, "bob")                 # a socket and lines
    add(lab, "ann", "secret", "secret")   # hub_server.py --add-user, the password twice
"""
import re
import shlex
import socket
import subprocess

from conftest import OURS, THEIRS

HUB, MEMBER = "problem6/hub_server.py", "problem6/hub_client.py"


def says(text, words):
    """Return whether a text has this error; in a mark, its words are everybody's own."""
    return ("error: " if THEIRS else words) in text


def enter(lab, hub, name, *options, echo=False):
    member = lab.client(hub, MEMBER, name, *options, echo=echo)
    room = options[1] if options else "lobby"
    member.line(f"joined {room} as {name}")
    return member


class Raw:
    """A member of the hub without a program: a socket and lines."""

    def __init__(self, hub, *lines, timeout=10):
        self.conn = socket.create_connection(("127.0.0.1", hub.port), timeout=timeout)
        self.stream = self.conn.makefile("rb")
        self.say(*lines)

    def say(self, *lines):
        self.conn.sendall("".join(f"{line}\n" for line in lines).encode())

    def line(self):
        return self.stream.readline().decode().rstrip("\n")

    def ask(self, line):
        self.say(line)
        return self.line()

    def close(self):
        self.stream.close()
        self.conn.close()


def add(lab, name, *passwords, moderator=False, status=0, echo=False):
    options = ["--moderator"] if moderator else []
    adding = lab.start(HUB, "--users", "users", "--add-user", name, *options, echo=echo)
    for prompt, password in zip(["password: ", "once more: "], passwords):
        adding.see(prompt)
        adding.type(password)
    return adding.wait(status)


def certificate(lab, need):
    """Make a certificate with the line that the note prints."""
    need("openssl")
    note = (OURS / HUB).read_text()
    command = re.search(r"openssl req(?:[^\n]*\\\n)*[^\n]*", note)[0]
    subprocess.run(shlex.split(command.replace("\\\n", " ")), cwd=lab.folder, check=True,
                   capture_output=True)
