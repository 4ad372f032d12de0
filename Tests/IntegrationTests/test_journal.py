"""Sessions that step at once share one sync: their journal stands in for what a power loss takes
from their logs.

A test cannot switch the machine off. It takes from the logs what no sync has promised, and writes
another boot's id into the journal, since a journal of this boot is read less strictly.
"""

import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import API, RAW
from log_records import as_of_another_boot, flip, pieces, records
from retries import RetryingClient, gradient
from starts import assert_refused, check, start
from wire import Connection

NAMES = [f"s{index}" for index in range(8)]
COUNT = 16


def create(api, name):
    api.create(name, {"w": [0] * COUNT}, optimizer={"amsgrad": True})


def train(port, name, first, steps):
    with Connection(port) as connection:
        for number in range(first, first + steps):
            response = connection.ask("POST", f"/v1/sessions/{name}/steps",
                                      {"Content-Type": RAW}, gradient(number, COUNT))
            assert response.status == 200, response


@pytest.fixture
def kept(lives, tmp_path):
    """A directory with a journal, as a killed process leaves it, and the states it must give."""
    for name in NAMES:
        create(lives.api, name)
    first = 0
    with ThreadPoolExecutor(len(NAMES)) as pool:
        while sum(map(len, map(pieces, journals(lives)))) < 40 or not ends_in_journal(lives):
            list(pool.map(lambda name: train(lives.server.port, name, first, 5), NAMES))
            first += 5
            assert first < 1000, "no two records ever share a sync"
    lives.states = {name: lives.api.state(name) for name in NAMES}
    lives.kill()
    lives.copy = tmp_path / "kept"
    shutil.copytree(lives.directory, lives.copy)
    return lives


def ends_in_journal(lives):
    """Whether the last record of some log is in a journal: only such a log can lose anything, since
    a record that was synced alone has the log synced up to its end."""
    found = [piece for journal in journals(lives) for piece in pieces(journal)]
    ends = {(piece.session, piece.offset + piece.length) for piece in found}
    return any((name, lives.files(name, "log")[-1].stat().st_size) in ends for name in NAMES)


def journals(lives):
    return sorted(lives.directory.glob("journal-*"))


def put_back(lives):
    shutil.rmtree(lives.directory)
    shutil.copytree(lives.copy, lives.directory)


def is_right(lives):
    return {name: lives.api.state(name) for name in NAMES} == lives.states


def test_it_goes_when_it_is_not_needed(kept):
    kept.start()
    assert is_right(kept)
    train(kept.server.port, "s0", 0, 1)
    kept.states["s0"] = kept.api.state("s0")
    kept.stop()
    assert not journals(kept)
    kept.start()
    assert is_right(kept)


def lose(lives, chance, way):
    """Takes from the logs what lies in the journal and was never synced by itself."""
    found = pieces(journals(lives)[0])
    for name in NAMES:
        own = [piece for piece in found if piece.session == name]
        path = lives.files(name, "log")[-1]
        content = bytearray(path.read_bytes())
        ends = [record.end for record in records(path)]
        # The last record is only in the log when it was synced alone, and then all before it are.
        # The test takes those from the end that the journal has without a gap.
        covered = {piece.offset + piece.length for piece in own}
        while ends and ends[-1] in covered:
            last = ends.pop()
            begin = next(p.offset for p in own if p.offset + p.length == last)
            if chance.random() < 0.2:
                continue  # The kernel had written this one already.
            if way == "zeroed":
                content[begin:last] = bytes(last - begin)
            elif way == "torn":
                middle = chance.randrange(begin, last)
                content[middle:last] = bytes(last - middle)
            elif last == len(content):
                del content[begin:]
        path.write_bytes(content)


@pytest.mark.parametrize("way", ["zeroed", "torn", "cut"])
@pytest.mark.parametrize("boot", ["this", "another"])
def test_what_the_logs_have_lost_is_in_it(kept, way, boot):
    chance = random.Random(11)
    lost = 0
    for _ in range(5):
        put_back(kept)
        before = [kept.files(name, "log")[-1].read_bytes() for name in NAMES]
        lose(kept, chance, way)
        if boot == "another":
            as_of_another_boot(journals(kept)[0])
        lost += sum(kept.files(name, "log")[-1].read_bytes() != content
                    for name, content in zip(NAMES, before))
        kept.start()
        assert is_right(kept)
        kept.kill_and_start()
        assert is_right(kept), "and now without the journal"
        kept.kill()
    assert lost > 0


def test_a_flipped_bit_in_it(kept):
    """A process that was killed leaves whole logs, so the journal is passed over."""
    chance = random.Random(13)
    size, opening = journals(kept)[0].stat().st_size, records(journals(kept)[0])[0]
    offsets = [*range(0, 140, 7), *(chance.randrange(size) for _ in range(20)), size - 1]
    for index, offset in enumerate(offsets):
        put_back(kept)
        flip(journals(kept)[0], offset, chance.randrange(8))
        if index % 8 == 0:
            assert check(kept.directory).returncode == 1, offset
        try:
            kept.start()
        except AssertionError:
            # Where the id of the boot or the version cannot be read it may be another's.
            assert offset < opening.end, offset
            assert_refused(start(kept.directory), kept.directory)
            continue
        assert is_right(kept), offset
        kept.kill()


def test_a_flipped_bit_in_it_after_a_power_loss(kept):
    """What it held may be lost, so the service does not start before somebody has looked."""
    chance = random.Random(17)
    as_of_another_boot(next(iter(sorted(kept.copy.glob("journal-*")))))
    size = journals(kept)[0].stat().st_size
    for offset in [8, 100, 140, *(chance.randrange(size) for _ in range(30)), size - 1]:
        put_back(kept)
        flip(journals(kept)[0], offset, chance.randrange(8))
        for _ in range(2):
            assert_refused(start(kept.directory), kept.directory, "journal-")
    put_back(kept)
    kept.start()
    assert is_right(kept)
    kept.kill()


def test_killed_while_many_sessions_step(lives, api, name):
    """As `test_killer`, with syncs that are shared."""
    chance = random.Random(19)
    for session in NAMES:
        create(lives.api, session)
    reached = dict.fromkeys(NAMES, 0)
    clients = {session: RetryingClient(session, COUNT) for session in NAMES}

    def run(session):
        clients[session].connect(lives.server.port)
        while clients[session].attempt(reached[session]):
            reached[session] += 1

    had_journal = 0
    with ThreadPoolExecutor(len(NAMES)) as pool:
        for _ in range(30):
            timer = threading.Timer(chance.uniform(0, 0.15), lives.server.process.kill)
            timer.start()
            list(pool.map(run, NAMES))
            timer.join()
            had_journal += bool(journals(lives))
            lives.kill_and_start()
    assert had_journal > 0 and min(reached.values()) > 0
    create(api, name)
    states, longest = {}, max(reached.values()) + 1
    for step in range(longest):
        states[step] = api.state(name)
        train(api.port, name, step, 1)
    states[longest] = api.state(name)
    for session in NAMES:
        step = API(lives.server.port).get(f"/v1/sessions/{session}").json()["step"]
        # The last request may have been executed and never answered.
        assert step in (reached[session], reached[session] + 1)
        assert lives.api.state(session) == states[step], session
