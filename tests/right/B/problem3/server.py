"""Calculator server with asyncio: computes A OP B, a task for each client."""
import argparse
import asyncio
import operator
import os
import re
import signal
import socket
import sys

SILENCE, LONGEST = 10, 2100
REQUEST = re.compile(rb"[ \t]*([+-]?\d{1,1000})[ \t]*([-+*/%])[ \t]*([+-]?\d{1,1000})[ \t]*\r?")
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "%": operator.mod}


class BadClient(Exception):
    pass


def complain(text):
    print(f"error: {text}", file=sys.stderr, flush=True)


def shown(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def compute(a, op, b):
    try:
        if op == "/":
            if a % b and not a / b:
                raise OverflowError
            return str(a / b if a % b else a // b)
        return str(OPERATIONS[op](a, b))
    except ZeroDivisionError:
        return "error: division by zero"
    except OverflowError:
        return "error: the result is too large or too small for a decimal number"


def reply_to(line, peer):
    match = REQUEST.fullmatch(line)
    if not match:
        complain(f"{peer}: not a request")
        return "error: not a request: A OP B, with integers of 1 to 1000 digits and one of + - * / %"
    a, op, b = int(match[1]), match[2].decode(), int(match[3])
    reply = compute(a, op, b)
    print(f"{peer}: {a} {op} {b} = {reply}", flush=True)
    return reply


async def lines(reader):
    """Yield each line without its newline. Each piece, not each line, has its 10 seconds."""
    rest = b""
    while True:
        *whole, rest = rest.split(b"\n")
        for line in whole:
            if len(line) >= LONGEST:
                break
            yield line
        if max(map(len, whole + [rest])) >= LONGEST:
            raise BadClient(f"a line of more than {LONGEST} bytes")
        data = await asyncio.wait_for(reader.read(4096), SILENCE)
        if not data and rest:
            raise BadClient("the last line has no newline")
        if not data:
            return
        rest += data


async def drain(reader):
    while await reader.read(65536):
        pass


async def client(reader, writer):
    peer = shown(writer.get_extra_info("peername"))
    try:
        try:
            async for line in lines(reader):
                writer.write(reply_to(line, peer).encode() + b"\n")
                await asyncio.wait_for(writer.drain(), SILENCE)
        except (BadClient, asyncio.TimeoutError) as e:
            reason = str(e) or f"silent for {SILENCE} seconds"
            complain(f"{peer}: {reason}")
            writer.write(f"error: {reason}\n".encode())
            writer.write_eof()
            await asyncio.wait_for(drain(reader), 2)  # a close with unread bytes would be a reset
    except asyncio.TimeoutError:
        writer.transport.abort()
    except OSError as e:
        complain(f"{peer}: {e.strerror or e}")
    finally:
        writer.close()


def cannot_accept(loop, context, last=[-1.0]):
    """asyncio reports a failed accept() here, and tries again; once a second is enough to print."""
    if loop.time() > last[0] + 1:
        last[0] = loop.time()
        complain(f"cannot accept: {context.get('exception') or context['message']}")


async def serve(args):
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(cannot_accept)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    family, *_, address = (await loop.getaddrinfo(args.host, args.port, type=socket.SOCK_STREAM))[0]
    sock = socket.create_server(address, family=family, backlog=128)
    await asyncio.start_server(client, sock=sock)
    print(f"listening on {shown(sock.getsockname())}", flush=True)
    await stopped.wait()
    print("stopped", flush=True)
    os._exit(0)  # without a word from the tasks of the clients


def port(text):
    if not 0 <= int(text) <= 65535:
        raise ValueError
    return int(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=12300)
    args = parser.parse_args()
    try:
        asyncio.run(serve(args))
    except (OSError, UnicodeError) as error:
        complain(error)
        sys.exit(1)
