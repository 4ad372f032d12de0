"""Compressed bodies that stand for far more than they are: bounded in memory, and in what they
keep from others."""

import gzip
import json
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from safetensors.numpy import save

from api import API, JSON, RAW, SAFETENSORS, assert_problem
from codings import bomb
from server import Server, wait_until
from wire import Connection, chunked, request_bytes

GIGABYTE = 1 << 30
FREE = 1 << 20  # document_bytes


def file_head(header):
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text


@pytest.fixture(scope="module")
def zeros():
    """A gigabyte of nothing, a thousandth of it long."""
    body = bomb(b"", b"\0", GIGABYTE)
    assert len(body) < GIGABYTE // 1000
    return body


@pytest.fixture(scope="module")
def blanks():
    """A JSON document that begins with a gigabyte of blanks."""
    return bomb(b"", b" ", GIGABYTE, b"{}")


@pytest.fixture(scope="module")
def parameters():
    """A file of one tensor of zeros that is as long as a body may be."""
    size = GIGABYTE // 4 - 64
    header = {"p": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]}}
    return bomb(file_head(header), b"\0", 4 * size)


@pytest.fixture(scope="module")
def alone():
    """A service whose memory no other test has used, with a small session `s` in it."""
    with Server("--loops", "1", "--max-in-flight-body-bytes", str(2 << 30)) as running:
        api = API(running.port)
        api.create("s", {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]})
        yield running, api


