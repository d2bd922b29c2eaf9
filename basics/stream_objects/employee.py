"""Employee, the object that client.py sends to server.py, as a line and back.

The one module here that two scripts share: both must agree on what an
employee is, and on how its line is written. Started by itself it shows the
line of an employee, or checks the line that it is given:

    1$ python basics/stream_objects/employee.py
    1| {"id": 7, "name": "Ada", "salary": 4200}
    2$ python basics/stream_objects/employee.py '{"id": 7, "salary": 4200}'
    2| error: expected id, name and salary, and nothing else

Notice: there is no Employee with wrong values, whoever makes one: a program,
a person at a prompt or a line from the network.
"""
import argparse
import dataclasses
import json
import sys

MAX_ID = 999_999
MAX_NAME = 40              # characters
MAX_SALARY = 10_000_000
MAX_LINE = 600             # bytes: a name in \u escapes takes up to 12 a character


@dataclasses.dataclass
class Employee:
    id: int
    name: str
    salary: float

    def __post_init__(self):
        """Called for each new Employee; raise ValueError if a value is not allowed."""
        if type(self.id) is not int or not 1 <= self.id <= MAX_ID:  # (True is a bool)
            raise ValueError(f"the id must be an integer from 1 to {MAX_ID}")
        if not (type(self.name) is str and len(self.name) <= MAX_NAME
                and self.name.strip() and self.name.isprintable()):
            raise ValueError(f"the name must be 1 to {MAX_NAME} printable characters")
        # no comparison with NaN is true
        if type(self.salary) not in (int, float) or not 0 <= self.salary <= MAX_SALARY:
            raise ValueError(f"the salary must be a number from 0 to {MAX_SALARY}")


def to_line(employee):
    """Return the employee as a line of JSON, in bytes."""
    return json.dumps(dataclasses.asdict(employee), ensure_ascii=False).encode() + b"\n"


def from_line(line):
    """Return the Employee in a line; raise ValueError if there is none."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or cut off")
    values = json.loads(line.decode())  # numbers, texts, lists ...: nothing that runs
    if type(values) is not dict or values.keys() != {"id", "name", "salary"}:
        raise ValueError("expected id, name and salary, and nothing else")
    return Employee(**values)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("line", nargs="?", metavar="LINE", help="a line to check")
    args = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")
    if args.line is None:
        print(to_line(Employee(7, "Ada", 4200)).decode(), end="")
    else:
        print(from_line(args.line.encode(errors="surrogateescape")[:MAX_LINE] + b"\n"))


if __name__ == "__main__":
    try:
        main()
    except ValueError as error:
        sys.exit(f"error: {error}")
