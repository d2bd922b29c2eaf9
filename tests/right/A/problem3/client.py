"""Calculator client: sends A OP B to the server, and shows the result."""
import argparse
import re
import signal
import socket
import sys

WRONG_INTEGER = "expected an integer of at most 1000 digits"
WRONG_OPERATOR = "expected one of + - * / %"


def integer(text):
    if not re.fullmatch("[+-]?[0-9]{1,1000}", text.strip()):
        raise argparse.ArgumentTypeError(WRONG_INTEGER)
    return int(text)


def operator(text):
    if text.strip() not in ("+", "-", "*", "/", "%"):
        raise argparse.ArgumentTypeError(WRONG_OPERATOR)
    return text.strip()


def ask(question, check):
    while True:
        try:
            return check(input(question + " "))
        except argparse.ArgumentTypeError as e:
            print(f"error: {e}", file=sys.stderr, flush=True)
        except (EOFError, KeyboardInterrupt):
            print()  # leave the line of the question
            raise KeyboardInterrupt


def compute(host, port, request):
    with socket.create_connection((host, port), timeout=10) as conn, conn.makefile("rb") as replies:
        conn.sendall(request.encode() + b"\n")
        reply = replies.readline(5000)
    if not reply.endswith(b"\n"):
        raise OSError("the reply was cut off" if reply else "the server closed the connection")
    return "".join(c if c.isprintable() else "?" for c in reply[:-1].decode("utf-8", "replace"))


def port(text):
    if not 1 <= int(text) <= 65535:
        raise ValueError
    return int(text)


def stop(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12300)
    parser.add_argument("request", nargs="*", metavar="A OP B", help="without them, the client asks")
    args = parser.parse_args()
    if len(args.request) not in (0, 3):
        parser.error("expected A OP B, or nothing")
    sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)
        if args.request:
            a, op, b = (f(x) for f, x in zip((integer, operator, integer), args.request))
        else:
            a = ask("first integer:", integer)
            op = ask("operator + - * / %:", operator)
            b = ask("second integer:", integer)
        reply = compute(args.host, args.port, f"{a} {op} {b}")
    except KeyboardInterrupt:
        print("stopped", flush=True)
        sys.exit(0)
    except argparse.ArgumentTypeError as e:
        parser.error(str(e))
    except (OSError, UnicodeError) as e:
        sys.exit(f"error: {'no reply for 10 seconds' if isinstance(e, socket.timeout) else e}")
    if reply.startswith("error: "):
        sys.exit(reply)
    print(f"{a} {op} {b} = {reply}", flush=True)


if __name__ == "__main__":
    main()