@contextmanager
def others_are_served(api):
    """On the same event loop, meanwhile."""
    stop, statuses = threading.Event(), []

    def ask():
        with Connection(api.port) as connection:
            while not stop.is_set():
                statuses.append(connection.ask("GET", "/livez").status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        wait_until(lambda: statuses)
        yield
    finally:
        stop.set()
        thread.join()
    assert set(statuses) == {200}


BOMBS = {
    "raw step": ("POST", "/steps", RAW, "zeros", 422, "shape-mismatch"),
    "raw parameters": ("PUT", "/parameters", RAW, "zeros", 422, "shape-mismatch"),
    "JSON step": ("POST", "/steps", JSON, "blanks", 413, "body-too-large"),
    "JSON parameters": ("PUT", "/parameters", JSON, "blanks", 413, "body-too-large"),
    "patch": ("PATCH", "", JSON, "blanks", 413, "body-too-large"),
    "JSON creation": ("PUT", "-new", JSON, "blanks", 413, "body-too-large"),
    "safetensors step": ("POST", "/steps", SAFETENSORS, "parameters", 422, "unknown-parameter"),
    "safetensors creation": ("PUT", "-new", SAFETENSORS, "parameters", 413, "body-too-large"),
    "state": ("PUT", "-new/state", SAFETENSORS, "parameters", 413, "body-too-large"),
    "no file": ("PUT", "-new", SAFETENSORS, "zeros", 400, "malformed-safetensors"),
}


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("kind", BOMBS)
def test_bombs(alone, request, kind, framing):
    running, api = alone
    method, suffix, type, which, status, code = BOMBS[kind]
    body = request.getfixturevalue(which)
    fields = {"Content-Type": type, "Content-Encoding": "gzip"}
    if framing == "chunked":
        fields["Transfer-Encoding"] = "chunked"
        body = chunked(body, [1000, 100_000])
    else:
        fields["Content-Length"] = str(len(body))
    before = running.resident_bytes()
    with api.unchanged("s"), others_are_served(api), Connection(api.port) as connection:
        connection.send(request_bytes(method, f"/v1/sessions/s{suffix}", fields))
        # The refusal comes while bytes are still being sent, which a peer that reads nothing
        # meanwhile may be told by a reset; so it sends what is enough for every bound.
        connection.send(body[: 64 << 10])
        assert_problem(connection.read_response(), status, code)
        assert running.resident_bytes() - before < 32 << 20
    wait_until(lambda: "\noptimizerd_body_bytes_in_flight 0\n" in
               api.get("/metrics").body.decode())


def test_a_known_key_makes_no_exception(alone, zeros):
    _, api = alone
    key = {"Content-Encoding": "gzip", "Idempotency-Key": "again", "Content-Type": RAW}
    assert api.post("/v1/sessions/s/steps", body=gzip.compress(bytes(24)), type=RAW,
                    headers=key).status == 200
    with api.unchanged("s"), Connection(api.port) as connection:
        connection.send(request_bytes("POST", "/v1/sessions/s/steps", {
            **key, "Content-Length": str(len(zeros))}) + zeros[: 64 << 10])
        assert_problem(connection.read_response(), 413, "body-too-large")


COUNT = 4_000_000


@pytest.fixture(scope="module")
def large(alone):
    """A session whose gradients, when they are zero, shrink to a thousandth."""
    _, api = alone
    body = gzip.compress(save({"p": np.ones(COUNT, np.float32)}))
    # Even all alike, parameters of a new session have no layout to vouch for them.
    coded = {"Content-Encoding": "gzip"}
    refused = api.put("/v1/sessions/large", body=body, type=SAFETENSORS, headers=coded)
    assert "inflates to more than 200 times" in assert_problem(
        refused, 413, "body-too-large", limit=200)["detail"]
    assert api.put("/v1/sessions/large", body=gzip.decompress(body),
                   type=SAFETENSORS).status == 201
    return api


ZEROS = {
    RAW: lambda: bytes(8 * COUNT),
    SAFETENSORS: lambda: save({"p": np.zeros(COUNT, np.float64)}),
    JSON: lambda: b'{"gradients": {"p": [' + b",".join([b"0.0000000000000000"] * COUNT) + b"]}}",
}


@pytest.mark.parametrize("type", ZEROS, ids=["raw", "safetensors", "JSON"])
def test_gradients_of_zeros_are_as_good_as_any(large, type):
    body = ZEROS[type]()
    coded = gzip.compress(body)
    assert len(body) > 200 * len(coded) + FREE
    fields = {"Content-Encoding": "gzip", "Prefer": "return=minimal", "Tensor-Dtype": "F64"}
    answer = large.post("/v1/sessions/large/steps", body=coded, type=type, headers=fields)
    assert answer.status == 204, answer
    assert answer.header("Optimizer-Grad-Norm") == "0"


@pytest.mark.parametrize("type, bound, body", [
    (JSON, "--max-json-body-bytes", b'{"gradients": {"b": [0, 0], "w": [[0.0, 0.0], [0.0, 0.0]]}}'),
    (SAFETENSORS, "--max-body-bytes",
     save({"b": np.zeros(2, np.float32), "w": np.zeros((2, 2), np.float32)})),
], ids=["JSON", "safetensors"])
def test_limits_are_of_the_inflated_body(type, bound, body):
    coded = gzip.compress(body + b" " * (type == JSON) * 1000)
    with Server(bound, str(len(body))) as running:
        api = API(running.port)
        api.create("s", {"b": [0, 0], "w": [[0, 0], [0, 0]]})
        fields = {"Content-Encoding": "gzip", "Content-Type": type, "Transfer-Encoding": "chunked"}
        with Connection(api.port) as connection:
            connection.send(request_bytes("POST", "/v1/sessions/s/steps", fields)
                            + chunked(gzip.compress(body), []))
            assert connection.read_response().status == 200
            if type == JSON:
                connection.send(request_bytes("POST", "/v1/sessions/s/steps", fields)
                                + chunked(coded, []))
                assert_problem(
                    connection.read_response(), 413, "body-too-large", limit=len(body))
        assert api.get("/v1/sessions/s").json()["step"] == 1


def test_the_budget_is_asked_before_100():
    """The window and zlib's memory are a part of it, beside the gradients'."""
    with Server("--max-in-flight-body-bytes", "150000") as running:
        api = API(running.port)
        api.create("s", {"p": [0] * 10_000})
        fields = {"Content-Type": RAW, "Content-Encoding": "gzip", "Expect": "100-continue",
                  "Prefer": "return=minimal"}
        body = gzip.compress(np.random.default_rng(1).bytes(40_000))
        fields["Content-Length"] = str(len(body))
        request = request_bytes("POST", "/v1/sessions/s/steps", fields)
        with Connection(api.port) as first, Connection(api.port) as second:
            first.send(request)
            assert first.read_response(interim=True).status == 100
            second.send(request)
            refused = second.read_response(interim=True)
            assert assert_problem(refused, 503, "over-budget")["retryable"]
        wait_until(lambda: "\noptimizerd_body_bytes_in_flight 0\n" in
                   api.get("/metrics").body.decode())


def test_leaving_in_the_middle_changes_nothing(alone):
    _, api = alone
    body = gzip.compress(np.random.default_rng(1).bytes(24))
    request = request_bytes("POST", "/v1/sessions/s/steps", {
        "Content-Type": RAW, "Content-Encoding": "gzip"}, body)
    with api.unchanged("s"):
        for count in range(1, len(body) + 1):
            with Connection(api.port) as connection:
                connection.send(request[:-count])
                connection.reset()
        wait_until(lambda: "\noptimizerd_body_bytes_in_flight 0\n" in
                   api.get("/metrics").body.decode())
