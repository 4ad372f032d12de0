"""GET and PUT …/parameters."""

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import JSON, RAW, SAFETENSORS, assert_problem


def test_read_in_every_format(api, session):
    target = f"/v1/sessions/{session}/parameters"
    plain = api.get(target)
    assert plain.media_type == JSON
    assert plain.json()["step"] == 1
    tensors = plain.json()["parameters"]
    raw = np.frombuffer(api.get(target, headers={"Accept": RAW}).body, "<f4")
    assert raw.tolist() == np.array(tensors["b"] + sum(tensors["w"], []), np.float32).tolist()
    named = load(api.get(target, headers={"Accept": SAFETENSORS}).body)
    assert {name: array.shape for name, array in named.items()} == {"b": (2,), "w": (2, 2)}
    assert named["w"].tobytes() == raw[2:].tobytes()


def test_read_one_tensor(api, session):
    target = f"/v1/sessions/{session}/parameters"
    whole = api.get(target).json()["parameters"]
    assert api.get(f"{target}?tensor=w").json()["parameters"] == {"w": whole["w"]}
    raw = api.get(f"{target}?tensor=b", headers={"Accept": RAW}).body
    assert np.frombuffer(raw, "<f4").tolist() == np.array(whole["b"], np.float32).tolist()
    assert list(load(api.get(f"{target}?tensor=b", headers={"Accept": SAFETENSORS}).body)) == ["b"]
    assert_problem(api.get(f"{target}?tensor=nope"), 404, "unknown-tensor")


def test_tensor_names_are_bytes(api, name):
    composed, decomposed = "\u00e9", "e\u0301"
    api.create(name, {composed: 1, decomposed: 2, "a/b~c d": 3})
    target = f"/v1/sessions/{name}/parameters?tensor="
    assert api.get(target + "%C3%A9").json()["parameters"] == {composed: 1}
    assert api.get(target + "e%CC%81").json()["parameters"] == {decomposed: 2}
    assert api.get(target + "a/b~c%20d").json()["parameters"] == {"a/b~c d": 3}


def test_head_of_parameters(api, session):
    full = api.get(f"/v1/sessions/{session}/parameters")
    head = api.call("HEAD", f"/v1/sessions/{session}/parameters")
    assert head.status == 200
    assert head.header("ETag") == full.header("ETag")


def test_overwrite_of_nothing_is_refused(api, session):
    target = f"/v1/sessions/{session}/parameters"
    with api.unchanged(session):
        for content in ({"json": {"parameters": {}}}, {"body": save({}), "type": SAFETENSORS}):
            assert_problem(api.put(target, **content), 422, "missing-member", "/parameters")


def test_overwrite_some_keeps_the_rest_and_the_moments(api, session):
    before = load(api.state(session))
    response = api.put(f"/v1/sessions/{session}/parameters", json={"parameters": {"b": [7, 8]}})
    assert response.status == 200
    assert response.json()["parameters"]["b"] == [7, 8]
    assert response.header("ETag") == '"2-1"'
    after = load(api.state(session))
    assert after.pop("parameters/b").tolist() == [7, 8]
    before.pop("parameters/b")
    assert all(before[key].tobytes() == after[key].tobytes() for key in before)


@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
def test_overwrite_all_in_every_format(api, session, type):
    w, b = np.arange(4, dtype=np.float32).reshape(2, 2), np.array([-1, -2], np.float32)
    body = {JSON: '{"parameters": {"b": [-1, -2], "w": [[0, 1], [2, 3]]}}',
            SAFETENSORS: save({"w": w, "b": b}), RAW: b.tobytes() + w.tobytes()}[type]
    response = api.put(f"/v1/sessions/{session}/parameters", body=body, type=type)
    assert response.status == 200
    assert response.media_type == type
    assert api.parameters(session) == {"b": [-1, -2], "w": [[0, 1], [2, 3]]}


def test_overwrite_with_a_minimal_answer(api, session):
    response = api.put(f"/v1/sessions/{session}/parameters", json={"parameters": {"b": [7, 8]}},
                       headers={"Prefer": "return=minimal"})
    assert response.status == 204
    assert response.header("Preference-Applied") == "return=minimal"
    assert response.header("ETag") == '"2-1"'


@pytest.mark.parametrize("document, code, pointer", [
    ('{"parameters": {"b": [1, 1e999]}}', "nonfinite-parameter", "/parameters/b"),
    ('{"parameters": {"b": [1, 1e39]}}', "nonfinite-parameter", "/parameters/b"),
    ('{"parameters": {"b": [1, "NaN"]}}', "invalid-value", "/parameters/b"),
    ('{"parameters": {"b": [1, 2, 3]}}', "shape-mismatch", "/parameters/b"),
    ('{"parameters": {"b": 1}}', "shape-mismatch", "/parameters/b"),
    ('{"parameters": {"nope": [1]}}', "unknown-parameter", "/parameters/nope"),
    ('{"parameters": {"b": null}}', "invalid-value", "/parameters/b"),
    ('{"parameters": [1]}', "invalid-value", "/parameters"),
    ('{"gradients": {"b": [1, 1]}}', None, None),
    ('{"parameters": {"b": [1, 1]}, "lr": 1}', "unknown-member", "/lr"),
])
def test_refusals(api, session, document, code, pointer):
    with api.unchanged(session):
        response = api.put(f"/v1/sessions/{session}/parameters", json=document)
        assert_problem(response, 422, code or response.json().get("code"), pointer)


def test_nonfinite_raw_parameters_are_named(api, session):
    vector = np.array([0, 0, 0, np.nan, 0, 0], "<f4").tobytes()
    with api.unchanged(session):
        response = api.put(f"/v1/sessions/{session}/parameters", body=vector, type=RAW)
        assert_problem(response, 422, "nonfinite-parameter", "/parameters/w")
