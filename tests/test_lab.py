"""`make lab`: where a student begins, in scripts that start and have nothing to say yet."""
import ast
import os
import subprocess
import sys

import pytest

import lab
import report
import run
from conftest import OURS, THEIRS

pytestmark = pytest.mark.skipif(bool(THEIRS), reason="of our own tools")
PROBLEMS = [folder for folder in run.FOLDERS if folder.startswith("problem")]


def make_lab(cwd, *words):
    return subprocess.run([sys.executable, str(OURS / "tests" / "lab.py"), *words], cwd=cwd,
                          capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("folder", [*PROBLEMS, "basics/sum", "basics/stream_hello_file"])
def test_what_is_laid_out_starts_and_says_that_it_listens(folder, tmp_path):
    lab.lay_out(folder, tmp_path)
    names = [name for name in run.SCRIPTS if (tmp_path / name).is_file()]
    assert len(names) >= (1 if folder in ("problem7", "problem8") else 2)
    assert report.look(tmp_path, names) is None


@pytest.mark.parametrize("folder", PROBLEMS)
def test_only_the_conversation_is_emptied(folder, tmp_path):
    """The note, main() and the frame stay to the letter; what is emptied keeps its docstring."""
    lab.lay_out(folder, tmp_path)
    for path in tmp_path.glob("*/*.py"):
        source, text = (OURS / folder / path.name).read_text(), path.read_text()
        before, after = (ast.parse(text) for text in (source, text))
        assert ast.get_docstring(before) == ast.get_docstring(after)
        assert text.partition(lab.FRAME)[2] == source.partition(lab.FRAME)[2]
        assert lab.EMPTY in text and text.partition("\ndef main")[2] == source.partition(
            "\ndef main")[2]
        notes = [[ast.get_docstring(node) for node in ast.walk(tree)
                  if isinstance(node, ast.FunctionDef)] for tree in (before, after)]
        assert set(filter(None, notes[1])) <= set(filter(None, notes[0]))


def test_nothing_that_is_there_is_overwritten(tmp_path):
    mine = tmp_path / "lab" / "problem3" / "server.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    done = make_lab(tmp_path, "problem3")
    assert done.returncode == 0 and mine.read_text() == "mine"
    assert "server.py is there, and stays as it is\n" in done.stdout
    assert mine.with_name("client.py").exists()


@pytest.mark.parametrize("words, says", [
    ([], "error: name a folder: make lab P=problem3; there are basics/"),
    (["problem0"], "error: there is no problem0; "),
    (["datagram"], "error: basics/datagram is one short main(): "),
    (["problem3", "--lab", "file"], "error: [Errno")])
def test_what_cannot_be_laid_out(words, says, tmp_path):
    (tmp_path / "file").touch()
    done = make_lab(tmp_path, *words)
    assert done.stderr.startswith(says) and done.stderr.count("\n") == 1
    assert done.returncode in (1, 2) and "Traceback" not in done.stdout


@pytest.mark.waits
def test_each_mark_says_that_this_part_is_still_to_be_written(tmp_path):
    assert make_lab(tmp_path, "problem3").returncode == 0
    done = subprocess.run(
        [sys.executable, str(OURS / "tests" / "run.py"), "problem3", "--limit", "45"],
        text=True, timeout=300,
        env={**os.environ, "LAB": str(tmp_path / "lab")}, capture_output=True)
    says = f"still to be written: {tmp_path / 'lab'}/problem3/"
    assert done.returncode == 1 and done.stdout.count(says) > 12
    assert "Error" not in done.stdout


@pytest.mark.parametrize("tool", ["lab", "marks", "run", "gallery", "wire", "lan", "soak"])
def test_a_tool_starts_without_pytest_and_pexpect(tool):
    """On a machine where they are not installed yet: a tool says what it needs itself."""
    done = subprocess.run([sys.executable, "-S", str(OURS / "tests" / f"{tool}.py"), "--help"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == ""
