"""Learning-rate schedules on the server: PyTorch's values, and their life with the session."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from api import JSON, SAFETENSORS, assert_problem
from wire import Connection

GOLDEN = Path(__file__).parents[1] / "OptimizerEngineTests" / "Golden" / "schedules.txt"
BASE = 0.37
CYCLIC = {"type": "cyclic", "base_lr": 0.1, "max_lr": 1.9}
ONE_CYCLE = {"type": "one_cycle", "max_lr": 2.5, "total_steps": 300}

# As make_schedules.py beside that file makes them in PyTorch.
SCHEDULES = {
    "constant": {"type": "constant"},
    "constant-17": {"type": "constant", "factor": 0.25, "total_iters": 17},
    "linear": {"type": "linear"},
    "linear-down": {"type": "linear", "start_factor": 0.9, "end_factor": 0.05,
                    "total_iters": 211},
    "step": {"type": "step", "step_size": 30},
    "step-half": {"type": "step", "step_size": 7, "gamma": 0.5},
    "multi_step": {"type": "multi_step", "milestones": [0, 3, 50, 200], "gamma": 0.3},
    "exponential": {"type": "exponential", "gamma": 0.97},
    "polynomial": {"type": "polynomial"},
    "polynomial-2.5": {"type": "polynomial", "total_iters": 150, "power": 2.5},
    "cosine": {"type": "cosine", "T_max": 100},
    "cosine-min": {"type": "cosine", "T_max": 299, "eta_min": 0.01},
    "restarts": {"type": "cosine_warm_restarts", "T_0": 40},
    "restarts-2": {"type": "cosine_warm_restarts", "T_0": 10, "T_mult": 2, "eta_min": 0.02},
    "one_cycle": ONE_CYCLE,
    "one_cycle-linear": ONE_CYCLE | {"anneal_strategy": "linear", "pct_start": 0.25,
                                     "div_factor": 10, "final_div_factor": 100},
    "one_cycle-three": ONE_CYCLE | {"three_phase": True, "pct_start": 0.4},
    "cyclic": CYCLIC | {"step_size_up": 20},
    "cyclic-2": CYCLIC | {"step_size_up": 10, "step_size_down": 23, "mode": "triangular2"},
    "cyclic-exp": CYCLIC | {"step_size_up": 15, "mode": "exp_range", "gamma": 0.99},
    "inverse_sqrt": {"type": "inverse_sqrt"},
    "inverse_sqrt-warm": {"type": "inverse_sqrt", "warmup_steps": 20},
    "inverse_sqrt-scale": {"type": "inverse_sqrt", "warmup_steps": 5, "timescale": 64},
    "wsd": {"type": "warmup_stable_decay", "warmup_steps": 20, "stable_steps": 100,
            "decay_steps": 150},
    "wsd-linear": {"type": "warmup_stable_decay", "warmup_steps": 0, "stable_steps": 50,
                   "decay_steps": 100, "min_lr_ratio": 0.1, "decay_type": "linear"},
    "wsd-sqrt": {"type": "warmup_stable_decay", "warmup_steps": 10, "stable_steps": 0,
                 "decay_steps": 200, "min_lr_ratio": 0.05, "decay_type": "1-sqrt"},
    "warmup": {"type": "warmup", "steps": 25, "start_factor": 0.01,
               "schedule": {"type": "cosine", "T_max": 275}},
    "sequence": {"type": "sequence", "milestones": [40, 120],
                 "schedules": [{"type": "constant", "factor": 0.1, "total_iters": 40},
                               {"type": "exponential", "gamma": 0.9},
                               {"type": "step", "step_size": 25}]},
}
HALVING = {"type": "exponential", "gamma": 0.5}


def golden():
    lines = [line.split() for line in GOLDEN.read_text().splitlines()[1:]]
    steps = [int(word) for word in lines[0][1:]]
    return {words[0]: dict(zip(steps, map(float, words[1:]))) for words in lines[1:]}


def create(api, name, schedule, **members):
    optimizer = {"type": "adam", "lr": 1, "lr_schedule": schedule}
    return api.create(name, {"w": [0.5]}, optimizer=optimizer, **members)


def rate(api, name, **members):
    """That of the next step, which is taken."""
    return api.step(name, {"w": [1]}, **members)["lr"]["default"]


def test_every_schedule_has_its_golden_values():
    assert golden().keys() == SCHEDULES.keys()


@pytest.mark.parametrize("key", SCHEDULES)
def test_three_hundred_rates_are_pytorchs(api, name, key):
    """From the first step on, whose rate is the one that the scheduler begins with."""
    optimizer = {"type": "adam", "lr": BASE, "lr_schedule": SCHEDULES[key]}
    api.create(name, {"w": [0.5]}, optimizer=optimizer, durability="none")
    expected = golden()[key]
    with Connection(api.port) as connection:
        for step in range(300):
            response = connection.ask("POST", f"/v1/sessions/{name}/steps",
                                      {"Content-Type": JSON}, b'{"gradients": {"w": [1]}}')
            found = json.loads(response.body)["lr"]["default"]
            if step in expected:
                assert found == pytest.approx(expected[step], rel=1e-12, abs=1e-12 * BASE), step


def test_description_has_every_member(api, name):
    description = create(api, name, {"type": "one_cycle", "max_lr": 0.5, "total_steps": 10})
    assert description["optimizer"]["lr_schedule"] == {
        "type": "one_cycle", "max_lr": 0.5, "total_steps": 10, "pct_start": 0.3,
        "anneal_strategy": "cos", "div_factor": 25, "final_div_factor": 10000,
        "three_phase": False}
    assert description["param_groups"][0]["lr_schedule"]["type"] == "one_cycle"
    assert description["optimizer"]["lr"] == 1


DEFAULTS = {
    "constant": ({}, {"factor": 1 / 3, "total_iters": 5}),
    "linear": ({}, {"start_factor": 1 / 3, "end_factor": 1, "total_iters": 5}),
    "step": ({"step_size": 3}, {"gamma": 0.1}),
    "multi_step": ({"milestones": [3]}, {"gamma": 0.1}),
    "polynomial": ({}, {"total_iters": 5, "power": 1}),
    "cosine": ({"T_max": 3}, {"eta_min": 0}),
    "cosine_warm_restarts": ({"T_0": 3}, {"T_mult": 1, "eta_min": 0}),
    "cyclic": ({"base_lr": 0, "max_lr": 1},
               {"step_size_up": 2000, "mode": "triangular", "gamma": 1}),
    "inverse_sqrt": ({}, {"warmup_steps": 0}),
    "warmup_stable_decay": ({"warmup_steps": 1, "stable_steps": 2, "decay_steps": 3},
                            {"min_lr_ratio": 0, "decay_type": "cosine"}),
    "warmup": ({"steps": 3, "schedule": HALVING}, {"start_factor": 0}),
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_defaults_are_those_of_the_readme(api, name, kind):
    given, defaults = DEFAULTS[kind]
    description = create(api, name, {"type": kind} | given)
    assert description["optimizer"]["lr_schedule"] == {"type": kind} | given | defaults


@pytest.mark.parametrize("key", SCHEDULES)
def test_a_description_creates_the_same_session(api, name, key):
    first = create(api, name, SCHEDULES[key])
    again = api.put(f"/v1/sessions/{name}", json={
        "optimizer": first["optimizer"], "parameters": {"w": [0.5]}})
    assert again.status == 200
    other = api.put(f"/v1/sessions/{name}", json={
        "optimizer": {"type": "adam", "lr": 1}, "parameters": {"w": [0.5]}})
    assert_problem(other, 409, "session-exists")


def test_safetensors_creation(api, name):
    settings = {"optimizer": {"type": "adam", "lr": 1, "lr_schedule": HALVING}}
    body = save({"w": np.array([0.5], np.float32)},
                metadata={"session": json.dumps(settings)})
    made = api.put(f"/v1/sessions/{name}", body=body, type=SAFETENSORS)
    assert made.status == 201, made
    assert made.json()["optimizer"]["lr_schedule"] == HALVING
    assert [rate(api, name) for _ in range(3)] == [1, 0.5, 0.25]


def test_groups_inherit_override_and_opt_out(api, name):
    api.create(name, {"a": [1], "b": [1], "c": [1]},
               optimizer={"type": "adam", "lr": 1, "lr_schedule": HALVING},
               param_groups=[{"name": "own", "params": ["b"], "lr": 8,
                              "lr_schedule": {"type": "step", "step_size": 2, "gamma": 0.25}},
                             {"name": "none", "params": ["c"], "lr_schedule": None}])
    gradients = {"a": [1], "b": [1], "c": [1]}
    rates = [api.step(name, gradients)["lr"] for _ in range(4)]
    assert rates == [{"default": 1, "own": 8, "none": 1}, {"default": 0.5, "own": 8, "none": 1},
                     {"default": 0.25, "own": 2, "none": 1},
                     {"default": 0.125, "own": 2, "none": 1}]


def test_a_steps_own_rate_counts_in_that_step_alone(api, name):
    create(api, name, HALVING)
    assert [rate(api, name), rate(api, name, lr=7), rate(api, name)] == [1, 7, 0.25]
    assert api.get(f"/v1/sessions/{name}/steps/2").json()["lr"] == {"default": 7}
    assert api.get(f"/v1/sessions/{name}/steps/3").json()["lr"] == {"default": 0.25}


def test_a_description_tells_the_next_rates(api, name):
    def upcoming():
        return api.get(f"/v1/sessions/{name}").json()["next_lr"]
    made = api.create(name, {"a": [1], "b": [1], "c": [1]}, nonfinite="skip",
                      optimizer={"type": "adam", "lr": 1, "lr_schedule": HALVING},
                      param_groups=[{"name": "own", "params": ["b"], "lr": 8},
                                    {"name": "none", "params": ["c"], "lr_schedule": None}])
    assert made["next_lr"] == {"default": 1, "own": 8, "none": 1}
    gradients = {"a": [1], "b": [1], "c": [1]}
    for _ in range(3):
        before = upcoming()
        assert api.step(name, gradients)["lr"] == before
    assert upcoming() == {"default": 0.125, "own": 1, "none": 1}
    text = '{"gradients": {"a": [1e999], "b": [1], "c": [1]}}'
    assert api.post(f"/v1/sessions/{name}/steps", json=text).json()["applied"] is False
    assert upcoming() == {"default": 0.125, "own": 1, "none": 1}
    api.step(name, gradients, lr=7)
    assert upcoming() == {"default": 0.0625, "own": 0.5, "none": 1}
    change = {"optimizer": {"lr": 4, "lr_schedule": None}}
    assert api.patch(f"/v1/sessions/{name}", json=change).json()["next_lr"] == {
        "default": 4, "own": 8, "none": 4}


def test_skipped_steps_advance_nothing(api, name):
    create(api, name, HALVING, nonfinite="skip")
    assert rate(api, name) == 1
    skipped = api.post(f"/v1/sessions/{name}/steps", json='{"gradients": {"w": [1e999]}}').json()
    assert (skipped["applied"], skipped["lr"]) == (False, {"default": 0.5})
    assert rate(api, name) == 0.5


def test_the_rate_is_what_the_step_computes_with(api, name):
    """The same parameters as those of a client that sends each rate itself."""
    create(api, name, HALVING)
    api.create(f"{name}-by-hand", {"w": [0.5]}, optimizer={"type": "adam", "lr": 1})
    for step in range(5):
        ours = api.step(name, {"w": [1 - step]})
        theirs = api.step(f"{name}-by-hand", {"w": [1 - step]}, lr=0.5 ** step)
        assert ours["parameters"] == theirs["parameters"]
    assert api.delete(f"/v1/sessions/{name}-by-hand").status == 204


def test_patch_in_the_middle(api, name):
    create(api, name, HALVING)
    assert [rate(api, name), rate(api, name)] == [1, 0.5]
    target = f"/v1/sessions/{name}"
    changed = api.patch(target, json={"optimizer": {"lr_schedule": {
        "type": "multi_step", "milestones": [3], "gamma": 0.1}}})
    assert changed.json()["optimizer"]["lr_schedule"]["milestones"] == [3]
    assert [rate(api, name), rate(api, name)] == [1, 0.1]
    assert api.patch(target, json={"optimizer": {"lr": 4}}).status == 200
    assert rate(api, name) == 0.4
    removed = api.patch(target, json={"optimizer": {"lr_schedule": None}}).json()
    assert removed["optimizer"]["lr_schedule"] is None
    assert rate(api, name) == 4
    group = [{"name": "default", "lr_schedule": HALVING}]
    assert api.patch(target, json={"param_groups": group}).status == 200
    assert rate(api, name) == 4 * 0.5 ** 6


def test_killed_restored_forked_and_imported_runs_go_on(lives):
    api = lives.api
    schedule = {"type": "warmup", "steps": 4, "schedule": {"type": "cosine", "T_max": 9}}
    create(api, "whole", schedule)
    create(api, "run", schedule)
    expected = [rate(api, "whole") for _ in range(9)]
    assert [rate(api, "run") for _ in range(3)] == expected[:3]
    assert api.patch("/v1/sessions/run", json={"max_grad_norm": 1e9}).status == 200
    api = lives.kill_and_start()
    assert [rate(api, "run") for _ in range(2)] == expected[3:5]
    saved = api.state("run")
    assert api.post("/v1/sessions/run/snapshots").status in (200, 201, 204)
    lives.stop()
    api = lives.start()
    for name in ("imported", "forked"):
        if name == "imported":
            made = api.put(f"/v1/sessions/{name}/state", body=saved, type=SAFETENSORS)
        else:
            made = api.put(f"/v1/sessions/{name}?from=run&step=5")
        assert made.status == 201
        assert made.json()["optimizer"]["lr_schedule"]["schedule"]["T_max"] == 9
    for name in ("run", "imported", "forked"):
        assert [rate(api, name) for _ in range(4)] == expected[5:]
    assert api.state("imported") == api.state("run")
    for same, status in ((schedule, 200), (schedule | {"steps": 5}, 409)):
        optimizer = {"type": "adam", "lr": 1, "lr_schedule": same}
        again = api.put("/v1/sessions/run", json={"optimizer": optimizer,
                                                  "parameters": {"w": [0.5]}})
        assert again.status == status


def test_without_a_schedule_state_files_are_as_before(api, name):
    api.create(name, {"w": [0.5]})
    assert b"lr_schedule" not in api.state(name)


WRONG = [
    ('{"type": "cosine"}', "missing-member", "/T_max"),
    ('{}', "missing-member", "/type"),
    ('{"type": "cosinus", "T_max": 1}', "invalid-value", "/type"),
    ('{"type": "cosine", "T_max": 0}', "invalid-hyperparameter", "/T_max"),
    ('{"type": "cosine", "T_max": 1.5}', "invalid-value", "/T_max"),
    ('{"type": "cosine", "T_max": 1e300}', "invalid-value", "/T_max"),
    ('{"type": "cosine", "T_max": 9007199254740993}', "invalid-hyperparameter", "/T_max"),
    ('{"type": "cosine", "T_max": "9"}', "invalid-value", "/T_max"),
    ('{"type": "cosine", "T_max": 9, "eta_min": -1}', "invalid-hyperparameter", "/eta_min"),
    ('{"type": "cosine", "T_max": 9, "last_epoch": 3}', "unknown-member", "/last_epoch"),
    ('{"type": "exponential", "gamma": 1e999}', "invalid-hyperparameter", "/gamma"),
    ('{"type": "multi_step", "milestones": [5, 4]}', "invalid-hyperparameter", "/milestones/1"),
    ('{"type": "multi_step", "milestones": [5, "6"]}', "invalid-value", "/milestones/1"),
    ('{"type": "cyclic", "base_lr": 0, "max_lr": 1, "mode": "square"}', "invalid-value", "/mode"),
    ('{"type": "warmup", "steps": 3}', "missing-member", "/schedule"),
    ('{"type": "warmup", "steps": 3, "schedule": {"type": "step", "step_size": 0}}',
     "invalid-hyperparameter", "/schedule/step_size"),
    ('{"type": "sequence", "schedules": [], "milestones": []}', "invalid-hyperparameter",
     "/schedules"),
    ('{"type": "sequence", "schedules": [{"type": "linear"}, {"type": "linear", "total_iters": 0}],'
     ' "milestones": [9]}', "invalid-hyperparameter", "/schedules/1/total_iters"),
    ('{"type": "multi_step", "milestones": %s}' % list(range(256)), "invalid-hyperparameter",
     "/type"),
    ('"cosine"', "invalid-value", ""), ('[]', "invalid-value", ""), ('0.5', "invalid-value", ""),
]


@pytest.mark.parametrize("text, code, pointer", WRONG)
def test_what_is_refused(api, name, session, text, code, pointer):
    pointer = "/lr_schedule" + pointer
    body = '{"optimizer": {"lr_schedule": %s}, "parameters": {"w": [1]}}' % text
    response = api.put(f"/v1/sessions/{name}-2", body=body, type=JSON)
    assert_problem(response, 422, code, "/optimizer" + pointer)
    assert_problem(api.get(f"/v1/sessions/{name}-2"), 404, "unknown-session")
    with api.unchanged(session):
        response = api.patch(f"/v1/sessions/{session}", body='{"param_groups": [{"name": "slow", '
                             '"lr_schedule": %s}]}' % text, type=JSON)
        assert_problem(response, 422, code, "/param_groups/0" + pointer)


def test_deep_schedules_are_bounded(api, name):
    schedule = HALVING
    for _ in range(80):
        schedule = {"type": "warmup", "steps": 1, "schedule": schedule}
    document = {"optimizer": {"lr_schedule": schedule}, "parameters": {"w": [1]}}
    assert_problem(api.put(f"/v1/sessions/{name}", json=document), 400, "malformed-json")


def test_a_rate_beyond_all_numbers_is_refused(api, name):
    create(api, name, {"type": "exponential", "gamma": 1e200})
    assert [rate(api, name), rate(api, name)] == [1, 1e200]
    assert api.get(f"/v1/sessions/{name}").json()["next_lr"] == {"default": None}
    with api.unchanged(name):
        response = api.post(f"/v1/sessions/{name}/steps", json={"gradients": {"w": [1]}})
        assert_problem(response, 422, "invalid-hyperparameter", "/lr")
    assert rate(api, name, lr=0.1) == 0.1
