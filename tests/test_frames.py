"""The page: in each script the lesson comes first, and the frame is the same text everywhere.

A frame function is one below the marked line. It has one text, to the letter, in all scripts
that have it; so has the end of the script, among scripts with the same marked line (with
threads it does not wait for them; with a keyboard it takes any bytes). Those that differ
from the rest are named.
"""
import ast
import functools
import io
import tokenize
from collections import Counter, defaultdict

import pytest

from conftest import OURS, SCRIPTS, THEIRS

LINE = "# ---- The frame: the same in all "
PAGES = [name for name in SCRIPTS if not name.endswith(("employee.py", "make_tune.py"))]
STDIN = '    sys.stdin.reconfigure(errors="replace")\n'  # if somebody types
THREADS = "import threading", "import asyncio", "import concurrent"
LIMITS = {  # code lines: the lesson, the whole page (all others: 90, 130)
    "problem1/udp_server.py": (97, 130), "problem4/client.py": (134, 165),
    "problem5/udp_client.py": (105, 130), "problem5/udp_server.py": (102, 130),
    "problem6/hub_client.py": (97, 130), "problem6/hub_server.py": (222, 248),
    "problem8/electorate.py": (108, 142)}
SOURCES = {name: (OURS / name).read_text("utf-8") for name in SCRIPTS}
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own pages")


def marked(name):
    """Return the number of the marked line, and the line."""
    found = [(number, line) for number, line in enumerate(SOURCES[name].splitlines(), 1)
             if line.startswith(LINE)]
    assert len(found) == 1, f"{name} has {len(found)} lines that begin with {LINE!r}"
    return found[0]


def pieces(name):
    """Return the functions of the frame and the end of the script: key and text of each."""
    number, line = marked(name)
    lines = SOURCES[name].splitlines()
    for node in ast.parse(SOURCES[name]).body:
        text = "\n".join(lines[node.lineno - 1:node.end_lineno])
        if node.lineno > number and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{node.name}()", text
        elif node.lineno > number:
            kind = "servers" if "servers" in line else line
            if "os._exit" in text:
                kind += " with threads"
            yield f"the end of {kind}", text.replace(STDIN, "")


@functools.lru_cache(maxsize=1)
def versions():
    """Return for each piece its texts, each with the scripts that have it."""
    found = defaultdict(lambda: defaultdict(list))
    for name in PAGES:
        if LINE in SOURCES[name]:
            for key, text in pieces(name):
                found[key][text].append(name)
    return found


def code_lines(source):
    """Return the numbers of the lines with code: no blank lines, comments, docstrings."""
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
            tokenize.ENDMARKER)
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skip:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef,
                             ast.AsyncFunctionDef)) and ast.get_docstring(node) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines


@pytest.mark.parametrize("name", PAGES)
def test_the_frame_is_the_same_text_everywhere(name):
    """D27, D31: so the end of a server is right in all of them, if it is in one. (D31, by
    documentation: on Windows, a blocking call hears only the default action of Ctrl+C.)"""
    for key, text in pieces(name):
        if key.startswith("the end of") and "clients" not in key:
            assert ("os._exit" in text) == any(module in SOURCES[name] for module in THREADS)
        if key.startswith("the end of servers"):
            assert "signal.signal(signal.SIGINT, signal.SIG_DFL)" in text
        texts = versions()[key]
        usual = Counter({text: len(names) for text, names in texts.items()}).most_common(1)[0][0]
        assert text == usual, (f"{key} in {name} differs from {len(texts[usual])} others, "
                               f"for example {texts[usual][0]}")


@pytest.mark.parametrize("name", PAGES)
def test_a_script_has_only_the_frame_functions_that_it_calls(name):
    tree = ast.parse(SOURCES[name])
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    idle = [key for key, _ in pieces(name) if key.endswith("()") and key[:-2] not in used]
    assert not idle, f"{name} never calls {', '.join(idle)}"


@pytest.mark.parametrize("name", PAGES)
def test_the_lesson_comes_first_and_fits_on_a_page(name):
    number, line = marked(name)
    assert len(line) == 88
    body = ast.parse(SOURCES[name]).body
    main = [node for node in body if getattr(node, "name", "") == "main"]
    assert len(main) == 1 and main[0].end_lineno < number, "main() stands above the frame"
    assert isinstance(body[-1], ast.If) and body[-1].lineno > number
    lines = code_lines(SOURCES[name])
    lesson, whole = LIMITS.get(name, (90, 130))
    assert sum(line < number for line in lines) <= lesson and len(lines) <= whole


def test_frames_that_differ_are_found(monkeypatch):
    name = "basics/stream_welcome/server.py"
    other = SOURCES[name].replace("RFC 3986", "RFC 2732")
    versions()  # as they are
    monkeypatch.setitem(SOURCES, name, other)
    with pytest.raises(AssertionError, match=r"show\(\) in basics/stream_welcome/server.py"):
        test_the_frame_is_the_same_text_everywhere(name)
