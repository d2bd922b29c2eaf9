"""The gallery of wrong versions: each can be made, and is told in a sentence (see gallery.py)."""
import re

import pytest

from conftest import OURS, THEIRS
from gallery import make

WRONG = sorted((OURS / "tests" / "wrong").glob("*.diff"))
TESTS = {name for path in (OURS / "tests").glob("test_*.py")
         for name in re.findall(r"def test_(\w+)", path.read_text("utf-8"))}
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own scripts")


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_the_wrong_version_is_ours_but_for_its_mistake(path, tmp_path, need):
    need("patch")
    name = make(path, tmp_path)
    assert (tmp_path / name).read_text() != (OURS / name).read_text()
    assert path.stem.startswith(name.rpartition("/")[0].replace("/", "_"))
    _, found = path.read_text("utf-8").splitlines()[:2]
    names = found.partition("Found by: ")[2].split("; ")
    assert names != [""] and {what.replace(" ", "_").rstrip("?") for what in names} <= TESTS


def test_every_problem_has_three_and_every_defect_one():
    for number in range(1, 9):
        assert sum(path.stem.startswith(f"problem{number}") for path in WRONG) >= 3
    text = "".join(path.read_text("utf-8").splitlines()[0] for path in WRONG)
    assert {f"D{number}" for number in range(1, 18)} <= set(re.findall(r"D\d+", text))
