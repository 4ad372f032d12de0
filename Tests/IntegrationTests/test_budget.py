"""Budgets: what would pass one is 503 `over-budget`, changes nothing, and works again later."""

import time
from contextlib import contextmanager

import numpy as np
import pytest
from safetensors.numpy import save

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from server import Server
from wire import Connection, request_bytes

# A session's vectors of this many F32 numbers, three without amsgrad and four with it.
SIZE = 100_000
VECTOR = 4 * SIZE
IN_FLIGHT_LIMIT = 1_000_000


@contextmanager
def service(*arguments):
    with Server(*arguments) as running:
        yield API(running.port)


def parameters(size=SIZE):
    return save({"p": np.zeros(size, np.float32)})


def create(api, name, size=SIZE):
    return api.put(f"/v1/sessions/{name}", body=parameters(size), type=SAFETENSORS)


def names(api):
    return [entry["name"] for entry in api.get("/v1/sessions").json()["sessions"]]


def assert_over_budget(response, limit):
    """What is larger than the whole budget fits at no other time either."""
    problem = assert_problem(response, 503, "over-budget", limit=limit)
    assert problem["retryable"] is (problem["actual"] <= limit)
    assert int(response.header("Retry-After")) > 0


def await_no_bodies(api):
    """A body's memory is given back a moment after its answer."""
    deadline = time.monotonic() + 20
    while "optimizerd_body_bytes_in_flight 0\n" not in api.get("/metrics").body.decode():
        assert time.monotonic() < deadline


def first_answer(api, method, target, length, type):
    """What comes after the head alone, from a client that waits for 100."""
    with Connection(api.port) as connection:
        connection.send(request_bytes(method, target, {
            "Content-Type": type, "Content-Length": str(length), "Expect": "100-continue",
            "Prefer": "return=minimal"}))
        return connection.read_response(interim=True)


def held(api, target, length):
    """A connection whose raw body has begun, so that its memory is taken."""
    connection = Connection(api.port)
    connection.send(request_bytes("POST", target, {
        "Content-Type": RAW, "Content-Length": str(length), "Expect": "100-continue",
        "Prefer": "return=minimal"}))
    assert connection.read_response(interim=True).status == 100
    return connection


@pytest.mark.parametrize("method, path, type", [
    ("POST", "s/steps", RAW), ("POST", "s/steps", SAFETENSORS), ("POST", "s/steps", JSON),
    ("PUT", "s/parameters", RAW), ("PUT", "s/parameters", SAFETENSORS),
    ("PUT", "t", SAFETENSORS), ("PUT", "t/state", SAFETENSORS), ("PUT", "s/state", SAFETENSORS),
])
def test_bodies_in_flight_are_refused_before_100(method, path, type):
    """Two steps hold their bodies' memory; a third body has no room until one of them ends."""
    with service("--max-in-flight-body-bytes", str(IN_FLIGHT_LIMIT)) as api:
        assert create(api, "s").status == 201
        await_no_bodies(api)
        with (held(api, "/v1/sessions/s/steps", VECTOR) as one,
              held(api, "/v1/sessions/s/steps", VECTOR) as two):
            first = first_answer(api, method, f"/v1/sessions/{path}", VECTOR, type)
            assert_over_budget(first, IN_FLIGHT_LIMIT)
            assert (names(api), api.tag("s")) == (["s"], '"1-0"')
            for connection in (one, two):
                connection.send(bytes(VECTOR))
                assert connection.read_response().status == 204
        await_no_bodies(api)
        assert first_answer(api, method, f"/v1/sessions/{path}", VECTOR, type).status == 100
        assert api.tag("s") == '"1-2"'


