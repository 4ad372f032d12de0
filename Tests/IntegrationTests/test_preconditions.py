"""ETag, If-Match and If-None-Match (API §4, RFC 9110 §13)."""

import pytest

from api import JSON, RAW, SAFETENSORS, assert_problem
from wire import Connection, request_bytes

STEP = {"gradients": {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]}}


def test_every_change_moves_the_tag(api, session):
    assert api.tag(session) == '"1-1"'
    api.step(session, STEP["gradients"])
    assert api.tag(session) == '"1-2"'
    api.patch(f"/v1/sessions/{session}", json={"optimizer": {"lr": 1}})
    assert api.tag(session) == '"2-2"'
    api.put(f"/v1/sessions/{session}/parameters", json={"parameters": {"b": [1, 1]}})
    assert api.tag(session) == '"3-2"'
    api.put(f"/v1/sessions/{session}/state", body=api.state(session), type=SAFETENSORS)
    assert api.tag(session) == '"4-2"'


@pytest.mark.parametrize("suffix", ["", "/parameters", "/state"])
def test_if_none_match_on_reads(api, session, suffix):
    target = f"/v1/sessions/{session}{suffix}"
    tag = api.get(target).header("ETag")
    assert tag.split("+")[0].strip('"') == "1-1"
    for matching in (tag, f'"9-9", {tag}', "*", f"W/{tag}"):
        response = api.get(target, headers={"If-None-Match": matching})
        assert response.status == 304, matching
        assert response.header("ETag") == tag
    assert api.get(target, headers={"If-None-Match": '"1-0"'}).status == 200
    api.step(session, STEP["gradients"])
    assert api.get(target, headers={"If-None-Match": tag}).status == 200


def test_variants_have_tags_of_their_own_and_compare_by_version(api, session):
    target = f"/v1/sessions/{session}/parameters"
    tags = {kind: api.get(target, headers={"Accept": kind}).header("ETag")
            for kind in (JSON, RAW, SAFETENSORS)}
    assert len(set(tags.values())) == 3
    for tag in tags.values():
        current = api.tag(session)
        response = api.post(f"/v1/sessions/{session}/steps", json=STEP, headers={"If-Match": tag})
        assert response.status == (200 if current == '"1-1"' else 412)


def test_if_match_on_steps(api, session):
    target = f"/v1/sessions/{session}/steps"
    assert api.post(target, json=STEP, headers={"If-Match": '"1-1"'}).status == 200
    with api.unchanged(session):
        response = api.post(target, json=STEP, headers={"If-Match": '"1-1"'})
        problem = assert_problem(response, 412, "step-mismatch")
        assert problem["current"].strip('"') == "1-2"
        assert "1-1" in str(problem["expected"])
        weak = api.post(target, json=STEP, headers={"If-Match": 'W/"1-2"'})
        assert_problem(weak, 412, "step-mismatch")
    assert api.post(target, json=STEP, headers={"If-Match": "*"}).status == 200
    assert api.post(target, json=STEP, headers={"If-Match": '"7-7", "1-3"'}).status == 200


@pytest.mark.parametrize("malformed", ["1-1", '"1-1', "W/1-1", '"a" "b"', "*, \"1-1\"", ""])
def test_malformed_tags(api, session, malformed):
    with api.unchanged(session):
        for method, suffix in (("POST", "/steps"), ("PATCH", ""), ("DELETE", "")):
            body = {"POST": STEP, "PATCH": {"nonfinite": "skip"}, "DELETE": None}[method]
            response = api.call(method, f"/v1/sessions/{session}{suffix}", json=body,
                                headers={"If-Match": malformed})
            assert_problem(response, 400, "malformed-request")


