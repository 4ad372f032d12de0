"""Idempotency-Key on steps: a retry is answered as the first attempt was, and steps no more."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from api import JSON, RAW, SAFETENSORS, assert_problem
from wire import Connection

GRADIENTS = {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]}
STEP = {"gradients": GRADIENTS, "loss": 0.5}
VECTOR = np.array([0.1, -0.1, 1, 2, 3, 4], "<f4").tobytes()
SKIPPED = '{"gradients": {"w": [[1e999, 0], [0, 0]], "b": [0, 0]}, "nonfinite": "skip"}'
# What belongs to one transmission and not to the step.
OF_THE_MESSAGE = ("date", "x-request-id", "request-id", "idempotency-replayed")


@pytest.fixture(params=["log", "none"])
def run(api, name, request):
    """A session without steps; retries are replays whether or not it is kept on disk."""
    api.create(name, {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]}, durability=request.param)
    return name


def step(api, name, key='"k"', headers=(), **content):
    content = content or {"json": STEP}
    return api.post(f"/v1/sessions/{name}/steps",
                    headers={"Idempotency-Key": key, **dict(headers)}, **content)


def step_count(api, name):
    return api.get(f"/v1/sessions/{name}").json()["step"]


def fields_of(response):
    return [(name, value) for name, value in response.fields
            if name.lower() not in OF_THE_MESSAGE]


@pytest.mark.parametrize("content", [
    {"json": STEP}, {"body": VECTOR, "type": RAW},
    {"json": STEP, "headers": {"Accept": SAFETENSORS}},
    {"body": VECTOR, "type": RAW, "headers": {"Prefer": "return=minimal"}},
], ids=["json", "raw", "safetensors", "minimal"])
def test_a_replay_at_the_head_is_the_same_answer(api, run, content):
    first = step(api, run, **content)
    assert first.status in (200, 204) and first.header("Idempotency-Replayed") is None
    with api.unchanged(run):
        again = step(api, run, **content)
        assert again.header("Idempotency-Replayed") == "true"
        assert (again.status, again.body) == (first.status, first.body)
        assert fields_of(again) == fields_of(first)


def test_a_later_replay_has_no_parameters(api, run):
    first = step(api, run)
    step(api, run, '"raw"', body=VECTOR, type=RAW)
    api.step(run, GRADIENTS)
    with api.unchanged(run):
        again = step(api, run)
        assert again.status == 200 and again.header("Idempotency-Replayed") == "true"
        assert again.json() == {**first.json(), "parameters": None}
        again = step(api, run, '"raw"', body=VECTOR, type=RAW)
        assert (again.status, again.body) == (204, b"")
        assert again.header("Idempotency-Replayed") == "true"
        assert again.header("Optimizer-Step") == "2"


def test_a_revision_of_the_parameters_ends_their_replay(api, run):
    """They are no longer those of the step, although its number is still the session's."""
    step(api, run)
    assert api.put(f"/v1/sessions/{run}/parameters",
                   json={"parameters": {"b": [5, 5]}}).status == 200
    assert step(api, run).json()["parameters"] is None


@pytest.mark.parametrize("other", [
    {"json": {"gradients": GRADIENTS, "loss": 0.25}},
    {"json": {"gradients": {**GRADIENTS, "b": [0.1, 0.1]}, "loss": 0.5}},
    {"body": VECTOR, "type": RAW},
    {"json": STEP, "type": "application/json; charset=utf-8"},
    {"json": STEP, "headers": {"Tensor-Dtype": "F32"}},
], ids=["loss", "gradient", "format", "media type", "dtype"])
def test_other_content_under_a_used_key(api, run, other):
    assert step(api, run).status == 200
    with api.unchanged(run):
        assert_problem(step(api, run, **other), 422, "idempotency-key-reused")


def test_other_query_under_a_used_key(api, run):
    target = f"/v1/sessions/{run}/steps"
    headers = {"Idempotency-Key": "q"}
    assert api.post(f"{target}?lr=1", body=VECTOR, type=RAW, headers=headers).status == 200
    again = api.post(f"{target}?lr=2", body=VECTOR, type=RAW, headers=headers)
    assert_problem(again, 422, "idempotency-key-reused")


def test_the_key_comes_before_the_precondition(api, run):
    tag = api.tag(run)
    first = step(api, run, headers={"If-Match": tag})
    assert first.status == 200
    again = step(api, run, headers={"If-Match": tag})
    assert again.status == 200 and again.header("Idempotency-Replayed") == "true"
    other = step(api, run, '"other"', headers={"If-Match": tag})
    assert_problem(other, 412, "step-mismatch", current=first.header("ETag").split("+")[0].rstrip(
        '"') + '"')