def test_memory_of_a_body_that_breaks_off_is_given_back():
    with service("--max-in-flight-body-bytes", str(VECTOR + VECTOR // 2)) as api:
        assert create(api, "s").status == 201
        for _ in range(5):
            await_no_bodies(api)
            connection = held(api, "/v1/sessions/s/steps", VECTOR)
            connection.send(bytes(VECTOR // 2))
            connection.finish()
            assert connection.is_closed()
            connection.close()
        await_no_bodies(api)
        response = api.post("/v1/sessions/s/steps", body=bytes(VECTOR), type=RAW)
        assert response.status == 200
        assert response.header("Optimizer-Step") == "1"


LIMIT = 5 * VECTOR


@pytest.fixture
def tight():
    """Room for the session `s` (three vectors) and one vector more."""
    with service("--max-state-bytes", str(LIMIT)) as api:
        assert create(api, "s").status == 201
        yield api


def test_creation_over_the_state_budget(tight):
    with tight.unchanged("s"):
        assert_over_budget(create(tight, "t"), LIMIT)
        document = {"parameters": {"p": [0] * SIZE}}
        assert_over_budget(tight.put("/v1/sessions/t", json=document), LIMIT)
        assert names(tight) == ["s"]
    assert tight.delete("/v1/sessions/s").status == 204
    assert create(tight, "t").status == 201


def test_a_repeated_creation_needs_no_budget(tight):
    assert create(tight, "s").status == 200


def test_import_over_the_state_budget(tight):
    state = tight.state("s")
    with tight.unchanged("s"):
        response = tight.put("/v1/sessions/t/state", body=state, type=SAFETENSORS)
        assert_over_budget(response, LIMIT)
        assert names(tight) == ["s"]
    assert tight.delete("/v1/sessions/s").status == 204
    assert tight.put("/v1/sessions/t/state", body=state, type=SAFETENSORS).status == 201


def test_fork_over_the_state_budget(tight):
    with tight.unchanged("s"):
        assert_over_budget(tight.put("/v1/sessions/t?from=s"), LIMIT)
        assert names(tight) == ["s"]


def test_turning_amsgrad_on_over_the_state_budget(tight):
    """It takes a fourth vector, for which there is no room until the other session goes."""
    assert create(tight, "t", SIZE // 2).status == 201
    amsgrad = {"optimizer": {"amsgrad": True, "lr": 0.5}}
    with tight.unchanged("s"):
        assert_over_budget(tight.patch("/v1/sessions/s", json=amsgrad), LIMIT)
        optimizer = tight.get("/v1/sessions/s").json()["optimizer"]
        assert (optimizer["amsgrad"], optimizer["lr"]) == (False, 0.001)
    assert tight.delete("/v1/sessions/t").status == 204
    assert tight.patch("/v1/sessions/s", json=amsgrad).json()["optimizer"]["amsgrad"] is True


def test_number_of_sessions():
    with service("--max-sessions", "2") as api:
        for name in ("s", "t"):
            assert create(api, name, 3).status == 201
        state = api.state("s")
        with api.unchanged("s"), api.unchanged("t"):
            assert_over_budget(create(api, "u", 3), 2)
            assert_over_budget(api.put("/v1/sessions/u", json={"parameters": {"p": 1}}), 2)
            assert_over_budget(api.put("/v1/sessions/u?from=s"), 2)
            response = api.put("/v1/sessions/u/state", body=state, type=SAFETENSORS)
            assert_over_budget(response, 2)
            assert names(api) == ["s", "t"]
        assert create(api, "s", 3).status == 200
        replaced = api.put("/v1/sessions/s/state", body=state, type=SAFETENSORS)
        assert replaced.status == 200
        assert api.delete("/v1/sessions/t").status == 204
        assert create(api, "u", 3).status == 201
        assert names(api) == ["s", "u"]


@pytest.mark.parametrize("path, type", [
    ("t", JSON), ("t", SAFETENSORS), ("t/state", SAFETENSORS)])
def test_a_session_too_many_is_refused_before_100(path, type):
    with service("--max-sessions", "1") as api:
        assert create(api, "s", 3).status == 201
        assert_over_budget(first_answer(api, "PUT", f"/v1/sessions/{path}", 400, type), 1)


@pytest.mark.parametrize("path", ["t", "t/state"])
def test_a_file_far_beyond_the_state_budget_is_refused_before_100(tight, path):
    """Whatever its header holds, the rest of so long a file is state."""
    first = first_answer(tight, "PUT", f"/v1/sessions/{path}", 200 << 20, SAFETENSORS)
    assert_over_budget(first, LIMIT)
