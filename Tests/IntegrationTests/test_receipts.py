"""Receipts of steps, and how long they and their keys are remembered."""

import re

import pytest

from api import JSON, RAW, SAFETENSORS, assert_problem

GRADIENTS = {"w": [1, -2]}


def step(api, name, key, loss=None, headers=(), **members):
    document = {"gradients": GRADIENTS, **members, **({} if loss is None else {"loss": loss})}
    return api.post(f"/v1/sessions/{name}/steps", json=document,
                    headers={"Idempotency-Key": key, **dict(headers)})


def receipt(api, name, number, query=""):
    return api.get(f"/v1/sessions/{name}/steps/{number}{query}")


@pytest.mark.parametrize("durability", ["log", "none"])
def test_a_receipt_is_the_answer_without_parameters(api, name, durability):
    api.create(name, {"w": [0, 0]}, durability=durability, max_grad_norm=1)
    answers = [step(api, name, "first", 0.25).json(), api.step(name, GRADIENTS, lr=0.5)]
    for number, (answer, key) in enumerate(zip(answers, ("first", None)), 1):
        told = receipt(api, name, number).json()
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", told.pop("time"))
        assert told.pop("idempotency_key") == key
        answer.pop("parameters")
        assert told == answer


def test_receipts_that_are_none(api, name):
    api.create(name, {"w": [0, 0]})
    api.step(name, GRADIENTS)
    for number in (0, 2, 10**18):
        assert_problem(receipt(api, name, number), 404, "unknown-step")
    assert_problem(receipt(api, name, 1, "?generation=2"), 404, "unknown-step")
    assert_problem(receipt(api, name, 1, "?generation=0"), 422, "invalid-value", "/generation")
    assert_problem(receipt(api, name, 1, "?key=a"), 422, "unknown-member")
    for number in ("-1", "01", "1.0", "x", ""):
        assert_problem(receipt(api, name, number), 404, "unknown-route")
    assert_problem(api.get(f"/v1/sessions/{name}x/steps/1"), 404, "unknown-session")
    assert_problem(api.delete(f"/v1/sessions/{name}/steps/1"), 405, "method-not-allowed")


def test_receipts_of_both_generations(api, name):
    """An import takes the run back; the steps that were undone keep their receipts."""
    api.create(name, {"w": [0, 0]})
    step(api, name, "a", 1)
    state = api.state(name)
    step(api, name, "b", 2)
    assert api.put(f"/v1/sessions/{name}/state", body=state, type=SAFETENSORS).status == 200
    step(api, name, "c", 3)
    told = {query: receipt(api, name, 2, query).json()["idempotency_key"]
            for query in ("", "?generation=1", "?generation=2")}
    assert told == {"": "c", "?generation=1": "b", "?generation=2": "c"}
    assert receipt(api, name, 1, "?generation=1").json()["loss"] == 1
    assert_problem(receipt(api, name, 1, "?generation=2"), 404, "unknown-step")


def history(api):
    """Steps of every kind, and what can be asked about them."""
    api.create("run", {"w": [0, 0]}, optimizer={"lr": 0.1})
    for number in range(1, 6):
        step(api, "run", f"key-{number}", number / 3, **({"lr": 0.3} if number == 2 else {}))
    skipped = api.post("/v1/sessions/run/steps", headers={"Idempotency-Key": "skipped"}, type=JSON,
                       body='{"gradients": {"w": [1e999, 1]}, "nonfinite": "skip"}')
    assert skipped.json()["applied"] is False
    state = api.state("run")
    step(api, "run", "undone", 7)
    assert api.put("/v1/sessions/run/state", body=state, type=SAFETENSORS).status == 200
    step(api, "run", "last", 8)


def told_of(api):
    """Every receipt and every replay. A replay that has become a step would change the tag."""
    tag = api.tag("run")
    told = [receipt(api, "run", number, query).body
            for number in range(1, 7) for query in ("", "?generation=1")]
    for number in range(1, 6):
        told.append(step(api, "run", f"key-{number}", number / 3,
                         **({"lr": 0.3} if number == 2 else {})).body)
    told += [step(api, "run", "undone", 7).body, step(api, "run", "last", 8).body]
    again = api.post("/v1/sessions/run/steps", headers={"Idempotency-Key": "skipped"}, type=JSON,
                     body='{"gradients": {"w": [1e999, 1]}, "nonfinite": "skip"}')
    assert again.json()["applied"] is False
    assert again.header("Idempotency-Replayed") == "true"
    assert_problem(step(api, "run", "last", 9), 422, "idempotency-key-reused")
    assert api.tag("run") == tag
    return [*told, again.body]


@pytest.mark.parametrize("end", ["kill", "snapshot", "stop", "twice"])
def test_keys_and_receipts_are_rebuilt(lives, end):
    history(lives.api)
    before = told_of(lives.api)
    if end in ("snapshot", "twice"):
        assert lives.api.post("/v1/sessions/run/snapshots").status == 200
    if end == "stop":
        lives.stop()
    lives.kill_and_start()
    assert told_of(lives.api) == before
    if end == "twice":
        step(lives.api, "run", "more", 10)
        lives.kill_and_start()
        assert step(lives.api, "run", "more", 10).header("Idempotency-Replayed") == "true"
        assert step(lives.api, "run", "key-1", 1 / 3).json()["parameters"] is None


def test_a_deleted_session_takes_its_keys_along(lives):
    history(lives.api)
    assert lives.api.delete("/v1/sessions/run").status == 204
    lives.api.create("run", {"w": [0, 0]})
    assert_problem(receipt(lives.api, "run", 1), 404, "unknown-step")
    lives.kill_and_start()
    assert step(lives.api, "run", "key-1", 1 / 3).header("Idempotency-Replayed") is None


def test_receipts_without_keys_are_kept_for_the_last_1024_steps(api, name):
    """A key lives for 24 hours, whatever comes after it; other receipts go with their steps."""
    api.create(name, {"w": [0, 0]}, durability="none")
    api.step(name, GRADIENTS)
    step(api, name, "old", 1)
    for _ in range(1030):
        api.post(f"/v1/sessions/{name}/steps", body=bytes(8), type=RAW)
    newest = 1032
    for number in (newest, newest - 1023):
        assert receipt(api, name, number).status == 200
    assert step(api, name, "old", 1).header("Idempotency-Replayed") == "true"
    assert receipt(api, name, 2).json()["idempotency_key"] == "old"
    assert_problem(receipt(api, name, 1), 404, "unknown-step")
