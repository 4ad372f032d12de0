"""Earlier steps, rebuilt from what is kept: read as state files, forked, and forgotten in time."""

import numpy as np
import pytest

from api import RAW, SAFETENSORS, assert_problem

COUNT = 10


def gradient(step):
    return np.random.default_rng(step).normal(size=COUNT).astype("<f4").tobytes()


def create(api, name, **options):
    return api.create(name, {"w": [0] * COUNT}, optimizer={"lr": 0.1}, **options)


def train(api, name, first, last, query=""):
    """Takes the steps first + 1 ... last; returns the state after each."""
    states = {}
    for step in range(first, last):
        response = api.post(f"/v1/sessions/{name}/steps{query}", body=gradient(step), type=RAW)
        assert response.status == 200, response
        states[step + 1] = api.state(name)
    return states


def state_at(api, name, step):
    return api.get(f"/v1/sessions/{name}/state?step={step}")


def snapshot(api, name):
    response = api.post(f"/v1/sessions/{name}/snapshots")
    assert response.status == 200, response
    return response.json()


def test_every_step_since_the_creation(lives):
    create(lives.api, "run")
    states = {0: lives.api.state("run"), **train(lives.api, "run", 0, 12)}
    for _ in range(2):
        for step, state in states.items():
            response = state_at(lives.api, "run", step)
            assert response.body == state, step
            assert response.header("ETag") == f'"1-{step}"'
        lives.kill_and_start()


def test_a_step_ahead_is_not_kept(api, name):
    create(api, name)
    train(api, name, 0, 2)
    problem = assert_problem(state_at(api, name, 3), 404, "unknown-step", current='"1-2"')
    assert "oldest" not in problem or problem["oldest"] == 0
    assert_problem(api.put(f"/v1/sessions/{name}-f?from={name}&step=3"), 404, "unknown-step")
    assert_problem(api.get(f"/v1/sessions/{name}-f"), 404, "unknown-session")


def test_preconditions_are_judged_by_the_version_that_is_answered(api, name):
    """RFC 9110 §13.1: of the selected representation, which may be one of before."""
    create(api, name)
    train(api, name, 0, 2)

    def ask(field, tag):
        return api.get(f"/v1/sessions/{name}/state?step=1", headers={field: tag})

    assert ask("If-Match", '"1-1"').status == 200
    assert_problem(ask("If-Match", '"1-2"'), 412, "precondition-failed", current='"1-1"')
    held = ask("If-None-Match", '"1-1"')
    assert (held.status, held.header("ETag")) == (304, '"1-1"')
    assert ask("If-None-Match", '"1-2"').header("ETag") == '"1-1"'


def test_revisions_belong_to_the_step_before_the_next(lives):
    """As it stood just before step n + 1: a PATCH after step n is in it."""
    api = lives.api
    create(api, "run")
    train(api, "run", 0, 2)
    assert api.patch("/v1/sessions/run", json={"optimizer": {"lr": 0.5}}).status == 200
    assert api.put("/v1/sessions/run/parameters",
                   json={"parameters": {"w": [1] * COUNT}}).status == 200
    skipped = np.full(COUNT, np.inf, "<f4").tobytes()
    assert api.post("/v1/sessions/run/steps?nonfinite=skip", body=skipped,
                    type=RAW).header("Optimizer-Applied") == "false"
    revised = api.state("run")
    train(api, "run", 2, 4)
    assert state_at(api, "run", 2).body == revised
    lives.kill_and_start()
    assert state_at(lives.api, "run", 2).body == revised
    assert state_at(lives.api, "run", 2).header("ETag") == '"3-2"'


def test_an_import_that_goes_back(lives):
    """A step that was taken twice is told as it was taken last; the others as they were, also
    those that the session has not come to again."""
    create(lives.api, "run")
    states = train(lives.api, "run", 0, 6)
    assert lives.api.put("/v1/sessions/run/state", body=states[2],
                         type=SAFETENSORS).status == 200
    again = train(lives.api, "run", 2, 4, "?lr=0.5")
    for _ in range(2):
        for step, state in {**states, **again}.items():
            assert state_at(lives.api, "run", step).body == state, step
        assert_problem(state_at(lives.api, "run", 7), 404, "unknown-step")
        lives.kill_and_start()


def test_a_run_that_diverged_is_rewound(lives):
    create(lives.api, "run")
    good = train(lives.api, "run", 0, 5)
    train(lives.api, "run", 5, 8, "?lr=1e30")
    response = lives.api.put("/v1/sessions/rewound?from=run&step=5")
    assert response.status == 201
    assert (response.json()["step"], response.json()["generation"]) == (5, 1)
    assert response.json()["durability"] == "log"
    assert lives.api.state("rewound") == good[5]
    assert lives.api.patch("/v1/sessions/rewound",
                           json={"optimizer": {"lr": 0.01}}).status == 200
    train(lives.api, "rewound", 5, 8)
    create(lives.api, "expected")
    train(lives.api, "expected", 0, 5)
    lives.api.patch("/v1/sessions/expected", json={"optimizer": {"lr": 0.01}})
    train(lives.api, "expected", 5, 8)
    assert lives.api.state("rewound") == lives.api.state("expected")
    # The fork's own past begins where it was forked.
    assert state_at(lives.api, "rewound", 6).status == 200
    assert_problem(state_at(lives.api, "rewound", 4), 404, "unknown-step", oldest=5)


