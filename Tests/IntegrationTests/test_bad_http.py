"""What conformance/ does not show of HTTP: bodies cut in many ways, long pipelines, and what the
service makes of types and lengths."""

import pytest

from api import JSON, RAW, assert_problem
from wire import Connection, chunked, request_bytes

BODY = bytes(24)


def test_chunks_of_every_size(api, session):
    for size in (1, 2, 3, 5, 8, 23, 24):
        with Connection(api.port) as connection:
            connection.send(
                f"POST /v1/sessions/{session}/steps HTTP/1.1\r\nHost: a\r\nContent-Type: {RAW}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode() + chunked(BODY, [size] * 24))
            assert connection.read_response().status == 200


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
