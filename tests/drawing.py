"""What a relay sees, drawn while it passes: the notation of diagrams.py, for `make wire`.

    tally = Tally(stream=True)          # relay.TcpRelay(server, watch=tally.watch)
    drawing = Drawing(tally, "client", "server", "127.0.0.1:12300", sys.stdout)
    drawing.start()                     # a thread of its own, so that nobody waits for it

Equal arrows in a row are folded: the first ones are drawn, the next ones only counted.
"""
import os
import queue
import threading
import time
from collections import OrderedDict, deque, namedtuple

from diagrams import arrow, columns, shown
from relay import CONNECTS, END, REFUSED, RESET, Lost

SHOWN = 24           # arrows of one pattern, before the next ones are folded
AGAIN = 4            # ... that were all sent before (where none are lost: it is the lesson)
DENSE = 50           # arrows within a second, of whatever kind: nobody reads more
PAUSE = 0.5          # seconds without an arrow: then the next ones are drawn again
WAITING = 50_000     # arrows that wait to be drawn; further ones are only counted
REMEMBERED = 10_000  # datagrams of a client, to see which ones are sent again
KNOWN = 1000         # clients that are remembered at a time
NOTE, CLOCK = 18, 9  # columns: "65,507 bytes, lost" and "+12.345 s"
COLOURS = {">": "\x1b[36m", "<": "\x1b[33m", "lost": "\x1b[31m"}

WORDS = {CONNECTS: "(connects)", END: "(end of stream)", RESET: "(reset)"}

Event = namedtuple("Event", "at direction client what size again")  # size: None if no data


def plural(count, word):
    return f"{count:,} {word}{'s' * (count != 1)}"


class Client:
    """What is known of one client, or of one member of a group."""

    def __init__(self, number, address):
        self.number, self.address = number, address
        self.start, self.tls = b"", False  # the first bytes tell TLS from text
        self.last = None                   # TCP: which side sent the last piece, and what
        self.seen = OrderedDict()          # UDP: which side sent what


class Tally:
    """Counts all that passes, and queues what is to be drawn.

    The relay calls watch() between its recv() and its send(): it has to be quick.
    """

    def __init__(self, stream, cut=False):
        self.stream, self.cut = stream, cut  # whether it is TCP, and whether SPLIT cuts it
        self.clients, self.number = OrderedDict(), 0
        self.count, self.bytes, self.again = ({">": 0, "<": 0} for _ in range(3))
        self.lost = self.undrawn = 0
        self.lock, self.queue = threading.Lock(), queue.SimpleQueue()

    def watch(self, direction, address, what):
        """The relay passes this on; or see the constants in relay.py."""
        with self.lock:
            client, size, again = self.client(address, what), None, False
            if isinstance(what, bytes) and (what != END or not self.stream):
                size, again = len(what), self.repeats(client, direction, what)
                self.count[direction] += 1
                self.bytes[direction] += size
                self.again[direction] += again
                self.lost += isinstance(what, Lost)
                if len(client.start) < 2:
                    client.start += what[:2]
                    client.tls = self.stream and b"\x16\x03".startswith(client.start[:2])
                if size > 4000:  # the middle is not drawn
                    what = type(what)(what[:2000] + what[-2000:])
            if self.queue.qsize() < WAITING:
                self.queue.put(Event(time.monotonic(), direction, client, what, size, again))
            else:
                self.undrawn += 1

    def client(self, address, what):
        if address not in self.clients or what in (CONNECTS, REFUSED) and self.stream:
            self.number += 1
            self.clients[address] = Client(self.number, address)
            if len(self.clients) > KNOWN:
                self.clients.popitem(last=False)
        return self.clients[address]

    def repeats(self, client, direction, what):
        """Return whether this side sends something again, as far as that can be seen.

        Over UDP: an equal datagram. Over TCP, where two equal requests are no surprise: an
        equal piece, and nothing has come back since.
        """
        if self.stream:
            last, client.last = client.last, (direction, what)
            return last == client.last and not self.cut
        key = direction, hash(what)
        again = key in client.seen
        client.seen[key] = None
        if len(client.seen) > REMEMBERED:
            client.seen.popitem(last=False)
        return again

    def total(self, group=False, losing=False):
        """Return the line of totals."""
        def side(name, direction):
            said = [plural(self.count[direction], "piece" if self.stream else "datagram"),
                    plural(self.bytes[direction], "byte")]
            if self.again[direction]:
                said.append(f"{self.again[direction]:,} retransmitted")
            return f"{name}: {', '.join(said)}"
        if group:
            return side(plural(self.number, "member"), ">")
        clients = "client" if self.number == 1 else plural(self.number, "client")
        parts = [side(clients, ">"), side("server", "<")]
        parts += [f"lost: {self.lost:,}"] * losing
        parts += [f"not drawn: {self.undrawn:,}"] * bool(self.undrawn)
        return "; ".join(parts)


