"""Every transcript in every note and in the README is typed into the real scripts."""
import ast

import pytest

from conftest import OURS, SCRIPTS, THEIRS
from transcripts import Rehearsal, play, transcripts

NOTES = {name: ast.get_docstring(ast.parse((OURS / name).read_text("utf-8")))
         for name in SCRIPTS}
NOTES["README.md"] = (OURS / "README.md").read_text("utf-8")
CASES = [pytest.param(steps, id=f"{name}-{number}")
         for name, note in NOTES.items()
         for number, steps in enumerate(transcripts(note or ""), 1)
         if not any(theirs in step.text for theirs in THEIRS for step in steps)]


@pytest.mark.parametrize("steps", CASES)
def test_the_transcript_is_what_happens(steps, lab, need):
    play(steps, Rehearsal(lab, need))


@pytest.mark.skipif(bool(THEIRS), reason="of our own notes")
@pytest.mark.parametrize("name", [name for name in NOTES if "employee" not in name])
def test_there_is_a_transcript_to_type(name):
    commands = [step.text for steps in transcripts(NOTES[name] or "") for step in steps
                if step.kind == "$"]
    assert any(name in command or name == "README.md" for command in commands)


WRONG = {
    "another result": ("2| 12 + 30 = 42", "2| 12 + 30 = 43"),
    "a line too many": ("2| 12 + 30 = 42\n", "2| 12 + 30 = 42\n    2| done\n"),
    "a line too few": ("    1| 127.0.0.1:<port>: 7 / 2 = 3.5\n", ""),
    "the last line too few": ("    2| 12 + 30 = 42\n", ""),
    "another order": ("    1| 127.0.0.1:<port>: 7 / 0 = error: division by zero\n"
                      "    3| error: division by zero\n    3< 7 / 2\n",
                      "    3< 7 / 2\n    3| error: division by zero\n"),
    "a failure": ("2| 12 + 30 = 42", "2| error: 12 + 30 = 42"),
}


@pytest.mark.parametrize("change", WRONG)
def test_a_transcript_that_is_not_true_fails(change, lab, need):
    """The player itself: one wrong thing in a right transcript, and it complains."""
    note = NOTES["problem3/server.py"]
    wrong = note.replace(*WRONG[change])
    assert wrong != note
    with pytest.raises(AssertionError):
        play(transcripts(wrong)[0], Rehearsal(lab, need))
