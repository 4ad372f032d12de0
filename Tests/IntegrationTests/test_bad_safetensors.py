"""The safetensors attack corpus, sent to every route that reads such a file."""

import pytest
from safetensors.numpy import load

from api import SAFETENSORS, assert_problem
from attacks import FOREIGN_SAFETENSORS, MALFORMED_SAFETENSORS, VALID, file
from wire import Connection, chunked


def test_the_corpus_is_built_on_a_valid_file(api, session):
    """The canary: what every attack damages is accepted when whole."""
    assert set(load(file(VALID))) == {"b", "w"}
    response = api.post(f"/v1/sessions/{session}/steps", body=file(VALID), type=SAFETENSORS)
    assert response.status == 200


@pytest.mark.parametrize("attack", MALFORMED_SAFETENSORS)
def test_malformed_gradients(api, session, attack):
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", body=MALFORMED_SAFETENSORS[attack],
                            type=SAFETENSORS)
        assert_problem(response, 400, "malformed-safetensors")


def test_each_fault_has_a_message_of_its_own(api, session):
    """Faults of different kinds do not share one sentence."""
    details = {api.post(f"/v1/sessions/{session}/steps", body=body, type=SAFETENSORS)
               .json()["detail"] for body in MALFORMED_SAFETENSORS.values()}
    assert len(details) > 20


@pytest.mark.parametrize("attack", MALFORMED_SAFETENSORS)
def test_malformed_in_chunks(api, session, attack):
    """Without a length known from the head, the same files are refused the same way."""
    with api.unchanged(session), Connection(api.port) as connection:
        connection.send(
            f"POST /v1/sessions/{session}/steps HTTP/1.1\r\nHost: a\r\n"
            f"Content-Type: {SAFETENSORS}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + chunked(MALFORMED_SAFETENSORS[attack], [1, 7, 3]))
        assert_problem(connection.read_response(), 400, "malformed-safetensors")


@pytest.mark.parametrize("attack", MALFORMED_SAFETENSORS)
@pytest.mark.parametrize("suffix", ["", "/parameters", "/state"])
def test_malformed_elsewhere(api, session, attack, suffix):
    body = MALFORMED_SAFETENSORS[attack]
    with api.unchanged(session):
        target = f"/v1/sessions/{session}{suffix}"
        response = api.put(target, body=body, type=SAFETENSORS)
        assert_problem(response, 400, "malformed-safetensors")
        fresh = api.put(f"/v1/sessions/{session}-new", body=body, type=SAFETENSORS)
        assert_problem(fresh, 400, "malformed-safetensors")
    assert api.get(f"/v1/sessions/{session}-new").status == 404


@pytest.mark.parametrize("case", FOREIGN_SAFETENSORS)
def test_foreign_gradients(api, session, case):
    body, code, pointer = FOREIGN_SAFETENSORS[case]
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", body=body, type=SAFETENSORS)
        assert_problem(response, 422, code, pointer)


@pytest.mark.parametrize("text", ["", "{", "nul", '{"lr": 1, "lr": 1}', "\ufeff{}"])
def test_options_that_are_not_json(api, session, text):
    body = file({"__metadata__": {"options": text}, **VALID})
    with api.unchanged(session):
        response = api.post(f"/v1/sessions/{session}/steps", body=body, type=SAFETENSORS)
        assert_problem(response, 400, "malformed-json")


@pytest.mark.parametrize("metadata, status", [
    ({"session": "{"}, 400), ({"session": "[]"}, 422), ({"session": '{"lr": 1}'}, 422),
    ({"session": '{"optimizer": {"lr": -1}}'}, 422), ({"session": '{"parameters": {"x": 1}}'}, 422),
])
def test_creation_metadata(api, name, metadata, status):
    body = file({"__metadata__": metadata, **VALID})
    response = api.put(f"/v1/sessions/{name}", body=body, type=SAFETENSORS)
    assert response.status == status, response
    assert api.get(f"/v1/sessions/{name}").status == 404
