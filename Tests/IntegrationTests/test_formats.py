"""Raw and safetensors bodies, negotiation, dtypes, and minimal answers."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from api import JSON, RAW, SAFETENSORS, assert_problem

W, B = np.array([[1, 2], [3, 4]], np.float32), np.array([0.1, -0.1], np.float32)
VECTOR = B.tobytes() + W.tobytes()


def body_of(type, w=W, b=B, **options):
    """The same step in a format: (body, query)."""
    if type == JSON:
        return json.dumps({"gradients": {"w": w.tolist(), "b": b.tolist()}, **options}), ""
    if type == SAFETENSORS:
        return save({"w": w, "b": b}, {"options": json.dumps(options)}), ""
    words = "&".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}"
                     for key, value in options.items())
    query = words.replace('"', "%22").replace(" ", "").replace("{", "%7B").replace("}", "%7D")
    return b.tobytes() + w.tobytes(), ("?" + query if query else "")


def step(api, session, type, headers=None, **options):
    body, query = body_of(type, **options)
    return api.post(f"/v1/sessions/{session}/steps{query}", body=body, type=type, headers=headers)


@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
def test_answer_has_the_requests_format(api, session, type):
    assert step(api, session, type).media_type == type


@pytest.mark.parametrize("asked", [JSON, SAFETENSORS, RAW])
@pytest.mark.parametrize("sent", [JSON, SAFETENSORS, RAW])
def test_accept_names_another_format(api, session, sent, asked):
    response = step(api, session, sent, {"Accept": asked})
    assert response.media_type == asked
    held = api.get(f"/v1/sessions/{session}/parameters", headers={"Accept": RAW}).body
    if asked == RAW:
        assert response.body == held
    elif asked == SAFETENSORS:
        tensors = load(response.body)
        assert tensors["b"].tobytes() + tensors["w"].tobytes() == held
    else:
        tensors = response.json()["parameters"]
        numbers = np.array(tensors["b"] + sum(tensors["w"], []), np.float32)
        assert numbers.tobytes() == held


@pytest.mark.parametrize("accept, chosen", [
    ("*/*", RAW), ("application/*", RAW), ("application/json;q=0.5, application/safetensors",
                                           SAFETENSORS),
    ("application/octet-stream;q=0, */*", None), ("text/html, application/json;q=0.1", JSON),
])
def test_accept_by_quality(api, session, accept, chosen):
    response = step(api, session, RAW, {"Accept": accept})
    assert response.status == 200
    assert response.media_type == chosen or (chosen is None and response.media_type != RAW)


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "image/*"])
def test_not_acceptable(api, session, accept):
    with api.unchanged(session):
        response = step(api, session, JSON, {"Accept": accept})
        if accept.startswith("application/json"):
            assert response.status == 406
        assert_problem(response, 406, "not-acceptable")
        read = api.get(f"/v1/sessions/{session}/parameters", headers={"Accept": accept})
        assert_problem(read, 406, "not-acceptable")


@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
def test_options_mean_the_same_in_every_format(api, session, type):
    response = step(api, session, type, {"Accept": JSON}, lr={"slow": 0.5}, grad_scale=2,
                    max_grad_norm=0.25, nonfinite="propagate", partial="error", loss=0.75)
    answer = response.json()
    assert answer["lr"] == {"default": 0.001, "slow": 0.5}
    norm = np.sqrt(np.sum(np.square((W / 2).astype(np.float64)))
                   + np.sum(np.square((B / 2).astype(np.float64))))
    assert answer["grad_norm"] == pytest.approx(norm, rel=1e-12)
    assert answer["clip_coef"] == pytest.approx(0.25 / (norm + 1e-6), rel=1e-12)
    assert answer["loss"] == 0.75


@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
def test_null_lifts_the_sessions_clipping_in_every_format(api, session, type):
    api.patch(f"/v1/sessions/{session}", json={"max_grad_norm": 0.125})
    response = step(api, session, type, max_grad_norm=None)
    assert response.header("Optimizer-Clip-Coef") == "1"


@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
@pytest.mark.parametrize("options, code, pointer", [
    ({"lr": -1}, "invalid-hyperparameter", "/lr"),
    ({"lr": {"nobody": 1}}, None, "/lr/nobody"),
    ({"lr": {"slow": -1}}, "invalid-hyperparameter", "/lr/slow"),
    ({"lr": True}, "invalid-value", "/lr"),
    ({"grad_scale": 0}, "invalid-hyperparameter", "/grad_scale"),
    ({"grad_scale": None}, "invalid-value", "/grad_scale"),
    ({"max_grad_norm": -1}, "invalid-hyperparameter", "/max_grad_norm"),
    ({"nonfinite": "explode"}, "invalid-value", "/nonfinite"),
    ({"partial": "maybe"}, "invalid-value", "/partial"),
    ({"colour": 1}, "unknown-member", "/colour"),
])
def test_wrong_options_have_one_pointer_in_every_format(api, session, type, options, code, pointer):
    with api.unchanged(session):
        response = step(api, session, type, **options)
        assert_problem(response, 422, code or response.json().get("code"), pointer)


def test_minimal_answers(api, session):
    response = step(api, session, RAW, {"Prefer": "return=minimal"}, loss=0.5)
    assert (response.status, response.body) == (204, b"")
    assert response.header("Preference-Applied") == "return=minimal"
    assert response.header("Optimizer-Step") == "2"
    assert response.header("Optimizer-Loss") == "0.5"
    assert response.header("ETag").startswith('"1-2')
    for prefer in ("respond-async, return=minimal", 'return="minimal"'):
        assert step(api, session, JSON, {"Prefer": prefer}).status == 204
    full = step(api, session, JSON, {"Prefer": "return=representation"})
    assert full.status == 200 and full.header("Preference-Applied") is None


@pytest.mark.parametrize("dtype", ["F64", "F32", "F16", "BF16"])
def test_tensor_dtype_of_raw_gradients(api, session, dtype):
    """Values that every dtype holds exactly give the same step in each."""
    w, b = np.array([[1, -2], [0.5, 4]], np.float64), np.array([0.25, -8], np.float64)
    vector = np.concatenate([b.ravel(), w.ravel()])
    expected = f"{session}-expected"
    api.put(f"/v1/sessions/{expected}?from={session}")
    wanted = api.step(expected, {"w": w.tolist(), "b": b.tolist()})["parameters"]
    response = api.post(f"/v1/sessions/{session}/steps", body=encode(vector, dtype), type=RAW,
                        headers={"Tensor-Dtype": dtype, "Accept": JSON})
    assert response.json()["parameters"] == wanted
    api.delete(f"/v1/sessions/{expected}")


@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_safetensors_gradients_may_be_narrower_or_wider(api, session, kind):
    body = save({"w": np.array([[1, -2], [0.5, 4]], kind), "b": np.array([0.25, -8], np.float32)})
    response = api.post(f"/v1/sessions/{session}/steps", body=body, type=SAFETENSORS)
    assert response.status == 200
    assert {array.dtype for array in load(response.body).values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("dtype, size", [("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2)])
def test_accept_tensor_dtype(api, session, dtype, size):
    response = step(api, session, RAW, {"Accept-Tensor-Dtype": dtype})
    held = np.frombuffer(api.get(f"/v1/sessions/{session}/parameters",
                                 headers={"Accept": RAW}).body, np.float32)
    assert len(response.body) == 6 * size
    assert response.body == encode(held, dtype)
    read = api.get(f"/v1/sessions/{session}/parameters",
                   headers={"Accept": RAW, "Accept-Tensor-Dtype": dtype})
    assert read.body == response.body


@pytest.mark.parametrize("header", ["Tensor-Dtype", "Accept-Tensor-Dtype"])
@pytest.mark.parametrize("value", ["I64", "f32", "float", "F32, F64"])
def test_unknown_dtypes(api, session, header, value):
    with api.unchanged(session):
        assert_problem(step(api, session, RAW, {header: value}), 422, "dtype-mismatch")


@pytest.mark.parametrize("header", ["Tensor-Dtype", "Accept-Tensor-Dtype"])
@pytest.mark.parametrize("type", [JSON, SAFETENSORS, RAW])
@pytest.mark.parametrize("prefer", ["return=minimal", "return=representation"])
def test_unknown_dtypes_are_refused_where_they_mean_nothing_too(api, session, header, type, prefer):
    headers = {header: "I64", "Prefer": prefer}
    with api.unchanged(session):
        assert_problem(step(api, session, type, headers), 422, "dtype-mismatch")
        response = api.put(f"/v1/sessions/{session}/parameters", headers=headers,
                           json={"parameters": {"b": [0, 0]}})
        assert_problem(response, 422, "dtype-mismatch")


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_sixteen_bit_sessions_have_masters(api, name, dtype):
    """Steps too small for 16 bits add up in the F32 masters and show when they are enough."""
    api.create(name, {"p": {"dtype": dtype, "shape": [2], "data": [1, -1]}},
               optimizer={"lr": 1e-4})
    target = f"/v1/sessions/{name}/parameters"
    for _ in range(3):
        answer = api.step(name, {"p": [1, 1]})
    master = np.frombuffer(api.get(target, headers={"Accept": RAW, "Accept-Tensor-Dtype": "F32"})
                           .body, np.float32)
    assert master == pytest.approx([1 - 3e-4, -1 - 3e-4], abs=1e-6)
    narrow = api.get(target, headers={"Accept": RAW}).body
    assert narrow == encode(master, dtype)
    shown = np.array(answer["parameters"]["p"], np.float32)
    assert encode(shown, dtype) == narrow
    gradients = np.array([1, 1], np.float32)
    response = api.post(f"/v1/sessions/{name}/steps", body=encode(gradients, dtype), type=RAW)
    assert response.status == 200 and len(response.body) == 4


def test_f64_session_keeps_double_precision(api, name):
    third = 1 / 3
    api.create(name, {"p": {"dtype": "F64", "shape": [1], "data": [third]}})
    assert api.parameters(name)["p"] == [third]
    assert api.step(name, {"p": [0]})["parameters"]["p"] == [third]


def test_raw_length_is_decided_from_the_head(api, session):
    with api.unchanged(session):
        for body in (VECTOR[:-1], VECTOR + b"\0", b""):
            response = api.post(f"/v1/sessions/{session}/steps", body=body, type=RAW)
            assert_problem(response, 422, "shape-mismatch", expected=24, actual=len(body))
        widened = api.post(f"/v1/sessions/{session}/steps", body=VECTOR, type=RAW,
                           headers={"Tensor-Dtype": "F64"})
        assert_problem(widened, 422, "shape-mismatch", expected=48, actual=24)


def encode(values, dtype):
    """Little-endian bytes of a dtype; BF16 by rounding the F32 bits to nearest even."""
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}
    if dtype in kinds:
        return np.asarray(values).astype(kinds[dtype]).tobytes()
    bits = np.asarray(values, np.float32).view(np.uint32)
    rounded = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (rounded >> np.uint32(16)).astype("<u2").tobytes()


def test_headers_that_come_again_and_change(api, name):
    """A header of before is known again; one that differs in its tensors is another one."""
    session, twin = name, f"{name}-twin"
    for one in (session, twin):
        api.create(one, {"w": [[0.1, 0.2], [0.3, 0.4]], "b": [0, 0]})
    lr = {"lr": 0.01}
    files = [save({"w": W, "b": B}, {"options": json.dumps(lr | {"loss": loss})})
             for loss in (0.5, 0.25, 0.5)]
    files += [save({"w": W, "b": B}, {"options": json.dumps(lr)})] * 2
    files += [save({"w": W, "b": B.astype(np.float16)}, {"options": json.dumps(lr)})] * 2
    files += files[:2]
    for file in files:
        tensors = load(file)
        vector = tensors["b"].astype(np.float32).tobytes() + tensors["w"].tobytes()
        theirs = api.post(f"/v1/sessions/{session}/steps", body=file, type=SAFETENSORS,
                          headers={"Accept": RAW})
        ours = api.post(f"/v1/sessions/{twin}/steps?lr=0.01", body=vector, type=RAW)
        assert (theirs.status, ours.status) == (200, 200)
        assert theirs.body == ours.body
        sizes = [len(load(api.get(f"/v1/sessions/{session}/parameters", headers={
            "Accept": SAFETENSORS, "Accept-Tensor-Dtype": dtype}).body)["w"].tobytes())
            for dtype in ("F32", "F64", "F64", "F32")]
        assert sizes == [16, 32, 32, 16]
    wrong = save({"w": W.T.reshape(4), "b": B})
    for _ in range(2):
        response = api.post(f"/v1/sessions/{session}/steps", body=wrong, type=SAFETENSORS)
        assert_problem(response, 422, "shape-mismatch", "/gradients/w")
