"""Bodies with a content coding mean what they inflate to (RFC 9110 §8.4, API §6)."""

import gzip
import json
import struct
import zlib

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import JSON, RAW, SAFETENSORS, assert_problem
from codings import CODINGS, deflate
from wire import Connection, chunked, request_bytes

VALUES = {"w": np.array([[1, 2], [3, 4]], np.float32), "b": np.array([0.5, -0.5], np.float32)}


def document(member, **more):
    return json.dumps({member: {k: v.tolist() for k, v in VALUES.items()}, **more}).encode()


RAW_BODY = VALUES["b"].tobytes() + VALUES["w"].tobytes()
REQUESTS = {
    "JSON step": ("POST", "/steps", JSON, document("gradients", loss=0.5)),
    "safetensors step": ("POST", "/steps", SAFETENSORS, save(VALUES)),
    "raw step": ("POST", "/steps", RAW, RAW_BODY),
    "JSON parameters": ("PUT", "/parameters", JSON, document("parameters")),
    "safetensors parameters": ("PUT", "/parameters", SAFETENSORS, save(VALUES)),
    "raw parameters": ("PUT", "/parameters", RAW, RAW_BODY),
    "patch": ("PATCH", "", JSON, b'{"optimizer": {"lr": 0.25}, "max_grad_norm": 3}'),
    "merge patch": ("PATCH", "", "application/merge-patch+json", b'{"nonfinite": "skip"}'),
    "JSON creation": ("PUT", "-new", JSON, document("parameters", optimizer={"lr": 0.5})),
    "safetensors creation": ("PUT", "-new", SAFETENSORS, save(VALUES)),
    "state": ("PUT", "/state", SAFETENSORS, None),
}


@pytest.fixture
def twin(api, session):
    """Another session in the same state."""
    assert api.put(f"/v1/sessions/{session}-twin?from={session}").status == 201
    yield session + "-twin"
    assert api.delete(f"/v1/sessions/{session}-twin").status == 204


def framed(body, framing):
    """(fields, bytes) of a body."""
    if framing == "chunked":
        return {"Transfer-Encoding": "chunked"}, chunked(body, [1, 7, 11])
    expected = {"Expect": "100-continue"} if framing == "expected" else {}
    return {"Content-Length": str(len(body)), **expected}, body


@pytest.mark.parametrize("framing", ["length", "chunked", "expected"])
@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("request_name", REQUESTS)
def test_it_is_the_body_that_it_inflates_to(api, session, twin, request_name, coding, framing):
    method, suffix, type, body = REQUESTS[request_name]
    if body is None:
        body = api.state(session)
    fields, sent = framed(CODINGS[coding](body), framing)
    target = f"/v1/sessions/{session}{suffix}"
    with Connection(api.port) as connection:
        connection.send(request_bytes(method, target, {
            "Content-Type": type, "Content-Encoding": coding, **fields}))
        if framing == "expected":
            assert connection.read_response(interim=True).status == 100
        connection.send(sent)
        coded = connection.read_response()
        assert connection.ask("GET", "/livez").status == 200
    plain = api.call(method, f"/v1/sessions/{twin}{suffix}", body=body, type=type)
    assert coded.status == plain.status and coded.status in (200, 201), coded
    assert coded.header("ETag") == plain.header("ETag")
    changed, same = session + suffix * (suffix == "-new"), twin + suffix * (suffix == "-new")
    assert api.state(changed) == api.state(same)
    if suffix == "-new":
        for name in (changed, same):
            assert api.delete(f"/v1/sessions/{name}").status == 204


def post(api, session, body, coding="gzip", type=RAW, **headers):
    return api.post(f"/v1/sessions/{session}/steps", body=body, type=type,
                    headers={"Content-Encoding": coding, **headers})


@pytest.mark.parametrize("size", [0, 1, 23, 25, 24_000, 3_000_000])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_wrong_length_is_told_when_it_is_known(api, session, coding, size):
    with api.unchanged(session):
        body = CODINGS[coding](np.random.default_rng(1).bytes(size))
        assert_problem(post(api, session, body, coding), 422, "shape-mismatch", expected=24)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("type, body", [(RAW, RAW_BODY), (JSON, document("gradients")),
                                        (SAFETENSORS, save(VALUES))], ids=["raw", "JSON", "file"])
def test_cut_short_anywhere(api, session, coding, type, body):
    coded = CODINGS[coding](body)
    with api.unchanged(session):
        for count in range(1, len(coded)):
            problem = assert_problem(
                post(api, session, coded[:count], coding, type), 400, "malformed-request")
            assert coding in problem["detail"]


def test_no_body_is_no_stream(api, session):
    with api.unchanged(session), Connection(api.port) as connection:
        for fields in ({"Content-Length": "0"}, {"Content-Length": None}):
            for type in (JSON, SAFETENSORS, RAW):
                connection.send(request_bytes("POST", f"/v1/sessions/{session}/steps", {
                    "Content-Type": type, "Content-Encoding": "gzip", **fields}))
                response = connection.read_response()
                if type == RAW:  # Its length is known from the head.
                    assert_problem(response, 422, "shape-mismatch", expected=24, actual=0)
                else:
                    assert_problem(response, 400, "malformed-request")


def bare(body):
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(body) + stream.flush()


def with_dictionary(body):
    stream = zlib.compressobj(9, zlib.DEFLATED, 15, zdict=b"\0" * 64)
    return stream.compress(body) + stream.flush()


