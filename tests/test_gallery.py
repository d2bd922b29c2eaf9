"""The gallery of wrong versions: each can be made, and says its mistake in a sentence.

`make gallery` (gallery.py) runs the tests that they name.
"""
import re

import pytest

import run
from conftest import OURS, THEIRS
from gallery import make, named, script

WRONG = sorted((OURS / "tests" / "wrong").glob("*.diff"))
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own scripts")


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_the_wrong_version_is_ours_but_for_its_mistake(path, tmp_path, need):
    need("patch")
    name = make(path, tmp_path)
    wrong = (tmp_path / name).read_text()
    assert wrong != (OURS / name).read_text()
    compile(wrong, name, "exec")  # or all tests would find it


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_the_tests_that_find_it_are_those_of_its_folder(path):
    folder = script(path).rpartition("/")[0]
    assert path.stem.startswith(folder.replace("/", "_"))
    tests = {name.replace("_", " ") for file in run.files({folder})
             for name in re.findall(r"def test_(\w+)", file.read_text("utf-8"))}
    certain, possible = named(path)
    assert certain + possible
    assert {*certain, *possible} <= tests


def test_every_problem_has_three_and_every_defect_one():
    for number in range(1, 9):
        assert sum(path.stem.startswith(f"problem{number}") for path in WRONG) >= 3
    text = "".join(path.read_text("utf-8").splitlines()[0] for path in WRONG)
    assert {f"D{number}" for number in range(1, 18)} <= set(re.findall(r"D\d+", text))