class Fold:
    """Arrows that are not drawn but counted: of a pattern, or all; for as long as it goes on.

    rule: "again", all that were sent before; "dense", whatever comes without a pause; or the
    pattern, a list of kinds that come in turn (a datagram that is repeated does not break it).
    """

    def __init__(self, rule, stream, first, before):
        self.rule, self.stream, self.first = rule, stream, first
        self.number = first.client.number  # None: of several clients
        self.start = before                # the time of the arrow before
        self.drawn = first.at              # the time when the line was last written
        self.count = self.turn = self.bytes = self.lost = self.agains = self.acks = 0

    def takes(self, event, kind):
        if self.rule == "again":
            return event.again
        if self.rule == "dense" or event.again and not self.stream:
            return True
        self.turn += 1
        return kind == self.rule[self.turn % len(self.rule)]

    def add(self, event):
        self.count += 1
        self.bytes += event.size or 0
        self.number = self.number if self.number == event.client.number else None
        self.lost += isinstance(event.what, Lost)
        self.agains += event.again
        self.acks += isinstance(event.what, bytes) and event.what.startswith(b"ack ")

    def __str__(self):
        both = isinstance(self.rule, list) and len(set(self.rule)) > 1
        word = "pieces" if self.stream else "datagrams"
        if both and abs(self.count - 2 * self.acks) < 2:
            word = "units and acknowledgments"
        elif both:
            word += " both ways"
        return (f"… {self.count:,} more {word}"
                + (", all again" if self.agains == self.count else
                   f", {self.agains:,} again" * bool(self.agains))
                + f", {self.lost:,} lost" * bool(self.lost))


