"""Plays transcripts from the notes in one window, live: `make demo`, `make demo P=problem4`.

The real programs run in terminals of their own; what is typed there and what they print is
shown as it happens, a colour for each terminal. Into a pipe it is plain text, at once.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from conftest import Lab, SCRIPTS
from test_transcripts import NOTES
from transcripts import Rehearsal, play, transcripts

LIVE = sys.stdout.isatty()
COLOURS = {"1": "\x1b[36m", "2": "\x1b[33m", "3": "\x1b[32m", "4": "\x1b[35m"}
PACE = float(os.environ.get("PACE", "1"))  # less is faster
KEYSTROKE, LINE, BREATH = 0.03 * PACE, 0.15 * PACE, 0.8 * PACE  # seconds, for people


class Missing(Exception):
    """A tool is not installed."""


def need(tool, why=None):
    if why or not shutil.which(tool):
        raise Missing(f"(left out: {why or f'{tool} is not installed'})")


class Demo(Rehearsal):
    """The stage for people: a rehearsal that is shown."""

    def say(self, number, mark, text, typed=False):
        colour, plain = (COLOURS.get(number, ""), "\x1b[0m") if LIVE else ("", "")
        print(f"{colour}{number}{mark} ", end="", flush=True)
        for letter in text if LIVE and typed else [text]:
            print(letter, end="", flush=True)
            time.sleep(KEYSTROKE if LIVE and typed else 0)
        print(plain, flush=True)
        time.sleep(LINE if LIVE else 0)

    def start(self, number, command, ready):
        self.breathe()
        self.say(number, "$", command, typed=True)
        super().start(number, command, ready)

    def await_shown(self):
        for number, text in self.awaited:
            self.say(number, "|", self.compare(self.terminals[number], text))
        self.awaited = []

    def type(self, number, text):
        self.breathe()
        self.say(number, "<", text, typed=True)
        super().type(number, text)

    def breathe(self):
        time.sleep(BREATH if LIVE else 0)


def perform(name, steps):
    """Play one transcript, in a folder of its own."""
    print(f"\n--- {name}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        try:
            play(steps, Demo(lab, need))
        except Missing as reason:
            print(reason)
        finally:
            for terminal in lab.terminals:
                terminal.clean_up()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="problem4, or basics/sum, or only sum")
    args = parser.parse_args()
    os.chdir(Path(__file__).resolve().parent.parent)
    folders = sorted({name.rpartition("/")[0] for name in SCRIPTS}, key=first_port)
    if args.folder:
        folders = [folder for folder in folders
                   if args.folder in (folder, folder.rpartition("/")[2])]
        if not folders:
            sys.exit(f"error: there is no folder {args.folder}; try problem1 or basics/sum")
    for folder in folders:
        scripts = sorted((name for name in SCRIPTS if name.rpartition("/")[0] == folder),
                         key=lambda name: "server" not in name and "receiver" not in name)
        played = [(name, steps) for name in scripts for steps in transcripts(NOTES[name] or "")]
        for name, steps in played if args.folder else played[:1]:
            perform(name, steps)
    print("\nthat was real; now do it yourself: README.md")


def first_port(folder):
    """Return the number by which the folders follow each other in the course."""
    ports = [int(step.text.rpartition(":")[2]) for name in SCRIPTS
             if name.rpartition("/")[0] == folder
             for steps in transcripts(NOTES[name] or "") for step in steps
             if step.kind == "|" and step.text.startswith(("listening on", "joined "))
             and step.text.rpartition(":")[2].isdigit()]
    return min(ports)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\nstopped")
