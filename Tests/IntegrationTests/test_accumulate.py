"""Gradients that are added up before a step: every format, retries, starts, other places."""

import threading

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import RAW, SAFETENSORS

START = {"w": [[0.5, -1, 2], [0.25, 3, -4]], "b": [1.5, -0.5]}
SHAPES = {"b": (2,), "w": (2, 3)}


def drawn(seed, dtype=np.float32):
    random = np.random.default_rng(seed)
    return {key: random.normal(size=shape).astype(dtype) for key, shape in SHAPES.items()}


def flat(gradients):
    return np.concatenate([gradients[key].ravel() for key in sorted(gradients)])


def lists(gradients):
    return {key: value.tolist() for key, value in gradients.items()}


def add(api, name, gradients, **members):
    document = {"gradients": lists(gradients)} | members
    answer = api.post(f"/v1/sessions/{name}/gradients", json=document)
    assert answer.status == 200, answer
    return answer.json()


def test_every_format_adds_alike(api, name):
    """The sum is that of NumPy in the session's precision, and the step that of the sum."""
    api.create(name, START)
    api.create(f"{name}-twin", START)
    place = f"/v1/sessions/{name}"
    parts = [drawn(seed) for seed in range(3)]
    assert add(api, name, parts[0], weight=0.5)["accumulated"] == 1
    answer = api.post(f"{place}/gradients?weight=2", body=flat(parts[1]).tobytes(), type=RAW)
    assert answer.json() == {"session": name, "generation": 1, "step": 0, "accumulated": 2,
                             "durability": "log"}
    assert answer.header("ETag") == '"1-0"' and answer.header("Optimizer-Accumulated") == "2"
    minimal = api.post(
        f"{place}/gradients", body=save(parts[2], {"options": '{"weight": 1.5}'}),
        type=SAFETENSORS, headers={"Prefer": "return=minimal"})
    assert minimal.status == 204 and minimal.header("Optimizer-Accumulated") == "3"
    assert api.get(place).json()["accumulated"] == 3
    weights = [np.float32(weight) for weight in (0.5, 2, 1.5)]
    total = flat(parts[0]) * weights[0] + flat(parts[1]) * weights[1] + flat(parts[2]) * weights[2]
    state = load(api.state(name))
    assert state["grad/w"].tobytes() == total[2:].tobytes()
    assert state["grad_weight/w"] == 4 and state["grad_weight/b"].dtype == np.float64

    mean = api.post(f"{place}/steps?reduction=mean&zero_grad=false&loss=0.25",
                    headers={"Accept": RAW})
    other = api.post(f"{place}-twin/steps", body=(total / np.float32(4)).tobytes(), type=RAW)
    assert mean.status == 200 and mean.body == other.body
    assert mean.header("Optimizer-Loss") == "0.25"
    assert api.get(place).json()["accumulated"] == 3
    summed = api.post(f"{place}/steps", json={"lr": 0.5, "reduction": "sum"})
    twin = api.post(f"{place}-twin/steps?lr=0.5", body=total.tobytes(), type=RAW)
    assert summed.status == 200 and summed.json()["step"] == 2
    assert api.get(place).json()["accumulated"] == 0
    assert np.concatenate([np.ravel(summed.json()["parameters"][key]) for key in "bw"]).astype(
        np.float32).tobytes() == twin.body
    assert api.state(name) == api.state(f"{name}-twin")


@pytest.mark.parametrize("dtype", ["F64", "F16", "BF16"])
def test_other_precisions(api, name, dtype):
    tensor = {"dtype": dtype, "shape": [3], "data": [1, 2, 3]}
    for session in (name, f"{name}-twin"):
        api.create(session, {"w": tensor})
    real = np.float64 if dtype == "F64" else np.float32
    parts = [np.array(values, real) for values in ([0.1, 0.2, 0.3], [-1, 0.7, 1e-3])]
    for part in parts:
        add(api, name, {"w": part}, weight=0.3)
    total = parts[0] * real(0.3) + parts[1] * real(0.3)
    api.post(f"/v1/sessions/{name}/steps", json={})
    api.post(f"/v1/sessions/{name}-twin/steps", body=total.tobytes(), type=RAW,
             headers={"Tensor-Dtype": "F64" if dtype == "F64" else "F32"})
    assert api.state(name) == api.state(f"{name}-twin")


