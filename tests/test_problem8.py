"""Problem 8: the election by multicast (R42 to R45; D2, D3)."""
import os
import re
import signal
import socket
import time

import pytest

from conftest import THEIRS
from peers import altered
from relay import joined, stranger
from terminal import PATIENCE, fair

SCRIPT = "problem8/electorate.py"
GROUP = "239.255.12.8"


class Election:
    """Electorates of one election, on a port of its own."""

    def __init__(self, lab, *options):
        self.lab, self.options, self.port = lab, options, 0
        self.all = []

    def start(self, number, vote=None, *options):
        one = self.lab.start(SCRIPT, number, "--port", self.port, *self.options, *options,
                             *(["--vote", vote] if vote else []))
        self.port = one.ready()
        self.all.append(one)
        return one

    def result(self, a, b, within=PATIENCE):
        """Every electorate must end with this result; return the votes on the screens."""
        winner = "A" if a > b else "B" if b > a else "none (tie)"
        screens = []
        for one in self.all:
            lines = one.wait(timeout=within).split("\r\n")
            assert lines[-3:] == [f"result: A {a}, B {b}", f"winner: {winner}", ""]
            screens.append(sorted(re.findall(r"electorate \d+ voted [AB]", one.output)))
        assert all(screen == screens[0] for screen in screens)
        return screens[0]


@pytest.fixture
def election(lab):
    return Election(lab)


# The task

@pytest.mark.parametrize("lose", ["0", "0.3", "0.5"])
def test_every_screen_shows_the_same_winner(lose, lab):
    """R43 to R45, D2, D3: five electorates on one host, in any order."""
    election = Election(lab, "--lose", lose)
    for number, vote in [(3, "A"), (1, "b"), (5, "A"), (2, "B"), (4, "a")]:
        election.start(number, vote, "--seed", number)
    assert election.result(3, 2) == [f"electorate {number} voted {vote}"
                                     for number, vote in enumerate("BBAAA", 1)]


def test_half_of_all_datagrams_lost_again_and_again(lab):
    """Other losses each time, the same end each time; four elections at once."""
    elections = [Election(lab, "--lose", "0.5") for _ in range(4)]
    for seed, election in enumerate(elections):
        for number, vote in enumerate("ABABB", 1):
            election.start(number, vote, "--seed", 10 * seed + number)
    for election in elections:
        election.result(2, 3)


def test_a_late_starter(election):
    for number in 1, 2, 3, 4:
        election.start(number, "A")
    for one in election.all:
        one.until(lambda output: output.count("voted") == 4, "four votes")
        assert "result" not in one.output
    election.start(5, "B")
    election.result(4, 1)


def test_the_vote_of_a_dead_electorate_counts_if_one_other_heard_it(election):
    """That one passes it on."""
    first = election.start(1, "A")
    second = election.start(2, "B")
    second.line("electorate 1 voted A")
    first.kill()
    election.all.remove(first)
    for number in 3, 4, 5:
        election.start(number, "A")
    assert "electorate 1 voted A" in election.result(4, 1)


@pytest.mark.parametrize("way", ["C", "kill"])
def test_an_electorate_that_leaves_early_does_not_block_the_others(way, election):
    first = election.start(1, "A")
    others = [election.start(number, "B") for number in (2, 3, 4)]
    others[-1].line("electorate 1 voted A")
    election.all.remove(first)
    if way == "kill":
        first.kill()
    else:
        assert first.stop().endswith("\r\nstopped\r\n")
    start = time.monotonic()
    election.start(5, "A")
    election.result(2, 3)
    assert time.monotonic() - start < 60, "the timeout is 120 seconds"


@pytest.mark.skipif(bool(THEIRS), reason="looks for a line of ours")
def test_a_very_long_wait_for_a_vote(lab):
    """With rounds of a millisecond: a thousand and more, in which nothing is new."""
    copy = altered(SCRIPT, lab.folder, "LONGEST = 1 ", "LONGEST = 0.001 ")
    one = lab.server(copy, "1", "--electorates", "2", "--vote", "A", "--timeout", "3")
    assert one.wait(status=1).endswith("error: no result: no vote from 2\r\n")


def test_missing_votes_at_the_timeout(lab):
    """D3: nobody waits for ever."""
    election = Election(lab, "--timeout", "1")
    for number in 1, 3:
        election.start(number, "A")
    for one in election.all:
        words = "error: no result: no vote from 2, 4, 5"
        assert re.search(fair(words) + r"\r\n\Z", one.wait(status=1))
        assert "winner" not in one.output


@pytest.mark.parametrize("missing", [False, True])
def test_two_votes_under_one_id_are_reported_by_everybody(missing, election):
    """D3: never counted silently, not even when others have not voted yet."""
    election.start(3, "A")
    election.start(1, "A").line("electorate 3 voted A")
    election.start(2, "B")
    election.start(3, "B")
    if not missing:
        election.start(4, "B")
        election.start(5, "B")
    for one in election.all:
        one.wait(status=1, timeout=40)
        told = r"error: [^\r]*3[^\r]*\r" if THEIRS else "error: electorate 3 voted twice\r\n"
        assert len(re.findall(told, one.output)) == 1
        assert "winner" not in one.output


def test_votes_that_nobody_else_confirms_make_no_result(lab):
    """A voter whose full socket missed that somebody else has voted in its name."""
    election = Election(lab, "--electorates", "3", "--timeout", "3")
    late = election.start(3)
    late.see("your vote")
    election.all.remove(late)
    election.start(1, "A"), election.start(2, "B").line("electorate 1 voted A")
    stranger(GROUP, election.port, *[b"AB-"] * 2000)  # more than the socket keeps
    election.start(3, "A")
    election.result(2, 1)
    late.type("B")
    late.see("error: no result: nobody else has confirmed these votes\r\n")
    assert "winner" not in late.wait(status=1)


