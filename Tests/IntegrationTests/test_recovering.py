"""While sessions are being rebuilt: the service says so, and may be asked to stop."""

import re

import numpy as np
import pytest

from api import API, RAW, assert_problem
from server import Server
from tokens import Holder, TokenFile

NAMES = [f"s{index}" for index in range(6)]
COUNT, STEPS = 400_000, 8  # Long enough to be seen, short of a snapshot of its own.


@pytest.fixture
def kept(lives):
    """Sessions whose rebuilding takes a moment, and their states."""
    for index, name in enumerate(NAMES):
        lives.api.create(name, {"w": [0] * COUNT})
        for step in range(STEPS):
            response = lives.api.post(
                f"/v1/sessions/{name}/steps", body=np.full(COUNT, step + index, "<f4").tobytes(),
                type=RAW, headers={"Prefer": "return=minimal"})
            assert response.status == 204
    lives.states = {name: lives.api.state(name) for name in NAMES}
    lives.kill()
    return lives


def is_right(lives):
    return all(lives.api.state(name) == state for name, state in lives.states.items())


def test_it_says_how_far_it_is(kept):
    with Server("--data-dir", kept.directory, ready=False) as running:
        api, seen = API(running.port), []
        while (response := api.get("/readyz")).status != 200:
            seen.append(assert_problem(response, 503, "recovering", total=len(NAMES))["done"])
            for refused in (api.get("/v1/sessions/s0"), api.get("/v1/sessions"),
                            api.put("/v1/sessions/new", json={"parameters": {"w": 1}})):
                # It may have become ready between two questions.
                if refused.status >= 400:
                    assert_problem(refused, 503, "recovering")
            assert api.get("/livez").status == 200
        assert seen and seen == sorted(seen) and max(seen) <= len(NAMES), seen
        assert api.get("/v1/sessions/s0").json()["step"] == STEPS
    kept.start()
    assert is_right(kept)


def test_how_many_there_are_is_for_those_who_see_all(kept, tmp_path):
    file = TokenFile(tmp_path)
    file.add("some", "admin", "other-")
    file.add("all", "read", "*")
    with Server("--data-dir", kept.directory, "--tokens", file.path, ready=False) as running:
        some, every = (Holder(running.port, file.secrets[id]) for id in ("some", "all"))
        while API(running.port).get("/readyz").status != 200:
            for response in (API(running.port).get("/readyz"), some.get("/v1/sessions/other-1"),
                             some.get("/v1/sessions"), every.get("/v1/sessions/s0")):
                # It may have become ready between two questions.
                if response.status in (200, 404):
                    continue
                problem = assert_problem(response, 503, "recovering")
                assert ("total" in problem) == (problem["instance"] == "/v1/sessions/s0")
                assert re.search(r"\d", problem["detail"]) is None or "total" in problem
            # What is none of theirs is refused before that.
            assert_problem(some.get("/v1/sessions/s0"), 403, "forbidden")
        assert every.get("/v1/sessions/s0").json()["step"] == STEPS


def test_it_may_be_stopped_meanwhile(kept):
    for _ in range(3):
        with Server("--data-dir", kept.directory, ready=False) as running:
            running.stop()
    kept.start()
    assert is_right(kept)
