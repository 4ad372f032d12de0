"""A flipped bit anywhere in any file is noticed: never a wrong state, never a crash."""

import random
import shutil
import subprocess

import numpy as np
import pytest

from api import RAW, assert_problem
from log_records import flip
from server import BINARY
from wire import Connection

SMALL, LARGE = 6, 66_000  # The large one's records are aligned to blocks.
SAMPLES = 24


def gradient(count, step):
    return np.full(count, (step - 2.5) / 3, "<f4").tobytes()


def train(api, name, count, first, last):
    for step in range(first, last):
        response = api.post(f"/v1/sessions/{name}/steps", body=gradient(count, step), type=RAW,
                            headers={"Idempotency-Key": f"{step}", "Prefer": "return=minimal"})
        assert response.status == 204, response


class Kept:
    """A directory with sessions as a killed process leaves it, to be copied and damaged."""

    def __init__(self, lives):
        api = lives.api
        for name, count in (("one", SMALL), ("two", SMALL), ("large", LARGE)):
            api.create(name, {"w": [0.5] * count})
            train(api, name, count, 0, 3)
        assert api.post("/v1/sessions/one/snapshots").status == 200
        train(api, "one", SMALL, 3, 5)
        assert api.patch("/v1/sessions/two", json={"optimizer": {"lr": 0.1}}).status == 200
        self.states = {name: api.state(name) for name in ("one", "two", "large")}
        self.tags = {name: api.tag(name) for name in self.states}
        lives.kill()
        self.directory = lives.directory
        self.files = [path.relative_to(lives.directory)
                      for path in sorted(lives.directory.rglob("*")) if path.is_file()]

    def is_right(self, api, name):
        return (api.state(name), api.tag(name)) == (self.states[name], self.tags[name])


@pytest.fixture
def kept(lives, tmp_path):
    found = Kept(lives)
    shutil.copytree(lives.directory, tmp_path / "kept")
    found.copy = tmp_path / "kept"
    return found


def offsets_of(path, chance):
    """A sample of a file, its first and last bytes among it."""
    size = path.stat().st_size
    if size <= SAMPLES:
        return range(size)
    ends = {0, 6, 7, 8, 12, 16, 20, 24, 60, 80, 95, 96, size - 8, size - 1}
    return sorted(ends & set(range(size)) | set(chance.sample(range(size), SAMPLES - len(ends))))


def check(directory):
    return subprocess.run([BINARY, "check", "--data-dir", directory], capture_output=True,
                          text=True, timeout=60, check=False)


def judge(lives, kept, damaged):
    """Whether the session was quarantined; otherwise everything must be as it was."""
    api = lives.api
    for name in kept.states:
        if name != damaged:
            assert kept.is_right(api, name)
    response = api.get(f"/v1/sessions/{damaged}")
    if response.status == 200:
        assert kept.is_right(api, damaged)
        return False
    assert_problem(response, 500, "session-quarantined")
    listed = {entry["name"]: entry for entry in api.get("/v1/sessions").json()["sessions"]}
    assert set(listed) == set(kept.states)
    assert [name for name in listed if listed[name].get("quarantined")] == [damaged]
    return True


def judge_quarantine(api, name):
    """Nothing is done with it but deleting it."""
    target = f"/v1/sessions/{name}"
    for response in (
        api.post(f"{target}/steps", body=gradient(SMALL, 0), type=RAW), api.get(f"{target}/state"),
        api.get(f"{target}/parameters"), api.get(f"{target}/steps/1"),
        api.patch(target, json={"optimizer": {"lr": 1}}), api.post(f"{target}/snapshots"),
        api.put(target, json={"parameters": {"w": [0.5] * SMALL}}),
        api.put(f"/v1/sessions/fork?from={name}"),
    ):
        problem = assert_problem(response, 500, "session-quarantined")
        assert f"/{name}@1" in problem["detail"] and problem["retryable"] is False
    refused = api.delete(target, headers={"If-Match": '"1-1"'})
    assert_problem(refused, 412, "precondition-failed")
    assert api.delete(target).status == 204
    assert_problem(api.get(target), 404, "unknown-session")
    assert api.create(name, {"w": [0.5]})["generation"] > 2
    api.step(name, {"w": [1]})