def test_votes_that_arrive_while_it_is_stopped_count(lab):
    """SIGSTOP, as Ctrl+Z sends it: a vote in the socket is read, and a double vote told."""
    election = Election(lab, "--electorates", "3")
    first, second = election.start(1, "A", "--timeout", "2"), election.start(2, "B")
    second.line("electorate 1 voted A")
    first.line("electorate 2 voted B")
    os.kill(first.pid, signal.SIGSTOP)
    stranger(GROUP, election.port, b"--A")
    second.line("electorate 3 voted A")
    time.sleep(2.5)  # past the first one's timeout
    stranger(GROUP, election.port, b"--B")
    second.see("error: electorate 3 voted twice")
    os.kill(first.pid, signal.SIGCONT)
    first.see("error: electorate 3 voted twice")
    for one in election.all:
        assert "winner" not in one.wait(status=1)


@pytest.mark.skipif(bool(THEIRS), reason="more than the note asks for")
def test_a_double_vote_heard_at_the_very_end_is_passed_on(lab):
    """D3: who hears of it in its last moment says so to the others, too."""
    election = Election(lab, "--electorates", "3", "--timeout", "1")
    first = election.start(1, "A")
    os.kill(first.pid, signal.SIGSTOP)
    time.sleep(1.5)  # past its timeout
    with joined(GROUP, election.port) as others:
        stranger(GROUP, election.port, b"--A", b"--B")
        os.kill(first.pid, signal.SIGCONT)
        assert re.search(fair("error: electorate 3 voted twice") + r"\r\n", first.wait(status=1))
        others.settimeout(5)
        while others.recv(100) != b"A-X":
            pass  # or a timeout raises


def test_the_same_vote_twice_counts_once(election):
    for number, vote in [(1, "A"), (1, "A"), (2, "B"), (3, "B"), (4, "A"), (5, "A")]:
        election.start(number, vote)
    assert len(election.result(3, 2)) == 5


def test_the_vote_is_asked_for(election):
    """R42, R43: A or B, nothing else."""
    one = election.start(1, None, "--electorates", "2")
    for typed in "C", "", "AB", "1", "\u0410":
        one.see(r"your vote, A or B:\s")
        one.type(typed)
        one.line("error: a vote is A or B")
    one.see(r"your vote, A or B:\s")
    one.type(" b ")
    one.line("electorate 1 voted B")
    two = election.start(2, None, "--electorates", "2")
    two.see("your vote")
    two.type("A")
    election.result(1, 1)


# The network

GARBAGE = [b"", b"A", b"Z", b"ZBABA", b"ABAB", b"ABABAA", b"ababa", b"ABAB?", b"\xff\xfe",
           b"A" * 60_000, b"ABABA\n", b"\x1b[2J", "\u0410BABA".encode()]


def test_strangers_are_not_counted(election):
    """D3: a vote "Z", other numbers of electorates, bytes that are no text."""
    first = election.start(1, "A")
    stranger(GROUP, election.port, *GARBAGE)
    election.start(2, "B")
    first.line("electorate 2 voted B")
    stranger(GROUP, election.port, *GARBAGE)
    for number in 3, 4, 5:
        election.start(number, "B")
    election.result(1, 4)
    assert all(one.output.count("\r\n") == 8 for one in election.all), "no line more"


def test_elections_on_other_groups_or_ports_do_not_mix(lab):
    first, second = Election(lab), Election(lab, "--group", "239.255.12.99")
    first.start(1, "A")
    second.port = first.port
    third = Election(lab)
    second.start(1, "B"), third.start(1, "B")
    for number in 2, 3, 4, 5:
        first.start(number, "A")
        second.start(number, "B")
        third.start(number, "AB"[number % 2])
    first.result(5, 0), second.result(0, 5), third.result(2, 3)


def test_twenty_electorates_with_few_datagrams(lab):
    """R44: as many as that hear each other, and do not flood the network."""
    election = Election(lab, "--electorates", "20", "--lose", "0.3")
    votes = "ABBABBABBABBABBABBAB"
    first = election.start(1, votes[0])
    with joined(GROUP, election.port) as counter:
        start = time.monotonic()
        for number, vote in enumerate(votes[1:], 2):
            election.start(number, vote)
        first.see("winner")
        seconds = time.monotonic() - start
        counter.setblocking(False)
        datagrams = []
        while True:
            try:
                datagrams.append(counter.recv(1000))
            except BlockingIOError:
                break
    election.result(7, 13)
    assert all(re.fullmatch(rb"[AB-]{20}", datagram) for datagram in datagrams)
    assert 20 <= len(datagrams) < 100 + 400 * seconds


def test_an_electorate_that_waits_for_voters_is_nearly_silent(election):
    """Rounds without news get longer, up to a second."""
    one = election.start(1, "A")
    with joined(GROUP, election.port) as counter:
        counter.settimeout(0.2)
        count, end = 0, time.monotonic() + 1.5
        while time.monotonic() < end:
            try:
                assert counter.recv(1000) == b"A----"
                count += 1
            except socket.timeout:
                pass
    assert 1 <= count < 12
    one.stop()


# Manners

@pytest.mark.parametrize("key", ["C", "D"])
def test_leaving_instead_of_voting(key, election):
    one = election.start(1)
    one.see(r"your vote, A or B:\s")
    assert one.stop(key=key).endswith("\r\nstopped\r\n")


@pytest.mark.parametrize("options", ["0", "6", "x", "", "1 --vote C", "1 --electorates 0",
                                     "1 --electorates 101"])
def test_flags_that_make_no_sense_are_refused(options, lab):
    assert "usage:" in lab.start(SCRIPT, *options.split()).wait(status=2)
