"""The README and the page of figures: their links, commands, and names are right."""
import ast
import re
import subprocess

import pytest

from conftest import ENVIRONMENT, OURS, SCRIPTS, THEIRS

pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own notes")
PAGES = ["README.md", "tests/README.md", "tests/bench/README.md"]
TEXTS = {page: (OURS / page).read_text("utf-8") for page in PAGES}
MAKEFILE = (OURS / "Makefile").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#:]+)\)", TEXTS[page])
    missing = [link for link in links if not ((OURS / page).parent / link).exists()]
    assert not missing, f"{page} links to {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_exists(page):
    """And so does each word that it is given: make test P=problem3."""
    for target, words in re.findall(r"`(?:FORK=no )?make ([a-z]+)((?: \w+=\S+?)*)[`\n]",
                                    TEXTS[page]):
        assert re.search(rf"(?m)^{target}:", MAKEFILE), f"make {target}"
        for word in re.findall(r"(\w+)=", words):
            assert f"$({word})" in MAKEFILE or f"$(or $({word})" in MAKEFILE, f"{target} {word}="


def test_every_function_that_the_readme_names_is_in_its_script():
    rows = re.findall(r"(?m)^\| [^|]+ \| ((?:\[\S+\]\(\S+\)(?:, )?)+) \| `(\w+)` \|$",
                      TEXTS["README.md"])
    assert len(rows) > 20
    for links, name in rows:
        for script in re.findall(r"\((\S+?)\)", links):
            body = ast.parse((OURS / script).read_text("utf-8")).body
            assert name in [getattr(node, "name", "") for node in body], f"{name} in {script}"


def test_the_readme_is_short():
    assert len(TEXTS["README.md"].splitlines()) <= 300


def test_the_gallery_that_the_readme_names_is_there():
    names = re.findall(r"make gallery W=(\w+)", TEXTS["README.md"] + TEXTS["tests/README.md"])
    assert names
    for name in names:
        assert (OURS / "tests" / "wrong" / f"{name}.diff").exists(), name


NUMBERS = "".join(f"{number}\n" for number in range(1, 100_001))
# What a command of a note prints, and the line that the server prints.
COMMANDS = {
    "(printf Thank; sleep 3; echo ' you!') | nc -N 127.0.0.1 12006":
        ("Welcome!\n", "Client: Thank you!"),
    "nc -N 127.0.0.1 12011 < many.txt | wc -l": (" *100000\n", ".*: 100000 lines"),
    r"printf 'hello, server\n9 poem.txt\nroses' | nc -N 127.0.0.1 12012":
        ("hello, client\n", "error: .*"),
    r"(printf '12 3'; sleep 3; printf '0\n') | nc -N 127.0.0.1 12009":
        ("42\n", r"12 \+ 30 = 42"),
    "echo twelve 30 | nc -N 127.0.0.1 12009": ("", "error: .*"),
    """printf '{"id": 7' | nc -N 127.0.0.1 12008""": ("", "error: .*"),
    r"(printf '12 + 3'; sleep 1; printf '0\n') | nc -N 127.0.0.1 12300":
        ("42\n", r".*: 12 \+ 30 = 42"),
    r"printf '1 + 1\n2 + 2\n' | nc -N 127.0.0.1 12300": ("2\n4\n", r".*: 2 \+ 2 = 4"),
    r"printf '7 / 2\n7 - 2\n' | nc -N 127.0.0.1 12300": ("3.5\n5\n", ".*: 7 - 2 = 5"),
}


def commands():
    """Return (script, command) for each command of a note that has nc -N HOST PORT."""
    found = []
    for name in ["README.md", *SCRIPTS]:
        text = (OURS / name).read_text("utf-8")
        if name.endswith(".py"):
            text = ast.get_docstring(ast.parse(text)) or ""
        for command in re.findall(r"`([^`]*nc -N 127\.0\.0\.1\s\d+[^`]*)`", text):
            command = re.sub(r"\s*\n\s*", " ", command).replace(r"\|", "|")
            found.append(("problem3/server.py" if name == "README.md" else name, command))
    return found


@pytest.mark.parametrize("script, command", commands())
def test_every_command_of_a_note_does_what_the_note_says(script, command, lab, need):
    need("nc")
    server = lab.server(script)
    (lab.folder / "many.txt").write_text(NUMBERS)
    printed, line = COMMANDS[command]
    done = subprocess.run(
        re.sub(r"sleep \d+", "sleep 0.3", re.sub(r"\b12\d{3}\b", str(server.port), command)),
        cwd=lab.folder, shell=True, env=ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert re.fullmatch(printed, done.stdout), command
    server.line(line)


def test_no_command_is_left_over():
    assert {command for _, command in commands()} == set(COMMANDS)
