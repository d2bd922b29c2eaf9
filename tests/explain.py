r"""Why a check does not hold, in a student's words: what was done, expected, and what came.

The tests say what they expect in Python and in regular expressions. Here these become words:

    1$ python problem3/server.py
    2$ (printf '12 +'; sleep 1; printf ' 30\n') | nc -N 127.0.0.1 12300
    expected  42
    came      nothing; the program ended

The commands are what the test did, with what a person has: two terminals, and nc.
"""
import os
import re
import socket
import subprocess
import time
import traceback
from pathlib import Path

import cases
import peers
from cases import TO_BE_WRITTEN
from terminal import Unmet

OURS = Path(__file__).resolve().parent.parent
SHOWN = 6  # commands
# The folder in front of somebody's own scripts, as it was typed (marks.py: none).
LAB = os.environ.get("SHOWN_LAB", os.environ.get("LAB", ""))
HALF = "a traceback"  # of which the last line has not come
COMPARED = []  # the last comparison that failed: its operator, left and right side
WORDS = [(ConnectionRefusedError, "the connection was refused: the server does not run"),
         (ConnectionResetError, "the connection was reset"),
         (BrokenPipeError, "the server had closed the connection"),
         (socket.timeout, "nothing more, within the time that the test waits"),
         (subprocess.TimeoutExpired, "the program did not end")]


def plain(pattern):
    """Return a regular expression as a person would write the text down."""
    text = re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), pattern)
    text = re.sub(r"\(\?[ms]+\)|\(\?:|\(\?[=!<].*?\)|[\^$]", "", text)
    for old, new in [(r"\r\n", " "), (r"\r", ""), (r"\n", " "), (r"\S+", "…"), (r"\S*", "…"),
                     (r"\d+", "<number>"), (r"\d", "<digit>"), (".*", "…"), (".+", "…"),
                     (r"\x1b", "")]:
        text = text.replace(old, new)
    text = re.sub(r"\[[^]]*\][*+]", "…", text)
    text = re.sub(r"(?<!\\)[()]", "", text).replace("|", " or ")
    return re.sub(r"\\(.)", r"\1", text).strip()