def test_if_match_on_changes(api, session):
    stale = {"If-Match": '"1-0"'}
    requests = [
        ("PATCH", "", {"json": {"optimizer": {"lr": 1}}}),
        ("PUT", "/parameters", {"json": {"parameters": {"b": [1, 1]}}}),
        ("PUT", "/state", {"body": api.state(session), "type": SAFETENSORS}),
        ("DELETE", "", {}),
    ]
    with api.unchanged(session):
        for method, suffix, options in requests:
            response = api.call(method, f"/v1/sessions/{session}{suffix}", headers=stale, **options)
            problem = assert_problem(response, 412, "precondition-failed")
            assert problem["current"].strip('"') == "1-1"
    for method, suffix, options in requests:
        fresh = {"If-Match": api.tag(session)}
        response = api.call(method, f"/v1/sessions/{session}{suffix}", headers=fresh, **options)
        assert response.status in (200, 204), (method, suffix, response)


def test_if_none_match_any_on_creation(api, name):
    document = {"parameters": {"w": 1}}
    only_new = {"If-None-Match": "*"}
    assert api.put(f"/v1/sessions/{name}", json=document, headers=only_new).status == 201
    response = api.put(f"/v1/sessions/{name}", json=document, headers=only_new)
    assert_problem(response, 412, "precondition-failed")


def test_a_failed_precondition_is_answered_before_the_body(api, session):
    """The refusal comes from the head alone: no 100, and not one body byte was sent."""
    from wire import Connection

    with Connection(api.port) as connection:
        connection.send(
            f"POST /v1/sessions/{session}/steps HTTP/1.1\r\nHost: a\r\nIf-Match: \"1-0\"\r\n"
            "Content-Type: application/octet-stream\r\nContent-Length: 24\r\n"
            "Expect: 100-continue\r\n\r\n".encode())
        assert connection.read_response(interim=True).status == 412


def test_old_tags_never_match_a_recreated_session(api, session):
    old = api.tag(session)
    api.delete(f"/v1/sessions/{session}")
    api.create(session, {"w": [[0, 0], [0, 0]], "b": [0, 0]})
    api.step(session, STEP["gradients"])
    response = api.post(f"/v1/sessions/{session}/steps", json=STEP, headers={"If-Match": old})
    assert_problem(response, 412, "step-mismatch")


CHANGES = [
    ("POST", "/steps", {"json": STEP}, "step-mismatch"),
    ("PUT", "", {"json": {"parameters": {"w": [1]}}}, "precondition-failed"),
    ("PATCH", "", {"json": {"nonfinite": "skip"}}, "precondition-failed"),
    ("DELETE", "", {}, "precondition-failed"),
    ("PUT", "/parameters", {"json": {"parameters": {"b": [1, 1]}}}, "precondition-failed"),
    ("PUT", "/state", {"body": b"no file", "type": SAFETENSORS}, "precondition-failed"),
]


@pytest.mark.parametrize("method, suffix, request_, code", CHANGES)
def test_every_change_judges_both_fields(api, session, method, suffix, request_, code):
    target = f"/v1/sessions/{session}{suffix}"
    with api.unchanged(session):
        stale = api.call(method, target, headers={"If-Match": '"1-0"'}, **request_)
        assert_problem(stale, 412, code, expected='"1-0"', current='"1-1"')
        for fields in ({"If-None-Match": "*"}, {"If-None-Match": "*", "If-Match": '"1-1"'}):
            response = api.call(method, target, headers=fields, **request_)
            assert_problem(response, 412, code, current='"1-1"')
        malformed = api.call(method, target, headers={"If-Match": "1-1"}, **request_)
        assert_problem(malformed, 400, "malformed-request")


@pytest.mark.parametrize("method, suffix, request_, code",
                         [change for change in CHANGES if change[0] != "DELETE"])
def test_a_stale_change_is_refused_before_its_body(api, session, method, suffix, request_, code):
    type = request_.get("type", JSON)
    with Connection(api.port) as connection:
        connection.send(request_bytes(method, f"/v1/sessions/{session}{suffix}", {
            "Content-Type": type, "Content-Length": "1000", "Expect": "100-continue",
            "If-Match": '"1-0"'}))
        assert_problem(connection.read_response(interim=True), 412, code)
