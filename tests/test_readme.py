"""The README and the page of figures: their links, commands, and names are right."""
import ast
import re

import pytest

from conftest import OURS, THEIRS

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
