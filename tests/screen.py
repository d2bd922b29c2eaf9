"""What the runner shows: how far it is, each failure at once, and one summary at the end."""
import collections
import resource
import time


class Screen:
    """On a terminal one line that moves; elsewhere a line every ten seconds."""

    def __init__(self, file):
        file.reconfigure(errors="backslashreplace")
        self.file, self.live = file, file.isatty()
        self.start = self.last = time.monotonic()
        self.moving = False

    def seconds(self):
        return time.monotonic() - self.start

    def move(self, text):
        """Say how far it is, if it is time for that."""
        if time.monotonic() - self.last < (0.1 if self.live else 10):
            return
        self.last = time.monotonic()
        line = f"{text}, {self.seconds():.0f} s"
        if self.live:
            self.file.write(f"\r{line}\x1b[K")
            self.moving = True
        else:
            self.file.write(line + "\n")
        self.file.flush()

    def print(self, text):
        if self.moving:
            self.file.write("\r\x1b[K")
            self.moving = False
        self.file.write(text + "\n")
        self.file.flush()


class Results:
    """How each test ended: node: (outcome, why in a line, the whole text, seconds)."""

    def __init__(self):
        self.all = {}
        self.starts = self.forks = 0  # programs started, and how many of them by starter.py

    def nodes(self, outcome):
        return [node for node, result in self.all.items() if result[0] == outcome]

    def summary(self, seconds):
        parts = [f"{len(self.nodes('passed'))} passed"]
        parts += [f"{len(self.nodes(outcome))} {outcome}" for outcome in ("skipped", "failed")
                  if self.nodes(outcome)]
        return f"{', '.join(parts)} in {seconds:.0f} s"

    def show(self, screen, slow, names, interrupted):
        """Print the end: the slowest, why some were skipped, which failed, the summary."""
        if slow:
            screen.print("the slowest tests:")
            slowest = sorted(self.all.items(), key=lambda pair: -pair[1][3])
            for node, (_, _, _, seconds) in slowest[:20]:
                screen.print(f"{seconds:7.1f} s  {node}")
            usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF,
                                                         resource.RUSAGE_CHILDREN)]
            used = sum(use.ru_utime + use.ru_stime for use in usage)
            screen.print(f"{self.starts} program starts, {self.forks} of them by a fork; "
                         f"{used:.0f} CPU seconds")
        reasons = collections.Counter(self.all[node][1] for node in self.nodes("skipped"))
        for reason, count in reasons.most_common():
            screen.print(f"skipped {count}: {reason}")
        for node in self.nodes("failed") if names else []:
            screen.print(f"failed: {node}")
        screen.print("interrupted: " * interrupted + self.summary(screen.seconds()))
