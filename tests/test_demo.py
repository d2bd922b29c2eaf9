"""`make demo`: the transcripts, shown to people."""
import os
import re
import subprocess
import sys

import pytest

from conftest import OURS, THEIRS

DEMO = str(OURS / "tests" / "demo.py")
pytestmark = pytest.mark.skipif(bool(THEIRS), reason="plays our own scripts")


def test_into_a_pipe_it_is_plain_text():
    demo = subprocess.run([sys.executable, DEMO, "problem3"], capture_output=True, text=True,
                          timeout=60)
    assert demo.returncode == 0 and demo.stderr == "" and "\x1b" not in demo.stdout
    assert re.search(r"\n1\$ python problem3/server\.py\n1\| listening on 127\.0\.0\.1:12300\n"
                     r"2\$ python problem3/client\.py 12 \+ 30\n", demo.stdout)
    assert demo.stdout.count("2| 12 + 30 = 42\n") == 1


def test_on_a_terminal_it_is_typed_in_colours_and_ends_by_itself(lab):
    demo = lab.start("env", "PACE=0.1", sys.executable, DEMO, "datagram_address")
    output = demo.wait(timeout=60)
    assert "\x1b[36m1$ python basics/datagram_address/server.py\x1b[0m\r\n" in output
    assert "\x1b[33m2$ python basics/datagram_address/client.py\x1b[0m\r\n" in output


def test_without_a_tool_a_transcript_is_left_out(tmp_path):
    os.symlink(sys.executable, tmp_path / "python")
    demo = subprocess.run([sys.executable, DEMO, "problem3"], capture_output=True, text=True,
                          timeout=60, env={**os.environ, "PATH": str(tmp_path)})
    assert demo.returncode == 0 and "(left out: nc is not installed)" in demo.stdout


def test_no_such_folder():
    demo = subprocess.run([sys.executable, DEMO, "problem0"], capture_output=True, text=True)
    assert demo.returncode == 1 and demo.stderr.startswith("error: there is no folder")
