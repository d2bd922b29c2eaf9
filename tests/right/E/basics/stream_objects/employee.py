"""An employee: which values are allowed, and its form on the wire (JSON)."""

import json
import math
import unicodedata
from dataclasses import dataclass

MAX_LINE = 4096     # bytes, with the newline
MAX_NAME = 40      # characters


@dataclass(repr=False)
class Employee:
    id: int
    name: str
    salary: float

    def __post_init__(self):
        if type(self.id) is not int or not 1 <= self.id <= 999999:
            raise ValueError("the id must be an integer from 1 to 999999")
        if type(self.name) is not str or not 1 <= len(self.name) <= MAX_NAME \
                or not self.name.isprintable():
            raise ValueError(f"the name must be a text of 1 to {MAX_NAME} characters")
        try:
            self.name.encode()
        except UnicodeError:
            raise ValueError("the name must be UTF-8 text") from None
        try:
            if type(self.salary) not in (int, float):
                raise ValueError
            self.salary = float(self.salary)
            if not math.isfinite(self.salary) or self.salary < 0:
                raise ValueError
        except (ValueError, OverflowError):
            raise ValueError("the salary must be a number, 0 or more") from None

    def __repr__(self):
        name = "".join("?" if unicodedata.category(c) == "Cc" else c for c in self.name)
        return f"Employee(id={self.id}, name={name!r}, salary={self.salary})"

    @classmethod
    def from_texts(cls, id, name, salary):
        """Make an employee from three texts that a person has typed."""
        try:
            id = int(id)
        except ValueError:
            pass            # __post_init__ refuses it
        try:
            salary = float(salary)
        except ValueError:
            pass
        return cls(id, name, salary)

    def to_line(self):
        fields = {"id": self.id, "name": self.name, "salary": self.salary}
        return json.dumps(fields, ensure_ascii=False).encode() + b"\n"

    @classmethod
    def from_line(cls, line):
        """Make an employee from bytes of the wire, or raise ValueError."""
        if not line.endswith(b"\n"):
            raise ValueError("the line is too long" if len(line) >= MAX_LINE
                             else "the line has no newline at its end")
        try:
            fields = json.loads(line.decode())
        except UnicodeDecodeError:
            raise ValueError("the line is not UTF-8") from None
        except (ValueError, RecursionError):
            raise ValueError("the line is not JSON") from None
        if type(fields) is not dict or set(fields) != {"id", "name", "salary"}:
            raise ValueError("the line must be an object with id, name and salary")
        return cls(**fields)
