"""Where a student begins: `make lab P=problem3` lays out the scripts, to be completed.

    make lab P=problem3 LAB=lab     lab/problem3/server.py and client.py

Each script keeps its note, imports, constants, main() and frame. The functions of the
conversation are emptied: their docstring stays, and a line says that the rest is missing.
Nothing that is there is overwritten.
"""
import argparse
import ast
import shutil
import sys
from pathlib import Path

import run

FRAME = "# ---- The frame"
WHOLE = "main", "run", "__init__"  # they begin the rest
EMPTY = 'raise NotImplementedError("to be written")'  # the marks know it: explain.py


def emptied(source):
    """Return a script without the bodies of its conversation, and the emptied functions."""
    lines = source.splitlines()
    frame = next((number for number, line in enumerate(lines, 1) if line.startswith(FRAME)),
                 len(lines) + 1)
    kinds = ast.FunctionDef, ast.AsyncFunctionDef
    top = [node for node in ast.parse(source).body if node.lineno < frame]
    methods = [node for one in top if isinstance(one, ast.ClassDef) for node in one.body]
    names, nodes = [], [node for node in top + methods if isinstance(node, kinds)]
    for node in sorted(nodes, key=lambda node: -node.lineno):  # from the end: no line moves
        if node.name in WHOLE:
            continue
        first = node.body[0]
        has_note = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        start = first.end_lineno if has_note else first.lineno - 1
        lines[start:node.end_lineno] = [" " * first.col_offset + EMPTY]
        names.append(node.name)
    return "\n".join(lines) + "\n", names[::-1]


def lay_out(folder, lab):
    """Write the scripts of a folder; return the lines that say what was done."""
    said, scripts = [], {path: path.read_text("utf-8")
                         for path in sorted((run.ROOT / folder).glob("*.py"))}
    for script, source in scripts.items():
        text, names = emptied(source)
        if any(f"from {script.stem} import" in other for other in scripts.values()):
            text, names = source, []  # employee.py
        elif not names or "PORT" not in source:
            continue  # its lesson stands in main(), or has nothing to do with sockets
        path = Path(lab, folder, script.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(path, "x", encoding="utf-8") as file:
                file.write(text)
            said.append(f"{path}: " + (f"write {'(), '.join(names)}()" if names else "whole"))
        except FileExistsError:
            said.append(f"{path} is there, and stays as it is")
    for entry in (run.ROOT / folder).iterdir():  # files to send
        if said and entry.is_dir() and not Path(lab, folder, entry.name).exists():
            shutil.copytree(entry, Path(lab, folder, entry.name))
    return said


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="*", help="problem3, basics/sum or sum")
    parser.add_argument("--lab", default="lab", help="where to write them")
    args = parser.parse_args()
    folders = sorted((run.chosen(",".join(args.folder)) or set()) - {"tests"})
    if not folders:
        run.error(f"name a folder: make lab P=problem3; there are {', '.join(run.FOLDERS)}")
    for folder in folders:
        try:
            said = lay_out(folder, args.lab)
        except OSError as error:
            sys.exit(f"error: {error}; choose another LAB")
        if not said:
            run.error(f"{folder} is one short main(): read it, and write your own")
        print("\n".join(said))
    print(f"Start them with python {args.lab}/{folders[0]}/...; what is missing says \"to be "
          f"written\".\nThen make test LAB={args.lab} P={','.join(folders)}")


if __name__ == "__main__":
    main()