def shown(text, most=160):
    """Return a value in one short line."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if not isinstance(text, str):
        text = repr(text)
    text = text.replace("\r\n", "\n").strip("\n").replace("\n", "\\n") or "nothing"
    text = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return text if len(text) <= most else f"{text[:most // 2]} … {text[-most // 2:]}"


def cause(outputs, scripts):
    """Return where one of their scripts ended with a traceback, or None.

    outputs: what was printed, and the command that printed it.
    """
    for output, command in outputs:
        _, found, rest = output.partition("Traceback (most recent call last):")
        name = next((name for name in scripts if name in command), None)
        if found and name:
            line, last = "?", HALF
            for text in rest.splitlines():  # as far as the first: other threads may follow
                place = re.search(rf'{re.escape(name)}", line (\d+)', text)
                if place:
                    line = place[1]
                if re.match(r"\w[\w.]*(:|$)", text):
                    last = shown(text)
                    break
            return f"{os.path.join(LAB, name)}, line {line}: {last}"
    return None


def explain(error, terminals, scripts):
    """Return the lines that tell a student why a check does not hold, the cause first."""
    for _ in range(20):  # a traceback may be half printed
        outputs = [(terminal.output, terminal.command) for terminal in terminals]
        found = cause(outputs + cases.PRINTED, scripts)
        if not found or not found.endswith(HALF):
            break
        time.sleep(0.1)
    lines = [f"traceback {found}"] if found else []
    if lines and lines[0].endswith(TO_BE_WRITTEN):
        return lines
    done, came = to_do(terminals, scripts)
    lines += done
    if isinstance(error, Unmet):
        lines.append(f"expected  {shown(plain(error.expected))}")
        if "Traceback" not in error.came:
            lines.append(f"came      {shown(error.came)}"
                         f"{'; the program ended' if error.ended else ''}")
        return lines
    expected, got = compared(error)
    words = [words for kind, words in WORDS if isinstance(error, kind)]
    if expected is not None:
        lines.append(f"expected  {shown(expected)}")
    if got is not None or words or came is not None:
        what = came if got is None else got
        parts = [shown(what)] if what or not words else []
        lines.append("came      " + "; then ".join(parts + words[:1]))
    return lines or ["came      something else; the details say what"]


def compared(error):
    """Return what the assertion that failed expected, and what came; None: not known."""
    if not isinstance(error, AssertionError):
        return None, None
    if COMPARED and COMPARED[0] == "==":
        return first_difference(*COMPARED[1:])[::-1]
    if COMPARED and COMPARED[0] == "not in":
        what = COMPARED[1]
        return ("a control character is shown as ?" if what == "\x1b" else
                f"not {shown(what)}"), around(*COMPARED[1:])
    if COMPARED and COMPARED[0] == "in":
        return f"… {shown(COMPARED[1])} …", COMPARED[2]
    frame = traceback.extract_tb(error.__traceback__)[-1]
    pattern = re.search(r"""re\.\w*match\((?:rb|br|r|b)?"(.*?)",""", frame.line or "")
    return (plain(pattern[1]) if pattern else None), None


def around(what, text):
    """Return the line of a text in which something stands that should not."""
    lines = text.splitlines() if isinstance(text, str) and isinstance(what, str) else []
    return next((line for line in lines if what in line), text)


# ---- What a person can do to see it ------------------------------------------------------

def to_do(terminals, scripts):
    """Return the commands that do what the test did, and what came on its last socket."""
    lines, ports = [], {}
    for number, terminal in enumerate(terminals, 1):
        command = re.sub(r" --port [0-9]+", "", terminal.command)
        command = re.sub(r"\S*/((basics/[^/\s]+|problem\d+)/[^/\s]+\.py)", r"\1", command)
        port = getattr(terminal, "port", None)
        name = re.search(r"\S+\.py", command)
        if port and name:
            ports[port] = default_port(name[0])
        if command.startswith("nsenter "):  # see lan.py
            lines = lines or ["in the network that `make net` makes:"]
            command = re.sub(r"^nsenter .* -- \S*python", "python", command)
        if name and re.match("sh -c .*(ulimit|stty)", command):
            window = re.search(r"stty columns (\d+)", command)
            command = f"python {name[0]}"
            command += f"   # in a window of {window[1]} columns" if window else ""
        if name and name[0] in scripts:
            command = command.replace(name[0], os.path.join(LAB, name[0]))
        if number > SHOWN:
            lines.append(f"and {len(terminals) - SHOWN} more")
            break
        lines.append(f"{number}$ {shown(command)}")
        lines += [f"{number}< {shown(text) if text else 'Enter'}" for text in terminal.typed[:3]]
    spoken = [(kind, said) for kind, said in peers.Talker.spoken if said]
    if not spoken or not ports or COMPARED[:1] == ["not in"]:
        return lines, None
    kind, said = spoken[-1]
    datagrams = kind == socket.SOCK_DGRAM
    pieces, data = last_exchange(said)
    command = shell(pieces, datagrams)
    if command:
        lines.append(f"{len(terminals) + 1}$ {command} | nc {'-u -w 2' if datagrams else '-N'} "
                     f"127.0.0.1 {list(ports.values())[0]}")
        if sum(kind == "sent" for _, kind, _ in pieces) > 3 and not datagrams:
            lines.append("   (the test sends more and smaller pieces)")
    elif pieces:
        sent = b"".join(data for _, _, data in pieces)
        lines.append(f"sent      {shown(sent, 60)} ({len(sent)} bytes)")
    return lines, data


def last_exchange(said):
    """Return what was sent last on a socket, the pieces, and what came after it or None."""
    pieces, came = [], None
    for at, kind, data in said:
        if kind == "came":
            came = (came or b"") + data
        elif came is not None and kind == "sent":
            pieces, came = [(at, kind, data)], None
        else:
            pieces.append((at, kind, data))
    return pieces, came


def default_port(script):
    """Return the port in a script's first lines."""
    found = re.search(r"PORT = .*?(\d{5})", (OURS / script).read_text("utf-8"))
    return found[1] if found else "PORT"


def shell(pieces, datagrams=False):
    """Return a command that prints these pieces, with a pause where there was one (or after
    each datagram); None if they are too long for a line, or there are none."""
    sent = b"".join(data for _, _, data in pieces)
    if not sent:
        return None
    if datagrams and len(sent) > 8000:
        return None  # nc would send several
    if len(sent) > 60:
        unit = sent[:1].decode("latin-1")
        if sent != sent[:1] * len(sent) or not unit.isalnum():
            return None
        return f"""python3 -c "print(end='{unit}' * {len(sent)})\""""
    groups, last = [], None
    for at, kind, data in pieces:
        apart = last is not None and (datagrams or at - last > 0.005)
        if kind == "sent" and apart:
            groups.append(data)
        elif kind == "sent":
            groups[-1:] = [b"".join(groups[-1:]) + data]
        last = at
    if datagrams and len(groups) > 3:
        return None
    if len(groups) > 3:  # a byte at a time: two pieces show it, too
        groups = [sent[:len(sent) // 2], sent[len(sent) // 2:]]
    words = "; sleep 1; ".join(f"printf '{escaped(data)}'" for data in groups)
    ended = any(kind == "end" for _, kind, _ in pieces)
    return f"({words}{'' if ended else '; sleep 3'})"


def escaped(data):
    """Return bytes as the argument of printf, in single quotes."""
    special = {10: r"\n", 13: r"\r", 37: "%%", 39: r"'\''", 92: r"\\"}
    return "".join(special.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
                   for byte in data)


def first_difference(left, right):
    """Return the first items that differ, of two lists; else both as they are."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        for one, other in zip(left, right):
            if one != other:
                return one, other
    return left, right
