r"""The wire diagrams: drawn, read, and held against the bytes of a real session.

    client                                server
       | ----- 12 + 30\n ------------------> |   a comment
       | <------------------------- 42\n --- |

Each line is what one side sends: TCP bytes, or one datagram, with \n for a newline. What
stands in parentheses varies: (100 bytes) is so many of any kind, any other words are a text
of any length. (connects) and (end of stream) are no bytes but what they say. A line behind
"or", or with a comment that begins with "only", need not come in this order.

The notes have such diagrams, and `make wire` draws them, of what passes at that moment. It
also writes \xff for a byte that cannot be printed, \\\\ for a backslash, and … for the middle
of what is too long. An arrow that ends with an x is lost.

    unproven(lines(note), events, stream)   # the first line that was not on the wire
    arrow(">", shown(b"12 + 30\n", 28), 40)  # " ----- 12 + 30\n ------------------> "
"""
import re
import unicodedata
from collections import namedtuple

Line = namedtuple("Line", "text direction content apart")
Event = namedtuple("Event", "direction client data")  # data: None, connects; b"", the end
LINE = re.compile(r"^(?: {3,}| *\d+ +)(or +)?\| ?(<?)-+ (.*?) -+(>?) ?\|(?: +(.*))?$")


def lines(note):
    """Return the lines of the diagrams in a note."""
    found = []
    for text in note.splitlines():
        match = LINE.match(text)
        if match:
            assert bool(match[2]) != bool(match[4]), f"an arrow has one end: {text}"
            found.append(Line(text.strip(), "<" if match[2] else ">", match[3].strip(),
                              bool(match[1]) or (match[5] or "").startswith("only")))
    return found


def pattern(content):
    """Return a regular expression for the bytes that a line of a diagram stands for."""
    parts = []
    for part in re.split(r"(\([^)]*\)|\\n|\\x[0-9a-f]{2}|\\\\|…)", content):
        count = re.fullmatch(r"\((\d+) bytes?\)", part)
        parts.append(f"[\\x00-\\xff]{{{count[1]}}}" if count else "[^\n]+" if part[:1] == "("
                     else part if re.match(r"\\.", part) else "[\\x00-\\xff]*" if part == "…"
                     else re.escape(part))
    return re.compile("".join(parts).encode())


def merged(events):
    """Join the pieces that one side of a connection sends in a row; keep where they end.

    Returns (direction, data, boundaries): a message begins and ends at a boundary.
    """
    found, open_ = [], {}
    for direction, client, data in events:
        last = open_.get(client)
        if data and last and last[0] == direction and last[1]:
            last[1] += data
        else:
            last = open_[client] = [direction, bytearray(data) if data else data, {0}]
            found.append(last)
        if data:
            last[2] |= {len(last[1])} | {match.end() for match in re.finditer(b"\n", last[1])}
    return found


def unproven(diagram, events, stream):
    """Return the text of the first line that was not on the wire, or None.

    stream: TCP, where the pieces in a row are one text; else each datagram is one.
    """
    messages = merged(events) if stream else [
        [direction, data, {0, len(data)}] for direction, _, data in events]
    at, place = 0, 0
    for line in diagram:
        if line.apart:
            found = find(line, messages, 0, 0)
        else:
            found = find(line, messages, at, place)
            at, place = found or (at, place)
        if not found:
            return line.text
    return None


def find(line, messages, at, place):
    """Return where, from there on, a message of the line ends; None: nowhere."""
    special = {"(connects)": None, "(end of stream)": b""}
    for number in range(at, len(messages)):
        direction, data, boundaries = messages[number]
        if direction != line.direction:
            continue
        if line.content in special:
            if data == special[line.content]:
                return number + 1, 0
            continue
        start = place if number == at else 0
        for begin in sorted(boundaries if data else ()):
            match = begin >= start and pattern(line.content).match(data, begin)
            if match and match.end() in boundaries:
                return number, match.end()
    return None


# ---- To draw ----------------------------------------------------------------------------

def columns(text):
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(
        0 if unicodedata.combining(one) or unicodedata.category(one) == "Mn"
        else 1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def escaped(data):
    """Return the bytes as they are shown, a list: characters, and the escapes of others."""
    parts = []
    for character in data.decode("utf-8", "surrogateescape"):
        if character in "\n\\":
            parts.append({"\n": r"\n", "\\": r"\\"}[character])
        elif character.isprintable():
            parts.append(character)
        else:
            parts += [f"\\x{byte:02x}"
                      for byte in character.encode("utf-8", "surrogateescape")]
    for edge in (0, -1):  # a blank there would not be seen
        if parts and parts[edge] == " ":
            parts[edge] = r"\x20"
    return parts


def shown(data, room):
    """Return the bytes as a text of at most so many columns: begin … end, if they are long."""
    if len(data) <= 8 * room:
        begin = end = escaped(data)
        if len(begin) <= 2 * room and columns("".join(begin)) <= room:
            return "".join(begin)
    else:  # the middle is not looked at: it may be long
        begin, end = escaped(data[:4 * room]), escaped(data[-4 * room:])
    last = fitting(end[::-1], room // 3)[::-1]
    return "".join(fitting(begin, room - 1 - columns("".join(last)))) + "…" + "".join(last)


def fitting(parts, room):
    """Return so many of the parts as fit into so many columns."""
    taken = []
    for part in parts[:2 * room]:
        room -= columns(part)
        if room < 0:
            break
        taken.append(part)
    return taken


def arrow(direction, content, width, lost=False):
    """Return an arrow of so many columns; it goes all the way, or is lost."""
    room = max(3, width - columns(content) - (9 if direction == ">" else 7))
    way = "-" * (room - 1) + direction
    if lost:
        way = "-" * (room - 1 - room // 3) + "x" + " " * (room // 3)
    if direction == ">":
        return f" ----- {content} {way} "
    return f" {way[::-1]} {content} --- "
