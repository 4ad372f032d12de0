"""A client that retries, and a server that is killed under it: no step is lost, none is doubled."""

import random
import subprocess
import threading
import time

import pytest

from api import RAW
from retries import RetryingClient, gradient
from server import BINARY, takes_disturbances
from wire import Closed, Connection

KILLS = 60
SMALL, LARGE = 64, 70_000  # The large one's records pass by the page cache.


def uninterrupted(api, name, count, steps):
    """The state file of a run with the same steps that nobody has disturbed."""
    api.create(name, {"w": [0] * count}, optimizer={"lr": 0.01, "amsgrad": True})
    with Connection(api.port) as connection:
        for step in range(steps):
            response = connection.ask("POST", f"/v1/sessions/{name}/steps",
                                      {"Content-Type": RAW}, gradient(step, count))
            assert response.status == 200, response
    return api.state(name)


def kill_while_starting(lives, seconds):
    """A process that ends while it may still be rebuilding its sessions."""
    starting = subprocess.Popen([BINARY, "--port", "0", "--data-dir", lives.directory],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    starting.kill()
    starting.wait()


@pytest.mark.parametrize("count", [SMALL, LARGE], ids=["small", "large"])
def test_killed_at_random(lives, api, name, count):
    """Snapshots are asked for now and then, so that kills fall into them too."""
    chance = random.Random(20_240_601 + count)
    lives.api.create("run", {"w": [0] * count}, optimizer={"lr": 0.01, "amsgrad": True})
    client = RetryingClient("run", count)
    client.connect(lives.server.port)
    step = cut_off = 0
    for kill in range(KILLS):
        timer = threading.Timer(chance.uniform(0, 0.06), lives.server.process.kill)
        timer.start()
        while client.attempt(step):
            step += 1
            if chance.random() < 0.05:
                ask_for_snapshot(lives.server.port)
        cut_off += 1
        timer.join()
        lives.kill()
        if kill % 4 == 0:
            kill_while_starting(lives, chance.uniform(0, 0.03))
        lives.start()
        client.connect(lives.server.port)
    # The step that the last kill has cut off may have been kept, so it is sent again too.
    while True:
        assert client.attempt(step)
        step += 1
        if step % 10 == 0:
            break
    client.close()
    assert cut_off == KILLS and step > KILLS
    assert client.replays > 0, "no kill has fallen between a step's record and its answer"
    assert lives.api.get("/v1/sessions/run").json()["step"] == step
    assert lives.api.state("run") == uninterrupted(api, name, count, step)


def ask_for_snapshot(port):
    try:
        with Connection(port) as connection:
            response = connection.ask("POST", "/v1/sessions/run/snapshots")
            assert response.status == 200, response
    except (Closed, OSError):
        pass  # Killed meanwhile, which is the point.


needs_disturbances = pytest.mark.skipif(
    not takes_disturbances(), reason="a release build has no crash points")

# Whether the record is found by the process that comes after. The kernel outlives the program, so
# what was handed to it is there although nobody waited for the disk.
CRASH_POINTS = {"before-append": False, "after-append": True, "after-sync": True,
                "after-apply": True}


@needs_disturbances
@pytest.mark.parametrize("count", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("passes", [1, 2, 5])
@pytest.mark.parametrize("point", CRASH_POINTS)
def test_crash_point(lives, api, name, point, passes, count):
    lives.api.create("run", {"w": [0] * count}, optimizer={"lr": 0.01, "amsgrad": True})
    lives.kill()
    lives.start(CRASH_AT=f"{point}:{passes}")
    client = RetryingClient("run", count)
    client.connect(lives.server.port)
    step = 0
    while client.attempt(step):
        step += 1
    assert step == passes - 1
    assert lives.server.wait() == -9
    lives.kill()
    lives.start()
    is_kept = CRASH_POINTS[point]
    assert lives.api.get("/v1/sessions/run").json()["step"] == step + is_kept
    client.connect(lives.server.port)
    for step in range(passes - 1, passes + 3):
        assert client.attempt(step)
    client.close()
    assert client.replays == is_kept
    assert lives.api.state("run") == uninterrupted(api, name, count, passes + 3)


REVISIONS = {
    "patch": ("PATCH", "", b'{"optimizer": {"lr": 0.5}}'),
    "parameters": ("PUT", "/parameters", b'{"parameters": {"w": [3, 4]}}'),
}


@needs_disturbances
@pytest.mark.parametrize("point", ["before-append", "after-append"])
@pytest.mark.parametrize("revision", REVISIONS)
def test_crash_point_of_a_revision(lives, revision, point):
    """It is there wholly or not at all."""
    lives.api.create("run", {"w": [1, 2]})
    lives.api.step("run", {"w": [1, 1]})
    before = lives.api.state("run")
    lives.kill()
    lives.start(CRASH_AT=f"{point}:1")
    method, path, body = REVISIONS[revision]
    with pytest.raises((Closed, OSError)), Connection(lives.server.port) as connection:
        connection.ask(method, f"/v1/sessions/run{path}", {"Content-Type": "application/json"},
                       body)
    assert lives.server.wait() == -9
    lives.kill_and_start()
    if point == "before-append":
        assert (lives.api.tag("run"), lives.api.state("run")) == ('"1-1"', before)
    else:
        assert lives.api.tag("run") == '"2-1"' and lives.api.state("run") != before
    lives.api.step("run", {"w": [1, 1]})
