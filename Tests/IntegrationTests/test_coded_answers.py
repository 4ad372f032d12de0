"""Answers with a content coding, for those who accept it (RFC 9110 §12.5.3, API §6)."""

import json
import subprocess

import numpy as np
import pytest

from api import JSON, RAW, SAFETENSORS, assert_problem
from codings import inflate
from server import wait_until
from wire import Connection

COUNT = 3000


@pytest.fixture
def big(api, name):
    """A session whose answers in JSON are a good deal longer than a packet."""
    values = np.random.default_rng(3).standard_normal(COUNT).tolist()
    api.create(name, {f"layer.{index}": values[index::50] for index in range(50)},
               durability="none")
    return name


READS = ["/v1", "/openapi.yaml", "/v1/sessions/{big}", "/v1/sessions/{big}/parameters",
         "/v1/sessions?prefix={big}", "/v1/sessions/{big}/parameters?tensor=layer.7", "/livez"]


def ask(api, method, target, accept, **headers):
    fields = {} if accept is None else {"Accept-Encoding": accept}
    return api_call(api, method, target, {**fields, **headers})


def api_call(api, method, target, headers, body=b""):
    """As `API.call`, for answers that cannot be held against a schema as they are."""
    with Connection(api.port) as connection:
        return connection.ask(method, target, headers, body)


def without_date(response):
    return [(name, value) for name, value in response.fields if name != "Date"]


@pytest.mark.parametrize("target", READS)
@pytest.mark.parametrize("accept, coding", [
    ("gzip", "gzip"), ("deflate", "deflate"), ("deflate, gzip", "gzip"), ("*", "gzip"),
    ("gzip;q=0.1, deflate;q=0.2, br", "deflate"), ("x-gzip", "gzip"), (None, None), ("", None),
    ("identity", None), ("br, zstd", None), ("gzip;q=0", None), ("gzip;q=0.5, identity", None),
    ("gzip;q=two", None),
])
def test_reads_are_coded_as_accepted(api, big, target, accept, coding):
    target = target.format(big=big)
    plain = api.get(target)
    coded = ask(api, "GET", target, accept)
    if len(plain.body) < 1024:
        coding = None
    assert (coded.status, coded.header("Content-Encoding")) == (200, coding)
    assert inflate(coded) == plain.body
    assert coding is None or len(coded.body) < len(plain.body)
    assert "Accept-Encoding" in coded.header("Vary").split(", ")
    assert plain.header("Vary") == coded.header("Vary")
    assert coded.media_type == plain.media_type
    if tag := plain.header("ETag"):
        assert coded.header("ETag") == (tag if coding is None else f'{tag[:-1]}+{coding}"')
    head = ask(api, "HEAD", target, accept)
    assert head.body == b"" and without_date(head) == without_date(coded)


