"""A loss scaler on the server: PyTorch's rules, retries, starts, other places."""

import numpy as np
import pytest

from api import RAW, SAFETENSORS

START = {"w": [0.5, -1.0, 2.0]}
GOOD = np.array([1, -2, 0.5], np.float32)
BAD = np.array([1, np.inf, 0.5], np.float32)
SETTINGS = {"init_scale": 1024, "growth_factor": 2, "backoff_factor": 0.5, "growth_interval": 3}


def step(api, name, gradient, **headers):
    return api.post(f"/v1/sessions/{name}/steps", body=gradient.tobytes(), type=RAW,
                    headers={"Prefer": "return=minimal"} | headers)


def scaler(api, name):
    return api.get(f"/v1/sessions/{name}").json()["grad_scaler"]


def test_scale_follows_the_gradients(api, name):
    """Infinities skip a step and halve the scale; three steps without double it."""
    schedule = {"type": "exponential", "gamma": 0.5}
    api.create(name, START, grad_scaler=SETTINGS, optimizer={"lr_schedule": schedule})
    api.create(f"{name}-twin", START, optimizer={"lr_schedule": schedule})
    assert scaler(api, name) == SETTINGS | {"scale": 1024, "growth_tracker": 0}
    expected = [(True, 1024), (False, 512), (True, 512), (True, 512), (True, 1024), (False, 512)]
    scale, steps = 1024, 0
    for applied, next_scale in expected:
        answer = step(api, name, (GOOD if applied else BAD) * np.float32(scale))
        assert answer.header("Optimizer-Applied") == str(applied).lower()
        assert float(answer.header("Optimizer-Next-Grad-Scale")) == next_scale
        scale, steps = next_scale, steps + applied
        assert answer.header("Optimizer-Step") == str(steps)
    for _ in range(steps):
        step(api, f"{name}-twin", GOOD)
    # Skipped steps have advanced nothing, the schedule's rate either.
    assert api.parameters(name) == api.parameters(f"{name}-twin")
    description = api.get(f"/v1/sessions/{name}").json()
    assert description["next_lr"] == api.get(f"/v1/sessions/{name}-twin").json()["next_lr"]
    assert description["skipped"] == 2
    assert description["grad_scaler"] == SETTINGS | {"scale": 512, "growth_tracker": 0}
    told = api.post(f"/v1/sessions/{name}/steps",
                    json={"gradients": {"w": (GOOD * 512).tolist()}}).json()
    assert told["next_grad_scale"] == 512 and told["grad_norm"] == pytest.approx(
        np.linalg.norm(GOOD))


def test_a_step_may_bring_its_own_scale(api, name):
    """A worker whose gradient was computed at an earlier scale says so."""
    api.create(name, START, grad_scaler=SETTINGS)
    api.create(f"{name}-twin", START)
    gradients = (GOOD * 256).tolist()
    api.step(name, {"w": gradients}, grad_scale=256)
    api.step(f"{name}-twin", {"w": GOOD.tolist()})
    assert api.parameters(name) == api.parameters(f"{name}-twin")
    assert scaler(api, name)["growth_tracker"] == 1
    # It may also ask for a refusal in the place of a skip, and then nothing happens.
    with api.unchanged(name):
        answer = api.post(f"/v1/sessions/{name}/steps?nonfinite=reject", body=BAD.tobytes(),
                          type=RAW)
        assert answer.json()["code"] == "nonfinite-gradient"


def test_it_can_be_changed(api, name):
    api.create(name, START)
    place = f"/v1/sessions/{name}"
    assert scaler(api, name) is None
    on = api.patch(place, json={"grad_scaler": {}}).json()["grad_scaler"]
    assert on == {"init_scale": 65536, "growth_factor": 2, "backoff_factor": 0.5,
                  "growth_interval": 2000, "scale": 65536, "growth_tracker": 0}
    for _ in range(5):
        step(api, name, GOOD)
    change = {"grad_scaler": {"scale": 8, "growth_interval": 3}}
    assert api.patch(place, json=change).json()["grad_scaler"] == on | {
        "scale": 8, "growth_interval": 3, "growth_tracker": 2}
    assert float(step(api, name, GOOD).header("Optimizer-Next-Grad-Scale")) == 16
    assert api.patch(place, json={"max_grad_norm": 1}).json()["grad_scaler"]["scale"] == 16
    assert api.patch(place, json={"grad_scaler": None}).json()["grad_scaler"] is None
    assert step(api, name, GOOD).header("Optimizer-Next-Grad-Scale") is None


@pytest.mark.parametrize(("values", "pointer", "code"), [
    ({"init_scale": 0}, "init_scale", "invalid-hyperparameter"),
    ({"init_scale": 1e39}, "init_scale", "invalid-hyperparameter"),
    ({"scale": -2}, "scale", "invalid-hyperparameter"),
    ({"growth_factor": 1}, "growth_factor", "invalid-hyperparameter"),
    ({"backoff_factor": 1}, "backoff_factor", "invalid-hyperparameter"),
    ({"growth_interval": 0}, "growth_interval", "invalid-hyperparameter"),
    ({"growth_interval": -9223372036854775808}, "growth_interval", "invalid-hyperparameter"),
    ({"growth_interval": 1.5}, "growth_interval", "invalid-value"),
    ({"growth_tracker": 2000}, "growth_tracker", "invalid-hyperparameter"),
    ({"enabled": True}, "enabled", "unknown-member"),
    (True, "", "invalid-value"),
])
def test_refusals(api, name, values, pointer, code):
    place = f"/v1/sessions/{name}"
    pointer = "/grad_scaler" + (f"/{pointer}" if pointer else "")
    refused = api.put(place, json={"parameters": START, "grad_scaler": values}).json()
    assert refused["code"] == code and refused["errors"][0]["pointer"] == pointer
    api.create(name, START, grad_scaler={})
    with api.unchanged(name):
        refused = api.patch(place, json={"grad_scaler": values}).json()
        assert refused["code"] == code and refused["errors"][0]["pointer"] == pointer


def test_it_survives_and_moves(lives):
    api = lives.api
    place = "/v1/sessions/run"
    api.create("run", START, grad_scaler=SETTINGS)
    for gradient in (GOOD, GOOD, BAD, GOOD):
        step(api, "run", gradient)
    key = {"Idempotency-Key": "bad"}
    assert step(api, "run", BAD, **key).header("Optimizer-Next-Grad-Scale") == "256"
    api = lives.kill_and_start()
    assert scaler(api, "run") == SETTINGS | {"scale": 256, "growth_tracker": 0}
    again = step(api, "run", BAD, **key)
    assert again.header("Idempotency-Replayed") == "true"
    assert again.header("Optimizer-Next-Grad-Scale") == "256"
    assert api.post(f"{place}/snapshots").status == 200
    step(api, "run", GOOD)
    api = lives.kill_and_start()
    assert scaler(api, "run") == SETTINGS | {"scale": 256, "growth_tracker": 1}
    document = {"parameters": START, "grad_scaler": SETTINGS}
    assert api.put(place, json=document).status == 200
    assert api.put(place, json={"parameters": START}).status == 409
    api.put("/v1/sessions/moved/state", body=api.state("run"), type=SAFETENSORS)
    api.put("/v1/sessions/fork?from=run")
    for session in ("run", "moved", "fork"):
        assert scaler(api, session) == SETTINGS | {"scale": 256, "growth_tracker": 1}
        step(api, session, GOOD)
        assert step(api, session, GOOD).header("Optimizer-Next-Grad-Scale") == "512"
    assert api.state("run") == api.state("moved") == api.state("fork")