@pytest.mark.parametrize("refused", [
    {"json": {"gradients": {"w": [[1, 2], [3, 4]]}}}, {"body": VECTOR[4:], "type": RAW},
    {"body": b"{", "type": JSON}, {"json": STEP, "headers": {"If-Match": '"1-9"'}},
    {"body": SKIPPED.replace(', "nonfinite": "skip"', ""), "type": JSON},
], ids=["missing", "length", "malformed", "precondition", "non-finite"])
def test_a_refused_request_leaves_the_key_free(api, run, refused):
    with api.unchanged(run):
        assert step(api, run, **refused).status in (400, 412, 422)
    assert step(api, run).header("Idempotency-Replayed") is None
    assert step_count(api, run) == 1


def test_a_skipped_step_replays_as_skipped(api, run):
    first = step(api, run, body=SKIPPED, type=JSON)
    assert first.json()["applied"] is False
    with api.unchanged(run):
        again = step(api, run, body=SKIPPED, type=JSON)
        assert again.header("Idempotency-Replayed") == "true"
        assert again.header("Optimizer-Applied") == "false" and again.json()["applied"] is False
        assert api.get(f"/v1/sessions/{run}").json()["skipped"] == 1
    assert_problem(api.get(f"/v1/sessions/{run}/steps/1"), 404, "unknown-step")


def test_quotes_are_optional(api, run):
    assert step(api, run, "a-key").status == 200
    assert step(api, run, '"a-key"').header("Idempotency-Replayed") == "true"
    assert step(api, run, '"' + "~" * 128 + '"').header("Idempotency-Replayed") is None
    assert step(api, run, "~" * 128).header("Idempotency-Replayed") == "true"


@pytest.mark.parametrize("key", ["", '""', '"', '"a', 'a"', '"a"b"', "a b", '"a b"', "a\tb",
                                 "ü", "~" * 129, '"' + "~" * 129 + '"'])
def test_malformed_keys(api, run, key):
    with api.unchanged(run):
        assert_problem(step(api, run, key), 400, "malformed-request")


def test_two_keys_are_none(api, run):
    with Connection(api.port) as connection:
        connection.send(f"POST /v1/sessions/{run}/steps HTTP/1.1\r\nHost: a\r\n"
                        f"Content-Type: {RAW}\r\nContent-Length: {len(VECTOR)}\r\n"
                        "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n".encode() + VECTOR)
        assert_problem(connection.read_response(), 400, "malformed-request")
    assert step_count(api, run) == 0


def test_keys_belong_to_one_session(api, run):
    other = f"{run}-other"
    api.create(other, {"w": [[0, 0], [0, 0]], "b": [0, 0]})
    assert step(api, run).status == 200
    assert step(api, other).header("Idempotency-Replayed") is None
    fork = f"{run}-fork"
    assert api.put(f"/v1/sessions/{fork}?from={run}").status == 201
    assert step(api, fork).header("Idempotency-Replayed") is None, "a fork has no keys"
    for name in (other, fork):
        assert api.delete(f"/v1/sessions/{name}").status == 204


def test_keys_survive_an_import(api, run):
    first = step(api, run)
    state = api.state(run)
    api.step(run, GRADIENTS)
    response = api.put(f"/v1/sessions/{run}/state", body=state, type=SAFETENSORS)
    assert response.status == 200
    with api.unchanged(run):
        again = step(api, run)
        assert again.header("Idempotency-Replayed") == "true"
        assert again.json()["generation"] == first.json()["generation"]


def in_parallel(api, name, count, headers):
    """That many requests of the same content, all connected before the first is sent."""
    with ThreadPoolExecutor(count) as pool:
        connections = [Connection(api.port) for _ in range(count)]
        try:
            answers = pool.map(
                lambda connection: connection.ask(
                    "POST", f"/v1/sessions/{name}/steps", {"Content-Type": RAW, **headers},
                    VECTOR), connections)
            return list(answers)
        finally:
            for connection in connections:
                connection.__exit__(None, None, None)


def test_concurrent_retries_are_one_step(api, run):
    for attempt in range(1, 9):
        answers = in_parallel(api, run, 24, {"Idempotency-Key": f"round-{attempt}"})
        assert step_count(api, run) == attempt
        done = [answer for answer in answers if answer.status == 200]
        assert sum(answer.header("Idempotency-Replayed") is None for answer in done) == 1
        assert len({answer.body for answer in done}) == 1
        for answer in answers:
            if answer.status != 200:
                assert_problem(answer, 409, "idempotency-in-progress")
                assert answer.header("Retry-After") and answer.json()["retryable"] is True


def test_racing_preconditions_have_one_winner(api, run):
    for attempt in range(1, 9):
        answers = in_parallel(api, run, 24, {"If-Match": api.tag(run)})
        assert sorted(answer.status for answer in answers) == [200] + [412] * 23
        assert step_count(api, run) == attempt
