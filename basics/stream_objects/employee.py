"""Employee: the object that client.py sends to server.py.

Both scripts import this module, because both must agree on two things: which
values an employee may have, and how an employee is written as a line. (It is
the only module here that two scripts share.) The id is an integer from 1 to
999999, the name has 1 to 40 printable characters, and the salary is a number
from 0 to 10,000,000. Other fields are not allowed.
"""
import json

MAX_LINE = 600  # bytes; JSON may escape a name of 40 characters as 480 bytes


class Employee:
    """An employee. A value that is not allowed raises ValueError."""

    def __init__(self, id, name, salary):
        if type(id) is not int or not 0 < id < 1_000_000:
            raise ValueError("the id must be an integer from 1 to 999999")
        if (type(name) is not str or not name.isprintable()
                or not 0 < len(name.strip()) <= 40):
            raise ValueError("the name must have 1 to 40 printable characters")
        if type(salary) not in (int, float) or not 0 <= salary <= 10_000_000:
            raise ValueError("the salary must be a number from 0 to 10000000")
        self.id, self.name, self.salary = id, name, salary

    def __repr__(self):
        return f"Employee(id={self.id}, name={self.name!r}, salary={self.salary})"


def to_line(employee):
    """Return the employee as a line of JSON, in bytes."""
    return json.dumps(vars(employee)).encode() + b"\n"


def from_line(line):
    """Return the Employee of this line; raise ValueError if it has none."""
    if not line.endswith(b"\n"):
        raise ValueError("the line is too long, or was cut off")
    values = json.loads(line.decode())  # returns data; no code runs
    if type(values) is not dict or values.keys() != {"id", "name", "salary"}:
        raise ValueError("expected id, name and salary, and nothing else")
    return Employee(**values)
