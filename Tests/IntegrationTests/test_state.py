"""GET and PUT …/state: the file that resumes a run anywhere."""

import json
import struct

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, load_file, save

from api import RAW, SAFETENSORS, assert_problem
from wire import Connection

GRADIENTS = {"w": [[1, 2], [3, 4]], "b": [0.1, -0.1]}


def metadata_of(state):
    length = struct.unpack("<Q", state[:8])[0]
    return json.loads(state[8 : 8 + length])["__metadata__"]


def rewritten(state, change_tensors=None, change_metadata=None):
    """The state file after a change of its tensors or metadata."""
    tensors, metadata = dict(load(state)), metadata_of(state)
    if change_tensors:
        change_tensors(tensors)
    if change_metadata:
        change_metadata(metadata)
    return save(tensors, metadata)


def test_file_is_read_by_safetensors(api, session, tmp_path):
    path = tmp_path / "state.safetensors"
    path.write_bytes(api.state(session))
    tensors = load_file(path)
    assert set(tensors) == {f"{kind}/{name}" for name in ("w", "b")
                            for kind in ("parameters", "exp_avg", "exp_avg_sq", "step")}
    assert tensors["step/w"].dtype == np.int64 and tensors["step/w"].shape == ()
    assert tensors["step/w"] == 1
    assert tensors["exp_avg/w"].tolist() == (
        np.float32(0.1) * np.array(GRADIENTS["w"], np.float32)).tolist()
    with safe_open(path, framework="numpy") as file:
        assert file.metadata()


def test_file_is_reproducible(api, name):
    """Same history, same bytes, whatever the session is called and whenever it is read."""
    states = []
    for session in (name, f"{name}-twin"):
        api.create(session, {"w": [[1, 2], [3, 4]], "b": [0, 0]}, optimizer={"amsgrad": True})
        api.step(session, GRADIENTS)
        states.append(api.state(session))
        assert api.state(session) == states[-1]
    assert states[0] == states[1]
    assert api.delete(f"/v1/sessions/{name}-twin").status == 204


@pytest.mark.parametrize("dtype", ["F32", "F64", "F16", "BF16"])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_export_and_import_resume_with_the_same_bits(api, name, dtype, amsgrad):
    tensor = {"dtype": dtype, "shape": [3], "data": [0.5, -0.25, 1]}
    options = {"optimizer": {"type": "adamw", "lr": 0.01, "amsgrad": amsgrad},
               "param_groups": [{"name": "g", "params": ["p"], "betas": [0.8, 0.9]}],
               "max_grad_norm": 2, "nonfinite": "skip"}
    api.create(name, {"p": tensor, "q": tensor}, **options)
    for factor in (1, -3):
        api.step(name, {"p": [factor, 1e-3, 2], "q": [1, 2, factor]})
    state = api.state(name)
    copy = f"{name}-copy"
    response = api.put(f"/v1/sessions/{copy}/state", body=state, type=SAFETENSORS)
    assert response.status == 201
    assert response.header("Location") == f"/v1/sessions/{copy}"
    assert response.json()["step"] == 2
    assert api.state(copy) == state
    for key in ("optimizer", "param_groups", "max_grad_norm", "nonfinite", "dtype", "layout"):
        assert response.json()[key] == api.get(f"/v1/sessions/{name}").json()[key]
    for session in (name, copy):
        api.step(session, {"p": [1, 1, 1], "q": [2, 2, 2]})
    assert api.state(copy) == api.state(name)
    assert api.delete(f"/v1/sessions/{copy}").status == 204


def test_import_replaces_the_state_of_the_same_layout(api, session):
    saved = api.state(session)
    api.step(session, GRADIENTS)
    assert api.state(session) != saved
    response = api.put(f"/v1/sessions/{session}/state", body=saved, type=SAFETENSORS)
    assert response.status == 200
    assert (response.json()["generation"], response.json()["step"]) == (2, 1)
    assert api.state(session) == saved


def test_import_into_another_layout_is_a_conflict(api, session, name):
    other = f"{name}-other"
    api.create(other, {"w": [[0, 0], [0, 0]]})
    with api.unchanged(session):
        response = api.put(f"/v1/sessions/{session}/state", body=api.state(other), type=SAFETENSORS)
        assert response.status == 409
        assert_problem(response, 409, "session-exists")
    assert api.delete(f"/v1/sessions/{other}").status == 204


def test_state_at_a_step(api, session):
    assert api.get(f"/v1/sessions/{session}/state?step=1").body == api.state(session)
    for step in (0, 2, 99):
        response = api.get(f"/v1/sessions/{session}/state?step={step}")
        assert_problem(response, 404, "unknown-step")
    response = api.get(f"/v1/sessions/{session}/state?step=-1")
    assert_problem(response, 422, "invalid-value", "/step")