def step(api, name, headers, **more):
    body = json.dumps({"gradients": {f"layer.{index}": [0.5] * (COUNT // 50)
                                     for index in range(50)}, **more})
    return api_call(api, "POST", f"/v1/sessions/{name}/steps",
                    {"Content-Type": JSON, **headers}, body.encode())


def test_steps_are_coded_as_accepted(api, big):
    coded = step(api, big, {"Accept-Encoding": "gzip", "Idempotency-Key": "k"})
    assert (coded.status, coded.header("ETag")) == (200, '"1-1+gzip"')
    answer = json.loads(inflate(coded))
    assert answer["parameters"] == api.parameters(big)
    assert coded.header("Optimizer-Step") == "1"
    # The replay of a coded answer may be plain, and the other way round.
    again = step(api, big, {"Idempotency-Key": "k"})
    assert again.header("Content-Encoding") is None
    assert json.loads(again.body) == answer
    assert again.header("Idempotency-Replayed") == "true"


@pytest.mark.parametrize("type", [RAW, SAFETENSORS])
def test_binary_answers_are_left_as_they_are(api, big, type):
    for target in (f"/v1/sessions/{big}/parameters", f"/v1/sessions/{big}/state"):
        if target.endswith("state") and type == RAW:
            continue
        plain = ask(api, "GET", target, None, Accept=type)
        coded = ask(api, "GET", target, "gzip, deflate", Accept=type)
        assert without_date(coded) == without_date(plain)
        assert coded.body == plain.body and coded.header("Content-Encoding") is None
        assert "Accept-Encoding" not in (coded.header("Vary") or "")


def test_answers_say_what_chose_them(api, big):
    target = f"/v1/sessions/{big}/parameters"
    assert api.get(target).header("Vary") == "Accept, Accept-Encoding"
    raw = api.get(target, headers={"Accept": RAW})
    assert raw.header("Vary") == "Accept, Accept-Tensor-Dtype"
    assert api.get("/nowhere").header("Vary") == "Accept-Encoding"
    tag = {"If-None-Match": "*"}
    assert api.get(target, headers=tag).header("Vary") == "Accept, Accept-Encoding"
    assert api.get(f"/v1/sessions/{big}", headers=tag).header("Vary") == "Accept-Encoding"


@pytest.mark.parametrize("suffix", ["", "/parameters"])
def test_a_tag_of_either_coding_is_current(api, big, suffix):
    target = f"/v1/sessions/{big}{suffix}"
    tags = [ask(api, "GET", target, accept).header("ETag") for accept in (None, "gzip", "deflate")]
    assert tags == ['"1-0"', '"1-0+gzip"', '"1-0+deflate"']
    for held in tags:
        for accept in (None, "gzip"):
            same = ask(api, "GET", target, accept, **{"If-None-Match": held})
            assert (same.status, same.body) == (304, b"")
            assert same.header("Content-Encoding") is None
            known = accept and held == '"1-0+gzip"'
            assert same.header("ETag") == (held if known else '"1-0"')
    assert step(api, big, {"If-Match": tags[1]}).status == 200
    assert ask(api, "GET", target, "gzip", **{"If-None-Match": tags[1]}).status == 200
    assert step(api, big, {"If-Match": tags[1]}).status == 412


@pytest.mark.parametrize("accept", ["identity;q=0, gzip", "gzip, *;q=0", "*, identity;q=0"])
def test_who_takes_only_codings_gets_one(api, session, accept):
    for target in ("/livez", f"/v1/sessions/{session}", f"/v1/sessions/{session}/parameters"):
        coded = ask(api, "GET", target, accept)
        assert coded.header("Content-Encoding") == "gzip"
        assert inflate(coded) == api.get(target).body
    missing = ask(api, "GET", "/nowhere", accept)
    assert missing.status == 404 and json.loads(inflate(missing))["code"] == "unknown-route"
    # What has no coding is refused before anything happens.
    with api.unchanged(session):
        for method, target, type in (("POST", "/steps", RAW), ("GET", "/parameters", RAW),
                                     ("PUT", "/parameters", SAFETENSORS), ("GET", "/state", "*/*")):
            refused = api_call(api, method, f"/v1/sessions/{session}{target}", {
                "Accept-Encoding": accept, "Accept": type, "Content-Type": RAW}, bytes(24))
            assert refused.status == 406, (method, target)


@pytest.mark.parametrize("accept", ["identity;q=0", "*;q=0", "br, identity;q=0",
                                    "gzip;q=0, deflate;q=0, identity;q=0"])
def test_who_takes_nothing_is_refused(api, session, accept):
    fields = {"Accept-Encoding": accept}
    with api.unchanged(session):
        for target in ("/livez", "/metrics", f"/v1/sessions/{session}",
                       f"/v1/sessions/{session}/parameters", f"/v1/sessions/{session}/state"):
            assert_problem(api.get(target, headers=fields), 406, "not-acceptable")
        for type in (RAW, JSON):
            refused = api.post(f"/v1/sessions/{session}/steps", body=bytes(24), type=type,
                               headers=fields)
            assert_problem(refused, 406, "not-acceptable")
        assert_problem(api.put(f"/v1/sessions/{session}-new", json={"parameters": {"p": 1}},
                               headers=fields), 406, "not-acceptable")
        # A failure keeps its name.
        assert_problem(api.get("/nowhere", headers=fields), 404, "unknown-route")
    # Where no content comes there is nothing to take.
    minimal = api.post(f"/v1/sessions/{session}/steps", body=bytes(24), type=RAW,
                       headers={**fields, "Prefer": "return=minimal"})
    assert minimal.status == 204
    assert api.call("OPTIONS", "/livez", headers=fields).status == 204
    assert api.delete(f"/v1/sessions/{session}", headers=fields).status == 204


def test_memory_of_coded_answers_goes_back(api, name):
    values = np.random.default_rng(3).standard_normal(200_000).astype(np.float32)
    api.create(name, {"p": values.tolist()}, durability="none")
    with Connection(api.port) as connection:
        for _ in range(3):
            coded = connection.ask("GET", f"/v1/sessions/{name}/parameters",
                                   {"Accept-Encoding": "gzip"})
            parameters = json.loads(inflate(coded))["parameters"]["p"]
            assert np.array_equal(np.array(parameters, np.float32), values)
            assert len(coded.body) > 256 << 10
    wait_until(lambda: "\noptimizerd_body_bytes_in_flight 0\n" in
               api.get("/metrics").body.decode())


def test_curl_asks_and_decodes(api, big):
    target = f"http://127.0.0.1:{api.port}/v1/sessions/{big}/parameters"
    ended = subprocess.run(["curl", "-sSv", "--compressed", target], capture_output=True,
                           check=True)
    assert json.loads(ended.stdout)["parameters"] == api.parameters(big)
    assert b"< Content-Encoding: gzip" in ended.stderr
