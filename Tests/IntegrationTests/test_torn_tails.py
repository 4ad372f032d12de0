"""What a stop in the middle of a write leaves behind: the session is as before that write."""

import shutil

import pytest

from api import RAW, assert_problem
from log_records import records
from wire import Connection

STEPS = 3
DOCUMENT = b'{"parameters": {"w": [0.5, -0.5]}, "optimizer": {"amsgrad": true}}'


def gradient(step):
    return bytes([0, 0, 128, 63 + step]) * 2


class Crowd:
    """Many sessions with the same life, so that one start judges as many tails."""

    def __init__(self, lives, snapshot_at=None):
        self.lives, self.snapshot_at = lives, snapshot_at
        self.connection = Connection(lives.server.port, timeout=60)
        self.states = []
        self.made = []
        self.first = self.make(remembering=True)
        self.log = lives.files(self.first, "log")[-1]
        self.last = records(self.log)[-1]

    def make(self, remembering=False):
        name = f"s{len(self.made):04d}"
        self.made.append(name)
        self.ask("PUT", name, "", DOCUMENT, "application/json", 201)
        for step in range(STEPS):
            if step == self.snapshot_at:
                self.ask("POST", name, "/snapshots")
            self.ask("POST", name, "/steps", gradient(step), RAW)
            if remembering:
                self.states.append(self.state(name))
        return name

    def ask(self, method, name, path, body=b"", type=None, status=200):
        response = self.connection.ask(method, f"/v1/sessions/{name}{path}",
                                       {"Content-Type": type} if type else {}, body)
        assert response.status == status, response
        return response

    def state(self, name):
        return self.ask("GET", name, "/state").body

    def start_again(self, tear):
        """Kills the process, lets `tear` change the log of each session, starts another."""
        self.lives.kill()
        for name, *arguments in tear:
            path = self.lives.files(name, "log")[-1]
            content = path.read_bytes()
            path.write_bytes(arguments[0](content))
        self.lives.start()
        self.connection = Connection(self.lives.server.port, timeout=60)

    def is_before_the_last_step(self, name):
        """And takes that step again, as if nothing had been."""
        assert self.state(name) == self.states[-2], name
        self.ask("POST", name, "/steps", gradient(STEPS - 1), RAW)
        assert self.state(name) == self.states[-1], name


def cut(length):
    return lambda content: content[:length]


def zeroed(start, end=None):
    """The file had grown before its bytes came, as it may be after a power loss."""
    return lambda content: content[:start] + bytes((end or len(content)) - start)


def test_cut_at_every_byte_of_the_last_record(lives):
    crowd = Crowd(lives)
    tears = [(crowd.make(), cut(length)) for length in range(crowd.last.start, crowd.last.end)]
    crowd.start_again(tears)
    for name, _ in tears:
        crowd.is_before_the_last_step(name)
    assert crowd.state(crowd.first) == crowd.states[-1]
    crowd.start_again([])
    for name, _ in tears:
        assert crowd.state(name) == crowd.states[-1], "cut off for good, and stepped again"


def test_zeros_in_place_of_the_last_record(lives):
    """From every eighth byte on: disks write sectors, so a trailer is there or not."""
    crowd = Crowd(lives)
    tears = []
    for start in range(crowd.last.start, crowd.last.end, 8):
        tears.append((crowd.make(), zeroed(start)))
        tears.append((crowd.make(), zeroed(start, crowd.last.end + 4096)))
    crowd.start_again(tears)
    for name, _ in tears:
        crowd.is_before_the_last_step(name)


def test_zeros_behind_the_last_record(lives):
    crowd = Crowd(lives)
    tears = [(crowd.make(), zeroed(crowd.last.end, crowd.last.end + more))
             for more in (1, 7, 8, 95, 96, 97, 4096, 1 << 20)]
    crowd.start_again(tears)
    for name, _ in tears:
        assert crowd.state(name) == crowd.states[-1], name
        crowd.ask("POST", name, "/steps", gradient(0), RAW)
    after = crowd.state(tears[0][0])
    crowd.start_again([])
    assert {crowd.state(name) for name, _ in tears} == {after}


@pytest.mark.parametrize("tear", [cut, zeroed])
def test_a_segment_that_was_just_begun(lives, tear):
    """A snapshot ends a segment; the next one may be torn within its very opening."""
    crowd = Crowd(lives, snapshot_at=STEPS - 1)
    assert [record.position for record in records(crowd.log)] == [2, 3]
    tears = [(crowd.make(), tear(length))
             for length in range(0, crowd.last.end, 1 if tear is cut else 8)]
    crowd.start_again(tears)
    for name, _ in tears:
        crowd.is_before_the_last_step(name)


def test_other_bytes_than_zeros_are_no_torn_tail(lives):
    """Nothing that stands there may be thrown away unless it can only be unfinished."""
    crowd = Crowd(lives)
    middle = records(crowd.log)[1]
    tears = [(crowd.make(), lambda content: content + b"\1" * 200),
             (crowd.make(), lambda content: content[:crowd.last.start] + b"x" * 300),
             # Whole records stand behind the zeros, so these were never a tail.
             (crowd.make(), lambda content: content[:middle.start] + bytes(
                 middle.end - middle.start) + content[middle.end:]),
             (crowd.make(), lambda content: content[:middle.start] + content[middle.end:])]
    crowd.start_again(tears)
    for name, _ in tears:
        problem = assert_problem(lives.api.get(f"/v1/sessions/{name}"), 500,
                                 "session-quarantined")
        assert "log-" in problem["detail"], problem
    assert crowd.state(crowd.first) == crowd.states[-1]


def test_unfinished_files_mean_nothing(lives):
    """A snapshot or a creation that was never finished leaves a file that the start removes."""
    crowd = Crowd(lives)
    lives.kill()
    directory = lives.session_directory(crowd.first)
    snapshot = lives.files(crowd.first, "snapshot")[-1]
    unfinished = directory / f"{snapshot.name}.tmp"
    unfinished.write_bytes(snapshot.read_bytes()[:100])
    creation = directory.parent / "new@1"
    creation.mkdir()
    shutil.copy(unfinished, creation)
    (directory / "notes.txt").write_text("somebody else's file")
    lives.start()
    assert lives.api.state(crowd.first) == crowd.states[-1]
    assert_problem(lives.api.get("/v1/sessions/new"), 404, "unknown-session")
    assert not unfinished.exists() and not creation.exists()
    assert (directory / "notes.txt").exists()
    assert lives.api.create("new", {"w": 1})["generation"] == 1