def test_a_flipped_bit(lives, kept):
    chance, quarantined = random.Random(3), dict.fromkeys(kept.files, 0)
    for file in kept.files:
        if file.parts[0] != "sessions":
            continue
        name = file.parts[1].split("@")[0]
        for index, offset in enumerate(offsets_of(kept.copy / file, chance)):
            shutil.rmtree(lives.directory)
            shutil.copytree(kept.copy, lives.directory)
            where = (str(file), offset, bit := chance.randrange(8))
            flip(lives.directory / file, offset, bit)
            if index % 4 == 0:
                said = check(lives.directory)
                assert said.returncode == 1 and f"{name}: damaged: " in said.stdout, (where, said)
                assert said.stdout.count(": good") == len(kept.states) - 1, (where, said)
            try:
                lives.start()
                if judge(lives, kept, name):
                    quarantined[file] += 1
                    if index % 4 == 1:
                        judge_quarantine(lives.api, name)
            except AssertionError as error:
                raise AssertionError(f"{where}: {error}") from error
            lives.kill()
    for file, count in quarantined.items():
        # A damaged snapshot is passed over where an older one leads to the same state; what lies
        # before the snapshot that the start begins from is only read for earlier steps.
        only = sum(other.parent == file.parent and "snapshot" in other.name
                   for other in kept.files) == 1
        if file.parts[0] == "sessions" and only:
            assert count > 0, file


def test_a_flipped_bit_in_the_format(lives, kept):
    """Refused in a sentence, or without any consequence."""
    file = kept.copy / "format"
    for offset in range(file.stat().st_size):
        for bit in range(8):
            shutil.copy(file, lives.directory / "format")
            flip(lives.directory / "format", offset, bit)
            ended = check(lives.directory)
            assert ended.returncode in (0, 2), (offset, bit, ended)
            assert ended.returncode == 0 or "format" in ended.stderr, (offset, bit, ended)
    shutil.copy(file, lives.directory / "format")


def test_every_byte_of_log_and_snapshot(lives):
    """As many sessions with the same life as their files have bytes, each damaged at another."""
    bytes_of, count = {}, 0
    names = iter(f"s{index:05d}" for index in range(100_000))
    with Connection(lives.server.port, timeout=60) as connection:
        def make():
            name = next(names)
            target = f"/v1/sessions/{name}"
            assert connection.ask("PUT", target, {"Content-Type": "application/json"},
                                  b'{"parameters": {"w": [0.5]}}').status == 201
            for step in range(2):
                assert connection.ask("POST", f"{target}/steps", {"Content-Type": RAW},
                                      gradient(1, step)).status == 200
            return name
        first = make()
        for kind in ("snapshot", "log"):
            bytes_of[kind] = lives.files(first, kind)[0].stat().st_size
        made = {kind: [make() for _ in range(size)] for kind, size in bytes_of.items()}
    expected = lives.api.state(first)
    lives.kill()
    chance = random.Random(5)
    for kind, sessions in made.items():
        for offset, name in enumerate(sessions):
            flip(lives.files(name, kind)[0], offset, chance.randrange(8))
    lives.start()
    assert lives.api.state(first) == expected
    with Connection(lives.server.port, timeout=60) as connection:
        for kind, sessions in made.items():
            for offset, name in enumerate(sessions):
                response = connection.ask("GET", f"/v1/sessions/{name}/state")
                assert response.status == 500, (kind, offset, response)
                assert response.json()["code"] == "session-quarantined", (kind, offset)
                count += 1
    assert count == sum(bytes_of.values())