def without(key):
    return lambda tensors: tensors.pop(key)


def with_value(key, value):
    return lambda tensors: tensors.update({key: value})


@pytest.mark.parametrize("change", [
    without("exp_avg/w"), without("parameters/w"), without("step/b"),
    with_value("exp_avg/w", np.zeros((4,), np.float32)),
    with_value("exp_avg/w", np.zeros((2, 2), np.float64)),
    with_value("exp_avg/w", np.zeros((2, 2), np.int32)),
    with_value("step/w", np.array(-1, np.int64)),
    with_value("step/w", np.array(1.0, np.float64)),
    with_value("step/w", np.array([1], np.int64)),
    with_value("max_exp_avg_sq/w", np.zeros((2, 2), np.float32)),
    with_value("other/w", np.zeros((2, 2), np.float32)),
    with_value("w", np.zeros((2, 2), np.float32)),
    with_value("exp_avg/x", np.zeros((2, 2), np.float32)),
    with_value("exp_avg_sq/b", np.array([0, -1e-9], np.float32)),
])
def test_damaged_tensors_are_refused(api, session, change):
    body = rewritten(api.state(session), change_tensors=change)
    with api.unchanged(session):
        response = api.put(f"/v1/sessions/{session}/state", body=body, type=SAFETENSORS)
        assert response.status in (409, 422), response


@pytest.mark.parametrize("change", [
    lambda metadata: metadata.clear(),
    lambda metadata: metadata.update({key: "x" for key in metadata}),
    lambda metadata: metadata.update({key: "{}" for key in metadata}),
    lambda metadata: metadata.update({key: "-1" for key in metadata}),
    lambda metadata: metadata.update({key: value.replace("0.001", "-1")
                                      for key, value in metadata.items()}),
    lambda metadata: metadata.update({key: value.replace('"adam"', '"sgd"')
                                      for key, value in metadata.items()}),
])
def test_damaged_metadata_is_refused(api, session, change):
    body = rewritten(api.state(session), change_metadata=change)
    with api.unchanged(session):
        response = api.put(f"/v1/sessions/{session}/state", body=body, type=SAFETENSORS)
        assert response.status in (400, 409, 422), response


def test_a_plain_safetensors_file_is_no_state(api, name):
    body = save({"w": np.zeros(3, np.float32)})
    response = api.put(f"/v1/sessions/{name}/state", body=body, type=SAFETENSORS)
    assert response.status == 422, response
    assert_problem(api.get(f"/v1/sessions/{name}"), 404, "unknown-session")


def test_a_run_that_let_everything_through_comes_back(api, name):
    api.create(name, {"w": [1, 2]})
    gradients = np.array([np.nan, 1], np.float32)
    assert api.post(f"/v1/sessions/{name}/steps?nonfinite=propagate", body=gradients.tobytes(),
                    type="application/octet-stream").status == 200
    state = api.state(name)
    assert np.isnan(load(state)["parameters/w"]).tolist() == [True, False]
    api.delete(f"/v1/sessions/{name}")
    assert api.put(f"/v1/sessions/{name}/state", body=state, type=SAFETENSORS).status == 201
    assert api.state(name) == state


def test_names_must_fit_into_a_files_header(api, name):
    longest = {f"{index:05d}" + "n" * 507: 0 for index in range(40_000)}
    response = api.put(f"/v1/sessions/{name}", json={"parameters": longest})
    assert_problem(response, 422, "invalid-value", "/parameters", limit=16 * 1024 * 1024)


def test_as_many_tensors_as_may_be_round_trip(api, name):
    """65 536 tensors make a file of four times as many, whose header is the larger part.

    Asked without the look at openapi.yaml, which takes far longer for so long a description.
    """
    count = 65_536
    target, copy = f"/v1/sessions/{name}", f"/v1/sessions/{name}-copy"
    file = {"Content-Type": SAFETENSORS}
    tensors = {f"t{index}": np.float32([index, -index]) for index in range(count)}
    with Connection(api.port, timeout=60) as connection:
        assert connection.ask("PUT", target, file, save(tensors)).status == 201
        step = connection.ask("POST", f"{target}/steps",
                              {"Content-Type": RAW, "Prefer": "return=minimal"},
                              np.ones(2 * count, "<f4").tobytes())
        assert step.status == 204, step
        state = connection.ask("GET", f"{target}/state").body
        held = load(state)
        assert len(held) == 4 * count
        assert held["step/t65535"] == 1
        assert held["exp_avg/t65535"].tolist() == [np.float32(0.1)] * 2
        for session, status in ((copy, 201), (target, 200)):
            assert connection.ask("PUT", f"{session}/state", file, state).status == status
            assert connection.ask("GET", f"{session}/state").body == state
        assert connection.ask("DELETE", copy).status == 204
