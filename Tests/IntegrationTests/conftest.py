"""One optimizerd for the whole run, and a session name for each test."""

import itertools
import re
import tempfile

import pytest

from api import API
from lives import Lives
from server import Server

names = itertools.count(1)


@pytest.fixture(scope="session")
def server():
    """Lives through every test of the run, bad input included, and then drains."""
    with Server() as running:
        yield running


@pytest.fixture(autouse=True)
def default_directory(monkeypatch):
    """A program that is started without `--data-dir` finds none of this user's sessions."""
    with tempfile.TemporaryDirectory(prefix="optimizerd-test-") as path:
        monkeypatch.delenv("STATE_DIRECTORY", raising=False)
        monkeypatch.setenv("XDG_STATE_HOME", path)
        yield


@pytest.fixture(autouse=True)
def server_survives(request):
    """Names the test that ended the server, if one does."""
    yield
    if "server" in request.fixturenames:
        running = request.getfixturevalue("server")
        assert running.is_alive, running.said()[-4000:]
        running.said()


@pytest.fixture
def api(server):
    return API(server.port)


@pytest.fixture
def name(request, api):
    """A session name that no other test uses; the session is deleted afterwards."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[:80]
    name = f"{plain}-{next(names)}"
    yield name
    assert api.delete(f"/v1/sessions/{name}").status in (204, 404)


@pytest.fixture
def session(api, name):
    """A session of two tensors, of rank 2 and 1, that has taken one step."""
    api.create(name, {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]},
               param_groups=[{"name": "slow", "params": ["b"], "lr": 0.0001}], durability="none")
    api.step(name, {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]})
    return name


@pytest.fixture
def lives():
    """A data directory of its own with a process on it, which the test may kill and start."""
    with tempfile.TemporaryDirectory(prefix="optimizerd-test-") as path:
        running = Lives(path)
        running.start()
        yield running
        # What the test has not ended itself must still be there.
        assert not running.server or running.server.is_alive, running.server.said()[-4000:]
        running.kill()