class Drawing(threading.Thread):
    """Draws what the tally queues."""

    def __init__(self, tally, left, right, address, file, held=False, losing=False):
        super().__init__(daemon=True)
        self.tally, self.file = tally, file
        self.left, self.right, self.address = left, right, address  # the names of both sides
        self.terminal = file.isatty()
        self.live = self.terminal and os.environ.get("TERM", "dumb") != "dumb"
        self.held, self.note = held, NOTE + len(", held") * held
        self.repeats = SHOWN if losing else AGAIN  # of these, so many are drawn
        self.before = None              # the time of the last arrow
        self.known, self.tls = set(), set()  # numbers of the clients that were named
        self.last = deque(maxlen=DENSE)  # the last arrows: time and kind
        self.agains = 0                 # so many arrows before this one were sent again
        self.fold = None

    def run(self):
        try:
            while True:
                try:
                    event = self.tally.queue.get(timeout=PAUSE)
                except queue.Empty:
                    self.pause()
                    continue
                if event is None:
                    break
                self.take(event)
            self.unfold()
        except OSError:  # nobody reads any more, as after `| head`
            os._exit(0)

    def stop(self):
        """Draw what has come till now, and end."""
        self.tally.queue.put(None)
        self.join(timeout=2)

    # Drawn, or counted only?

    def take(self, event):
        kind = (event.client.number, event.direction,
                event.what if event.size is None else "data")
        if self.last and event.at - self.last[-1][0] > PAUSE:
            self.last.clear()
            self.pause()
        if self.fold and not self.fold.takes(event, kind):
            self.unfold()
        if not self.fold:
            rule = self.rule(event, kind)
            if not rule:
                self.draw(event, self.before)
                self.before = event.at
                again = event.again and not self.tally.stream  # no part of a pattern
                self.last.append((event.at, None if again else kind))
                self.agains = self.agains + 1 if event.again else 0
                return
            self.fold = Fold(rule, self.tally.stream, event, self.before)
        self.fold.add(event)
        self.before = event.at
        self.last.append((event.at, None))
        if self.live and event.at - self.fold.drawn > 0.1:
            self.fold.drawn = event.at
            self.write("\r" + self.folded() + "\x1b[K")

    def rule(self, event, kind):
        """Return the rule of a fold that begins with this arrow, if one does."""
        if event.again and self.agains >= self.repeats:
            return "again"
        kinds = [one for _, one in self.last if one][-SHOWN:] + [kind]
        for period in (1, 2, 3, 4):
            if len(kinds) > SHOWN and kinds[period:] == kinds[:-period] and kind[2] == "data":
                return kinds[-1 - period:-1]
        if len(self.last) == DENSE and event.at - self.last[0][0] < 1:
            return "dense"
        return None

    def pause(self):
        """Nothing has come for a while. (What is only repeated is counted on.)"""
        if self.fold and self.fold.rule != "again":
            self.unfold()

    def unfold(self):
        """Write the line for what was only counted."""
        if not self.fold:
            return
        if self.fold.count == 1:  # an arrow takes no more room
            self.draw(self.fold.first, self.fold.start)
        else:
            self.write("\r" * self.live + self.folded() + "\x1b[K" * self.live + "\n")
        self.fold, self.agains = None, 0
        self.last.clear()

    # Lines.

    def width(self):
        """Return the columns of the terminal, which may have been resized; of a file, 80."""
        try:
            return os.get_terminal_size(self.file.fileno()).columns or 80
        except OSError:
            return 80

    def room(self):
        """Return the columns between the two bars; and whether there are any on the right."""
        room = self.width() - 1 - 3 - 2
        wide = room - 3 - self.note - 1 - CLOCK
        return (wide, True) if wide >= 20 else (max(room, 20), False)

    def line(self, number, inside, note="", start=None, at=None, colour=None):
        margin = f"{number or '':>2} " if self.numbered() else "   "
        clock = "0.000 s" if start is None else f"+{at - start:.3f} s"
        if len(clock) > CLOCK:
            clock = f"+{at - start:,.0f} s"
        if self.live and colour:
            inside = f"{colour}{inside}\x1b[0m"
        if columns(inside) > self.room()[0] and not colour:  # a text: it needs the room
            return f"{margin}|{inside.rstrip()}"[:self.width() - 1]
        if at is None or not self.room()[1]:
            return f"{margin}|{inside}|"
        return f"{margin}|{inside}|   {note:<{self.note}} {clock:>{CLOCK}}"

    def numbered(self):
        return len(self.known) > 1 or self.left == "member"

    def words(self, text):
        """Return a text in place of an arrow."""
        return f"  {text:<{self.room()[0] - 2}}"

    def folded(self):
        fold = self.fold
        return self.line(fold.number, self.words(str(fold)), plural(fold.bytes, "byte"),
                         fold.start, self.before)

    def draw(self, event, before):
        client, what = event.client, event.what
        if client.number not in self.known:
            self.known.add(client.number)
            self.name(client)
        if what == REFUSED:
            if self.tally.stream:
                self.arrow(event, before, "(connects)", lost=True)
            self.say(client, f"no server at {self.address}")
        elif event.size is None:
            self.arrow(event, before, WORDS[what])
        elif client.tls:
            if client.number not in self.tls:
                self.tls.add(client.number)
                self.say(client, "TLS: only the lengths can be seen")
            self.arrow(event, before, f"({plural(event.size, 'byte')})")
        else:
            lost = isinstance(what, Lost)
            room = self.room()[0] - (22 if lost else 16)  # the arrow takes some
            self.arrow(event, before, shown(what, max(3, room)) or "(empty)", lost)

    def arrow(self, event, before, content, lost=False):
        note = [] if event.size is None else [plural(event.size, "byte")]
        if isinstance(event.what, Lost):
            note.append("lost")
        else:
            note += ["again"] * event.again
            note += ["held"] * (self.held and event.what is not CONNECTS)
        drawn = arrow(event.direction, content, self.room()[0], lost)
        colour = COLOURS["lost" if lost or event.what == RESET else event.direction]
        self.write(self.line(event.client.number, drawn, ", ".join(note), before, event.at,
                             colour) + "\n")

    def say(self, client, text):
        self.write(self.line(client.number, self.words(text)) + "\n")

    def name(self, client):
        """Write who this client is above the left bar, and the server above the right one."""
        number = f" {client.number}" if self.numbered() else ""
        left = f"{self.left}{number} {client.address[0]}:{client.address[1]}"
        self.write(f"{left:<{self.room()[0] - 2}}  {self.right} {self.address}\n")

    def write(self, text):
        self.file.write(text)
        self.file.flush()