WHOLE = gzip.compress(RAW_BODY)
DAMAGED = {
    "not coded at all": ("gzip", RAW_BODY), "the other coding": ("gzip", deflate(RAW_BODY)),
    "the other way round": ("deflate", WHOLE), "without its frame": ("deflate", bare(RAW_BODY)),
    "with a dictionary": ("deflate", with_dictionary(RAW_BODY)),
    "a wrong checksum": ("gzip", WHOLE[:-8] + bytes([WHOLE[-8] ^ 1]) + WHOLE[-7:]),
    "a wrong length": ("gzip", WHOLE[:-1] + b"\1"),
    "an unknown method": ("gzip", WHOLE[:2] + b"\7" + WHOLE[3:]),
    "reserved flags": ("gzip", WHOLE[:3] + b"\x80" + WHOLE[4:]),
    "a byte too many": ("gzip", WHOLE + b"\0"), "a line behind it": ("gzip", WHOLE + b"\n"),
    "a second member": ("gzip", WHOLE + gzip.compress(b"")),
    "in two members": ("gzip", gzip.compress(RAW_BODY[:12]) + gzip.compress(RAW_BODY[12:])),
    "coded twice": ("gzip", gzip.compress(WHOLE)),
    "a zlib stream and more": ("deflate", deflate(RAW_BODY) + deflate(b"")),
}


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_no_such_stream_is_refused(api, session, kind, framing):
    coding, body = DAMAGED[kind]
    fields, sent = framed(body, framing)
    with api.unchanged(session), Connection(api.port) as connection:
        connection.send(request_bytes("POST", f"/v1/sessions/{session}/steps", {
            "Content-Type": RAW, "Content-Encoding": coding, **fields}) + sent)
        response = connection.read_response()
        if kind == "coded twice":  # Its bytes are the wrong number of gradients.
            assert_problem(response, 422, "shape-mismatch")
        else:
            assert_problem(response, 400, "malformed-request")


def test_gzip_with_everything_in_its_header(api, session):
    head = b"\x1f\x8b\x08\x1f\1\2\3\4\0\3" + struct.pack("<H", 5) + b"ab\1\0xname\0comment\0"
    checked = head + struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    tail = struct.pack("<II", zlib.crc32(RAW_BODY), len(RAW_BODY))
    assert post(api, session, checked + bare(RAW_BODY) + tail).status == 200
    with api.unchanged(session):
        wrong = head + struct.pack("<H", ~zlib.crc32(head) & 0xFFFF) + bare(RAW_BODY) + tail
        assert_problem(post(api, session, wrong), 400, "malformed-request")


@pytest.mark.parametrize("target, type", [("/steps", RAW), ("", JSON), ("/parameters", JSON)])
@pytest.mark.parametrize("coding", ["br", "zstd", "compress", "gzip, gzip", "gzip, deflate",
                                    "identity, gzip", "gzip;q=1", "*"])
def test_other_codings_are_refused_with_those_that_are_not(api, session, coding, target, type):
    method = {"/steps": "POST", "": "PATCH", "/parameters": "PUT"}[target]
    fields = {"Content-Encoding": coding, "Content-Type": type, "Expect": "100-continue",
              "Content-Length": "24"}
    with api.unchanged(session), Connection(api.port) as connection:
        connection.send(request_bytes(method, f"/v1/sessions/{session}{target}", fields))
        response = connection.read_response(interim=True)
        assert_problem(response, 415, "unsupported-content-encoding")
        assert response.header("Accept-Encoding") == "gzip, deflate"


def test_another_415_does_not_name_codings(api, session):
    """That is how the two are told apart (RFC 9110 §15.5.16)."""
    response = post(api, session, gzip.compress(b"{}"), type="text/plain")
    assert_problem(response, 415, "unsupported-media-type")
    assert response.header("Accept-Encoding") is None


@pytest.mark.parametrize("coding", ["identity", "Identity", "", " , "])
def test_identity_is_no_coding(api, session, coding):
    assert post(api, session, RAW_BODY, coding).status == 200


def test_a_retry_may_be_coded_otherwise(api, session):
    """The fingerprint is over the body without its coding (API §4)."""
    bodies = [(RAW_BODY, "identity"), (gzip.compress(RAW_BODY), "gzip"),
              (gzip.compress(RAW_BODY, 1), "x-gzip"), (deflate(RAW_BODY), "deflate")]
    for index, (first, coding) in enumerate(bodies):
        key = {"Idempotency-Key": f"step-{index}"}
        applied = post(api, session, first, coding, **key)
        assert applied.header("Idempotency-Replayed") is None
        with api.unchanged(session):
            for body, other in bodies:
                again = post(api, session, body, other, **key)
                assert again.header("Idempotency-Replayed") == "true"
                assert again.body == applied.body
            for body in (gzip.compress(RAW_BODY[::-1]), gzip.compress(RAW_BODY + b"\0")):
                assert_problem(
                    post(api, session, body, **key), 422, "idempotency-key-reused")
            assert_problem(
                post(api, session, bodies[1][0][:-1], **key), 400, "malformed-request")


def test_numbers_arrive_as_they_were(api, name):
    """Many windows and many pieces, in three formats and both codings."""
    count = 300_000
    values = np.random.default_rng(7).standard_normal(count).astype(np.float32)
    bodies = {RAW: values.tobytes(), SAFETENSORS: save({"p": values}),
              JSON: json.dumps({"parameters": {"p": values.tolist()}}).encode()}
    api.create(name, {"p": {"dtype": "F32", "shape": [count], "data": [0] * count}},
               durability="none")
    for type, body in bodies.items():
        for coding in ("gzip", "deflate"):
            assert api.put(f"/v1/sessions/{name}/parameters", body=np.zeros(count, "<f4").tobytes(),
                           type=RAW).status == 200
            response = api.put(f"/v1/sessions/{name}/parameters", body=CODINGS[coding](body),
                               type=type, headers={"Content-Encoding": coding,
                                                   "Accept": SAFETENSORS})
            assert response.status == 200, response
            assert np.array_equal(load(response.body)["p"], values)
