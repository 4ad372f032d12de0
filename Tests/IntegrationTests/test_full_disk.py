"""A disk without room: nothing is changed, reads go on, and steps resume when there is room."""

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from api import API, RAW, SAFETENSORS, assert_problem
from lives import Lives
from starts import assert_refused, check, start

MEBIBYTE = 1 << 20
# Records of the first go through the page cache, those of the second past it.
COUNTS = {"small": 10_000, "large": 100_000}


def gradient(count, step):
    return np.random.default_rng(step).normal(size=count).astype("<f4").tobytes()


@pytest.fixture
def small_disk():
    """A directory with room for 12 MiB and nothing else in it."""
    with tempfile.TemporaryDirectory(prefix="optimizerd-test-") as path:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", path],
                                 capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip("mounting is not permitted here")
        try:
            yield path
        finally:
            subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture
def full(small_disk):
    """A service on that disk, beside a ballast file that can be thrown off."""
    lives = Lives(small_disk + "/data")
    lives.ballast = small_disk + "/ballast"
    put_ballast(lives, 4 * MEBIBYTE)
    lives.start()
    yield lives
    assert lives.server.is_alive, lives.server.said()[-4000:]
    lives.kill()


def put_ballast(lives, byte_count=None):
    """A file of that length; without one it takes all the room there is."""
    with open(lives.ballast, "ab", buffering=0) as file:
        room = os.statvfs(lives.directory.parent)
        file.write(bytes(byte_count or room.f_bavail * room.f_bsize))


def post(api, name, count, step):
    return api.post(f"/v1/sessions/{name}/steps", body=gradient(count, step), type=RAW,
                    headers={"Idempotency-Key": str(step), "Prefer": "return=minimal"})


def step_until_full(api, name, count, first=0):
    """The number of the step that found no room, also after all that snapshots free."""
    for step in range(first, 10_000):
        response = post(api, name, count, step)
        for _ in range(2):
            if response.status == 507:
                # Waits for one that is being taken anyway.
                api.post(f"/v1/sessions/{name}/snapshots")
                response = post(api, name, count, step)
        if response.status != 204:
            assert_problem(response, 507, "log-full")
            assert response.json()["retryable"] is True and response.header("Retry-After")
            return step
    raise AssertionError("the disk never gets full")


def uninterrupted(api, name, count, steps):
    api.create(name, {"w": [0] * count})
    for step in range(steps):
        assert post(api, name, count, step).status == 204
    return api.state(name)


@pytest.mark.parametrize("kind", COUNTS)
def test_steps_stop_and_resume(full, api, name, kind):
    count, own = COUNTS[kind], full.api
    own.create("run", {"w": [0] * count})
    last = step_until_full(own, "run", count)
    assert last > 3
    for _ in range(3):
        with own.unchanged("run"):
            assert_problem(post(own, "run", count, last), 507, "log-full")
    assert own.get("/readyz").status == 200, "reads go on"
    assert own.get("/v1/sessions/run/parameters").json()["step"] == last
    os.remove(full.ballast)
    assert post(own, "run", count, last).header("Idempotency-Replayed") is None
    assert post(own, "run", count, last).header("Idempotency-Replayed") == "true"
    end = last + 5
    for step in range(last + 1, end):
        assert post(own, "run", count, step).status == 204
    full.kill_and_start()
    assert full.api.state("run") == uninterrupted(api, name, count, end)


@pytest.mark.parametrize("kind", COUNTS)
def test_it_starts_on_a_full_disk(full, kind):
    count, own = COUNTS[kind], full.api
    own.create("run", {"w": [0] * count})
    last = step_until_full(own, "run", count)
    put_ballast(full)
    state = own.state("run")
    for end in (full.kill, full.stop):
        end()
        full.start()
        assert full.api.state("run") == state
        with full.api.unchanged("run"):
            assert_problem(post(full.api, "run", count, last), 507, "log-full")
        assert post(full.api, "run", count, last - 1).header("Idempotency-Replayed") == "true"
    os.remove(full.ballast)
    assert post(full.api, "run", count, last).status == 204


def test_nothing_else_changes_either(full):
    """Creations, forks, imports, revisions and snapshots are refused like steps."""
    own = full.api
    own.create("run", {"w": [0] * 1000})
    own.create("spare", {"w": [0] * 1000})
    last = step_until_full(own, "run", 1000)
    state = own.state("run")
    put_ballast(full)
    target = "/v1/sessions/run"
    with own.unchanged("run"):
        for response in (
            own.put("/v1/sessions/new", json={"parameters": {"w": [0] * 10_000}}),
            own.put("/v1/sessions/new?from=run"),
            own.put("/v1/sessions/new/state", body=state, type=SAFETENSORS),
            own.put(f"{target}/state", body=state, type=SAFETENSORS),
            own.put(f"{target}/parameters", json={"parameters": {"w": [1] * 1000}}),
            own.post(f"{target}/snapshots"),
        ):
            assert_problem(response, 507, "log-full")
    assert [entry["name"] for entry in own.get("/v1/sessions").json()["sessions"]] == [
        "run", "spare"]
    assert own.delete("/v1/sessions/spare").status == 204, "which makes room"
    full.kill()
    assert not list((full.directory / "sessions").glob("new@*"))
    full.start()
    assert full.api.state("run") == state
    os.remove(full.ballast)
    assert full.api.put("/v1/sessions/new?from=run").status == 201
    assert post(full.api, "run", 1000, last).status == 204


def test_a_session_in_memory_needs_no_room(full):
    full.api.create("memory", {"w": [0]}, durability="none")
    put_ballast(full)
    assert full.api.step("memory", {"w": [1]})["step"] == 1
    os.remove(full.ballast)


def test_many_sessions_fill_the_disk_together(full):
    """Refused steps of some take nothing from the steps of others."""
    count, names = 2000, [f"s{index}" for index in range(8)]
    for name in names:
        full.api.create(name, {"w": [0] * count})
    port = full.server.port
    with ThreadPoolExecutor(len(names)) as pool:
        reached = list(pool.map(
            lambda name: step_until_full(API(port), name, count), names))
    states = {}
    for name, steps in zip(names, reached):
        assert full.api.get(f"/v1/sessions/{name}").json()["step"] == steps
        states[name] = full.api.state(name)
    full.kill_and_start()
    assert {name: full.api.state(name) for name in names} == states
    os.remove(full.ballast)
    for name, steps in zip(names, reached):
        assert post(full.api, name, count, steps).status == 204


def test_a_copy_that_cannot_be_written_is_checked(full):
    """Looking changes nothing, so a read-only file system is as good as any."""
    full.api.create("run", {"w": [0] * 100})
    for number in range(3):
        assert post(full.api, "run", 100, number).status == 204
    full.stop()
    mount = full.directory.parent
    subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
    try:
        ended = check(full.directory)
        assert ended.returncode == 0 and "run: 2 snapshots" in ended.stdout, ended
        assert_refused(start(full.directory), full.directory)
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)
    full.start()
