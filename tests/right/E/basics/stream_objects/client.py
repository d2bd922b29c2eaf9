"""Sends one employee to the server, as a line of JSON, and waits for its ok."""

import argparse
import signal
import socket
import sys
import unicodedata

from employee import Employee

at_prompt = False


def on_signal(number, frame):
    raise KeyboardInterrupt


def error(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def clean(text):
    return "".join("?" if unicodedata.category(c) == "Cc" else c for c in text)


def port_number(text):
    number = int(text)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def ask(question):
    global at_prompt
    at_prompt = True
    answer = input(question)
    at_prompt = False
    return answer


def ask_employee():
    while True:
        texts = ask("id: "), ask("name: "), ask("salary: ")
        try:
            return Employee.from_texts(*texts)
        except ValueError as e:
            error(e)


def send(employee, host, port):
    with socket.create_connection((host, port), timeout=10) as sock:
        sock.sendall(employee.to_line())
        with sock.makefile("rb") as stream:
            line = stream.readline(1000)
    if line != b"ok\n":
        if not line:
            raise ValueError("the server has not answered ok")
        text = clean(line.decode(errors="replace").rstrip("\n"))
        raise ValueError(text[7:] if text.startswith("error: ")
                         else f"the server has answered {text}")


def main():
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    sys.stderr.reconfigure(encoding="utf-8", errors="replace")
    sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="the server's address")
    parser.add_argument("--port", type=port_number, default=12008, help="the server's port")
    parser.add_argument("id", metavar="ID", nargs="?",
                        help="without ID NAME SALARY, the client asks for them")
    parser.add_argument("name", metavar="NAME", nargs="?")
    parser.add_argument("salary", metavar="SALARY", nargs="?")
    args = parser.parse_args()
    if args.id is None:
        employee = ask_employee()
    elif args.salary is None:
        parser.error("give ID, NAME and SALARY, or none of them")
    else:
        employee = Employee.from_texts(args.id, args.name, args.salary)
    send(employee, args.host, args.port)
    print("sent", employee, flush=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, EOFError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("\nstopped" if at_prompt else "stopped", flush=True)
    except socket.timeout:
        error("no answer for 10 seconds")
        sys.exit(1)
    except (OSError, ValueError) as e:
        error(e)
        sys.exit(1)
