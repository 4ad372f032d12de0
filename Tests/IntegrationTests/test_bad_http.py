"""Requests that are not HTTP/1.1: refused, not guessed at, and the connection ends."""

import pytest

from api import JSON, PROBLEM, RAW, assert_is_problem, assert_problem
from http_attacks import ALL
from wire import Connection, chunked, request_bytes

BODY = bytes(24)


@pytest.mark.parametrize("attack", ALL)
def test_refused_and_closed(api, session, attack):
    request, status, code = ALL[attack]
    smuggled = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    with api.unchanged(session), Connection(api.port) as connection:
        request = request.replace(b"{name}", session.encode())
        # What follows must never be read as a request of its own.
        connection.send(request + (b"" if "without" in attack else smuggled))
        response = connection.read_response()
        problem = assert_is_problem(response)
        if status is None:
            assert (response.status, problem["code"]) in [
                (400, "malformed-request"), (501, "not-implemented"), (413, "body-too-large"),
                (431, "fields-too-large"), (422, "shape-mismatch")], problem
        else:
            assert (response.status, problem["code"]) == (status, code), problem
        assert response.header("Connection") == "close"
        assert connection.is_closed()


@pytest.mark.parametrize("attack", ["two spaces", "no Host", "bare LF"])
def test_refused_however_it_is_split(api, attack):
    from http_attacks import FIELDS, REQUEST_LINES

    request = (REQUEST_LINES | FIELDS)[attack][0]
    for offset in range(1, len(request)):
        with Connection(api.port) as connection:
            connection.send_split(request, [offset])
            assert connection.read_response().status == 400


def test_a_valid_request_byte_by_byte(api, session):
    request = request_bytes("POST", f"/v1/sessions/{session}/steps", {"Content-Type": RAW}, BODY)
    with Connection(api.port) as connection:
        connection.send_split(request, range(1, len(request)))
        assert connection.read_response().status == 200


def test_chunks_of_every_size(api, session):
    for size in (1, 2, 3, 5, 8, 23, 24):
        with Connection(api.port) as connection:
            connection.send(
                f"POST /v1/sessions/{session}/steps HTTP/1.1\r\nHost: a\r\nContent-Type: {RAW}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(BODY, [size] * 24))
            assert connection.read_response().status == 200


@pytest.mark.parametrize("length", [0, 23, 25, 1000])
def test_chunked_raw_body_of_a_wrong_length(api, session, length):
    with api.unchanged(session), Connection(api.port) as connection:
        connection.send(
            f"POST /v1/sessions/{session}/steps HTTP/1.1\r\nHost: a\r\nContent-Type: {RAW}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(bytes(length), [7, 9]))
        assert_problem(connection.read_response(), 422, "shape-mismatch")


def test_pipelined_requests_are_answered_in_order(api, session):
    target = f"/v1/sessions/{session}/steps"
    requests = [request_bytes("GET", "/livez"),
                request_bytes("POST", target, {"Content-Type": RAW}, BODY),
                request_bytes("GET", "/nowhere"),
                request_bytes("POST", target, {"Content-Type": JSON}, b"{}"),
                request_bytes("HEAD", "/livez"),
                request_bytes("POST", target, {"Content-Type": RAW}, BODY)] * 5
    with Connection(api.port) as connection:
        connection.send(b"".join(requests))
        got = [connection.read_response(head_only=index % 6 == 4).status for index in range(30)]
    assert got == [200, 200, 404, 422, 200, 200] * 5
    assert api.get(f"/v1/sessions/{session}").json()["step"] == 11


def test_connection_survives_refusals(api, session):
    """A refused request with a whole body leaves the connection usable."""
    with Connection(api.port) as connection:
        for _ in range(3):
            response = connection.ask("POST", f"/v1/sessions/{session}/steps",
                                      {"Content-Type": JSON}, b'{"gradients": {"b": [0, 0]}}')
            assert response.status == 422
            assert connection.ask("GET", "/livez").status == 200


def test_http_1_0_and_connection_close(api):
    for head in (b"GET /livez HTTP/1.0\r\n\r\n",
                 b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"):
        with Connection(api.port) as connection:
            connection.send(head)
            assert connection.read_response().status == 200
            assert connection.is_closed()


def test_empty_lines_before_a_request_are_passed_over(api):
    with Connection(api.port) as connection:
        connection.send(b"\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.read_response().status == 200


@pytest.mark.parametrize("type, code", [
    ("application/x-www-form-urlencoded", "unsupported-media-type"),
    ("text/plain", "unsupported-media-type"), ("application/jsonx", "unsupported-media-type"),
    ("application", "unsupported-media-type"), (None, "unsupported-media-type"),
])
def test_unsupported_media_types(api, session, type, code):
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", body=b'{"gradients": {}}', type=type)
        problem = assert_problem(response, 415, code)
        assert "Content-Type" in problem["detail"]


@pytest.mark.parametrize("type", ["application/json; charset=utf-8", "Application/JSON",
                                  'application/json;a="b;c"'])
def test_media_types_that_mean_json(api, session, type):
    body = b'{"gradients": {"b": [0, 0], "w": [[0, 0], [0, 0]]}}'
    assert api.post(f"/v1/sessions/{session}/steps", body=body, type=type).status == 200


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip, gzip", "identity, br"])
def test_unsupported_content_codings(api, session, coding):
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", body=BODY, type=RAW,
                            headers={"Content-Encoding": coding})
        assert_problem(response, 415, "unsupported-content-encoding")


def limits(api):
    return api.get("/v1").json()["limits"]


@pytest.mark.parametrize("type, limit", [
    (JSON, "json_body_bytes"), ("application/safetensors", "body_bytes")])
@pytest.mark.parametrize("beyond", [1, 1 << 40, (1 << 63) - 1])
def test_too_large_bodies_are_refused_from_the_head(api, session, type, limit, beyond):
    bound = limits(api)[limit]
    length = beyond if beyond > bound else bound + beyond
    with api.unchanged(session), Connection(api.port) as connection:
        connection.send(
            f"POST /v1/sessions/{session}/steps HTTP/1.1\r\nHost: a\r\nContent-Type: {type}\r\n"
            f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode())
        response = connection.read_response(interim=True)
        assert_problem(response, 413, "body-too-large", limit=bound)


@pytest.mark.parametrize("target, headers, status", [
    ("/v1/sessions/{name}/steps", {"Content-Type": RAW}, 100),
    ("/v1/sessions/{name}/steps", {"Content-Type": "text/plain"}, 415),
    ("/v1/sessions/{name}/steps", {"Content-Type": RAW, "Tensor-Dtype": "F64"}, 422),
    ("/v1/sessions/{name}/steps", {"Content-Type": RAW, "Accept": "text/html"}, 406),
    ("/v1/sessions/{name}/steps?lr=-1", {"Content-Type": RAW}, 422),
    ("/v1/sessions/nobody/steps", {"Content-Type": RAW}, 404),
    ("/v1/sessions/a%20b/steps", {"Content-Type": RAW}, 400),
    ("/v1/nowhere", {"Content-Type": RAW}, 404),
    ("/livez", {"Content-Type": RAW}, 405),
])
def test_expect_100_continue_is_decided_from_the_head(api, session, target, headers, status):
    with Connection(api.port) as connection:
        fields = headers | {"Content-Length": "24", "Expect": "100-continue"}
        connection.send(request_bytes("POST", target.replace("{name}", session), fields))
        first = connection.read_response(interim=True)
        assert first.status == status
        if status == 100:
            connection.send(BODY)
            assert connection.read_response().status == 200
        else:
            assert first.media_type == PROBLEM