def test_tensor_by_tensor(api, name):
    """While a backward pass is still running, tensors come as they are ready, from anywhere."""
    layers = {f"layer.{index}": [float(index)] * 50 for index in range(12)}
    api.create(name, layers)
    api.create(f"{name}-twin", layers)
    random = np.random.default_rng(1)
    gradients = {key: random.normal(size=50).astype(np.float32) for key in layers}

    def send(key):
        answer = api.post(f"/v1/sessions/{name}/gradients", body=save({key: gradients[key]}),
                          type=SAFETENSORS)
        assert answer.status == 200

    threads = [threading.Thread(target=send, args=(key,)) for key in reversed(layers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    api.post(f"/v1/sessions/{name}/steps", json={})
    api.step(f"{name}-twin", lists(gradients))
    assert api.state(name) == api.state(f"{name}-twin")


def test_parameters_without_a_gradient(api, name):
    """As in PyTorch, where it is None: refused, or left alone when the step says so."""
    api.create(name, START)
    add(api, name, {"b": np.ones(2)})
    refused = api.post(f"/v1/sessions/{name}/steps", json={})
    assert refused.status == 422 and refused.json()["code"] == "missing-gradient"
    assert refused.json()["errors"][0]["pointer"] == "/gradients/w"
    answer = api.post(f"/v1/sessions/{name}/steps", json={"partial": "skip"})
    assert answer.status == 200 and answer.json()["parameters"]["w"] == START["w"]
    for request in ({"json": {}}, {}):
        nothing = api.post(f"/v1/sessions/{name}/steps", **request)
        assert nothing.status == 422 and nothing.json()["code"] == "missing-gradient"
        assert nothing.json()["errors"][0]["pointer"] == "/gradients"


def test_zero_grad(api, name):
    api.create(name, START)
    before = api.state(name)
    place = f"/v1/sessions/{name}/gradients"
    add(api, name, drawn(1))
    stale = api.delete(place, headers={"If-Match": '"1-5"'})
    assert stale.status == 412
    assert api.delete(place, headers={"If-Match": '"1-0"'}).status == 204
    assert api.delete(place).status == 204
    assert api.state(name) == before


def test_refusals_change_nothing(api, name):
    api.create(name, START)
    add(api, name, drawn(1))
    place = f"/v1/sessions/{name}"
    good = {"gradients": lists(drawn(2))}
    cases = [
        (f"{place}/gradients", good | {"weight": 0}, "/weight", "invalid-value"),
        (f"{place}/gradients", good | {"weight": -1}, "/weight", "invalid-value"),
        (f"{place}/gradients", good | {"weight": 1e39}, "/weight", "invalid-value"),
        (f"{place}/gradients", good | {"weight": 1e-60}, "/weight", "invalid-value"),
        (f"{place}/gradients", good | {"weight": "1"}, "/weight", "invalid-value"),
        (f"{place}/gradients", good | {"lr": 1}, "/lr", "unknown-member"),
        (f"{place}/gradients", {"weight": 1}, "/gradients", "missing-member"),
        (f"{place}/gradients", {"gradients": {}}, "/gradients/b", "missing-gradient"),
        (f"{place}/gradients", {"gradients": {"x": 1}}, "/gradients/x", "unknown-parameter"),
        (f"{place}/gradients", {"gradients": {"b": [1]}}, "/gradients/b", "shape-mismatch"),
        (f"{place}/steps", good | {"reduction": "sum"}, "/reduction", "invalid-value"),
        (f"{place}/steps", good | {"zero_grad": True}, "/zero_grad", "invalid-value"),
        (f"{place}/steps", {"reduction": "max"}, "/reduction", "invalid-value"),
        (f"{place}/steps", {"zero_grad": 1}, "/zero_grad", "invalid-value"),
    ]
    before = api.state(name)
    for target, document, pointer, code in cases:
        answer = api.post(target, json=document)
        problem = answer.json()
        assert answer.status == 422 and problem["code"] == code, (document, problem)
        assert problem["errors"][0]["pointer"] == pointer, document
    stale = api.post(f"{place}/gradients", json=good, headers={"If-Match": '"1-3"'})
    assert stale.status == 412 and stale.json()["code"] == "step-mismatch"
    short = api.post(f"{place}/gradients", body=b"\0" * 28, type=RAW)
    assert short.status == 422 and short.json()["code"] == "shape-mismatch"
    query = api.post(f"{place}/steps?reduction=max")
    assert query.status == 422 and query.json()["errors"][0]["pointer"] == "/reduction"
    assert api.state(name) == before


def test_nonfinite_sums(api, name):
    """They are judged by the step, which gives them up where it is skipped."""
    api.create(name, START)
    bad = drawn(1)
    bad["b"][0] = np.inf
    place = f"/v1/sessions/{name}"
    api.post(f"{place}/gradients", body=flat(bad).tobytes(), type=RAW)
    refused = api.post(f"{place}/steps", json={})
    assert refused.json()["code"] == "nonfinite-gradient"
    assert api.get(place).json()["accumulated"] == 1
    skipped = api.post(f"{place}/steps", json={"nonfinite": "skip"}).json()
    assert (skipped["applied"], skipped["step"]) == (False, 0)
    description = api.get(place).json()
    assert (description["accumulated"], description["skipped"]) == (0, 1)


def test_a_retry_adds_once(lives):
    """Also where the process was killed in between, and the step that used them was taken."""
    api = lives.api
    api.create("run", START)
    api.create("twin", START)
    key = {"Idempotency-Key": "add-1"}
    body = flat(drawn(1)).tobytes()
    place = "/v1/sessions/run/gradients"
    first = api.post(place, body=body, type=RAW, headers=key)
    assert first.header("Idempotency-Replayed") is None
    again = api.post(place, body=body, type=RAW, headers=key)
    assert again.header("Idempotency-Replayed") == "true" and again.json() == first.json()
    other = api.post(place, body=body[::-1], type=RAW, headers=key)
    assert other.status == 422 and other.json()["code"] == "idempotency-key-reused"
    api = lives.kill_and_start()
    assert api.get("/v1/sessions/run").json()["accumulated"] == 1
    assert api.post(place, body=body, type=RAW, headers=key).json() == first.json()
    add(api, "run", drawn(2))
    step = {"Idempotency-Key": "step-1"}
    taken = api.post("/v1/sessions/run/steps?reduction=mean", headers=step)
    api = lives.kill_and_start()
    replayed = api.post("/v1/sessions/run/steps?reduction=mean", headers=step)
    assert replayed.header("Idempotency-Replayed") == "true" and replayed.body == taken.body
    assert api.post(place, body=body, type=RAW, headers=key).json() == first.json()
    assert api.get("/v1/sessions/run").json()["accumulated"] == 0
    mean = (flat(drawn(1)) + flat(drawn(2))) / np.float32(2)
    api.post("/v1/sessions/twin/steps", body=mean.tobytes(), type=RAW)
    assert api.state("run") == api.state("twin")


def test_they_move_with_the_state(api, name):
    api.create(name, START)
    add(api, name, drawn(1))
    answer = api.get(f"/v1/sessions/{name}/state")
    # The version does not tell of them, so it is no validator for this file.
    assert answer.header("ETag") is None
    assert api.get(f"/v1/sessions/{name}/state",
                   headers={"If-None-Match": '"1-0"'}).status == 200
    assert api.get(f"/v1/sessions/{name}/state", headers={"If-Match": '"1-7"'}).status == 412
    assert api.get(f"/v1/sessions/{name}/state", headers={"If-Match": '"1-0"'}).status == 200
    moved = api.put(f"/v1/sessions/{name}-on/state", body=answer.body, type=SAFETENSORS)
    assert moved.json()["accumulated"] == 1
    for session in (name, f"{name}-on"):
        add(api, session, drawn(2), weight=2)
        assert api.post(f"/v1/sessions/{session}/steps", json={}).status == 200
    assert api.state(name) == api.state(f"{name}-on")
    assert api.get(f"/v1/sessions/{name}/state").header("ETag") == '"1-1"'


def test_tokens_that_may_step_may_add(api, name):
    assert api.call("OPTIONS", f"/v1/sessions/{name}/gradients").header("Allow") == \
        "POST, DELETE, OPTIONS"
    assert api.get(f"/v1/sessions/{name}/gradients").status == 405
