"""Sessions that take only gradients whose request names the version they belong to."""

import threading

import pytest

from api import RAW, SAFETENSORS, assert_problem

START = {"w": [0.5, -1.0]}
GRADIENTS = {"gradients": {"w": [1, 2]}}
EXCLUSIVE = {"concurrency": {"type": "exclusive"}}


def test_a_step_names_its_version(api, name):
    made = api.create(name, START, **EXCLUSIVE)
    assert made["concurrency"] == {"type": "exclusive"}
    steps, gradients = (f"/v1/sessions/{name}/{part}" for part in ("steps", "gradients"))
    with api.unchanged(name):
        for place in (steps, gradients):
            refused = api.post(place, json=GRADIENTS)
            assert_problem(refused, 428, "precondition-required", current='"1-0"')
            # What If-None-Match demands is no version.
            other = api.post(place, json=GRADIENTS, headers={"If-None-Match": '"1-7"'})
            assert_problem(other, 428, "precondition-required")
        assert_problem(api.post(steps), 428, "precondition-required")
    first = api.post(steps, json=GRADIENTS, headers={"If-Match": '"1-0"'})
    assert first.status == 200
    late = api.post(steps, json=GRADIENTS, headers={"If-Match": '"1-0"'})
    assert_problem(late, 412, "step-mismatch")
    tag = {"If-Match": first.header("ETag")}
    assert api.post(gradients, json=GRADIENTS, headers=tag).status == 200
    assert api.post(steps, headers=tag).json()["step"] == 2
    # Everything else is as it was.
    assert api.put(f"/v1/sessions/{name}/parameters", json={"parameters": START}).status == 200


def test_a_retry_needs_no_version(api, name):
    api.create(name, START, **EXCLUSIVE)
    place = f"/v1/sessions/{name}/steps"
    key = {"Idempotency-Key": "k"}
    first = api.post(place, json=GRADIENTS, headers=key | {"If-Match": '"1-0"'})
    again = api.post(place, json=GRADIENTS, headers=key)
    assert again.header("Idempotency-Replayed") == "true" and again.json() == first.json()


def test_of_many_at_once_one_is_taken(api, name):
    api.create(name, START, **EXCLUSIVE)
    answers = []

    def worker():
        answers.append(api.post(f"/v1/sessions/{name}/steps", json=GRADIENTS,
                                headers={"If-Match": '"1-0"'}).status)

    threads = [threading.Thread(target=worker) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200] + [412] * 11


def test_it_can_be_changed_and_stays(lives):
    api = lives.api
    place = "/v1/sessions/run"
    assert api.create("run", START)["concurrency"] == {"type": "open"}
    plain = api.state("run")
    assert b"concurrency" not in plain
    assert api.patch(place, json=EXCLUSIVE).json()["concurrency"] == {"type": "exclusive"}
    assert api.put(place, json={"parameters": START}).status == 200
    other = api.put(place, json={"parameters": START} | EXCLUSIVE)
    assert other.status == 409 and "concurrency" in other.json()["detail"]
    api.put("/v1/sessions/moved/state", body=api.state("run"), type=SAFETENSORS)
    api.put("/v1/sessions/fork?from=run")
    assert api.post(f"{place}/snapshots").status == 200
    api = lives.kill_and_start()
    for session in ("run", "moved", "fork"):
        refused = api.post(f"/v1/sessions/{session}/steps", body=b"\0" * 8, type=RAW)
        assert_problem(refused, 428, "precondition-required")
    api.patch(place, json={"concurrency": {"type": "open"}})
    assert api.post(f"{place}/steps", json=GRADIENTS).status == 200


@pytest.mark.parametrize(("value", "pointer", "code"), [
    ({"type": "shared"}, "/concurrency/type", "invalid-value"),
    ({}, "/concurrency/type", "missing-member"),
    ("exclusive", "/concurrency", "invalid-value"),
    (None, "/concurrency", "invalid-value"),
    ({"type": "open", "workers": 2}, "/concurrency/workers", "unknown-member"),
])
def test_refusals(api, name, value, pointer, code):
    place = f"/v1/sessions/{name}"
    refused = api.put(place, json={"parameters": START, "concurrency": value}).json()
    assert refused["code"] == code and refused["errors"][0]["pointer"] == pointer
    api.create(name, START)
    with api.unchanged(name):
        refused = api.patch(place, json={"concurrency": value}).json()
        assert refused["code"] == code and refused["errors"][0]["pointer"] == pointer
