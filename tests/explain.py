"""Why a check does not hold, in a student's words: what was done, expected, and what came.

The tests say what they expect in Python and in regular expressions. Here these become words:

    did       python problem3/client.py 12 + 30
    expected  12 + 30 = <number>
    came      nothing; the program ended
"""
import re
import socket
import subprocess

import cases
from terminal import TO_BE_WRITTEN, Unmet

COMPARED = []  # the last comparison that failed: its operator, left and right side
WORDS = [(ConnectionRefusedError, "the connection was refused: the server does not run"),
         (ConnectionResetError, "the connection was reset"),
         (BrokenPipeError, "the server had closed the connection"),
         (socket.timeout, "nothing, within the time that the test waits"),
         (subprocess.TimeoutExpired, "the program did not end")]


def plain(pattern):
    """Return a regular expression as a person would write the text down."""
    text = re.sub(r"\(\?[ms]+\)|\(\?:|\(\?[=!<].*?\)|[\^$]", "", pattern)
    for old, new in [(r"\r\n", " "), (r"\r", ""), (r"\n", " "), (r"\S+", "…"), (r"\S*", "…"),
                     (r"\d+", "<number>"), (r"\d", "<digit>"), (".*", "…"), (".+", "…"),
                     (r"\x1b", "")]:
        text = text.replace(old, new)
    text = re.sub(r"\[\^[^]]*\][*+]", "…", text)
    text = re.sub(r"(?<!\\)[()]", "", text).replace("|", " or ")
    return re.sub(r"\\(.)", r"\1", text).strip()


def shown(text, most=160):
    """Return a value in one short line."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "backslashreplace")
    if not isinstance(text, str):
        text = repr(text)
    text = text.replace("\r\n", "\n").strip("\n").replace("\n", "\\n") or "nothing"
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= most else f"{text[:most // 2]} … {text[-most // 2:]}"


def cause(outputs, scripts):
    """Return where one of their scripts ended with a traceback, or None.

    outputs: what was printed, and the command that printed it.
    """
    for output, command in outputs:
        found = re.search(r"(?s)Traceback \(most recent call last\):(.*)", output)
        name = next((name for name in scripts if name in command), None)
        if found and name:
            lines = re.findall(rf'{re.escape(name)}", line (\d+)', found[1])
            last = [line for line in found[1].splitlines() if re.match(r"\w[\w.]*(:|$)", line)]
            return (f"{name}, line {lines[-1] if lines else '?'}: "
                    f"{shown(last[0] if last else 'a traceback')}")
    return None


def explain(error, terminals, scripts):
    """Return the lines that tell a student why a check does not hold, the cause first."""
    outputs = [(terminal.output, terminal.command) for terminal in terminals]
    found = cause(outputs + cases.PRINTED, scripts)
    lines = [f"traceback {found}"] if found else []
    if lines and lines[0].endswith(TO_BE_WRITTEN):
        return lines
    for terminal in terminals:
        lines.append(f"did       {re.sub(r' --port [0-9]+', '', terminal.command)}")
        lines += [f"typed     {shown(text)}" for text in terminal.typed[:3]]
    if isinstance(error, Unmet):
        lines += [f"expected  {shown(plain(error.expected))}", f"came      {shown(error.came)}"]
        if error.ended:
            lines[-1] += "; the program ended"
    elif isinstance(error, AssertionError) and COMPARED and COMPARED[0] == "==":
        came, expected = first_difference(*COMPARED[1:])
        lines += [f"expected  {shown(expected)}", f"came      {shown(came)}"]
    else:
        lines += [f"came      {words}" for kind, words in WORDS if isinstance(error, kind)][:1]
    return lines or ["came      something else; the details say what"]


def first_difference(left, right):
    """Return the first items that differ, of two lists; else both as they are."""
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        for one, other in zip(left, right):
            if one != other:
                return one, other
    return left, right