def test_a_fork_is_made_once(api, name):
    create(api, name)
    train(api, name, 0, 3)
    fork = f"{name}-fork"
    target = f"/v1/sessions/{fork}?from={name}&step=2"
    assert api.put(target).status == 201
    train(api, fork, 2, 3)
    assert api.put(target).status == 200, "the same creation again"
    assert_problem(api.put(f"/v1/sessions/{fork}?from={name}&step=1"), 409, "session-exists")
    assert_problem(api.put(target, json={}), 400, "malformed-request")
    assert_problem(api.put(f"/v1/sessions/{fork}x?from=nobody"), 404, "unknown-session")
    assert_problem(api.put(target, headers={"If-None-Match": "*"}), 412, "precondition-failed")
    assert api.delete(f"/v1/sessions/{fork}").status == 204


def test_two_snapshots_and_the_log_between_them_are_kept(lives):
    """By default nothing before the older one; the 404 says where what is kept begins."""
    create(lives.api, "run")
    states = {0: lives.api.state("run"), **train(lives.api, "run", 0, 3)}
    assert snapshot(lives.api, "run")["step"] == 3
    assert state_at(lives.api, "run", 0).body == states[0]
    states |= train(lives.api, "run", 3, 6)
    assert snapshot(lives.api, "run")["step"] == 6
    states |= train(lives.api, "run", 6, 8)
    for _ in range(2):
        assert len(lives.files("run", "snapshot")) == 2
        for step in range(3):
            response = state_at(lives.api, "run", step)
            problem = assert_problem(response, 404, "unknown-step", oldest=3, current='"1-8"')
            assert "3" in problem["detail"]
            fork = lives.api.put(f"/v1/sessions/fork?from=run&step={step}")
            assert_problem(fork, 404, "unknown-step", oldest=3)
        for step in range(3, 9):
            assert state_at(lives.api, "run", step).body == states[step]
        lives.kill_and_start()


@pytest.mark.parametrize("how", ["session", "service"])
def test_retained_steps(lives, how):
    """So many steps back are reached at least, whatever is asked for snapshots."""
    retain = {}
    if how == "service":
        lives.kill_and_start("--retain-steps", "5")
    else:
        retain = {"retain_steps": 5}
    assert create(lives.api, "run", **retain)["retain_steps"] == (5 if retain else None)
    states = {0: lives.api.state("run")}
    for step in range(20):
        states |= train(lives.api, "run", step, step + 1)
        snapshot(lives.api, "run")
        for back in range(min(step + 1, 5) + 1):
            assert state_at(lives.api, "run", step + 1 - back).body == states[step + 1 - back]
    problem = assert_problem(state_at(lives.api, "run", 0), 404, "unknown-step")
    assert 1 <= problem["oldest"] <= 15
    assert state_at(lives.api, "run", problem["oldest"]).status == 200
    if retain:
        lives.kill_and_start()
        assert lives.api.get("/v1/sessions/run").json()["retain_steps"] == 5
        assert state_at(lives.api, "run", 15).body == states[15]


@pytest.mark.parametrize("value", [-1, 1.5, 10**9 + 1, "5", True])
def test_retained_steps_that_are_none(api, name, value):
    response = api.put(f"/v1/sessions/{name}",
                       json={"parameters": {"w": 0}, "retain_steps": value})
    assert_problem(response, 422, "invalid-value", "/retain_steps")


def test_snapshots_on_request(api, name):
    create(api, name)
    train(api, name, 0, 2)
    assert snapshot(api, name).items() >= {"session": name, "step": 2}.items()
    assert snapshot(api, name)["step"] == 2, "again at the same place"
    target = f"/v1/sessions/{name}/snapshots"
    assert_problem(api.post(target, json={}), 400, "malformed-request")
    assert_problem(api.post(f"{target}?a=b"), 422, "unknown-member")
    assert_problem(api.get(target), 405, "method-not-allowed")
    assert_problem(api.post("/v1/sessions/nobody/snapshots"), 404, "unknown-session")
    api.create(f"{name}-memory", {"w": 0}, durability="none")
    response = api.post(f"/v1/sessions/{name}-memory/snapshots")
    assert_problem(response, 422, "invalid-value", "/durability")
    assert api.delete(f"/v1/sessions/{name}-memory").status == 204
